"""What administrative requests say. Fields that are left out of a change stay as they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headgate.administration.problems import Path, Problem, problem
from headgate.administration.values import (
    Count,
    CountChange,
    Credential,
    DollarChange,
    Dollars,
    Email,
    FileText,
    Label,
    ModelPattern,
    Name,
    Network,
    Reference,
    Subject,
    TagName,
    TagValue,
    Time,
    Timezone,
)
from headgate.types import Operation

Roles = Annotated[list[Name], Meta(max_length=20)]
Models = Annotated[list[ModelPattern], Meta(max_length=500)]
Endpoints = Annotated[list[Operation], Meta(max_length=20)]
TagSet = Annotated[dict[TagName, TagValue], Meta(max_length=32)]
Networks = Annotated[list[Network], Meta(max_length=100)]
Window = Literal["second", "minute", "hour", "day", "week", "month", "total"]
BudgetPeriod = Literal["day", "week", "month", "total"]
Percents = Annotated[list[Annotated[int, Meta(ge=1, le=1000)]], Meta(max_length=10)]
Version = Annotated[int, Meta(ge=1, le=2**53)]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body or a query."""

    def problems(self, path: Path) -> list[Problem]:
        """What is wrong that no field shows alone. `path` is where this stands."""
        return []


class Change(Request, frozen=True, kw_only=True):
    version: Version | UnsetType = UNSET
    """The version that was seen, as `If-Match` says it too: the change is refused if there has been another since."""


class Empty(Request, frozen=True, kw_only=True):
    """Nothing is asked."""


Limit = Annotated[int, Meta(ge=1, le=500)]
Cursor = Annotated[str, Meta(min_length=1, max_length=300)]


class Paged(Request, frozen=True, kw_only=True):
    """A page of a list, from the oldest entry on."""

    archived: bool = False
    """Whether what is out of use is listed too."""
    limit: Limit = 100
    """Most entries of a page; a page may have fewer."""
    cursor: Cursor | None = None
    """`next` of the page before."""


class Listing(Paged, frozen=True, kw_only=True):
    name: Name | None = None

    @property
    def filters(self) -> dict[str, str | None]:
        return {} if self.name is None else {"name": self.name}


class OwnedListing(Listing, frozen=True, kw_only=True):
    team: Reference | None = None


# ── who there is ──


class NewOrganisation(Request, frozen=True, kw_only=True):
    name: Name
    id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")] | None = None
    """How it is written in `?organisation=`; made up where none is given."""


