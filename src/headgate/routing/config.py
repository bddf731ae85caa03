"""The `models:` block of `headgate.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from headgate.prompts.config import PromptConfig
from headgate.quality.config import EvaluateConfig
from headgate.shadow.config import ShadowConfig

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


Cause = Literal[
    "rate_limited",
    "overloaded",
    "timeout",
    "connection",
    "server_error",
    "malformed_output",
    "auth",
    "quota_exhausted",
    "not_found",
    "context_too_long",
    "content_filtered",
]
"""Why an attempt failed, as far as something can be done about it."""

FallbackCause = Literal[Cause, "any"]


class TargetConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place a model's calls can go. A bare string in the file is its `target`."""

    target: str
    """`provider/model-id`. A `*` stands for what the `*` in the model's name stood for."""
    base_model: str | None = None
    """The model behind it, where the id is the name of a deployment: what its price and abilities are looked up by."""
    weight: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 1.0
    """Its share of the calls, against the other targets' weights."""
    priority: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    """Targets of the lowest number are chosen from."""
    price_like: str | None = None
    """Whose price it has, where its own is not known: a name under `prices`, or `vendor/model` of the built-in list."""
    provisioned: bool = False
    """Paid for whether used or not: taken before the other targets of its priority, as long as it has room."""
    rpm: Count | None = None
    """Requests a minute the vendor allows; no more are sent there."""
    tpm: Count | None = None
    """Tokens a minute the vendor allows; no more are sent there, as far as can be told beforehand."""
    max_concurrent: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 4096
    """Most calls under way there at a time. Less is taken while it answers that it is overloaded, or not in time."""


class TimeoutConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a model's calls may wait."""

    connect_s: Seconds = 5.0
    """For a connection to be made, TLS included."""
    total_s: Seconds = 600.0
    """For the whole call: all attempts, and the waits between them."""
    attempt_s: Seconds | None = None
    """For one attempt at a whole answer; by default as long as the call has. Set it where a model has more than one
    target: an attempt that hangs leaves the others no time otherwise."""
    first_token_s: Seconds = 120.0
    """For the first content of a stream."""
    stall_s: Seconds = 120.0
    """For the next piece of a stream that has begun."""


class RetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Trying again what may go better another time. Invisible to the client: nothing has been sent to it yet."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    """Most attempts of one call per target; 1 tries each target once."""
    budget: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.2
    """Retries as a share of this model's calls, so that they do not multiply an outage. To begin with, ten more than
    `breaker.min_calls` are free: enough to see which target is down."""
    base_s: Seconds = 0.25
    """Longest wait before the first retry at the same target; doubles with each. The wait is random, up to it."""
    max_s: Seconds = 8.0
    """What that longest wait grows to."""
    max_wait_s: Seconds = 15.0
    """Longest wait for a target that says when to come back; a client is told sooner than that."""
    rules: dict[Cause, Annotated[int, msgspec.Meta(ge=1, le=10)]] = {}
    """Attempts per target after one kind of failure, in place of `attempts`: `{timeout: 1, rate_limited: 5}`."""


class BreakerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target is given a rest."""

    error_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """Share of failures within the window from which on it rests."""
    min_calls: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 50
    """Attempts there must have been within the window."""
    window_s: Seconds = 30.0
    """How far back is looked."""
    open_s: Seconds = 5.0
    """How long it rests before one call at a time is let through to see."""
    probes: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    """How many of those have to succeed, one after the other."""
    slow_s: Seconds | None = None
    """What is slow: a whole answer, or the first content of a stream, after that time. Nothing by default."""
    slow_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    """Share of slow attempts within the window from which on it rests."""


class HedgeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second attempt beside one that takes unusually long. The first answer counts, the other is cancelled."""

    after_s: Seconds | None = None
    """When to begin it. By default after the time in which `quantile` of the calls have been answered lately."""
    quantile: Annotated[float, msgspec.Meta(ge=0.5, le=0.999)] = 0.9
    """Share of calls that get no second attempt."""
    budget: Share = 0.12
    """Second attempts as a share of this model's calls."""
    side_effects: bool = False
    """Also for requests that do something at the vendor: tools it runs, stored responses, files."""


class BalanceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choosing among targets of one priority."""

    by: Literal["auto", "latency", "weight", "cost"] = "auto"
    """`latency`: the better of two at random, by recent latency and calls under way. `weight`: shares as configured.
    `cost`: the lowest price. `auto`: by weight where the weights differ, else by latency."""
    affinity: Literal["none", "session", "prompt"] = "none"
    """What keeps going to the same target while that is well, for its prompt cache: calls of one `session`
    (`x-headgate-session`, else `prompt_cache_key`, `conversation`, `metadata.user_id`, `safety_identifier` or `user`,
    else the key), or with the same beginning of the `prompt`."""


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Waiting for a place at a target that has as many calls as it takes."""

    length: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1000
    """Most calls that wait for one target; more are refused at once."""
    wait_s: Seconds = 10.0
    """Longest wait; who would wait longer is refused at once."""


class ValidateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an answer is what was asked for, and what to do where it is not."""

    json: bool = True
    """Check that an answer is JSON where the request asks for it, and fits its JSON Schema."""
    tools: bool = False
    """Check that a tool call's name and arguments fit the tools of the request."""
    validators: list[str] = []
    """Further checks: names of built-in ones, or functions of your own as `my_package.checks:polite`."""
    repair: bool = True
    """Mend JSON that is nearly right, without asking again: fences, commas, quotes, what is missing at its end."""
    reask: Annotated[int, msgspec.Meta(ge=0, le=5)] = 1
    """How often to ask again, with what is wrong. Each costs a call."""
    stream: Literal["check", "buffer", "pass"] = "check"
    """Streams: `check` as they pass, and end with an error at the first mistake; `buffer` whole, so that they can be
    mended; or let them `pass`."""


class FallbackConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to go when a model's own targets have failed. A bare string in the file is its `use`."""

    use: str
    """Another model, or a target as `provider/model-id`."""
    system: str | None = None
    """System prompt there, in place of the request's."""
    set: dict[str, Any] = {}
    """Members set in the request there, in the words of the client's dialect: `{temperature: 0}`."""


class OnceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Not doing twice what was asked for twice. Whole answers only."""

    coalesce: bool = False
    """Let calls of one key that are the same to the byte and under way at the same time share one answer."""
    keep_s: Seconds = 600.0
    """How long the answer to a request with an `idempotency-key` is kept for its repetition."""


class LatencyObjective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of a model's calls have to be quick."""

    target: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    """The share that has to be within the bound, as 0.95."""
    within_s: Seconds
    """The bound, in seconds."""
    measure: Literal["duration", "first_token"] = "duration"
    """What is bounded: to the last byte, or to a stream's first content."""


class CostObjective(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model's calls may cost."""

    per_call_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """US dollars a call, on average over the period."""
    period_usd: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """US dollars in the period, all calls together."""


class ObjectivesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model's users can count on, over a period that always ends now."""

    availability: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    """The share of calls that have to succeed, as 0.999. What the client got wrong, or ended itself, is no failure."""
    latency: list[LatencyObjective] = []
    """Shares of calls that have to be within bounds. Calls that failed do not count for it."""
    cost: CostObjective | None = None
    """What the calls may cost."""
    period_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 30
    """Days of the period."""


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name clients ask for, and where its calls go."""

    targets: list[TargetConfig] = []
    """Where its calls go: `provider/model-id`, or a mapping that says more. Only a model that is a `prompt` may have
    none: its calls go to the prompt's own model."""
    prompt: PromptConfig | None = None
    """The prompt it is: `support/triage@production`. Clients send its inputs, and their messages are its history. None
    by default."""
    fallback: dict[FallbackCause, list[FallbackConfig]] = {}
    """Where they go when that fails, in order: a list, or lists by cause."""
    timeout: TimeoutConfig = TimeoutConfig()
    """How long its calls may wait."""
    retry: RetryConfig = RetryConfig()
    """Trying again."""
    breaker: BreakerConfig = BreakerConfig()
    """When a target is given a rest."""
    balance: BalanceConfig = BalanceConfig()
    """Choosing among targets."""
    queue: QueueConfig = QueueConfig()
    """Waiting for a place at a target."""
    hedge: HedgeConfig | None = None
    """Second attempts beside slow ones. None by default."""
    validate: ValidateConfig = ValidateConfig()
    """Checking answers."""
    once: OnceConfig = OnceConfig()
    """Repeated requests."""
    evaluate: EvaluateConfig | None = None
    """A share of its answers looked at afterwards: whether they are any good."""
    objectives: ObjectivesConfig | None = None
    """What its users can count on. None by default."""
    shadow: ShadowConfig | None = None
    """Another place that gets a share of its calls too, and whose answers nobody gets. None by default."""
    drop_unsupported: bool = False
    """Leave out what a target cannot take, with a warning header, instead of refusing the request."""
