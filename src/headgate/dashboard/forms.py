"""Forms: what they say, and what is said where what they want cannot be done."""

from __future__ import annotations

from headgate.administration import Invalid
from headgate.dashboard.looking import Look
from headgate.errors import HeadgateError


def version(look: Look) -> int | None:
    """The version the page showed: what somebody else has changed since is not acted on unseen."""
    said = look.value("version")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 16 else None


def told(error: HeadgateError | None) -> list[str]:
    """What to say of an act that was not done; nothing where it was."""
    if error is None:
        return []
    return [each.message for each in error.problems] if isinstance(error, Invalid) else [error.message]
