"""What an attempt used, where the vendor does not say so itself."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.types import Attempt, Usage


def estimate(attempt: Attempt, sent_bytes: int, received_bytes: int = 0, reported: Usage | None = None) -> None:
    """Settle an attempt whose usage was not reported at no less than it can have used so far.

    A token is at least one byte of text, so the request's bytes bound its input and the received bytes its output.
    What the vendor did report (some tell the input at the stream's start) is taken instead of the bound.
    """
    usage = reported or Usage(input_tokens=sent_bytes)
    attempt.usage = replace(usage, output_tokens=max(usage.output_tokens, received_bytes))
    attempt.usage_source = "estimated"
