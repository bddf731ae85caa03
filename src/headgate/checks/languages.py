"""In which language a text is: by its script, and in Latin script by the small words that every sentence has."""

from __future__ import annotations

import re
from collections import Counter

from headgate.checks.words import prose_of, words_of

FEWEST = 6
"""Words (or characters of a script without blanks) below which nothing is said."""

MOST_CHARACTERS = 5_000
"""Of a text, from its beginning."""

CLEAR = 2.0
"""How many times as much has to be said for a language as for the next one."""

LEAST = 2.0
"""How much has to be said for it: a small word that no other language has counts 1."""

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
    "en": """the of and to in is that for it with as was on are this be you not have from or by at but they we an which
        a i my me your his her their our its what how why who when where can could do does did will would should if
        there than then them some any about into more most best get has been were one out up just like so""",
    "de": """der die das und ist nicht ein eine zu den mit von auf für im dem es sich auch als an sind wird wie bei oder
        ich sie er wir man kann haben hat war werden einen einer eines einem aus nach zum zur über nur noch was wenn
        aber dass sein ihre ihr mein du mir mich wo warum um so mehr können gibt""",
    "fr": """le la les de des et est un une que qui dans pour pas sur avec il du au par ce vous nous sont plus ou cette
        je tu elle on se ne en à aux son sa ses mon ma mes votre vos leur mais comme quel quelle quoi comment pourquoi
        peut être avoir fait faire très aussi si tout bien c'est""",
    "es": """el la los las de y es un una que en por con para no se del al su como más lo pero sus está este son
        qué cómo cuál cuándo dónde quién me te mi tu yo ella nos hay ser estar tiene puede si o a muy también esta eso
        porque sobre entre hacer fue""",
    "it": """il la di e è un una che in per non con del della i gli le si sono da come più anche questo nel alla ma
        lo uno dei delle dal sul cosa quale quando dove chi perché mi ti ci io tu lui lei noi voi ho hai ha essere fare
        può molto tutto questa quello se o a""",
    "pt": """o a os as de e é um uma que em para não com do da no na se por mais dos como mas ao seu são você
        eu ele ela nós me te minha meu sua qual quando onde quem porque está tem ser fazer pode muito também isso este
        esta foi ou já pelo pela""",
    "nl": """de het een en van is dat in op te niet met voor zijn aan er ook als maar om door bij je wordt naar ik
        hij zij we wij jij u mijn jouw hun dit deze die wat hoe waar wie waarom kan kunnen moet heeft hebben was nog
        meer veel geen uit over of dan zo""",
    "sv": """och att det är en som på för av inte med till den har om ett vi kan jag från de men eller så var
        du han hon ni min din sin vad hur när vem varför skulle ska vara blir detta dessa också mycket mer bara här
        där man sig upp ut""",
    "da": """og at det er en som på for af ikke med til den har om et vi kan jeg fra de men eller så var der
        du han hun min din sin hvad hvordan hvor når hvem hvorfor skal være bliver dette disse også meget mere kun her
        man sig op ud""",
    "pl": """i w na nie z się do jest że to o jak za po co dla od ale czy są przez być tego może oraz lub
        ja ty on ona my wy mi mnie mój twój jego jej ich ten ta te który która które kiedy gdzie kto dlaczego bardzo
        także tak tylko już jeszcze ma mam można""",
    "cs": """a v na se je že to s z o do pro jako ale jsou by není nebo tak po jak za jeho které který až
        já ty on ona my vy mi mě můj tvůj její jejich ten ta co kdy kde kdo proč velmi také jen už ještě má mám
        může při od ke být byl bych jsem jsme která které""",
    "tr": """ve bir bu için ile de da çok olarak daha ne gibi en olan ama var değil kadar sonra her ya o mi ben
        sen biz siz onlar benim senin nasıl neden nerede kim hangi şu mı mu mü ki veya hem ise göre olur oldu yok şey
        bana sana""",
    "fi": """ja on ei se että oli joka mutta kun niin ovat tai myös kuin hän voi jos sen ole sekä mitä tämä ne
        minä sinä me te he minun sinun hänen miten miksi missä kuka milloin olen olet ollut vain vielä jo nyt kaikki
        hyvin paljon""",
    "ro": """și de la în a este nu cu pe care un o din pentru că mai sunt se au ca sau fi prin dar lui ce
        eu tu el ea noi voi ei mea meu sa său cum când unde cine acest această aceste foarte doar poate are am ai
        fost dacă""",
    "id": """yang dan di untuk dengan ini itu dari dalam tidak pada adalah akan atau ke oleh juga saya anda bisa
        kami kita mereka dia apa bagaimana kapan mana siapa mengapa sudah belum lebih sangat karena jika ada seperti
        dapat harus telah""",
    "vi": """và của là có không được cho trong một các với này để những người khi đã từ đó tôi bạn ở thì như
        chúng ta họ gì nào sao đâu ai rất cũng đang sẽ phải nếu vì nên về ra vào lại nhiều""",
}
_LANGUAGES: dict[str, frozenset[str]] = {name: frozenset(words.split()) for name, words in _SMALL.items()}

KNOWN = frozenset(_LANGUAGES) | {name for name, _ in _SCRIPTS} - {"latin"}
"""What `language_of` can tell."""


def _weights() -> dict[str, dict[str, float]]:
    """What finding a small word says for each language that has it: the less, the more have it."""
    weights: dict[str, dict[str, float]] = {}
    for words in _LANGUAGES.values():
        for word in words:
            having = [name for name, small in _LANGUAGES.items() if word in small]
            weights[word] = dict.fromkeys(having, 1 / len(having))
    return weights


_WEIGHTS = _weights()


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
    said = Counter[str]()
    for word in words:
        said.update(_WEIGHTS.get(word, {}))
    (name, hits), (_, next_hits) = [*said.most_common(2), ("", 0.0), ("", 0.0)][:2]
    clear = hits >= LEAST and hits * 10 >= len(words) and hits >= CLEAR * next_hits
    return name if clear else None
