"""What answers tell. Times are UTC, money is a decimal string, and nothing in them lets anybody in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from headgate.administration.standing import Standing
from headgate.administration.values import Usd, time_of, usd_of
from headgate.money import format_usd
from headgate.storage.records import (
    Budget,
    Entity,
    Key,
    Limit,
    Organisation,
    Project,
    ProviderKey,
    Tags,
    Team,
    User,
)

V = TypeVar("V")


class Page(msgspec.Struct, Generic[V], frozen=True):
    """A part of a list."""

    data: list[V]
    next: str | None
    """The cursor of the next page; null at the end."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of everything that is administered."""

    id: str
    organisation: str
    version: int
    """Goes up with every change: `If-Match` takes it."""
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    """When it was taken out of use."""


class OrganisationView(View, frozen=True, kw_only=True):
    name: str

    @classmethod
    def of(cls, row: Organisation) -> OrganisationView:
        return cls(**_common(row), name=row.name)


class TeamView(View, frozen=True, kw_only=True):
    name: str
    timezone: str

    @classmethod
    def of(cls, row: Team) -> TeamView:
        return cls(**_common(row), name=row.name, timezone=row.timezone)


class ProjectView(View, frozen=True, kw_only=True):
    name: str
    team: str | None

    @classmethod
    def of(cls, row: Project) -> ProjectView:
        return cls(**_common(row), name=row.name, team=row.team_id)


class UserView(View, frozen=True, kw_only=True):
    name: str
    email: str | None
    team: str | None
    roles: list[str]
    issuer: str | None
    subject: str | None

    @classmethod
    def of(cls, row: User) -> UserView:
        return cls(
            **_common(row),
            name=row.name,
            email=row.email,
            team=row.team_id,
            roles=row.roles,
            issuer=row.issuer,
            subject=row.subject,
        )


class LimitView(View, frozen=True, kw_only=True):
    subject: str
    per: str
    timezone: str
    requests: int | None
    tokens: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Usd | None
    concurrent: int | None

    @classmethod
    def of(cls, row: Limit) -> LimitView:
        return cls(
            **_common(row),
            subject=row.subject,
            per=row.per,
            timezone=row.timezone,
            requests=row.requests,
            tokens=row.tokens,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost_usd=usd_of(row.cost_picodollars),
            concurrent=row.concurrent,
        )


class BudgetView(View, frozen=True, kw_only=True):
    subject: str
    amount_usd: Usd
    period: str
    timezone: str
    hard: bool
    alert_percent: list[int]
    starts_at: datetime | None
    """When the period under way began; null for `total`."""
    ends_at: datetime | None
    spent_usd: Usd | None
    """Settled in the period under way; null where the name gives each subject its own."""
    reserved_usd: Usd | None
    """Set aside for calls under way; null where it is not known."""

    @classmethod
    def of(cls, row: Budget, standing: Standing) -> BudgetView:
        endless = not standing.ends_us
        return cls(
            **_common(row),
            subject=row.subject,
            amount_usd=format_usd(row.amount_picodollars),
            period=row.period,
            timezone=row.timezone,
            hard=row.hard,
            alert_percent=row.alert_percent,
            starts_at=None if endless else time_of(standing.starts_us),
            ends_at=None if endless else time_of(standing.ends_us),
            spent_usd=usd_of(standing.spent),
            reserved_usd=usd_of(standing.reserved),
        )


class KeyView(View, frozen=True, kw_only=True):
    name: str
    hint: str
    """Its last four characters."""
    status: str
    """`live`, `expired` or `revoked`."""
    team: str | None
    project: str | None
    user: str | None
    roles: list[str]
    models: list[str] | None
    endpoints: list[str] | None
    tags: Tags
    networks: list[str] | None
    timezone: str | None
    limits: list[LimitView]
    budgets: list[BudgetView]
    prompt_label: str | None
    policy: str | None
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    replaces: str | None
    """The key it was rotated from: their limits and budgets are counted together."""

    @classmethod
    def of(cls, row: Key, status: str, limits: list[LimitView], budgets: list[BudgetView]) -> KeyView:
        return cls(
            **_common(row),
            name=row.name,
            hint=row.hint,
            status=status,
            team=row.team_id,
            project=row.project_id,
            user=row.user_id,
            roles=row.roles,
            models=row.models,
            endpoints=row.endpoints,
            tags=row.tags,
            networks=row.networks,
            timezone=row.timezone,
            limits=limits,
            budgets=budgets,
            prompt_label=row.prompt_label,
            policy=row.policy,
            created_by=row.created_by,
            expires_at=time_of(row.expires_us),
            revoked_at=time_of(row.revoked_us),
            replaces=row.replaces,
        )


class KeyMade(KeyView, frozen=True, kw_only=True):
    key: str
    """The key itself: this is the only time it is told."""


class ProviderKeyView(View, frozen=True, kw_only=True):
    team: str
    provider: str
    hint: str

    @classmethod
    def of(cls, row: ProviderKey) -> ProviderKeyView:
        return cls(**_common(row), team=row.team_id, provider=row.provider, hint=row.hint)


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in a time."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    calls: int
    attempts: int
    tokens: dict[str, int]
    """By category; the categories are disjoint, but `reasoning_tokens` are among the `output_tokens`."""
    cost_usd: Usd
    """What counts for its budget: not what its clients paid for with credentials of their own."""
    unpriced: int
    """Attempts whose cost is not known: they are not in it."""
    reserved_usd: Usd | None
    budget_usd: Usd | None
    budget_period: str | None
    """What the budget is for: `day`, `week`, `month`, `total`."""


def _common(row: Entity) -> dict[str, Any]:
    return {
        "id": row.id,
        "organisation": row.organisation,
        "version": row.version,
        "created_at": time_of(row.created_us),
        "updated_at": time_of(row.updated_us),
        "archived_at": time_of(row.archived_us),
    }


def status_of(key: Key, now_us: int) -> str:
    """Whether a key lets anybody in, and why not."""
    if key.revoked_us is not None or key.archived_us is not None:
        return "revoked"
    return "expired" if key.expires_us is not None and key.expires_us <= now_us else "live"
