"""Taking out of texts what names somebody or belongs to them: addresses, numbers of phones, cards and accounts.

Every pattern is linear in the length of the text: nothing repeats without bound, and in vain. What has a check digit is
taken only where that is right, so that an order's number stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of personal text."""

    hint: re.Pattern[str]
    """A text without this has none of it."""
    pattern: re.Pattern[str]
    length: Callable[[str], int]
    """How much of what has the form is one, from its beginning; 0 where it is none."""


def is_card(text: str) -> bool:
    """Whether the digits of a text end in the check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(each) for each in text if each.isdigit()]
    doubled = [each * 2 - 9 if each > 4 else each * 2 for each in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether the check digits of an account's number are right (ISO 13616, by ISO 7064 MOD 97-10)."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(each, 36)) for each in turned)) % 97 == 1


def _iban(text: str) -> int:
    """An account's number may be followed by words in capitals, which have the same form."""
    while text and not is_iban(text):
        text = text.rpartition(" ")[0]
    return len(text)


def _card(text: str) -> int:
    return len(text) if is_card(text) else 0


def _ip(text: str) -> int:
    return len(text) if all(int(each) < 256 for each in text.split(".")) else 0


FEWEST_DIGITS = 4
"""What has no `@` has at least so many digits: an address such as 1.1.1.1."""

_OTHERS = bytes(set(range(256)) - set(b"0123456789"))


def _digits(text: str) -> int:
    """How many digits a text has. Counting them takes a tenth of what looking for patterns does."""
    return len(text.encode("utf-8", "replace").translate(None, _OTHERS))


_DIGITS = re.compile(r"[0-9][0-9 .()\-]{5}")
_NUMBER = (
    r"(?<![\w.])(?:\+[0-9]{1,3}[ .\-]?(?:\([0-9]{1,4}\)[ .\-]?)?[0-9](?:[ .\-]?[0-9]){6,13}"
    r"|\([0-9]{3}\) ?[0-9]{3}[ .\-][0-9]{4}|[0-9]{3}-[0-9]{3}-[0-9]{4})(?!\w)"
)
"""International numbers with their plus sign, and those of North America."""

KINDS: Mapping[str, Kind] = {
    "email": Kind(
        re.compile("@"),
        re.compile(r"(?<![\w.+%\-])[\w.+%\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63}){1,8}"),
        len,
    ),
    "iban": Kind(
        re.compile(r"[A-Z]{2}[0-9]{2}"),
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"),
        _iban,
    ),
    "card": Kind(_DIGITS, re.compile(r"(?<![0-9.])(?:[0-9][ \-]?){12,18}[0-9](?![0-9.][0-9]|[0-9])"), _card),
    "ssn": Kind(_DIGITS, re.compile(r"(?<![\w\-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w\-])"), len),
    "phone": Kind(_DIGITS, re.compile(_NUMBER), len),
    "ip": Kind(re.compile(r"[0-9]\.[0-9]"), re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\.?\w)"), _ip),
}
"""By name, in the order they are looked for: a card's number is no phone's."""


class Personal:
    """Takes some kinds out, and words of one's own."""

    def __init__(self, kinds: Sequence[str], words: Sequence[str] = ()) -> None:
        self._kinds = [(name, kind) for name, kind in KINDS.items() if name in kinds]
        longest_first = sorted(set(words), key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if words else None

    def clean_all(self, texts: Sequence[str], taken: dict[str, int]) -> Sequence[str]:
        """The texts with the name of a kind in place of each; the very same where there is none. `taken` counts them.
        What is in none of them is looked for once.
        """
        joined = "\n".join(texts)
        kinds: list[tuple[str, Kind]] = []
        if "@" in joined or _digits(joined) >= FEWEST_DIGITS:
            kinds = [(name, kind) for name, kind in self._kinds if kind.hint.search(joined)]
        if not kinds and (self._words is None or self._words.search(joined) is None):
            return texts
        return [self._clean(text, kinds, taken) for text in texts]

    def clean(self, text: str, taken: dict[str, int]) -> str:
        """As `clean_all`, of one text."""
        return self.clean_all([text], taken)[0]

    def _clean(self, text: str, kinds: Sequence[tuple[str, Kind]], taken: dict[str, int]) -> str:
        if self._words is not None:
            text, number = self._words.subn("[word]", text)
            if number:
                taken["word"] = taken.get("word", 0) + number
        for name, kind in kinds:
            if kind.hint.search(text):
                text = self._without(text, name, kind, taken)
        return text

    @staticmethod
    def _without(text: str, name: str, kind: Kind, taken: dict[str, int]) -> str:
        def shown(match: re.Match[str]) -> str:
            length = kind.length(match[0])
            if not length:
                return match[0]
            taken[name] = taken.get(name, 0) + 1
            return f"[{name}]{match[0][length:]}"

        return kind.pattern.sub(shown, text)
