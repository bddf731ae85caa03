"""What an answer has to be for one call: what its request asks for, as far as the configuration says to check it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import LARGE, JsonSchema, compiled
from headgate.dialects.expected import Expected, Offered
from headgate.routing.validation.validators import Validator

_OBJECT = {"type": "object"}


class Demand:
    """What an answer is held to. One per call."""

    __slots__ = ("_large", "document", "expected", "offered", "uncheckable", "validators")

    def __init__(
        self, expected: Expected, offered: Offered, validators: Sequence[Validator], request_bytes: int
    ) -> None:
        self.expected = expected
        self.offered = offered
        self.validators = validators
        self.document: JsonSchema | None = None
        """What the answer's text has to fit; None where any text will do."""
        self.uncheckable: str | None = None
        """Why the schema of the request cannot be checked against."""
        self._large = request_bytes > LARGE

    async def prepare(self) -> None:
        """Compile the schema of the request."""
        if not self.expected.json:
            return
        schema = _OBJECT if self.expected.schema is None else self.expected.schema
        try:
            self.document = await asyncio.to_thread(compiled, schema) if self._large else compiled(schema)
        except Uncheckable as error:
            self.uncheckable = str(error)

    @property
    def asks(self) -> bool:
        """Whether there is anything to check."""
        return self.document is not None or bool(self.offered.tools) or bool(self.validators)

    async def arguments(self, name: str) -> JsonSchema | None:
        """What the arguments of a call have to fit; None where anything will do.

        Raises:
            Uncheckable: the tool's schema cannot be checked against.
        """
        schema = self.offered.tools.get(name)
        if schema is None:
            return None
        return await asyncio.to_thread(compiled, schema) if self._large else compiled(schema)

    def stranger(self, name: str) -> str | None:
        """What is wrong with calling a tool of that name; None where there may be one."""
        tools = self.offered.tools
        if not tools or name in tools or self.offered.others:
            return None
        return f"there is no tool '{name[:64]}'; the tools are: {', '.join(sorted(tools))}"[:200]
