"""What an attempt used, where the vendor does not say so itself."""

from __future__ import annotations

from time import monotonic

from msgspec.structs import replace

from headgate import dialects
from headgate.types import GENERATES, OPAQUE, Attempt, Call, Usage

IN_FLIGHT_TOKENS = 4_096
"""What a vendor may have made that was not received yet."""

TOKENS_PER_S = 2_500
"""What a vendor may make in a second: the fastest publish about 2,000."""


def estimate(
    call: Call, attempt: Attempt, sent_bytes: int, received_bytes: int | None, reported: Usage | None = None
) -> None:
    """Settle an attempt whose usage was not reported at no less than it can have used so far.

    A token is at least one byte of text, so the request's bytes bound its input. Its output is bounded by what the
    request allows; by what was received of a stream; and, where nothing was (None), by how fast any vendor is. What
    the vendor did report (some tell the input at the stream's start) is taken instead of the bound.
    """
    usage = reported or Usage(input_tokens=sent_bytes)
    output = 0
    if call.operation in GENERATES:
        made = received_bytes
        if made is None:
            made = int((monotonic() - attempt.started) * TOKENS_PER_S)
        output = made + IN_FLIGHT_TOKENS
        if call.request.dialect != OPAQUE:
            size = dialects.get(call.request.dialect).size(call.request.tree)
            if size.output_limit is not None:
                output = min(output, size.output_limit * size.choices)
    attempt.usage = replace(usage, output_tokens=max(usage.output_tokens, output))
    attempt.usage_source = "estimated"


def measure(call: Call, attempt: Attempt, sent_bytes: int, received_bytes: int) -> None:
    """Settle an attempt that was answered whole without a word on its usage, by the bytes there are."""
    output = received_bytes if call.operation in GENERATES else 0
    attempt.usage = Usage(input_tokens=sent_bytes, output_tokens=output)
    attempt.usage_source = "estimated"
