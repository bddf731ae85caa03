"""Everything that is not a model call: health, metrics, the list of models, the API's description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

import headgate
from headgate.access import allows, check_scope
from headgate.errors import MethodNotAllowed, ModelNotFound, NotFound
from headgate.gateway import Gateway
from headgate.routing.status import TargetStatus
from headgate.server.answer import Send
from headgate.telemetry.metrics import Gauge, Level, render
from headgate.types import Identity

Headers = dict[bytes, bytes]
Page = Callable[[Headers, str, str], tuple[int, str, bytes]]
"""Makes status, content type and body from the request's headers, the client's address and the path."""

_CREATED = 1_735_689_600
"""What the list of models gives as creation time of each: SDKs want one, a route has none."""


class Pages:
    """The small pages of one server."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
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
        """
        path: str = scope["path"]
        page = self._pages.get(path)
        if page is None and path.removeprefix("/v1").startswith("/models/"):
            page = self._model
        if page is None:
            raise NotFound(f"There is nothing at {path[:200]}. /openapi.json lists what there is.")
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{path} takes GET, not {scope['method']}.")
        status, content_type, body = page(headers, address, path)
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

    def _home(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        return _json({"name": "headgate", "version": headgate.__version__, "api": "/openapi.json"})

    def _health(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        return _json({"status": "ok"})

    def _ready(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        """Whether it takes calls; vendors that fail are told, and no reason to send calls to another replica."""
        if not self._gateway.ready:
            return _json({"status": "starting or stopping"}, 503)
        if not self._gateway.records_calls:
            return _json({"status": "the journal cannot be written"}, 503)
        targets = self._gateway.targets()
        resting = sum(each.rests_s != 0 for each in targets)
        status = "degraded" if resting else "ready"
        return _json({"status": status, "targets": len(targets), "targets_resting": resting})

    def _metrics(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        self._need(headers, address, "metrics")
        return (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            render(self._gateway.metrics, _gauges(self._gateway.targets()), self._levels()),
        )

    def _levels(self) -> list[Level]:
        """How the records are doing."""
        store, services = self._gateway.store, self._gateway.services
        return [*(store.levels() if store is not None else ()), *services.shadows.levels(), *services.otel.levels()]

    def _targets(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        self._need(headers, address, "metrics")
        return _json({"targets": self._gateway.targets()})

    def _openapi(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        from headgate.server.openapi import document

        self._need(headers, address, "metrics")
        return _json(document())

    def _models(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        models = self._need(headers, address, "call").models
        names = [name for name in self._gateway.model_names() if allows(models, name)]
        if b"anthropic-version" in headers:
            data = [_anthropic_model(name) for name in names]
            ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
            return _json({"data": data, "has_more": False, **ends})
        return _json({"object": "list", "data": [_openai_model(name) for name in names]})

    def _model(self, headers: Headers, address: str, path: str) -> tuple[int, str, bytes]:
        models = self._need(headers, address, "call").models
        name = path.removeprefix("/v1").removeprefix("/models/")
        if not allows(models, name):
            raise ModelNotFound(name)
        self._gateway.resolve(name)
        return _json(_anthropic_model(name) if b"anthropic-version" in headers else _openai_model(name))

    def _need(self, headers: Headers, address: str, scope: str) -> Identity:
        """The caller, if it has the scope; where there is no authentication, loopback is scope enough."""
        identity = self._gateway.authenticator.identify(headers, address)
        if self._gateway.config.server.auth != "none":
            check_scope(identity, scope)
        return identity


def _gauges(targets: Sequence[TargetStatus]) -> list[Gauge]:
    """How targets are doing, for Prometheus. Models that use one with other settings see it in their own way."""
    resting: dict[str, float] = {}
    in_flight: dict[str, float] = {}
    limit: dict[str, float] = {}
    waiting: dict[str, float] = {}
    for each in targets:
        name = each.target
        resting[name] = max(resting.get(name, 0.0), float(each.rests_s != 0))
        in_flight[name] = in_flight.get(name, 0.0) + each.in_flight
        limit[name] = limit.get(name, 0.0) + each.limit
        waiting[name] = waiting.get(name, 0.0) + each.waiting
    return [
        ("headgate_target_resting", "Whether a target is left alone", resting),
        ("headgate_target_in_flight", "Calls under way at a target", in_flight),
        ("headgate_target_limit", "Most calls a target is given at a time", limit),
        ("headgate_target_waiting", "Calls that wait for a place at a target", waiting),
    ]


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "headgate"}


def _anthropic_model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}


def _json(value: Any, status: int = 200) -> tuple[int, str, bytes]:
    return status, "application/json", msgspec.json.encode(value)
