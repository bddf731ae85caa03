"""What a lesson may look at, and what it can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from headgate.alerts.objectives import ObjectiveStanding
from headgate.catalog import Catalog
from headgate.config import Config
from headgate.config.problem import Path
from headgate.config.rules import loopback
from headgate.config.source import Source
from headgate.production.machine import Machine
from headgate.routing.config import ModelConfig, TargetConfig

LONG_S = 400 * 86_400
"""A year, and some time to put another key in the place of one that ends."""


class Unseen(Exception):
    """Something could not be looked at; the message says why, and how it could be."""


class KeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A key that can be used."""

    id: str
    name: str
    roles: list[str]
    expires: bool
    """Whether it ends within `LONG_S`."""
    owners: list[str] = []
    """Whose it is, as subjects of budgets: `team:…`, `project:…`, `user:…`."""


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What people have set up through the admin API, and how models have done."""

    keys: list[KeyFacts]
    budgets: dict[str, bool]
    """By subject, as `team:…`: whether one of its budgets is hard."""
    callers: frozenset[str]
    """Ids of keys that called models in the last 30 days; `admin` is the key of the environment."""
    objectives: list[ObjectiveStanding] = []
    """How models stand to those the configuration has."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration and its environment."""

    config: Config
    source: Source
    """The same as it is written, with its lines."""
    machine: Machine
    catalog: Catalog
    replicas: int = 1
    """Servers that are to run side by side."""
    records: Records | None = None
    records_unseen: str = "the database was not asked"
    """Why there are no `records`."""

    @property
    def reachable(self) -> bool:
        """Whether others than this machine reach the server itself."""
        return not loopback(self.config.server.host)

    @property
    def shared(self) -> bool:
        """Whether the database is one that several servers share."""
        return (self.config.storage.database or "sqlite:").partition(":")[0] != "sqlite"

    def recorded(self) -> Records:
        """What people have set up.

        Raises:
            Unseen: that could not be looked at.
        """
        if self.records is None:
            raise Unseen(self.records_unseen)
        return self.records


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """One place that is not as a lesson has it."""

    what: str
    """What is there."""
    write: str
    """What to write or do in its place."""
    path: Path = ()
    """Where in the configuration."""
    line: int | None = None
    """Where in the file that is, if it is no setting of its own."""
    place: str | None = None
    """Where else: `environment`, `database`, `disk`."""


Flaws = Iterable[Flaw]


def some(names: Sequence[str]) -> str:
    """The first of them, and how many there are beyond."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def models(facts: Facts) -> Iterator[tuple[Path, ModelConfig]]:
    """Every model with targets of its own, and where it stands."""
    for name, model in facts.config.models.items():
        if not model.targets:
            continue
        yield ("models", name), model


def targets(facts: Facts) -> Iterator[tuple[Path, str, TargetConfig | None]]:
    """Every target of a model: where it stands, its name, its configuration; None for the target of a fallback."""
    for at, model in models(facts):
        for index, target in enumerate(model.targets):
            yield (*at, "targets", index), target.target, target
        for cause, entries in model.fallback.items():
            for index, entry in enumerate(entries):
                if entry.use not in facts.config.models:
                    yield (*at, "fallback", cause, index), entry.use, None
