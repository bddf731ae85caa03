"""The most tokens an attempt can use: what is reserved for it.

The prompt has at most a token per byte, beside what the vendor adds of its own; images are counted at their dearest;
what is not in the request has the model's whole context window. The answer has its limit, or the model's own, for each
choice. A ranking is billed as no more requests than its documents and their pieces make. The assumptions: a token of
text is at least one byte of the request; a vendor keeps to the limits it is given, and to the window and output it
documents; it tells a model about tools and roles in no more than `TOOLS` and `OVERHEAD` tokens; and it processes a
request in the way it asks for or in the ordinary one, and where the choice is left to the vendor (no `service_tier`, or
`auto`) in the ordinary one: an account that has another way by default should have it asked for in its provider's
`body`.
"""

from __future__ import annotations

import msgspec

from headgate.dialects.sizes import Size

OVERHEAD = 64
"""Tokens a vendor adds to any prompt."""

TOOLS = 1_024
"""Tokens a vendor adds where there are tools (Anthropic's documentation has up to 804, "Tool use: pricing")."""

IMAGE = 50_000
"""Tokens of one image at the most: 48,169 at gpt-4o-mini in high detail ("Images and vision", OpenAI)."""


class Bound(msgspec.Struct, frozen=True, gc=False):
    """The most tokens of each kind, over all choices and rounds."""

    prompt: int
    output: int
    searches: int = 0
    search_units: int = 0


def bound(
    size: Size, body_bytes: int, generates: bool, context_window: int | None, max_output: int | None
) -> Bound | None:
    """The most an attempt can use; None where nothing bounds it."""
    if size.uses is None:
        return None
    prompt = body_bytes + size.repeated_bytes + OVERHEAD + size.images * IMAGE + (TOOLS if size.tools else 0)
    if size.elsewhere or size.uses:
        if context_window is None:
            return None
        prompt = context_window * (size.uses + 1)
    if not generates:
        return Bound(prompt, 0, 0, size.search_units)
    output = size.output_limit
    if output is None:
        output = max_output or context_window
        if output is None:
            return None
    elif max_output is not None:
        output = min(output, max_output)
    output *= size.choices
    return Bound(prompt, output + body_bytes if size.predicted else output, size.uses)
