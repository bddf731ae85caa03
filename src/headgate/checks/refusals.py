"""Whether a text begins by saying that it will not answer."""

from __future__ import annotations

import re

BEGINNING = 300
"""Characters in which a refusal says that it is one."""

_NOT = r"(?:can'?t|cannot|can not|won't|will not|wouldn't be able to|am unable to|'m unable to|am not able to|'m not able to|must decline to|have to decline to|need to decline to|am not comfortable|'m not comfortable|don't feel comfortable|am not going to|'m not going to)"  # noqa: E501
_WHAT = (
    r"(?:\w+ ){0,2}(?:accommodat|address|advis|answer|assist|complet|comply|continu|creat|discuss|do (?:that|this)|"
    r"engag|fulfil|generat|help|offer|participat|produc|provid|respond|shar|support|writ)"
)
_PATTERNS = (
    rf"\bI ?{_NOT} {_WHAT}",
    rf"\bI ?(?:'m|am) sorry,? but (?:I|that|this) ?(?:{_NOT}|'s not something|is not something)",
    r"\bI must (?:respectfully |politely )?(?:decline|refuse)\b",
    r"\b(?:as an AI|as a language model)\b.{0,60}\b(?:can'?t|cannot|not able|unable|won't)\b.{0,30}(?:assist|comply|creat|generat|help|provid|writ)",  # noqa: E501
    r"\b(?:is|goes) against my (?:guidelines|programming|principles)\b",
    r"\bIch kann (?:\w+ ){0,4}nicht (?:\w+ ){0,2}(?:helfen|beantworten|unterstützen|weiterhelfen|bereitstellen)",
    r"\bJe ne peux pas (?:\w+ ){0,2}(?:aider|répondre|fournir|assister)",
    r"\bNo puedo (?:\w+ ){0,2}(?:ayudar|responder|proporcionar|asistir|cumplir)",
    r"\bNon posso (?:\w+ ){0,2}(?:aiutar|risponder|fornir)",
    r"\bNão posso (?:\w+ ){0,2}(?:ajudar|responder|fornecer)",
)
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)


_UNABLE = re.compile(
    r"\bI (?:do not|don't) (?:currently )?have "
    r"(?:the (?:ability|capability|means)|(?:direct |real-?time )?access) (?:to|for)\b|"
    r"\bI ?(?:can'?t|cannot|can not|'m unable to|am unable to|'m not able to|am not able to) (?:\w+ ){0,2}"
    r"(?:access|book|brows|execut|give|open|perform|recall|retriev|see|tell)",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether a text begins with a refusal: in English, or in a plain way in German, French, Spanish, Italian or
    Portuguese.
    """
    return _REFUSAL.search(_beginning(text)) is not None


def is_unable(text: str) -> bool:
    """Whether a text begins by saying, in English, that the model cannot do what is asked: for want of a tool, of data
    or of a body.
    """
    return _UNABLE.search(_beginning(text)) is not None


def _beginning(text: str) -> str:
    return " ".join(text[:BEGINNING].replace("’", "'").split())
