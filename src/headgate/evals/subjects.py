"""What is tested, made a request: a plain model's is its conversation, a prompt's is rendered."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from headgate.evals.case import Case, Cell
from headgate.evals.problems import Place
from headgate.types import JSON


class Request(NamedTuple):
    """A body in OpenAI's chat dialect, and of which version of a prompt it is."""

    body: JSON
    version: str = ""
    output_schema: JSON | None = None


class Unrenderable(Exception):
    """A case's inputs do not make a request; the message says why."""


class Unaskable(Unrenderable):
    """A cell makes no request whatever the case: its prompt is not there, or names no model."""


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
            raise Unaskable("there is no model to ask")
        return Request({"model": cell.model, "messages": list(case.messages), **case.config})

    def place(self, cell: Cell) -> Place | None:
        return None
