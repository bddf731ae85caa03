"""In which language a text is: by its script, and in Latin script by the small words that every sentence has."""

from __future__ import annotations

import re
from collections import Counter

from headgate.checks.words import prose_of, words_of

FEWEST = 6
"""Words (or characters of a script without blanks) below which nothing is said."""

MOST_CHARACTERS = 5_000
"""Of a text, from its beginning."""

CLEAR = 1.5
"""How many times as many small words the language has to have as the next one."""

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("arabic", re.compile(r"[\u0600-\u06ff\u0750-\u077f]")),
    ("devanagari", re.compile(r"[\u0900-\u097f]")),
    ("cyrillic", re.compile(r"[\u0400-\u04ff]")),
    ("latin", re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")),
)
"""Japanese before Chinese: it has the other's characters too. Languages of one script that is not Latin are one."""

_SMALL = {
    "en": "the of and to in is that for it with as was on are this be you not have from or by at but they we an which",
    "de": "der die das und ist nicht ein eine zu den mit von auf für im dem es sich auch als an sind wird wie bei oder",
    "fr": "le la les de des et est un une que qui dans pour pas sur avec il du au par ce vous nous sont plus ou cette",
    "es": "el la los las de y es un una que en por con para no se del al su como más lo pero sus está este son",
    "it": "il la di e è un una che in per non con del della i gli le si sono da come più anche questo nel alla ma",
    "pt": "o a os as de e é um uma que em para não com do da no na se por mais dos como mas ao seu são você",
    "nl": "de het een en van is dat in op te niet met voor zijn aan er ook als maar om door bij je wordt naar ik",
    "sv": "och att det är en som på för av inte med till den har om ett vi kan jag från de men eller så var",
    "da": "og at det er en som på for af ikke med til den har om et vi kan jeg fra de men eller så var der",
    "pl": "i w na nie z się do jest że to o jak za po co dla od ale czy są przez być tego może oraz lub",
    "cs": "a v na se je že to s z do o pro jako ale jsou by není nebo tak po jak za jeho které který až",
    "tr": "ve bir bu için ile de da çok olarak daha ne gibi en olan ama var değil kadar sonra her ya o mi ben",
    "fi": "ja on ei se että oli joka mutta kun niin ovat tai myös kuin hän voi jos sen ole sekä mitä tämä ne",
    "ro": "și de la în a este nu cu pe care un o din pentru că mai sunt se au ca sau fi prin dar lui ce",
    "id": "yang dan di untuk dengan ini itu dari dalam tidak pada adalah akan atau ke oleh juga saya anda bisa",
    "vi": "và của là có không được cho trong một các với này để những người khi đã từ đó tôi bạn ở thì như",
}
_LANGUAGES: dict[str, frozenset[str]] = {name: frozenset(words.split()) for name, words in _SMALL.items()}


def language_of(text: str) -> str | None:
    """The language of a text, as ISO 639-1 has it, or the name of a script that several share; None where that is not
    clear. Danish and Norwegian are one.
    """
    prose = prose_of(text[:MOST_CHARACTERS])
    letters = Counter({name: len(script.findall(prose)) for name, script in _SCRIPTS})
    if letters["ja"] and letters["ja"] * 5 >= letters["zh"]:
        letters["ja"] += letters.pop("zh")
    script, most = letters.most_common(1)[0]
    if most < FEWEST or most * 2 < letters.total():
        return None
    return _latin(prose) if script == "latin" else script


def _latin(prose: str) -> str | None:
    words = [word.lower() for word in words_of(prose)]
    if len(words) < FEWEST:
        return None
    (name, hits), (_, next_hits) = Counter(
        {name: sum(word in small for word in words) for name, small in _LANGUAGES.items()}
    ).most_common(2)
    clear = hits >= 2 and hits * 8 >= len(words) and hits >= CLEAR * next_hits
    return name if clear else None
