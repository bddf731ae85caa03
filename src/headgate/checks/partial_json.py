"""Checking JSON while it comes."""

from __future__ import annotations

import jiter

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import MAX_PROBLEM, JsonSchema

_NUMBER = "0123456789+-.eE"
"""What may be the beginning of a number at the end of a text: it says nothing yet."""

_UNFINISHED = "EOF while parsing"
"""How jiter begins to say that a text ends too early, where not even a part of it can be had."""


class PartialJson:
    """Checks a text that comes in pieces against a schema, and tells what no further text can mend.

    What has come is looked at in lengths that grow by half, so all looks together take no longer than a few at the
    whole. Of a name that comes twice in one object, each value has to fit.
    """

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema
        self._pieces: list[str] = []
        self._next = 1
        self.length = 0
        """Characters so far."""

    def feed(self, text: str) -> list[str]:
        """Take the next piece; what is wrong for good by now, if it was looked at."""
        return self.look() if self.add(text) else []

    def add(self, text: str) -> bool:
        """Take the next piece; whether it is time for a `look`."""
        self._pieces.append(text)
        self.length += len(text)
        return self.length >= self._next

    def look(self) -> list[str]:
        """What is wrong for good with what has come so far. It may find less than there is, but nothing that is not."""
        self._next = self.length + max(self.length // 2, 8)
        text = self._text()
        try:
            known = text.rstrip(_NUMBER).encode()
            document = jiter.from_json(known, partial_mode=True, allow_inf_nan=False)
        except ValueError as error:
            return [] if str(error).startswith(_UNFINISHED) else [f"it is not JSON: {error}"[:MAX_PROBLEM]]
        try:
            return self._schema.incurable(text, document)
        except Uncheckable:
            return []  # the whole will be as large, and is not checked then

    def close(self) -> list[str]:
        """All that is wrong with the text, which is complete now.

        Raises:
            Uncheckable: it would take too long.
        """
        return self._schema.problems(self._text())

    def _text(self) -> str:
        text = "".join(self._pieces)
        self._pieces = [text]
        return text
