"""Tests as they are once read: suites of cases, what is asserted of their answers, and what is tested."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.evals.problems import Place
from headgate.types import JSON

SET = "assert-set"
"""The kind of an assertion that is made of others."""


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """Something that has to hold of an answer."""

    kind: str
    """A row of `kinds.KINDS`, or `SET`."""
    value: Any = None
    negated: bool = False
    weight: float = 1.0
    threshold: float | None = None
    """The score from which on it holds; None where it holds or does not, and for a set whose members all have to."""
    metric: str | None = None
    """Under which name its score is summed up; None for its kind."""
    options: JSON = {}
    members: tuple[Assertion, ...] = ()
    """Of a set."""
    place: Place


class Repeat(msgspec.Struct, frozen=True):
    """How often a case is asked."""

    of: int = 1
    at_least: int | None = None
    """How many of the answers have to pass; None for all."""
    decided: bool = False
    """Whether it is asked no more once that is decided."""

    @property
    def needed(self) -> int:
        return self.of if self.at_least is None else self.at_least


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    id: str
    """Within its suite."""
    inputs: JSON = {}
    """Of the prompt."""
    context: JSON | None = None
    """What else the prompt is rendered with."""
    messages: tuple[JSON, ...] = ()
    """For a plain model the conversation, for a prompt its history."""
    assertions: tuple[Assertion, ...] = ()
    threshold: float | None = None
    """The weighted mean of its assertions' scores from which on an answer passes; None where all have to hold."""
    repeat: Repeat = Repeat()
    config: JSON = {}
    """Members of the request: `temperature`, `max_completion_tokens`, `tools`, …"""
    place: Place


class Judging(msgspec.Struct, frozen=True, kw_only=True):
    """A model that judges answers, and what it has to prove first."""

    model: str
    config: JSON = {}
    labels: str | None = None
    """A file of answers that people have judged."""
    kappa: float | None = None
    """Cohen's kappa with them that it has to reach."""
    place: Place


class Cell(msgspec.Struct, frozen=True):
    """What is tested: a prompt in one of its variants, at a model; or a plain model."""

    prompt: str | None = None
    variant: str | None = None
    model: str | None = None
    """None for the prompt's own."""

    @property
    def full_name(self) -> str | None:
        """Of the prompt, with its variant: `support/triage.brief`; None for a plain model."""
        return self.prompt if self.prompt is None or self.variant is None else f"{self.prompt}.{self.variant}"

    @property
    def name(self) -> str:
        return " @ ".join(part for part in (self.full_name, self.model) if part)


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """One test file."""

    name: str
    """Its name without folder and `.test.yaml`, or as the file says."""
    file: str
    cells: tuple[Cell, ...]
    cases: tuple[Case, ...]
    named: dict[str, Place] = {}
    """Where `prompt`, `model` and `embeddings` are named."""
    judges: dict[str, Judging] = {}
    embeddings: str | None = None
    """The model that turns texts into vectors."""
