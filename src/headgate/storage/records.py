"""One struct per table. Times are microseconds since the epoch UTC, money is picodollars, ids are texts.

A column is a member of the same name and type: `None` is NULL, truths are 0 and 1, lists and mappings are JSON texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from headgate.types import Operation, Usage, UsageSource

Period = Literal["second", "minute", "hour", "day", "week", "month", "total"]
"""What a limit or a budget is counted over. Up to an hour the window slides; above it is the calendar's."""

Tags = dict[str, str]


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What every table of administered things has."""

    id: str
    organisation: str
    version: int = 1
    """Counts the changes of this row: who changes it says which version he has seen."""
    revision: int = 0
    """The revision of the whole database at this row's last change: replicas fetch what is newer than they know."""
    created_us: int = 0
    updated_us: int = 0
    archived_us: int | None = None
    """When it was taken out of use. Rows are never deleted: the ledger refers to them."""


class Organisation(Entity, frozen=True, kw_only=True):
    """A tenant. `organisation` is its own id."""

    name: str


class Team(Entity, frozen=True, kw_only=True):
    name: str
    timezone: str = "UTC"
    """Where its days and months begin: an IANA name."""


class Project(Entity, frozen=True, kw_only=True):
    name: str
    team_id: str | None = None


class User(Entity, frozen=True, kw_only=True):
    """A person."""

    name: str
    email: str | None = None
    team_id: str | None = None
    roles: list[str] = []
    issuer: str | None = None
    """Who vouches for it, by OIDC."""
    subject: str | None = None
    """What the issuer calls it."""


class Key(Entity, frozen=True, kw_only=True):
    """A credential for callers. The key itself is not kept."""

    name: str
    digest: str
    """Hexadecimal SHA-256 of the whole key."""
    hint: str
    """Its last four characters, for people."""
    team_id: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    roles: list[str] = msgspec.field(default_factory=lambda: ["caller"])
    models: list[str] | None = None
    """Names or patterns that end in `*`; None for all models."""
    endpoints: list[str] | None = None
    """Operations; None for all."""
    tags: Tags = {}
    """What each of its calls is tagged with; a call that says otherwise is refused."""
    networks: list[str] | None = None
    """Where it may be used from, as addresses or networks; None for anywhere."""
    timezone: str | None = None
    """Where its days and months begin; its team's where none is given."""
    prompt_label: str | None = None
    policy: str | None = None
    created_by: str = ""
    expires_us: int | None = None
    revoked_us: int | None = None
    replaces: str | None = None
    """The key it was rotated from."""


class Limit(Entity, frozen=True, kw_only=True):
    """How much one subject may do in a time. What is None is not limited."""

    subject: str
    """`kind:name`, out of `organisation`, `team`, `project`, `user`, `key` (ids), `model` (name or pattern), `tag`
    (`tag:k=v`) and `customer` (the end user as the client calls it). `*` as a name gives each its own: `customer:*`.
    """
    per: Period
    """`total` for `concurrent` alone."""
    timezone: str = "UTC"
    requests: int | None = None
    tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_picodollars: int | None = None
    concurrent: int | None = None
    """Calls under way at once; `per` has no meaning for it."""


class Budget(Entity, frozen=True, kw_only=True):
    """How much one subject may spend in a period."""

    subject: str
    """As of a limit."""
    amount_picodollars: int
    period: Period
    """day, week, month or total."""
    timezone: str = "UTC"
    hard: bool = True
    """Whether calls are refused beyond it; a soft one only tells."""
    alert_percent: list[int] = msgspec.field(default_factory=lambda: [80, 100])
    """Shares of the amount at which an event is told."""


Applying = tuple[Sequence[tuple[Limit, str]], Sequence[tuple[Budget, str]]]
"""The limits and the budgets of a call, each with the concrete subject it is counted for."""


class ProviderKey(Entity, frozen=True, kw_only=True):
    """A team's own credential at a provider."""

    team_id: str
    provider: str
    sealed: str
    """The credential, encrypted and authenticated under `HEADGATE_SECRET`."""
    hint: str


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did, or tried. One leaf of the audit log's tree."""

    id: str
    at_us: int
    organisation: str
    actor: str
    """`key:…`, `user:…`, `system`, `shell:…` for who works on the machine itself, `unknown` without a valid key."""
    address: str | None = None
    """Where from."""
    action: str
    """What: `keys.create`, `login.failed`, `call.blocked`, `config.reload`, `content.read`."""
    subject: str = ""
    """On what, as `kind:id`."""
    outcome: Literal["done", "denied", "failed"] = "done"
    detail: dict[str, str | int | bool | None] = {}
    """What changed or why not. Never a secret, never content."""