class OrganisationChange(Change, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET


class NewTeam(Request, frozen=True, kw_only=True):
    name: Name
    timezone: Timezone = "UTC"
    """Where its days and months begin: an IANA name."""


class TeamChange(Change, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET


class NewProject(Request, frozen=True, kw_only=True):
    name: Name
    team: Reference | None = None
    """The id or name of a team."""


class ProjectChange(Change, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    team: Reference | UnsetType | None = UNSET


class NewUser(Request, frozen=True, kw_only=True):
    name: Name
    email: Email | None = None
    team: Reference | None = None
    roles: Roles = []
    """What the user may do once signed in."""
    issuer: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    """Who vouches for the user, by OIDC."""
    subject: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    """What the issuer calls the user."""

    def problems(self, path: Path) -> list[Problem]:
        missing = [name for name in ("issuer", "subject") if getattr(self, name) is None]
        if len(missing) != 1:
            return []
        return [problem((*path, missing[0]), "required", "is missing; issuer and subject belong together")]


class UserChange(Change, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    team: Reference | UnsetType | None = UNSET
    roles: Roles | UnsetType = UNSET


# ── limits and budgets ──


LIMITED = ("requests", "tokens", "input_tokens", "output_tokens", "cost_usd", "concurrent")


class LimitBody(Request, frozen=True, kw_only=True):
    """How much may be done in a time. What is left out is not limited."""

    per: Window | None = None
    """Up to an hour the window slides, above it is the calendar's; `total` for `concurrent` alone."""
    requests: Count | None = None
    tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cost_usd: Dollars | None = None
    concurrent: Count | None = None
    """Calls under way at once; `per` has no meaning for it."""

    def problems(self, path: Path) -> list[Problem]:
        limited = [name for name in LIMITED if getattr(self, name) is not None]
        if not limited:
            return [problem(path, "required", f"limits nothing; write one of {', '.join(LIMITED)}")]
        if limited == ["concurrent"] or self.per not in (None, "total"):
            return []
        windows = "second, minute, hour, day, week or month"
        if self.per is None:
            return [problem((*path, "per"), "required", f"is missing; write {windows}")]
        return [problem((*path, "per"), "invalid_value", f"can be total for concurrent alone; write {windows}")]


class NewLimit(LimitBody, frozen=True, kw_only=True):
    subject: Subject
    """`kind:name`: organisation, team, project, user, key (id or name), model, tag (`tag:name=value`), customer; `*` as
    the name gives each its own."""
    timezone: Timezone | None = None
    """Where days, weeks and months begin; by default where its team's do."""


class LimitChange(Change, frozen=True, kw_only=True):
    """A limit's subject and window are what it is: another is another limit."""

    requests: Count | UnsetType | None = UNSET
    tokens: Count | UnsetType | None = UNSET
    input_tokens: Count | UnsetType | None = UNSET
    output_tokens: Count | UnsetType | None = UNSET
    cost_usd: Dollars | UnsetType | None = UNSET
    concurrent: Count | UnsetType | None = UNSET


class NewBudget(Request, frozen=True, kw_only=True):
    subject: Subject
    """As of a limit."""
    amount_usd: Dollars
    period: BudgetPeriod = "month"
    timezone: Timezone | None = None
    hard: bool = True
    """Whether calls are refused beyond it; a soft one only tells."""
    alert_percent: Percents = msgspec.field(default_factory=lambda: [80, 100])
    """Shares of the amount at which an event is told."""


class BudgetChange(Change, frozen=True, kw_only=True):
    """A budget's subject and period are what it is: another is another budget."""

    amount_usd: Dollars | UnsetType = UNSET
    hard: bool | UnsetType = UNSET
    alert_percent: Percents | UnsetType = UNSET


class RuleListing(Paged, frozen=True, kw_only=True):
    """A page of limits or budgets, from the oldest on."""

    subject: Subject | None = None


# ── keys ──


class KeyListing(OwnedListing, frozen=True, kw_only=True):
    project: Reference | None = None
    user: Reference | None = None
    status: Literal["live", "expired", "revoked"] | None = None


class NewKey(Request, frozen=True, kw_only=True):
    name: Name
    team: Reference | None = None
    """The id or name of a team; the maker's own where the maker has one."""
    project: Reference | None = None
    user: Reference | None = None
    roles: Annotated[list[Name], Meta(min_length=1, max_length=20)] = msgspec.field(default_factory=lambda: ["caller"])
    models: Models | None = None
    """Names, or beginnings of names and `*`; null for all models."""
    endpoints: Endpoints | None = None
    """Operations; null for all."""
    tags: TagSet = {}
    """What each of its calls is tagged with."""
    networks: Networks | None = None
    """Where it may be used from, as addresses or networks; null for anywhere."""
    timezone: Timezone | None = None
    """Where its days and months begin; its team's where none is given."""
    limits: Annotated[list[LimitBody], Meta(max_length=20)] = []
    budget_usd: Dollars | None = None
    budget_period: BudgetPeriod | None = None
    """`total` where there is a budget and no period is given."""
    budget_hard: bool | None = None
    """Whether calls are refused beyond the budget; true unless given."""
    expires_at: Time | None = None
    prompt_label: Label | None = None
    policy: Label | None = None
    organisation: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """An organisation's id. Needs the scope `organisations.write` unless it is the maker's own."""

    def problems(self, path: Path) -> list[Problem]:
        found: list[Problem] = []
        windows = [body.per or "total" for body in self.limits]
        for index, window in enumerate(windows):
            if window in windows[:index]:
                what = f"is there twice, as {window}; write all that is limited in it into one limit"
                found.append(problem((*path, "limits", index, "per"), "invalid_value", what))
        of_budget = [name for name in ("budget_period", "budget_hard") if getattr(self, name) is not None]
        if self.budget_usd is None and of_budget:
            found.append(problem((*path, "budget_usd"), "required", f"is missing, and {of_budget[0]} is there"))
        return found


class KeyChange(Change, frozen=True, kw_only=True):
    """Limits and budgets of a key are changed as such."""

    name: Name | UnsetType = UNSET
    team: Reference | UnsetType | None = UNSET
    project: Reference | UnsetType | None = UNSET
    user: Reference | UnsetType | None = UNSET
    roles: Annotated[list[Name], Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    models: Models | UnsetType | None = UNSET
    endpoints: Endpoints | UnsetType | None = UNSET
    tags: TagSet | UnsetType = UNSET
    networks: Networks | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET
    expires_at: Time | UnsetType | None = UNSET
    prompt_label: Label | UnsetType | None = UNSET
    policy: Label | UnsetType | None = UNSET


class Rotation(Request, frozen=True, kw_only=True):
    overlap_s: Annotated[int, Meta(ge=0, le=2_592_000)] = 0
    """Seconds for which the key before it goes on working."""
    expires_at: Time | UnsetType | None = UNSET
    """When the new key expires; when the old one would have, unless given."""


class UsageAsked(Request, frozen=True, kw_only=True):
    from_: Time | None = msgspec.field(name="from", default=None)
    """By default when the period of the key's budget began, else the month."""
    to: Time | None = None
    """Before when; by default now."""


class NewProviderKey(Request, frozen=True, kw_only=True):
    credential: Credential
    """The vendor's key. It is encrypted, and never shown again."""


# ── the audit log ──


class AuditAsked(Request, frozen=True, kw_only=True):
    """Which records: those that fit all that is given."""

    actor: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    """`key:…`, `user:…`, `shell:…`, `system`, `unknown`."""
    action: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """`keys.create`, `login.failed`, …, or the beginning and `*`: `keys.*`."""
    subject: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    """`key:…`, `team:…`, …"""
    outcome: Literal["done", "denied", "failed"] | None = None
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Before when."""


class AuditListing(AuditAsked, frozen=True, kw_only=True):
    """A page of records, the newest first."""

    limit: Limit = 100
    cursor: Cursor | None = None


# ── the ledger ──

Word = Annotated[str, Meta(min_length=1, max_length=512)]


class LedgerAsked(Request, frozen=True, kw_only=True):
    """Which attempts: those that fit all that is given."""

    call: Word | None = None
    """A call's id: what `x-headgate-request-id` told."""
    key: Word | None = None
    """The id or name of a key."""
    team: Reference | None = None
    project: Reference | None = None
    user: Reference | None = None
    customer: Word | None = None
    """The end user, as the client calls it."""
    model: Word | None = None
    target: Word | None = None
    operation: Operation | None = None
    code: Annotated[str, Meta(max_length=100)] | None = None
    """The error's code; empty for attempts that succeeded."""
    cause: Word | None = None
    payer: Literal["caller", "client", "internal"] | None = None
    tag: Word | None = None
    """`name=value`."""
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Begun before when."""

    def problems(self, path: Path) -> list[Problem]:
        if self.tag is None or self.tag.partition("=")[1]:
            return []
        return [problem((*path, "tag"), "invalid_value", "is no tag; write name=value")]


class LedgerListing(LedgerAsked, frozen=True, kw_only=True):
    """A page of attempts, the newest first."""

    limit: Limit = 100
    cursor: Cursor | None = None


class LedgerExport(LedgerAsked, frozen=True, kw_only=True):
    """All attempts as a file, the oldest first."""

    format: Literal["csv", "jsonl", "parquet", "focus"] = "jsonl"
    """`focus`: the FinOps Open Cost and Usage Specification, as CSV."""


class TotalsAsked(LedgerAsked, frozen=True, kw_only=True):
    by: Annotated[list[Word], Meta(max_length=4)] = []
    """What to group by: key, team, project, user, customer, model, target, operation, prompt, cause, day,
    `tag:<name>`."""


class CallListing(Request, frozen=True, kw_only=True):
    """A page of calls, the newest first: those that fit all that is given."""

    key: Word | None = None
    """The id of a key."""
    team: Word | None = None
    """The id of a team."""
    model: Word | None = None
    target: Word | None = None
    operation: Operation | None = None
    code: Word | None = None
    """The error's code."""
    failed: bool | None = None
    trace: Word | None = None
    """The id of a trace (W3C Trace Context)."""
    slower_ms: Annotated[float, Meta(ge=0, le=1e12)] | None = None
    """Which took at least so many milliseconds."""
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Begun before when."""
    limit: Limit = 100
    cursor: Cursor | None = None


class TrafficAsked(Request, frozen=True, kw_only=True):
    """What calls come to: of which time, in which steps, by what."""

    from_: Time | None = msgspec.field(name="from", default=None)
    """An hour before `to` where nothing is said. Like `to`, it is taken to the bounds of the steps."""
    to: Time | None = None
    """Now where nothing is said."""
    step: Literal["minute", "hour", "day"] | None = None
    """Minutes up to three hours, hours up to fifteen days and else days where nothing is said. Longer ones where the
    time began before what sums are kept of."""
    by: Literal["model", "target", "operation", "key", "team", "project", "prompt", "arm", "tag"] | None = None
    of: Word | None = None
    """Those of one name in another dimension only: `model:chat`, `key:key_…`, `tag:app=x`."""


class ErrorsAsked(Request, frozen=True, kw_only=True):
    """Which failing calls."""

    from_: Time | None = msgspec.field(name="from", default=None)
    """A day before `to` where nothing is said."""
    to: Time | None = None
    """Now where nothing is said."""
    of: Word | None = None
    """Those of one name in a dimension only: `model:chat`, `key:key_…`, `tag:app=x`."""


class ReviewAsked(Request, frozen=True, kw_only=True):
    """Which period, held against the one before it."""

    period: Literal["day", "week", "month"] = "week"
    ending: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None = None
    """The day after its last one, in UTC; the latest period that is over where nothing is said."""
    format: Literal["json", "markdown", "html"] = "json"


class FeedbackListing(Request, frozen=True, kw_only=True):
    """A page of feedback, the newest first: what fits all that is given."""

    call: Word | None = None
    """The call's id."""
    key: Word | None = None
    """The id of the key that made the call."""
    team: Word | None = None
    """The id of a team."""
    model: Word | None = None
    thumb: Literal["up", "down"] | None = None
    score: Annotated[int, Meta(ge=1, le=5)] | None = None
    label: Word | None = None
    history: bool = False
    """Whether what users said before their last word is listed too."""
    texts: bool = False
    """Whether comments and corrections are shown: needs the scope `content.read`, and is audited."""
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Given before when."""
    limit: Limit = 100
    cursor: Cursor | None = None


class EvaluationListing(Request, frozen=True, kw_only=True):
    """A page of what evaluators found, the newest first: what fits all that is given."""

    call: Word | None = None
    """The call's id."""
    key: Word | None = None
    """The id of the key that made the call."""
    team: Word | None = None
    """The id of a team."""
    model: Word | None = None
    evaluator: Word | None = None
    outcome: Literal["pass", "fail", "skip"] | None = None
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Found before when."""
    limit: Limit = 100
    cursor: Cursor | None = None


class ContentsAsked(Request, frozen=True, kw_only=True):
    """Of which calls the content is taken out: of those that fit all that is given."""

    model: Word | None = None
    key: Word | None = None
    """The id or name of the key that made the call."""
    team: Word | None = None
    """The id of a team."""
    user: Word | None = None
    """The end user the call was made for, as the client calls them, or as lists do."""
    operation: Operation | None = None
    code: Word | None = None
    """The error's code."""
    failed: bool | None = None
    whole: bool = False
    """Whether only what is complete: nothing was cut, and there is an answer."""
    label: Word | None = None
    """Which somebody gave this label, by their last word. Like what follows, one user has to have said all of it."""
    thumb: Literal["up", "down"] | None = None
    score: Annotated[int, Meta(ge=1, le=5)] | None = None
    corrected: bool = False
    """Whether only where somebody has said what the answer should have been."""
    from_: Time | None = msgspec.field(name="from", default=None)
    """Captured from this time on."""
    to: Time | None = None
    """Captured before when."""
    most: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    """Most calls."""


class NewErasure(Request, frozen=True, kw_only=True):
    """Of which calls the content is erased: of those that fit all that is given."""

    user: Word | None = None
    """The end user the calls were made for, as the client calls them, or as lists do."""
    key: Word | None = None
    """The id or name of the key that made the calls."""
    before: Time | None = None
    """Captured before this time; up to now where nothing is said."""

    def problems(self, path: Path) -> list[Problem]:
        if self.user is None and self.key is None and self.before is None:
            return [problem((*path, "user"), "required", "is missing, and so are key and before; write one of them")]
        return []


# ── alerts ──


Pattern = Annotated[str, Meta(min_length=1, max_length=200)]


class AlertListing(Request, frozen=True, kw_only=True):
    """Alerts, those that fire first."""

    status: Literal["ok", "pending", "firing", "no_data"] | None = None
    rule: Word | None = None
    """A rule's name or id."""
    limit: Limit = 100


class IncidentListing(Request, frozen=True, kw_only=True):
    """Alerts that fired, the newest first."""

    rule: Word | None = None
    """A rule's name or id."""
    from_: Time | None = msgspec.field(name="from", default=None)
    to: Time | None = None
    """Begun before when."""
    limit: Limit = 100


class NewAlertRule(Request, frozen=True, kw_only=True):
    name: Name
    rule: Annotated[dict[str, Any], Meta(max_length=20)]
    """As one under `alerts.rules` in headgate.yaml."""
    enabled: bool = True


class AlertRuleChange(Change, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    rule: Annotated[dict[str, Any], Meta(max_length=20)] | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewSilence(Request, frozen=True, kw_only=True):
    """Alerts that are not to be told for some time; of all rules where none is named."""

    rule: Pattern | None = None
    """A rule's name or id; `*` stands for any part of it."""
    series: Pattern | None = None
    """What the alert is about, in the same way: `key:key_…*`."""
    starts_at: Time | None = None
    """Now where nothing is said."""
    ends_at: Time
    """Of a maintenance window, when the first one ends."""
    repeats: Literal["day", "week"] | None = None
    """Makes it a maintenance window: at the same time of every day, or of the same day of every week."""
    until: Time | None = None
    """When it no longer repeats."""
    timezone: Timezone = "UTC"
    """By whose clocks it repeats: an IANA name."""
    reason: Annotated[str, Meta(max_length=500)] = ""

    def problems(self, path: Path) -> list[Problem]:
        found: list[Problem] = []
        if self.starts_at is not None and self.starts_at >= self.ends_at:
            found.append(problem((*path, "ends_at"), "out_of_range", "must be after starts_at"))
        if self.until is not None and self.repeats is None:
            found.append(problem((*path, "until"), "invalid_value", "is of those alone that repeat"))
        return found


class NewTestNotice(Request, frozen=True, kw_only=True):
    channel: Word
    """One of `alerts.channels` in headgate.yaml."""


class StatementAsked(Request, frozen=True, kw_only=True):
    format: Literal["json", "csv", "text"] = "json"


class VerdictAsked(Request, frozen=True, kw_only=True):
    """Which comparisons of a model with its shadow."""

    model: Word
    """As headgate.yaml names it."""
    shadow: Word | None = None
    """Where its calls were mirrored to; the latest such place where nothing is said."""
    from_: Time | None = msgspec.field(name="from", default=None)
    """Of calls answered from this time on."""
    to: Time | None = None
    """Answered before when."""


class UsageChange(Request, frozen=True, kw_only=True):
    """By how much each category of a usage changes."""

    input_tokens: CountChange = 0
    cached_tokens: CountChange = 0
    cache_write_5m_tokens: CountChange = 0
    cache_write_1h_tokens: CountChange = 0
    output_tokens: CountChange = 0
    reasoning_tokens: CountChange = 0
    audio_input_tokens: CountChange = 0
    audio_cached_tokens: CountChange = 0
    audio_output_tokens: CountChange = 0
    image_input_tokens: CountChange = 0
    image_output_tokens: CountChange = 0
    web_searches: CountChange = 0
    search_units: CountChange = 0


class Correction(Request, frozen=True, kw_only=True):
    """What the ledger has too much, or too little."""

    id: Annotated[str, Meta(pattern=r"^cor_[0-9a-f]{32}$")]
    """Follows from what is corrected and by how much: a correction that is there already changes nothing."""
    parent: Word
    """The attempt it corrects: it is charged, or given back, to whoever paid for that. Else what it is about, and
    nobody is charged."""
    usage: UsageChange = UsageChange()
    cost_usd: DollarChange | None = None
    """Null where the price is not known."""
    model: Word | None = None
    """Needed where `parent` is no attempt, as is what follows."""
    target: Annotated[str, Meta(max_length=512, pattern=r"^[^/]+/.+$")] | None = None
    started_at: Time | None = None
    price_version: Word | None = None


class NewCorrections(Request, frozen=True, kw_only=True):
    corrections: Annotated[list[Correction], Meta(min_length=1, max_length=1000)]


# ── prompts ──

PromptName = Annotated[str, Meta(min_length=1, max_length=300)]
PromptVersion = Annotated[str, Meta(min_length=1, max_length=100)]
Why = Annotated[str, Meta(max_length=1000)]


class NewPrompts(Request, frozen=True, kw_only=True):
    """A library, or as much of one as its prompts need."""

    sources: Annotated[dict[str, FileText], Meta(min_length=1, max_length=2000)]
    """Text of every file by its place: prompts, partials, tools, schemas."""
    names: Annotated[list[PromptName], Meta(max_length=1000)] | None = None
    """The prompts to publish; left out for all there are."""
    git_commit: Annotated[str, Meta(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """The commit they are from."""
    note: Why = ""


class PromptListing(Paged, frozen=True, kw_only=True):
    name: PromptName | None = None
    """Of one prompt alone."""


class PromptAsked(Request, frozen=True, kw_only=True):
    prompt: PromptName
    """`support/triage@production`, or with a version after the `@`."""


class MoveListing(Paged, frozen=True, kw_only=True):
    name: PromptName | None = None
    label: Label | None = None
    status: Literal["done", "waiting", "refused", "overtaken"] | None = None


class NewMove(Request, frozen=True, kw_only=True):
    name: PromptName
    """With its variant: `support/triage.brief`."""
    label: Label
    to: PromptVersion | None
    """A version, seven of its digits at least, or another label of the prompt; null to take the label away."""
    reason: Why = ""


class NewRollback(Request, frozen=True, kw_only=True):
    name: PromptName
    label: Label
    to: PromptVersion | None = None
    """A version the label stood for before; left out for the one before the one there is."""
    reason: Why = ""


class NewWithdrawal(Request, frozen=True, kw_only=True):
    prompt: PromptName
    """`support/triage@4f1c2d3e4a5b`: seven of the version's digits at least."""
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]


class NewRestoring(Request, frozen=True, kw_only=True):
    prompt: PromptName
    """`support/triage@4f1c2d3e4a5b`: seven of the version's digits at least."""
    reason: Why = ""


class NewDecision(Request, frozen=True, kw_only=True):
    reason: Why = ""


class DiffAsked(Request, frozen=True, kw_only=True):
    before: PromptName
    """`support/triage@production`, or with a version after the `@`."""
    after: PromptName
    """Another one, of the same prompt or of any."""


class CaseTold(Request, frozen=True, kw_only=True):
    """What came of one case."""

    case: PromptName
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    """A digest of the case: where it is another one, two runs did not test the same."""
    tries: Annotated[list[bool], Meta(max_length=1000)]
    """Whether each answer passed; empty where there was none."""
    of: Annotated[int, Meta(ge=1, le=1000)] = 1
    """How often it was to be asked."""
    needed: Annotated[int, Meta(ge=0, le=1000)] = 1
    """How many of the answers had to pass."""
    decided: bool = False
    """Whether it was asked no more once it was decided."""
    reason: Why = ""
    """Why an answer did not pass, or was none."""


class NewTest(Request, frozen=True, kw_only=True):
    """What came of one suite at one cell."""

    run: Annotated[str, Meta(min_length=1, max_length=100)]
    """The run's id."""
    at: Time
    """When it began."""
    suite: PromptName
    cell: PromptName
    """What was tested, as the run calls it."""
    prompt: PromptName | None = None
    """With its variant; left out where a model was tested."""
    version: PromptVersion | None = None
    """Of the prompt; it has to be published."""
    cases: Annotated[list[CaseTold], Meta(min_length=1, max_length=5000)]
    cost_usd: Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$")] | None = None
    """Of the answers; left out where a price is not known."""
    p95_ms: Annotated[float, Meta(ge=0)] | None = None
    """95 of 100 answers took no longer."""
    answered_by: Annotated[list[Word], Meta(max_length=50)] = []
    """Models that answered, as vendors call them."""
    baseline: bool = False
    """Whether this is what later ones are held against, also where it is kept already."""

    def problems(self, path: Path) -> list[Problem]:
        if (self.prompt is None) != (self.version is None):
            missing = "version" if self.version is None else "prompt"
            return [problem((*path, missing), "invalid_value", "is missing; a prompt and its version go together")]
        return []


class NewSuite(Request, frozen=True, kw_only=True):
    """A test file and the data it names. Nothing of them is run but what they assert."""

    name: PromptName
    """As runs call it: `support/triage`. One of that name is replaced."""
    file: PromptName
    """The place of the test file among the sources: `support/triage.test.yaml`."""
    prompts: Annotated[list[PromptName], Meta(max_length=100)] = []
    """The prompts it is of where it names none: the one beside it, and those that name it as their tests."""
    sources: Annotated[dict[str, FileText], Meta(min_length=1, max_length=200)]
    """Text of the test file, and of every file it names, by place."""
    git_commit: Annotated[str, Meta(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    """The commit they are from."""


class SuiteListing(Paged, frozen=True, kw_only=True):
    name: PromptName | None = None
    """One alone."""


class TestListing(Paged, frozen=True, kw_only=True):
    prompt: PromptName | None = None
    """Of one prompt alone."""
    model: PromptName | None = None
    """Of one model alone."""
