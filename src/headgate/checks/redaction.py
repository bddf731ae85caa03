"""Taking credentials out of texts: known ones wherever they stand, and whatever looks like one."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote, urlsplit

from headgate.checks.key_shapes import SHAPES, TAKEN, Shape

LEAST = 4
"""Characters from which on a known secret is looked for: shorter ones are in every other word."""

LINE_LEAST = 16
"""Characters from which on a line of a secret of several lines is one by itself."""

MOST_KNOWN = 20_000

HIDDEN = "***"

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^/]")


class Redactor:
    """Knows secrets, and what others look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known: tuple[str, ...] = ()
        self.learn(known)

    def learn(self, known: Iterable[str]) -> None:
        """Take these out too from now on. What was known stays known: what was replaced may still be spoken of."""
        forms = {form for secret in known for form in forms_of(secret)}
        if forms - set(self._known):
            every = sorted(
                {*self._known, *forms}, key=len, reverse=True
            )  # the longest first, lest a part be left of it
            self._known = tuple(every[:MOST_KNOWN])

    def clean_all(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts without them; the very same where there is nothing to take out. What is in none of them is looked
        for once.
        """
        joined = "\n".join(texts)
        known, shapes = self._found(joined)
        return [_without(text, known, shapes) for text in texts] if known or shapes else texts

    def clean(self, text: str) -> str:
        """The text without them."""
        return _without(text, *self._found(text))

    def _found(self, text: str) -> tuple[Sequence[str], Sequence[Shape]]:
        """What a text has of what is known, and what it may have of what only looks like it."""
        lower = text.lower()
        return [secret for secret in self._known if secret in text], [each for each in SHAPES if each.hinted(lower)]


def _without(text: str, known: Sequence[str], shapes: Sequence[Shape]) -> str:
    for secret in known:
        if secret in text:
            text = text.replace(secret, TAKEN)
    lower = text.lower()
    for shape in shapes:
        if shape.hinted(lower):
            text = shape.pattern.sub(shape.shown, text)
    return text.replace(TAKEN, HIDDEN)


def forms_of(secret: str) -> Iterator[str]:
    """A secret as it may be found: itself, escaped, encoded, its lines, and the password of an address."""
    if _ADDRESS.match(secret):
        yield from _of_address(secret)
        return
    secret = secret.strip()
    if len(secret) >= LEAST:
        yield from _spellings(secret)
    for line in secret.splitlines():
        if len(line) >= LINE_LEAST and "-----" not in line:
            yield from _spellings(line)


def _spellings(text: str) -> Iterator[str]:
    """A text as it is, as JSON and as Python write it in strings, and as it is in addresses and headers."""
    data = text.encode("utf-8", "surrogatepass")
    yield text
    for quoted in (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield quoted
        yield json.dumps(quoted)[1:-1]
    for mark in ("", '"'):  # where there is one, Python escapes the other
        yield repr(mark + text)[1 + len(mark) : -1]
        yield repr(mark.encode() + data)[2 + len(mark) : -1]
    yield quote(data, safe="")
    yield quote_plus(data)
    yield base64.b64encode(data).decode()


def _of_address(address: str) -> Iterator[str]:
    """The password in an address: what is before it and behind it may be said."""
    try:
        password = urlsplit(address).password
    except ValueError:
        return
    if password:
        for form in {password, unquote(password)}:
            yield from forms_of(form)
