"""What a response's headers tell of the quota that is left (OpenAI, "Rate limits", Headers; Claude API, "Rate limits",
Response headers; Azure OpenAI and Groq have OpenAI's names).
"""

from __future__ import annotations

from collections.abc import Mapping

from headgate.dialects.waits import ahead_s
from headgate.types import Allowance

_DIGITS = 18
"""Most digits a count may have: more are no count."""


def allowance(headers: Mapping[str, str]) -> Allowance | None:
    """What the headers of a response, whatever its status, tell of the remaining quota; None where they don't.

    Header names are lower-case. Called once per response: what has no such headers costs three look-ups.
    """
    requests = headers.get("x-ratelimit-remaining-requests")
    tokens = headers.get("x-ratelimit-remaining-tokens")
    if requests is not None or tokens is not None:
        return _told(headers, requests, tokens, "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")
    requests = headers.get("anthropic-ratelimit-requests-remaining")
    if requests is None:
        return None
    kind = "tokens" if "anthropic-ratelimit-tokens-remaining" in headers else "input-tokens"
    tokens = headers.get(f"anthropic-ratelimit-{kind}-remaining")
    return _told(headers, requests, tokens, "anthropic-ratelimit-requests-reset", f"anthropic-ratelimit-{kind}-reset")


def _told(
    headers: Mapping[str, str], requests: str | None, tokens: str | None, reset_requests: str, reset_tokens: str
) -> Allowance | None:
    left_requests, left_tokens = _count(requests), _count(tokens)
    if left_requests is None and left_tokens is None:
        return None
    return Allowance(
        left_requests,
        left_tokens,
        _wait_s(headers, reset_requests) if left_requests is not None else None,
        _wait_s(headers, reset_tokens) if left_tokens is not None else None,
    )


def _count(text: str | None) -> int | None:
    """A count; None where it is none. Azure's -1 means that it is not known."""
    return int(text) if text is not None and text.isdecimal() and len(text) <= _DIGITS else None


def _wait_s(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name)
    return ahead_s(text, headers.get("date")) if text is not None else None
