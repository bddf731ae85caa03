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
_I_OR_SORRY = r"(?:我(?!们|們)|抱歉|对不起|對不起)[^。！？们們]{0,8}"
_CANNOT_DO = r"(?:することは|を|は)?(?:でき(?:ません|かね)|いたしかね)"
_REFUSAL = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)


_ELSEWHERE = tuple(
    (word, re.compile(pattern, re.IGNORECASE))
    for word, pattern in (
        ("ik kan", r"\bik kan (?:\w+ ){0,5}niet (?:\w+ ){0,3}(?:helpen|beantwoorden|assisteren)"),
        ("jag kan", r"\bjag kan (?:\w+ ){0,2}inte (?:\w+ ){0,3}(?:hjälpa|svara|bistå)"),
        ("jeg kan", r"\bjeg kan (?:\w+ ){0,2}ikke (?:\w+ ){0,3}(?:hjælpe|hjelpe|svare|bistå|assistere)"),
        ("nie mog", r"\bnie mogę (?:\w+ ){0,3}(?:pomóc|odpowiedzieć|udzielić|spełnić)"),
        ("nemohu", r"\bnemohu (?:\w+ ){0,3}(?:pomoci|pomoct|odpovědět|vyhovět)"),
        ("en voi", r"\ben voi (?:\w+ ){0,3}(?:auttaa|vastata)"),
        ("en pysty", r"\ben pysty (?:\w+ ){0,3}(?:auttamaan|vastaamaan)"),
        (" pot ", r"\bnu (?:te |vă )?pot (?:\w+ ){0,2}(?:ajuta|răspunde)"),
        ("yardımcı ol", r"\byardımcı olam(?:am|ıyorum)\b"),
        ("layamam", r"\b(?:yanıtlayamam|cevaplayamam)\b"),
        ("tidak", r"\b(?:saya|aku) tidak (?:bisa|dapat) (?:\w+ ){0,2}(?:membantu|menjawab)"),
        ("tôi không thể", r"\btôi không thể (?:\w+ ){0,3}(?:giúp|trả lời|hỗ trợ)"),
        ("не могу", r"\bне могу (?:\w+ ){0,4}(?:помочь|ответить|выполнить)"),
        ("не можу", r"\bне можу (?:\w+ ){0,4}(?:допомогти|відповісти|виконати)"),
        ("δεν μπορώ να", r"\bδεν μπορώ να (?:\w+ ){0,2}(?:βοηθήσω|απαντήσω)"),
        ("无法", rf"{_I_OR_SORRY}无法[^。！？]{{0,6}}(?:提供|回答|协助|帮助|帮您|满足)"),
        ("不能", rf"{_I_OR_SORRY}不能[^。！？]{{0,6}}(?:提供|回答|协助|協助|帮助|幫助|帮您|幫您|满足|滿足)"),
        ("無法", rf"{_I_OR_SORRY}無法[^。！？]{{0,6}}(?:提供|回答|協助|幫助|幫您|滿足)"),
        ("お手伝い", rf"お手伝い{_CANNOT_DO}"),
        ("お答え", rf"お答え{_CANNOT_DO}"),
        ("回答", rf"回答{_CANNOT_DO}"),
        ("없", r"(?:도와\s?드릴|도울|답변(?:을|해)?\s?드릴|답변할|도움을 드릴|도움을 줄) 수(?:가| )*없"),
        ("لا ", r"لا (?:أستطيع|يمكنني) (?:\w+ ){0,2}(?:مساعدت|المساعدة|الإجابة|تقديم)"),
        ("יכול", r"(?:אינני|איני|אני לא) יכולה? (?:\w+ ){0,2}(?:לעזור|לסייע|לענות|לספק)"),
        ("नहीं", r"मैं .{0,40}(?:मदद|सहायता|उत्तर|जवाब) नहीं (?:कर|दे) सक"),
        ("ไม่สามารถ", r"(?:ฉัน|ผม|ดิฉัน)ไม่สามารถ.{0,6}(?:ช่วย|ให้ข้อมูล|ตอบ)"),
    )
)
"""A word that has to be there, which is looked for first, and what a refusal with it looks like."""


_UNABLE = re.compile(
    r"\bI (?:do not|don't) (?:currently )?have "
    r"(?:the (?:ability|capability|means)|(?:direct |real-?time )?access) (?:to|for)\b|"
    r"\bI ?(?:can'?t|cannot|can not|'m unable to|am unable to|'m not able to|am not able to) (?:\w+ ){0,2}"
    r"(?:access|book|brows|execut|give|open|perform|recall|retriev|see|tell)",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether a text begins with a refusal: in English, or in a plain way, "I cannot help", in any language of
    `checks.languages` and in Russian, Ukrainian, Arabic, Hindi and Hebrew.
    """
    beginning = _beginning(text)
    if _REFUSAL.search(beginning) is not None:
        return True
    lowered = beginning.lower()
    return any(word in lowered and pattern.search(beginning) is not None for word, pattern in _ELSEWHERE)


def is_unable(text: str) -> bool:
    """Whether a text begins by saying, in English, that the model cannot do what is asked: for want of a tool, of data
    or of a body.
    """
    return _UNABLE.search(_beginning(text)) is not None


def _beginning(text: str) -> str:
    return " ".join(text[:BEGINNING].replace("’", "'").split())
