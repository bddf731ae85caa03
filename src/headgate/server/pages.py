"""Everything that is not a model call: health, metrics, the list of models, the API's description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

import headgate
from headgate.access import allows, check_scope
from headgate.errors import MethodNotAllowed, ModelNotFound, NotFound
from headgate.gateway import Gateway
from headgate.server.answer import Send
from headgate.server.figures import Figures
from headgate.server.fleet.member import Member
from headgate.telemetry.exposition import CONTENT_TYPE, render
from headgate.types import Identity

Headers = dict[bytes, bytes]
Answer = tuple[int, str, bytes]
"""Status, content type and body."""
Page = Callable[[Headers, str, str], Answer | Awaitable[Answer]]
"""Makes an answer from the request's headers, the client's address and the path."""

_CREATED = 1_735_689_600
"""What the list of models gives as creation time of each: SDKs want one, a route has none."""


class Pages:
    """The small pages of one server."""

    def __init__(self, gateway: Gateway, figures: Figures, fleet: Member | None = None) -> None:
        """`fleet` knows what the figures of all workers come to, where there are several."""
        self._gateway = gateway
        self._figures = figures
        self._fleet = fleet
        self._pages: dict[str, Page] = {
            "/": self._home,
            "/healthz": self._health,
            "/readyz": self._ready,
            "/metrics": self._metrics,
            "/targets": self._targets,
            "/openapi.json": self._openapi,
            "/v1/models": self._models,
            "/models": self._models,
        }

    async def serve(self, scope: dict[str, Any], headers: Headers, address: str, send: Send) -> None:
        """Answer a request for a page.

        Raises:
            NotFound: there is no such page.
            MethodNotAllowed: pages are only read.
            Unauthenticated, Forbidden: the page needs a scope the caller lacks.
            Overloaded: the workers' figures cannot be had at this moment.
        """
        path: str = scope["path"]
        page = self._pages.get(path)
        if page is None and path.removeprefix("/v1").startswith("/models/"):
            page = self._model
        if page is None:
            raise NotFound(f"There is nothing at {path[:200]}. /openapi.json lists what there is.")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{path} takes GET, not {scope['method']}.")
        answer = page(headers, address, path)
        status, content_type, body = answer if isinstance(answer, tuple) else await answer
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", content_type.encode()),
                    (b"content-length", b"%d" % len(body)),
                    (b"x-content-type-options", b"nosniff"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _home(self, headers: Headers, address: str, path: str) -> Answer:
        return _json({"name": "headgate", "version": headgate.__version__, "api": "/openapi.json"})

    def _health(self, headers: Headers, address: str, path: str) -> Answer:
        return _json({"status": "ok"})

    def _ready(self, headers: Headers, address: str, path: str) -> Answer:
        """Whether it takes calls; vendors that fail are told, and no reason to send calls to another replica."""
        if not self._gateway.ready:
            return _json({"status": "starting or stopping"}, 503)
        if not self._gateway.records_calls:
            return _json({"status": "the journal cannot be written"}, 503)
        targets = self._gateway.targets()
        resting = sum(each.rests_s != 0 for each in targets)
        status = "degraded" if resting else "ready"
        return _json({"status": status, "targets": len(targets), "targets_resting": resting})

    async def _metrics(self, headers: Headers, address: str, path: str) -> Answer:
        self._need(headers, address, "metrics")
        snapshot = self._figures.taken() if self._fleet is None else await self._fleet.total()
        return 200, CONTENT_TYPE, render(snapshot)

    def _targets(self, headers: Headers, address: str, path: str) -> Answer:
        self._need(headers, address, "metrics")
        return _json({"targets": self._gateway.targets()})

    def _openapi(self, headers: Headers, address: str, path: str) -> Answer:
        from headgate.server.openapi import document

        self._need(headers, address, "metrics")
        return _json(document())

    def _models(self, headers: Headers, address: str, path: str) -> Answer:
        models = self._need(headers, address, "call").models
        names = [name for name in self._gateway.model_names() if allows(models, name)]
        if b"anthropic-version" in headers:
            data = [_anthropic_model(name) for name in names]
            ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
            return _json({"data": data, "has_more": False, **ends})
        return _json({"object": "list", "data": [_openai_model(name, self._prompt(name)) for name in names]})

    def _model(self, headers: Headers, address: str, path: str) -> Answer:
        models = self._need(headers, address, "call").models
        name = path.removeprefix("/v1").removeprefix("/models/")
        if not allows(models, name):
            raise ModelNotFound(name)
        label = self._gateway.resolve(name).name
        told = b"anthropic-version" in headers
        return _json(_anthropic_model(name) if told else _openai_model(name, self._prompt(label)))

    def _prompt(self, label: str) -> str | None:
        """The prompt that a model is."""
        model = self._gateway.config.models.get(label)
        return None if model is None or model.prompt is None else model.prompt.use

    def _need(self, headers: Headers, address: str, scope: str) -> Identity:
        """The caller, if it has the scope; where there is no authentication, loopback is scope enough."""
        identity = self._gateway.authenticator.identify(headers, address)
        if self._gateway.config.server.auth != "none":
            check_scope(identity, scope)
        return identity


def _openai_model(name: str, prompt: str | None) -> dict[str, Any]:
    own = {"headgate": {"prompt": prompt}} if prompt is not None else {}
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "headgate", **own}


def _anthropic_model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}


def _json(value: Any, status: int = 200) -> Answer:
    return status, "application/json", msgspec.json.encode(value)
