"""What there is to test: every suite that is published, at each version that is released and at models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from headgate.config import Config
from headgate.evals.case import Cell
from headgate.prompts.reference import Reference, parse
from headgate.storage.records import PromptSuiteOutline


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A suite, without its texts."""

    id: str
    organisation: str
    name: str
    digest: str
    cells: Sequence[Cell]
    asks: Sequence[str]
    """Judges, and models for embeddings."""


class Label(msgspec.Struct, frozen=True):
    """What a label stands for."""

    organisation: str
    name: str
    label: str
    digest: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One suite at one cell: of a version that is released, or of a model."""

    suite: Suite
    cell: Cell
    """With the model it is asked by, where that is not the prompt's own."""
    prompt: str | None
    """With its variant; None for a model."""
    label: str = ""
    """One that stands for the version."""
    digest: str = ""
    """The version; empty for a model."""
    served: bool = False
    """Whether the model that is asked renders the prompt, as it does for clients."""

    @property
    def subject(self) -> str:
        """As tests are kept."""
        return f"model:{self.cell.name}" if self.prompt is None else f"prompt:{self.prompt}"

    @property
    def place(self) -> tuple[str, str, str, str, str]:
        """Under which tests of it are found."""
        return self.suite.organisation, self.subject, self.digest, self.suite.name, self.cell.name

    @property
    def told(self) -> str:
        """For people."""
        version = f"@{self.label}" if self.label else ""
        return f"{self.subject}{version} by '{self.suite.name}' ({self.cell.name})"


def wanted(
    suites: Sequence[Suite], labels: Sequence[Label], released: Collection[str], config: Config
) -> Iterator[Wanted]:
    """All there is. `released` are the labels that count as released."""
    standing: dict[tuple[str, str], list[Label]] = {}
    for each in labels:
        if each.label in released:
            standing.setdefault((each.organisation, each.name), []).append(each)
    for suite in suites:
        for cell in suite.cells:
            if cell.prompt is None:
                yield Wanted(suite=suite, cell=cell, prompt=None)
                continue
            seen: set[str] = set()
            for label in standing.get((suite.organisation, cell.full_name or ""), ()):
                if label.digest not in seen:
                    seen.add(label.digest)
                    yield _of_version(suite, cell, label, config)


def _of_version(suite: Suite, cell: Cell, label: Label, config: Config) -> Wanted:
    serving = _serving(config, Reference(label.name, label=label.label))
    through = cell.model if cell.model in serving else (serving[0] if cell.model is None and serving else None)
    return Wanted(
        suite=suite,
        cell=cell if through is None else msgspec.structs.replace(cell, model=through),
        prompt=label.name,
        label=label.label,
        digest=label.digest,
        served=through is not None or cell.model is None,
    )


def _serving(config: Config, asked: Reference) -> list[str]:
    """The models that are a prompt: by that label first, as clients who ask for it by name are answered."""
    found = [
        (parse(model.prompt.use) != asked, at, name)
        for at, (name, model) in enumerate(config.models.items())
        if model.prompt is not None and not name.endswith("*") and parse(model.prompt.use).name == asked.name
    ]
    return [name for _, _, name in sorted(found)]


def suite_of(row: PromptSuiteOutline) -> Suite:
    """A suite as it is kept."""
    return Suite(
        id=row.id,
        organisation=row.organisation,
        name=row.name,
        digest=row.digest,
        cells=msgspec.convert(row.cells, list[Cell]),
        asks=row.asks,
    )
