"""The `providers:` block of `headgate.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
"""A string that is never shown: not in a repr, a log or an error."""


class BaseModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment or inference profile stands for."""

    base_model: str
    """The model whose price and abilities it has: `gpt-4o-mini`."""


class HealthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking a provider whether it is well. For servers of your own: hosted vendors have no such page."""

    path: Annotated[str, msgspec.Meta(pattern="^/")]
    """Page of its host that answers 2xx while it is well: `/health`."""
    every_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 10.0
    """How often to ask."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 5.0
    """Longest wait for an answer."""
    failures: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    """Checks that must fail in a row before it is not called any more."""


class ProviderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach one vendor. Only `kind` is needed where the vendor's own defaults fit."""

    kind: str
    """Which vendor: `openai`, `azure`, `anthropic`, ... or a row of your own as `package.module:ROW`."""
    base_url: str | None = None
    """Where its API is, if not at the vendor's own address: `http://127.0.0.1:8000/v1`."""
    api_key: Secret | None = None
    """The credential, usually a reference: `${OPENAI_API_KEY}`."""
    api_keys: list[Secret] = []
    """Several credentials, taken in turn; one that is refused or rate limited is left alone for a while."""
    auth: str | None = None
    """How the credential is shown, if not as the vendor has it: `bearer`, `x-api-key`, `api-key`, `x-goog-api-key`,
    `aws`, `google`, `entra`, `managed_identity` or `none`."""
    region: str | None = None
    """AWS region. Else `AWS_REGION` or `AWS_DEFAULT_REGION`."""
    profile: str | None = None
    """Profile of the AWS configuration files that credentials come from. Else the SDK's own choice."""
    project: str | None = None
    """Google Cloud project."""
    location: str = "global"
    """Google Cloud location: `global`, `europe-west4`."""
    credentials_file: str | None = None
    """JSON file of a Google service account. Else application default credentials."""
    client_id: str | None = None
    """Azure: client id of a user-assigned managed identity."""
    api_version: str | None = None
    """Azure: `preview` for the newest surface of the v1 API. Nothing by default."""
    headers: dict[str, Secret] = {}
    """Headers sent with every request."""
    body: dict[str, Any] = {}
    """Members set at the top level of every JSON body."""
    ca_file: str | None = None
    """PEM file of authorities trusted beside the system's."""
    client_cert: str | None = None
    """PEM file of a client certificate, and of its key where `client_key` is not set."""
    client_key: str | None = None
    """PEM file of the client certificate's key."""
    proxy: Secret | None = None
    """`http://[user:password@]host:port`. Proxies are never taken from the environment."""
    connect_s: float = 5.0
    """Longest time for a connection to be made, TLS included."""
    transport: Literal["http1", "aiohttp"] = "http1"
    """Which HTTP client: our own, or aiohttp (needs its extra)."""
    health: HealthConfig | None = None
    """Asking it whether it is well. By default only how calls go there tells."""
    accepts_client_credential: bool = False
    """Whether callers with the scope `byo_credential` may send a credential of their own, which goes here in place of
    `api_key` and costs no budget."""
    trace_context: bool = False
    """Whether requests carry the W3C trace context (`traceparent`, `tracestate`), so that a server of your own is in
    the same traces. By default nobody is told of them."""
    script: str | None = None
    """Of the simulator: the file of what it answers, YAML or JSON. Its path is from this file's folder."""
    drop_unsupported: bool = False
    """Leave out what a target cannot take, with a warning header, instead of refusing the request."""
    models: dict[str, BaseModel] = {}
    """Deployments and inference profiles by name, where the name does not tell the model."""

    def __repr__(self) -> str:
        return f"ProviderConfig({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What may be shown: fields that are set, with secrets, headers and body extras as `***`."""
        values = ((field, getattr(self, field.name)) for field in msgspec.structs.fields(self))
        return [
            (field.name, "***" if field.name in _HIDDEN else value)
            for field, value in values
            if field.required or value not in (field.default, {}, [])
        ]


_HIDDEN = frozenset({"api_key", "api_keys", "headers", "body", "proxy"})
