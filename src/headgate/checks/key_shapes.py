"""What credentials look like: those that say themselves what they are, and those that stand behind a name."""

from __future__ import annotations

import re
from typing import NamedTuple

TAKEN = "QqTAKENqQ0123456789"
"""In the place of a credential while others are looked for, so that one within another hides neither."""


class Shape(NamedTuple):
    """One kind of credential."""

    marks: tuple[str, ...]
    """A text without any of these, in lower case, has none of it: looking for them takes a hundredth of the pattern."""
    pattern: re.Pattern[str]
    """Linear in the length of the text: nothing repeats without bound, and in vain."""
    shown: str
    """What is put in its place."""
    hint: re.Pattern[str] | None = None
    """A second look at a text with marks, in lower case, where these are ordinary words."""

    def hinted(self, lower: str) -> bool:
        """Whether a text, given in lower case, may have one."""
        for mark in self.marks:
            if mark in lower:
                return self.hint is None or self.hint.search(lower) is not None
        return False


def _shape(
    marks: str, pattern: str, shown: str = TAKEN, flags: re.RegexFlag = re.NOFLAG, hint: str | None = None
) -> Shape:
    return Shape(tuple(marks.split("|")), re.compile(pattern, flags), shown, None if hint is None else re.compile(hint))


_IGNORE = re.IGNORECASE

_BEGINS = r"(?:(?<![a-z])|(?<=%[0-9A-Fa-f][a-f])|(?<=\\[a-z])|(?<=\\x[0-9a-f][a-f])|(?<=\\u[0-9a-f]{3}[a-f]))"
"""Not in the middle of a word: `risk-management` is none of OpenAI's keys. Escapes are no letters."""

_LETTERS = r"[A-Za-z0-9_\-]"

_NAMES = (
    r"(?:api[-_ ]?(?:key|token)|(?:headgate|subscription|account|access|secret|shared|private|signing|master|"
    r"encryption)[-_]?(?:access[-_]?)?key|(?:access|refresh|id|session|security|auth|bearer)[-_]?token|"
    r"client[-_]?secret|client[-_]?assertion|(?:proxy[-_])?authorization|password|passwd|passphrase|pwd|secret|token|"
    r"x-amz-(?:signature|security-token|credential)|x-goog-(?:signature|credential)|accountkey|sharedaccesssignature)"
)

SHAPES = (
    # ── in what stands around them ──
    _shape(
        "private key",
        r"-----BEGIN ([A-Z0-9 ]{0,40})PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        rf"-----BEGIN \1PRIVATE KEY----- {TAKEN}",
        re.DOTALL,
    ),
    _shape("@", r"""(?<=://)[^\s/?#"'<>\\]*@""", f"{TAKEN}@"),
    _shape("bearer", r"""\b(bearer)((?:\s|%20|\+){1,8})[^\s"',;)}\]\\]+""", rf"\1\2{TAKEN}", _IGNORE),
    _shape("basic", r"\b(basic)((?:\s|%20|\+){1,8})(?![a-z]+\b)[A-Za-z0-9+/_\-]{4,}={0,2}", rf"\1\2{TAKEN}", _IGNORE),
    _shape(
        "cookie",
        r"""\b((?:set-)?cookie\\?["']?(?:\s{0,8}[:=]|\s{0,8},\s{0,8}b?(?=\\?["'])))(\s{0,8}\\?["']?)[^\r\n"']+""",
        rf"\1\2{TAKEN}",
        _IGNORE,
    ),
    _shape(
        "key|token|secret|authorization|passw|passphrase|pwd|x-amz-|x-goog-|assertion|sharedaccess",
        rf"""({_NAMES}(?:\\?["']?\s{{0,8}}(?:[:=]|%3[ad])\s{{0,8}}(?:b?\\?["'])?|\\?["']\s{{0,8}},\s{{0,8}}b?\\?["']))"""
        r"""((?:bearer|basic|apikey|token)\s{1,8})?[^\s"',;&)}\]<>\\]+""",
        rf"\1\2{TAKEN}",
        _IGNORE,
        r"""(?:key|token|secret|authorization|passw(?:or)?d|passphrase|pwd|signature|credential|assertion)\\?["']?\s{0,8}"""
        r"(?:[:=,]|%3)",
    ),
    _shape(
        "key=|code=|sig=|signature=|state=|key%3d|code%3d|sig%3d|signature%3d|state%3d",
        r"""((?:[?&;]|%3f|%26|\b(?=sig))(?:key|code|sig|signature|state)(?:=|%3d))[^\s&"'#<>\\]{6,}""",
        rf"\1{TAKEN}",
        _IGNORE,
    ),
    # ── by what they begin with ──
    _shape("hg-|sk-|sk_|pk-|rk_", rf"{_BEGINS}(hg-|s[k]-|s[k]_|pk-|rk_){_LETTERS}{{8,}}", rf"\1{TAKEN}"),
    _shape(
        "gsk_|xai-|pplx-|nvapi-|csk-|glpat-|gh|github_pat_|xox|whsec_|sess-",
        rf"{_BEGINS}(gsk_|xai-|pplx-|nvapi-|csk-|glpat-|gh[oprsu]_|github_pat_|xox[a-z]-|whsec_|sess-){_LETTERS}{{8,}}",
        rf"\1{TAKEN}",
    ),
    _shape(
        "hf_|fw_|tgp_|r8_|rpa_|dapi|vck_",
        rf"{_BEGINS}(hf_|fw_|tgp_|r8_|rpa_|dapi|vck_){_LETTERS}{{16,}}",
        rf"\1{TAKEN}",
    ),
    _shape("akia|asia|abia|acca", r"(A(?:KI|SI|BI|CC)A)[A-Z0-9]{12,}", rf"\1{TAKEN}"),
    _shape("absk|bedrock-api-key-", r"(ABSK|bedrock-api-key-)[A-Za-z0-9+/=_\-]{12,}", rf"\1{TAKEN}"),
    _shape("iqojb3jpz2lu|fwogzxivyxdz", r"(IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9+/=%]*", rf"\1{TAKEN}"),
    _shape("aiza", r"(AIza)[\w\-]{20,}", rf"\1{TAKEN}"),
    _shape("ya29.|gocspx-|aq.", rf"{_BEGINS}(ya29\.|GOCSPX-|AQ\.)[\w.\-]{{8,}}", rf"\1{TAKEN}"),
    _shape("1//", r"(?<![\w:/])(1//)[\w\-]{16,}", rf"\1{TAKEN}"),
    _shape("eyj", r"eyJ[\w\-]{8,4000}\.[\w\-]{4,}(?:\.[\w\-]*)*", f"eyJ{TAKEN}"),
    _shape("jqqj99", r"[A-Za-z0-9]{0,60}JQQJ99[A-Za-z0-9]{10,}", TAKEN),
)
"""In the order they are looked for. `s[k]-` is written so that no scanner takes this file for one that has a key."""
