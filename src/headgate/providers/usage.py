"""What an attempt used, where the vendor does not say so itself."""

from __future__ import annotations

from time import monotonic

from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.sizes import Size
from headgate.dialects.tiers import DISCOUNTED
from headgate.types import GENERATES, JSON, OPAQUE, Attempt, Call, Usage

IN_FLIGHT_TOKENS = 4_096
"""What a vendor may have made that was not received yet."""

TOKENS_PER_S = 2_500
"""What a vendor may make in a second: the fastest publish about 2,000."""

_NOTHING: JSON = {}


def estimate(
    call: Call,
    attempt: Attempt,
    sent_bytes: int,
    received_bytes: int | None,
    reported: Usage | None = None,
    *,
    always: JSON = _NOTHING,
) -> None:
    """Settle an attempt whose usage was not reported at no less than it can have used so far.

    A token is at least one byte of text, so the request's bytes bound its input. Its output is bounded by what the
    request allows; by what was received of a stream; and, where nothing was (None), by how fast any vendor is. What
    the vendor did report (some tell the input at the stream's start) is taken instead of the bound. `always` are the
    members every request to the provider has.
    """
    size = _size(call, always)
    usage = reported or Usage(input_tokens=sent_bytes, search_units=0 if size is None else size.search_units)
    output = 0
    if call.operation in GENERATES:
        made = int((monotonic() - attempt.started) * TOKENS_PER_S)  # thoughts are made, and not always sent
        output = max(made, received_bytes or 0) + IN_FLIGHT_TOKENS
        if size is not None:
            _suppose_tier(attempt, size)
            if size.output_limit is not None:
                output = min(output, size.output_limit * size.choices)
    attempt.usage = replace(usage, output_tokens=max(usage.output_tokens, output))
    attempt.usage_source = "estimated"


def measure(call: Call, attempt: Attempt, sent_bytes: int, received_bytes: int, *, always: JSON = _NOTHING) -> None:
    """Settle an attempt that was answered whole without a word on its usage, by the bytes there are."""
    size = _size(call, always)
    output = 0
    if call.operation in GENERATES:
        output = received_bytes
        if size is not None:
            _suppose_tier(attempt, size)
    units = 0 if size is None else size.search_units
    attempt.usage = Usage(input_tokens=sent_bytes, output_tokens=output, search_units=units)
    attempt.usage_source = "estimated"


def _size(call: Call, always: JSON) -> Size | None:
    if call.request.dialect == OPAQUE:
        return None
    tree = call.request.tree
    return dialects.get(call.request.dialect).size({**tree, **always} if always else tree)


def _suppose_tier(attempt: Attempt, size: Size) -> None:
    """What the vendor has not told of its way of processing was as asked for, unless that costs less than usual."""
    if attempt.tier is None and size.tier not in DISCOUNTED:
        attempt.tier = size.tier
