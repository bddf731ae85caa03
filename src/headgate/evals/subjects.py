"""What is tested, made a request: a plain model's is its conversation, a prompt's is rendered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

import msgspec

from headgate.evals.case import Case, Cell
from headgate.evals.problems import Place
from headgate.types import JSON, Prompting


class Request(NamedTuple):
    """A body in OpenAI's chat dialect, and of which version of a prompt it is."""

    body: JSON
    version: str = ""
    seen: JSON | None = None
    """What assertions and judges take it for, where somebody else makes more of it; None for the body itself."""
    said: Prompting | None = None
    """What it says to a model that is a prompt, and renders it."""
    here: str = ""
    """The version there is here of a prompt that is rendered elsewhere: it may be the one that is served, or not."""


class Unrenderable(Exception):
    """A case's inputs do not make a request; the message says why. `whole` where no case's would: a prompt is not
    there, or names no model.
    """

    def __init__(self, message: str, *, whole: bool = False) -> None:
        super().__init__(message)
        self.whole = whole


class Subjects(Protocol):
    """Where requests come from."""

    def request(self, cell: Cell, case: Case) -> Request:
        """The request of a case.

        Raises:
            Unrenderable: its inputs do not make one.
        """
        ...

    def place(self, cell: Cell) -> Place | None:
        """Where a prompt stands; None for a plain model."""
        ...


class PlainModels:
    """Models without prompts."""

    def request(self, cell: Cell, case: Case) -> Request:
        if cell.model is None:
            raise Unrenderable("there is no model to ask", whole=True)
        if not case.messages:
            what = (
                f"has inputs alone, and '{cell.model}' is no prompt that takes them; write 'messages: text', or a list"
            )
            raise Unrenderable(what)
        return Request({"model": cell.model, "messages": list(case.messages), **case.config})

    def place(self, cell: Cell) -> Place | None:
        return None


class AsServed:
    """Models that are prompts themselves: they are given a case's inputs, and render them where they are served."""

    def __init__(self, others: Subjects, takes_inputs: Callable[[str], bool]) -> None:
        """`others` are what is asked of all other models."""
        self._others = others
        self._takes_inputs = takes_inputs

    def request(self, cell: Cell, case: Case) -> Request:
        if cell.model is None or not self._takes_inputs(cell.model):
            return self._others.request(cell, case)
        said = Prompting(inputs=case.inputs, context=case.context)
        body = {"model": cell.model, "messages": list(case.messages), **case.config}
        seen = self._seen(cell, case)
        return Request(body, seen=seen.body, said=said, here=seen.version)

    def _seen(self, cell: Cell, case: Case) -> Request:
        """About what it is rendered to: as the prompt here renders it, else the inputs as they are."""
        if cell.prompt is not None:
            with suppress(Unrenderable):
                return self._others.request(cell, case)
        told = {"role": "user", "content": msgspec.json.encode(case.inputs, enc_hook=str).decode()}
        return Request({"model": cell.model, "messages": [*case.messages, told], **case.config})

    def place(self, cell: Cell) -> Place | None:
        return self._others.place(cell)


class Placed:
    """What is tested is told to be where others are: a released version where its file is."""

    def __init__(self, tested: Subjects, others: Subjects) -> None:
        self._tested = tested
        self._others = others

    def request(self, cell: Cell, case: Case) -> Request:
        return self._tested.request(cell, case)

    def place(self, cell: Cell) -> Place | None:
        return self._others.place(cell)
