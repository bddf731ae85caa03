"""What an import asks for, and what it says it did."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from headgate.administration.problems import Path, Problem, problem
from headgate.administration.requests import BudgetPeriod, Endpoints, LimitBody, Models, Request, Roles, TagSet
from headgate.administration.values import DollarChange, Dollars, Email, Label, Name, Subject, Time, Timezone, Usd

Id = Annotated[str, Meta(min_length=1, max_length=400)]
"""What something is called where it comes from."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]

KINDS = ("teams", "projects", "users", "keys", "limits", "budgets", "spend")
"""What there is in an import, in the order it is made."""

MOST = 10_000
"""Things of one kind in one import."""


class ImportedTeam(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    timezone: Timezone = "UTC"
    archived: bool = False
    """Whether it is out of use from the beginning: its keys open nothing."""


class ImportedProject(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    team: Id | None = None
    archived: bool = False


class ImportedUser(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    email: Email | None = None
    team: Id | None = None


class ImportedKey(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    digest: Digest
    """Hexadecimal SHA-256 of the whole key: its holder goes on using it."""
    hint: Annotated[str, Meta(max_length=4)] = ""
    """Its last characters, for people."""
    team: Id | None = None
    project: Id | None = None
    user: Id | None = None
    roles: Roles = msgspec.field(default_factory=lambda: ["caller"])
    models: Models | None = None
    endpoints: Endpoints | None = None
    tags: TagSet = msgspec.field(default_factory=dict[str, str])
    expires_at: Time | None = None
    """It may be over already: then the key is there, and opens nothing."""
    revoked: bool = False


class ImportedLimit(LimitBody, frozen=True, kw_only=True):
    id: Id
    subject: Subject
    """`kind:name`, in which teams, projects, users and keys are named by the id they come with."""
    timezone: Timezone = "UTC"


class ImportedBudget(Request, frozen=True, kw_only=True):
    id: Id
    subject: Subject
    """As of a limit."""
    amount_usd: Dollars
    period: BudgetPeriod
    timezone: Timezone = "UTC"
    hard: bool = True


class ImportedSpend(Request, frozen=True, kw_only=True):
    """What a subject has spent before, as one row of the ledger."""

    subject: Subject
    """As of a limit: who spent it."""
    cost_usd: DollarChange
    budgets: Annotated[list[Id], Meta(max_length=20)] = msgspec.field(default_factory=list[str])
    """Budgets it counts for, in the period under way."""
    counted: bool = True
    """Whether it is money that no other row has. Else a row of nobody stands beside it that takes it off again, so that
    the ledger as a whole has it once."""


class NewImport(Request, frozen=True, kw_only=True):
    """What another gateway administered, or a part of it. What is referred to is here, or was imported before."""

    source: Label
    """Where it comes from: `litellm`. The same id from elsewhere is another thing."""
    teams: Annotated[list[ImportedTeam], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedTeam])
    projects: Annotated[list[ImportedProject], Meta(max_length=MOST)] = msgspec.field(
        default_factory=list[ImportedProject]
    )
    users: Annotated[list[ImportedUser], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedUser])
    keys: Annotated[list[ImportedKey], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedKey])
    limits: Annotated[list[ImportedLimit], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedLimit])
    budgets: Annotated[list[ImportedBudget], Meta(max_length=MOST)] = msgspec.field(
        default_factory=list[ImportedBudget]
    )
    spend: Annotated[list[ImportedSpend], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedSpend])

    def problems(self, path: Path) -> list[Problem]:
        found: list[Problem] = []
        for name in ("teams", "projects", "users", "keys", "limits", "budgets"):
            seen: set[str] = set()
            for index, each in enumerate(getattr(self, name)):
                if each.id in seen:
                    found.append(problem((*path, name, index, "id"), "invalid_value", "is there twice"))
                seen.add(each.id)
        return found


class ImportMade(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did."""

    made: dict[str, int]
    """New rows, by kind."""
    known: dict[str, int]
    """Those that were there already, by kind; they stay as they are."""
    revoked: int
    """Keys that were there, and have been blocked since."""
    archived: int
    """Teams and projects of which the same is true."""
    spent_usd: Usd
    """What the recorded rows of the ledger come to."""
    left: list[str]
    """What was left out, and why."""
