"""`alerts:` what is told of, and to whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=2_592_000)]
Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Factor = Annotated[float, msgspec.Meta(ge=1.1, le=1_000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]

Dimension = Literal["model", "target", "operation", "key", "team", "project", "prompt", "arm", "tag"]
Severity = Literal["page", "ticket"]
Duration = Literal[
    "duration", "first_token", "per_token", "overhead", "queued", "attempt_duration", "attempt_first_token"
]


class ThresholdRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that must not be above, or below, a value you know."""

    measure: Annotated[str, msgspec.Meta(pattern=r"^[a-z][A-Za-z0-9_.]*$")]
    """A count of the window (`calls`, `failed`, `attempts`, `unpriced`, `error.<code>`, `event.<Name>`,
    `tokens.<kind>`), `cost_usd`, `failed_share`, or a quantile in milliseconds: `duration.p95`, `first_token.p50`, …
    """
    above: float | None = None
    """What it must not be above."""
    below: float | None = None
    """What it must not be below."""
    window_s: Annotated[int, msgspec.Meta(ge=60, le=3_600)] = 300
    """Seconds it is taken over, in whole minutes."""
    min_calls: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    """Calls there have to be in that time, so that anything is said."""


class ErrorRateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """More calls fail than may, and more than chance explains."""

    above: Share = 0.05
    """The share of calls that may fail."""
    errors: list[str] = []
    """Codes of errors that count, as `timeout`; where none is named, all that are no doing of the client's own."""
    window_s: Annotated[int, msgspec.Meta(ge=60, le=3_600)] = 300
    """Seconds that are looked at; up to an hour where calls are too few in that time."""
    min_calls: Count = 10
    """Calls there have to be, so that anything is said."""


class LatencyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A quantile of durations is above what it is at such hours."""

    measure: Duration = "duration"
    """Which duration; those of attempts are the vendors' own."""
    quantiles: Annotated[list[Share], msgspec.Meta(min_length=1, max_length=4)] = msgspec.field(
        default_factory=lambda: [0.5, 0.95]
    )
    """Any of which may move."""
    factor: Factor = 1.5
    """How many times the usual value is too slow."""
    window_s: Annotated[int, msgspec.Meta(ge=60, le=3_600)] = 900
    """Seconds that are looked at; up to an hour where calls are too few in that time."""
    min_calls: Count = 20
    """Calls there have to be, so that anything is said."""


class CostSpikeRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Much more is spent than is usual at such an hour of the week."""

    factor: Factor = 2.0
    """How many times the usual sum is too much; more where sums differ that much anyway."""
    min_usd: Annotated[float, msgspec.Meta(ge=0, le=9_000_000)] = 1.0
    """US dollars an hour below which nothing is said."""


UnusualCheck = Literal["volume", "tokens_per_call", "new_model", "new_network", "new_hour"]


class UnusualRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key or a team does what it has not done before."""

    checks: list[UnusualCheck] = msgspec.field(
        default_factory=lambda: ["volume", "tokens_per_call", "new_model", "new_network", "new_hour"]
    )
    """`volume` of calls, tokens per call, a model, a network (of keys alone), an hour of the day it was never seen
    with.
    """
    factor: Factor = 3.0
    """How many times the usual volume, or tokens per call, is too much."""
    min_calls: Count = 50
    """Calls an hour below which nothing is said of volume, tokens per call and hours."""
    known_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 7
    """Days since its first call after which there is something it is used to."""


class BudgetRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Budgets: shares of them that are gone, and those that will not last."""

    ahead_s: Seconds = 86_400
    """Seconds before the end of its period by which a budget must not run out, as far as can be foreseen."""
    percent: bool = True
    """Whether the shares are told of at which a budget wants to be (`alert_percent`)."""


class AbsenceRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls stay away."""

    below: Share = 0.1
    """The share of the calls usual at such an hour of the week below which something is wrong."""
    silent_s: Annotated[int, msgspec.Meta(ge=60, le=43_200)] | None = None
    """Seconds without any call that are wrong at every hour, whatever is usual; of more than an hour it is told up to
    an hour later.
    """


class PromptRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A released prompt is to be looked at again, is over, or does worse in its tests than it did; or a model does."""

    labels: Annotated[list[str], msgspec.Meta(min_length=1, max_length=20)] = msgspec.field(
        default_factory=lambda: ["production"]
    )
    """What is released: versions these labels stand for."""
    ahead_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0
    """Days before a prompt's day of review or expiry at which that is told."""
    retiring: dict[str, str] = {}
    """Models that vendors have announced to retire, as they call them, and the last day: `gpt-4o-mini: 2027-01-31`. A
    name may end in `*`. Told of are released prompts that name one, or that one answered in their newest tests. Goes
    before the days there are of models anyway (`retirements`).
    """
    retire_days: Annotated[int, msgspec.Meta(ge=0, le=730)] = 60
    """Days before a model's last day at which that is told."""
    drift: bool = True
    """Whether it is told that tests come out worse than their baseline, beyond noise."""


class RuleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is told of. Exactly one of the kinds, from `threshold` to `prompt`, is given."""

    threshold: ThresholdRule | None = None
    """A figure and a bound you know."""
    error_rate: ErrorRateRule | None = None
    """Too many calls fail."""
    latency: LatencyRule | None = None
    """Answers take longer than they do at such hours."""
    cost_spike: CostSpikeRule | None = None
    """More is spent than at such hours."""
    unusual: UnusualRule | None = None
    """A key or team does what it never did."""
    budget: BudgetRule | None = None
    """Budgets that come to their end."""
    absence: AbsenceRule | None = None
    """Calls stay away."""
    prompt: PromptRule | None = None
    """Released prompts that nobody looks after, or that do worse in their tests."""
    by: Dimension | None = None
    """What each has an alert of its own of; all calls together where nothing is said. `unusual` takes `key` or `team`.
    """
    of: str | None = None
    """Calls of one name only, as `model:chat` or `tag:app=search`."""
    organisation: str | None = None
    """The organisation whose calls are looked at; each for itself where none is named."""
    severity: Severity = "ticket"
    """Whether somebody is to be woken (`page`) or it can wait for the morning."""
    for_s: Seconds = 0.0
    """Seconds a state has to last before it is told."""
    clear_s: Seconds = 300.0
    """Seconds in which all has to be well again before that is told."""
    repeat_s: Annotated[float, msgspec.Meta(ge=300, le=2_592_000)] = 14_400.0
    """Seconds after which it is told again, while it lasts."""
    group: str | None = None
    """Rules of one group are told of together; each rule is its own where nothing is said."""
    notify: list[str] | None = None
    """Names of channels; those of `alerts.notify` where nothing is said."""


class ChannelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where alerts are told."""

    kind: Literal["webhook", "apprise"]
    """`webhook`: signed JSON to an address of yours. `apprise`: e-mail, chat, pager and what else Apprise has a URL
    for.
    """
    url: Annotated[str, msgspec.Meta(min_length=1, extra={"secret": True})]
    """`https://…` of a webhook, or an Apprise URL: `slack://…`, `mailto://…`."""
    secret: Annotated[str, msgspec.Meta(extra={"secret": True})] | None = None
    """What a webhook's requests are signed with (Standard Webhooks): `whsec_` and base64, or any text of 24 characters
    or more.
    """
    internal: bool = False
    """Whether a webhook may be at an address of the own network or machine, and without TLS."""
    severities: list[Severity] = msgspec.field(default_factory=lambda: ["page", "ticket"])
    """Which alerts are told there."""

    def __repr__(self) -> str:
        return f"ChannelConfig(kind={self.kind!r}, url='***')"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("kind", self.kind), ("url", "***")]


class AlertsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules, and where what they find is told. People add rules and silences through the admin API."""

    channels: dict[Name, ChannelConfig] = {}
    """Where alerts are told, under names of your own."""
    notify: list[str] | None = None
    """Names of the channels of rules that name none; all channels where nothing is said."""
    timezone: str = "UTC"
    """By whose clocks hours of the week are alike, as `Europe/Berlin`: where most of those who call live. Without it
    the hour by which clocks are changed looks unusual for weeks.
    """
    builtin: bool = True
    """Whether the rules that need no figures of yours are there: `errors`, `latency`, `cost`, `traffic`, `keys`,
    `budgets`, `unpriced`, `prompts`. One of the same name under `rules` takes its place.
    """
    rules: dict[Name, RuleConfig] = {}
    """What is told of, under names of your own."""