class LedgerRow(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one attempt used and cost. Written once, when the attempt is settled."""

    id: str
    """The attempt's id: recording the same id again changes nothing."""
    call_id: str
    organisation: str
    key_id: str
    model: str
    """The name the client asked for."""
    target: str
    operation: Operation
    cause: str
    """Why there was this attempt: primary, retry, fallback, hedge, reask, shadow, judge, cache_hit, correction."""
    started_us: int
    duration_us: int
    status: int
    """The vendor's HTTP status; 0 where none came."""
    code: str | None
    """The error's code; None where the attempt succeeded."""
    usage: Usage
    usage_source: UsageSource
    cost_picodollars: int | None
    """None when the price is unknown: never 0 for not known."""
    streamed: bool
    vendor_request_id: str | None
    team_id: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    """Whom the client calls for, hashed."""
    first_token_us: int | None = None
    reserved_picodollars: int | None = None
    """What was set aside for it before it was made."""
    price_version: str | None = None
    """Which price list and which entry of it."""
    saving_picodollars: int | None = None
    """What a cache hit did not cost."""
    parent: str | None = None
    """The attempt or flow node it was made for."""
    payer: str = "caller"
    """`caller`, `internal` for what Headgate does for itself, `client` where the client's own credential went up."""
    prompt_version: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    charged: tuple[str, ...] = ()
    """The budget counters its cost counts for."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A call and what became of it at a model's shadow, or a number of calls that were not mirrored. No content."""

    id: str
    """The mirrored call's own id, as its ledger rows have it."""
    at_us: int
    """When the client's answer was complete."""
    organisation: str
    model: str
    """The one whose calls are mirrored."""
    shadow: str
    """Where to."""
    dropped: str | None = None
    """Why the calls were not mirrored, or nothing came of it: `queue_full`, `memory`, `budget`, `store_unavailable`,
    `side_effects`, `client_left`, `not_sent`, `not_drawn`, `stopped`, `defect`. Nothing below is said then but `calls`.
    """
    calls: int = 1
    """How many calls this stands for."""
    call_id: str | None = None
    """The client's call."""
    operation: str = "chat"
    streamed: int = 0
    target: str | None = None
    shadow_target: str | None = None
    code: str | None = None
    """The error's code; None where there was an answer."""
    shadow_code: str | None = None
    duration_us: int | None = None
    """From the model's choice of a target to the last byte, attempts that failed included."""
    shadow_duration_us: int | None = None
    first_token_us: int | None = None
    """The same to a stream's first content."""
    shadow_first_token_us: int | None = None
    cost_picodollars: int | None = None
    """Of all attempts; None when a price is unknown."""
    shadow_cost_picodollars: int | None = None
    stop: str | None = None
    shadow_stop: str | None = None
    characters: int | None = None
    """Of the answer's text. None where there is no answer, or it was too long to be looked at."""
    shadow_characters: int | None = None
    refused: int | None = None
    shadow_refused: int | None = None
    json: int | None = None
    """Whether the text is JSON; None where the request did not ask for it."""
    shadow_json: int | None = None
    tools: str | None = None
    """How the tool calls are to each other: none, same, other_calls, other_arguments, invalid."""
    similarity: float | None = None
    """Of embeddings the least cosine of vectors, of rankings the share of pairs of documents in the same order; None of
    anything else, and where vectors cannot be compared.
    """
    same: int | None = None
    """Whether both have the same shape, vectors that fit each other, or about the same order; None where that cannot be
    said.
    """


class CallRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of one call, when it was over. No content."""

    id: str
    owner: str
    """The process that served it."""
    number: int
    """Which of its calls it was, from 1 on: they are counted once, however often they are drained."""
    kept: str
    """Why it is in the list of calls: `error`, `slow`, `sample`; empty where it is only counted."""
    organisation: str
    started_us: int
    duration_us: int
    """To the last byte of the answer."""
    model: str
    """The name the client asked for; `(unknown)` where nobody knows it."""
    target: str
    """Where the answer came from, or the last attempt went; empty where there was none."""
    operation: str
    streamed: int
    code: str | None
    """The error's code; None where the call succeeded."""
    attempts: int
    key_id: str
    team_id: str | None
    project_id: str | None
    user_id: str | None
    end_user: str | None
    """Whom the client calls for, hashed."""
    first_token_us: int | None
    """From the beginning to a stream's first content."""
    overhead_us: int
    """Until the answer began, without the time an attempt was in flight or in back-off."""
    queued_us: int
    """In queues for a place at a target."""
    input_tokens: int
    output_tokens: int
    cost_picodollars: int | None
    """Of all attempts; None where the price of any is unknown, or nothing was used."""
    prompt_version: str | None = None
    arm: str | None = None
    """Of an experiment."""
    trace_id: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    events: tuple[tuple[str, ...], ...] = ()
    """What happened on the way: each event's name and what it says."""
    request_bytes: int = 0
    """Of its body; 0 where it came in none. Like what follows it is only counted, and in no list."""
    tools: int = 0
    """Offered to the model."""


class CalledAt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a call stands among all calls: what it is counted by."""

    started_us: int
    model: str
    target: str = ""
    operation: str = "chat"
    key_id: str = ""
    team_id: str | None = None
    project_id: str | None = None
    prompt_version: str | None = None
    arm: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


class Feedback(CalledAt, frozen=True, kw_only=True, omit_defaults=True):
    """What one user said of one call's answer. A later word of the same user replaces it; it stays as history."""

    id: str
    at_us: int
    organisation: str
    call_id: str
    rater: str
    """Whose word it is: `user:` and the hashed end user, `person:…` or `key:…`."""
    given_by: str
    """Who sent it, as the audit log calls it."""
    thumb: str | None = None
    """`up` or `down`."""
    score: int | None = None
    """From 1 to 5."""
    label: str | None = None
    """One of those the configuration has."""
    comment: str | None = None
    """Content."""
    correction: str | None = None
    """What the answer should have been. Content."""
    replaced: int = 0
    """Whether the same user has said something else since."""


class Evaluation(CalledAt, frozen=True, kw_only=True, omit_defaults=True):
    """What one evaluator found in one call's answer. No content."""

    id: str
    """Of the call and the evaluator: the same is there once."""
    at_us: int
    organisation: str
    call_id: str
    evaluator: str
    outcome: str
    """`pass`, `fail`, or `skip` where it could not tell."""
    score: float | None = None
    """What the outcome was decided by: of a judge its mark, of groundedness the share that is supported."""
    reason: str = ""
    """Why, in a word."""
    streamed: int = 0


class Content(msgspec.Struct, frozen=True, gc=False):
    """What was asked and answered in one call, as far as it is kept. Never changed, only deleted."""

    id: str
    """The call's."""
    organisation: str
    captured_us: int
    """When the call was over."""
    started_us: int
    duration_us: int
    model: str
    """The name the client asked for."""
    target: str
    """Where the answer came from, or the last attempt went; empty where there was none."""
    operation: str
    dialect: str
    """Of request and answer; `opaque` where nobody translates."""
    streamed: int
    kept: str
    """Why it is kept: `error`, `slow`, `sample`."""
    code: str | None
    """The error's; None where the call succeeded."""
    key_id: str
    team_id: str | None
    project_id: str | None
    end_user: str | None
    """Whom the client calls for, hashed."""
    request: str
    """JSON."""
    answer: str | None
    """JSON; of a stream the whole answer it comes to."""
    missing: str
    """Why there is no answer, or no request: `no_answer`, `memory`, `unreadable`; else empty."""
    truncated: int
    """Whether anything was cut to fit."""
    left_out: int
    """Images, audio, vectors and the like that are told of and not kept."""
    redactions: str
    """How much was taken out, by kind, as JSON."""
    bytes: int
    """Of request and answer."""


class AlertRule(Entity, frozen=True, kw_only=True):
    """A rule that somebody made; those of the configuration are in its file alone."""

    name: str
    rule: dict[str, Any]
    """As one under `alerts.rules` in the file."""
    enabled: bool = True
    created_by: str = ""


class AlertSilence(Entity, frozen=True, kw_only=True):
    """Alerts that are not told for some time; with `repeats`, a maintenance window."""

    rule: str | None = None
    """A rule's name or id, `*` for any part of it; None for all."""
    series: str | None = None
    """What the alert is about, in the same way."""
    starts_us: int
    ends_us: int
    repeats: Literal["day", "week"] | None = None
    until_us: int | None = None
    """Of one that repeats: when it no longer does."""
    timezone: str = "UTC"
    reason: str = ""
    created_by: str = ""


class AlertState(msgspec.Struct, frozen=True, kw_only=True):
    """Where one alert is: a rule and what it is about."""

    organisation: str
    rule: str
    """Its name in the file, or its id."""
    series: str
    rule_name: str
    grp: str
    """What it is told together with."""
    severity: str
    status: str
    """`ok`, `pending`, `firing`, `no_data`."""
    since_us: int
    fine_us: int | None = None
    gone_us: int | None = None
    seen_us: int
    """When it changed, or was looked at while it was pending or firing."""
    incident: str | None = None
    """Of one that fires."""
    told: str | None = None
    """When it was told last that it fires, in microseconds since 1970; None once its end has been told."""
    silenced: int = 0
    summary: str = ""
    value: float | None = None
    bound: float | None = None
    usual: float | None = None


class AlertIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An alert from when it fired to when it was over."""

    id: str
    organisation: str
    rule: str
    rule_name: str
    series: str
    severity: str
    summary: str
    started_us: int
    ended_us: int | None = None


class AlertNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be told in one channel."""

    id: str
    organisation: str
    channel: str
    body: str
    created_us: int
    due_us: int
    attempts: int = 0
    status: str = "waiting"
    """`waiting`, `sent`, `failed`."""
    claimed_until_us: int = 0
    error: str | None = None


class PromptHead(Entity, frozen=True, kw_only=True):
    """What is said of a version of a prompt, without its files, which may be large."""

    name: str
    """With its variant: `support/triage.brief`."""
    digest: str
    """SHA-256, in hexadecimal, over its sources: what it is known by."""
    git_commit: str | None = None
    note: str = ""
    published_by: str = ""
    withdrawn_us: int | None = None
    """Since when it is served to nobody; None where it may be."""
    withdrawn_by: str | None = None
    withdrawn_for: str = ""
    """Why."""


class PromptVersion(PromptHead, frozen=True, kw_only=True):
    """One version of a prompt, with all it needs. It never changes, but may be withdrawn."""

    file: str
    """Its own file's place among its sources."""
    sources: dict[str, str]
    """Every file it needs, its partials, tools and schemas included, by place."""


class PromptLabel(Entity, frozen=True, kw_only=True):
    """What a label of a prompt stands for now. An archived one was taken away."""

    name: str
    label: str
    digest: str
    moved_by: str = ""


class PromptMove(Entity, frozen=True, kw_only=True):
    """A label that was moved, or is to be: its history."""

    name: str
    label: str
    kind: Literal["move", "rollback", "remove"] = "move"
    from_digest: str | None = None
    """What it stood for when this was asked for; None for a new label."""
    to_digest: str
    """Where it was taken away: what it stood for."""
    status: Literal["done", "waiting", "refused", "overtaken"] = "done"
    """`overtaken` where the label was moved otherwise, or the version withdrawn, before anybody had decided."""
    reason: str = ""
    asked_by: str
    """As the audit log calls it."""
    person: str
    """Whose act it was, whichever key it came with: a second person is another one."""
    decided_by: str | None = None
    """Who approved or refused; None where nobody had to."""
    decided_us: int | None = None
    decision: str = ""
    """Why."""


class PromptTest(Entity, frozen=True, kw_only=True):
    """What came of one suite of tests at one cell, of a released prompt or of a model."""

    subject: str
    """`prompt:support/triage`, or `model:chat`."""
    digest: str
    """The prompt's version; empty for a model."""
    suite: str
    cell: str
    run: str
    ran_us: int
    figures: dict[str, Any]
    verdict: Literal["baseline", "no_difference", "regression", "improvement", "not_comparable"]
    """Against the baseline; `baseline` where this is one."""
    baseline: str | None = None
    """The id of what it was held against."""
    comparison: dict[str, Any] = {}
    cases: list[Any]
    """What came of each case: with the next run it is held against these."""
    posted_by: str


class PromptSuiteOutline(Entity, frozen=True, kw_only=True):
    """A suite of tests that the server runs by itself, without its texts."""

    name: str
    digest: str
    """SHA-256, in hexadecimal, of its name, its place and its texts."""
    file: str
    """The place of the test file among its texts."""
    prompts: list[str] = []
    """The prompts it is of where it names none."""
    bytes: int
    """Of its texts."""
    cells: list[Any]
    """What it tests: prompt, variant and model of each."""
    asks: list[str]
    """The models it asks besides: judges, and for embeddings."""
    cases: int
    git_commit: str | None = None
    published_by: str


class PromptSuite(PromptSuiteOutline, frozen=True, kw_only=True):
    """All of it."""

    sources: dict[str, str]
    """The text of the test file, and of the data it names, by place."""


class PromptTestFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the server could not test, and has not tested since."""

    organisation: str
    suite: str
    subject: str
    """As of a test."""
    digest: str
    cell: str
    message: str
    """Why."""
    reason: str
    """Why it was to be tested."""
    state: str
    """A digest of suite and models as they were: with others it is tried again at once."""
    times: int
    since_us: int
    at_us: int
