"""What `headgate.yaml` can say. The blocks of features are theirs: `providers/config.py`, `routing/config.py`,
`catalog/config.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from headgate.access.config import AccessConfig
from headgate.alerts.config import AlertsConfig
from headgate.catalog.config import PriceConfig, PriceListConfig
from headgate.limits.config import LimitsConfig
from headgate.prompts.config import PromptsConfig
from headgate.providers.config import ProviderConfig
from headgate.quality.config import FeedbackConfig
from headgate.routing.config import ModelConfig
from headgate.telemetry.config import TelemetryConfig

Place = Literal["telemetry", "access", "ids", "prompt", "guardrails", "cache", "context", "settle", "transport"]
"""Where a stage of one's own can stand, in the order a call passes."""


class ServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    """Port to listen on; 0 for any free one."""
    auth: Literal["keys", "none"] = "keys"
    """Whether callers need a key. `none` is possible on loopback only."""
    max_body_mb: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 64
    """Largest request body taken, in MiB."""
    max_inflight_mb: Annotated[int, msgspec.Meta(ge=1, le=1_048_576)] = 512
    """Request bodies held at once, in MiB; requests beyond it are answered 503."""
    max_concurrent: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    """Calls under way at once; those beyond it are answered 503."""
    trusted_proxies: list[str] = []
    """Addresses or networks of reverse proxies whose `x-forwarded-for` is believed: `10.0.0.0/8`."""
    hosts: list[str] = []
    """Host names this server answers to, beside its address and the loopback names."""
    direct_targets: bool = False
    """Whether clients may ask for `provider/model-id` without a model of that name."""
    keepalive_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 15.0
    """Seconds after which a stream without content yet gets a comment that keeps it open."""
    grace_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    """Seconds after SIGTERM in which calls are still taken though /readyz says no: load balancers notice first."""
    litellm_headers: bool = False
    """Whether answers tell of themselves in LiteLLM's `x-litellm-…` headers too, for clients that read those."""
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    """Processes. More than one needs storage they can share."""
    allow_exec: bool = False
    """Whether `${exec:…}` runs commands. Written as `true` itself, not as a reference."""
    exec_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 10.0
    """Longest time a command of `${exec:…}` may take, in seconds."""
    exec_every_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] | None = None
    """Seconds after which commands are run again. Without it only SIGHUP and changes of this file have them run."""


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where ledger and audit records are written before the database has them: on a disk of this machine."""

    folder: str | None = None
    """Beside the SQLite file where none is given, `headgate.journal` with PostgreSQL."""
    fsync_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 50
    """Milliseconds of records that a power failure can lose."""


class StorageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where records and shared state are kept: SQLite and memory for one worker, PostgreSQL and Redis for several.

    Relative paths begin in the folder of the configuration file.
    """

    database: Annotated[str | None, msgspec.Meta(extra={"secret": True})] = None
    """`sqlite:///headgate.db`, `sqlite:///:memory:`, `postgresql://user@host/name`. `headgate serve` keeps
    `headgate.db` where none is given, the library nothing.
    """
    shared: Annotated[str, msgspec.Meta(extra={"secret": True})] = "memory"
    """Counters of limits and budgets, and what replicas tell each other: `memory`, or `redis://host:6379`."""
    journal: JournalConfig = JournalConfig()
    """Where records are before the database has them."""
    migrate: bool = True
    """Whether a database of an older release is brought up to date at the start."""
    connections: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 8
    """Most connections of one process to PostgreSQL."""

    def __repr__(self) -> str:
        return "StorageConfig(***)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("database", "***"), ("shared", "***")]


class AuditConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The audit log's signatures."""

    key: Annotated[str | None, msgspec.Meta(extra={"secret": True})] = None
    """An Ed25519 private key, as PEM or as its 32 bytes in base64. Made beside the journal where none is given."""
    earlier_keys: list[str] = []
    """Public keys the log was signed with before, as PEM: what they signed is still believed."""
    origin: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x2a\x2c-\x7e]+$", max_length=200)] = "headgate"
    """What the log is called in its checkpoints, best a host name and path of yours: no blanks, no plus sign."""
    checkpoint_file: str | None = None
    """Where checkpoints are written too, best on another machine's disk; beside the journal where none is given."""
    every_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 10.0
    """Seconds after which a log that has grown is signed."""

    def __repr__(self) -> str:
        return f"AuditConfig(origin={self.origin!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("origin", self.origin)]


class StageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage of one's own, and where it stands. Exactly one of `before` and `after` is given."""

    use: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
    """Where its class is: `my_package.stages:Watermark`."""
    before: Place | None = None
    """The stage it stands outside of."""
    after: Place | None = None
    """The stage it stands inside of."""
    with_: dict[str, Any] = msgspec.field(name="with", default_factory=dict[str, Any])
    """What its class is called with."""

    def __repr__(self) -> str:
        place = f"before={self.before!r}" if self.before else f"after={self.after!r}"
        return f"StageConfig(use={self.use!r}, {place}, with={sorted(self.with_)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("use", self.use), ("before", self.before), ("after", self.after), ("with", sorted(self.with_))]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `headgate.yaml`."""

    server: ServerConfig = ServerConfig()
    """The HTTP server."""
    storage: StorageConfig = StorageConfig()
    """Where records and shared state are kept."""
    access: AccessConfig = AccessConfig()
    """Roles of one's own, and who may vouch for callers and people."""
    audit: AuditConfig = AuditConfig()
    """The audit log's signatures."""
    limits: LimitsConfig = LimitsConfig()
    """How limits and budgets are kept."""
    telemetry: TelemetryConfig = TelemetryConfig()
    """What is kept of calls, and for how long."""
    feedback: FeedbackConfig = FeedbackConfig()
    """What users may say of answers."""
    alerts: AlertsConfig = AlertsConfig()
    """What is told of, and to whom."""
    providers: dict[str, ProviderConfig] = {}
    """How to reach vendors, under names of your own."""
    models: dict[str, ModelConfig] = {}
    """What clients can ask for: exact names, or patterns that end in `*`."""
    prompts: PromptsConfig = PromptsConfig()
    """Where prompts come from, and which of their labels are protected."""
    stages: list[StageConfig] = []
    """Stages of your own."""
    prices: dict[str, PriceConfig] = {}
    """Prices in place of the built-in list's, by `vendor/model` or by model alone; a name may end in `*`."""
    price_file: str | None = None
    """A YAML or JSON file of more such prices. What `prices` says goes before it."""
    price_list: PriceListConfig = PriceListConfig()
    """A signed price list in place of the built-in one."""
    retirements: dict[str, str] = {}
    """Days on which models retire, or `never`, in place of the built-in list's, by `kind/model`, the kind of their
    provider, or by model alone; a name may end in `*`: `{azure/gpt-4o: 2027-04-14, gpt-4o-mini*: never}`."""
