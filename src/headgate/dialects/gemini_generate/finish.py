"""Why Gemini ended a candidate, in the hub's words (GenerateContentResponse, FinishReason)."""

from __future__ import annotations

from headgate.dialects.hub import Stop

_FILTERS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
_UNSAID = "FINISH_REASON_UNSPECIFIED"


def finished(reason: str | None) -> bool:
    """Whether a candidate carries a reason to end at all."""
    return bool(reason) and reason != _UNSAID


def stop_of(reason: str | None, has_calls: bool) -> Stop | None:
    """The hub's word. Gemini says `STOP` for tool calls too; the many ways to fail (`MALFORMED_FUNCTION_CALL`,
    `UNEXPECTED_TOOL_CALL`, `OTHER`, one nobody has heard of yet) are errors, not ends.
    """
    if reason is None or not finished(reason):
        return None
    if reason == "STOP":
        return "tool_calls" if has_calls else "end"
    if reason == "MAX_TOKENS":
        return "length"
    return "content_filter" if reason in _FILTERS else "error"
