"""What a schema cannot say: how the parts of a configuration have to fit together.

Works on trees with other mistakes in them, and passes over what is not of the right type: that is told already.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from math import inf
from typing import Any, TypeVar, get_args
from urllib.parse import urlsplit

from headgate.access.problems import problems as access_problems
from headgate.alerts.problems import alert_problems
from headgate.catalog import Catalog
from headgate.catalog.retirements import NEVER, is_day
from headgate.config.problem import Path, Problem
from headgate.config.source import Source
from headgate.registry import suggest
from headgate.routing.config import Cause
from headgate.routing.validation.validators import VALIDATORS
from headgate.telemetry.config import RollupsConfig
from headgate.types import JSON

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_PROVIDER = re.compile(r"[^/*\s]+")

T = TypeVar("T")


def check(source: Source) -> Iterator[Problem]:
    """The problems of a whole configuration."""
    tree = source.tree
    if not isinstance(tree, dict):
        return
    yield from _server(source, member(tree, "server", dict))
    yield from _storage(member(tree, "storage", dict), member(tree, "server", dict).get("workers"))
    for path, what in access_problems(member(tree, "access", dict), source.show):
        yield Problem(path, what)
    yield from _rollups(member(member(tree, "telemetry", dict), "rollups", dict))
    yield from _capture(tree)
    yield from _otel(member(member(tree, "telemetry", dict), "otel", dict))
    for path, what in alert_problems(member(tree, "alerts", dict)):
        yield Problem(("alerts", *path), what)
    for name, provider in member(tree, "providers", dict).items():
        yield from _provider(source, name, provider)
    yield from _models(source, tree)
    for index, stage in enumerate(member(tree, "stages", list)):
        yield from _stage(("stages", index), stage)
    for name in member(tree, "prices", dict):
        if "*" in name[:-1]:
            yield Problem(
                ("prices", name), "has a '*' that is not at the end; write a name, or the beginning of one and '*'"
            )
    for name, day in member(tree, "retirements", dict).items():
        if "*" in name[:-1]:
            yield Problem(
                ("retirements", name), "has a '*' that is not at the end; write a name, or the beginning of one and '*'"
            )
        if isinstance(day, str) and day != NEVER and not is_day(day):
            yield Problem(("retirements", name), "is no day; write one as 2027-01-31, or never")


def loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# ── server and storage ──


def _server(source: Source, server: JSON) -> Iterator[Problem]:
    at: Path = ("server",)
    host = server.get("host", "127.0.0.1")
    if server.get("auth") == "none" and isinstance(host, str) and not loopback(host):
        shown = source.show((*at, "host"), host)
        what = f"cannot be 'none' where others can reach the server ({shown}); write keys, or host: 127.0.0.1"
        yield Problem((*at, "auth"), what)
    for index, each in enumerate(member(server, "trusted_proxies", list)):
        if isinstance(each, str) and not _is_network(each):
            path = (*at, "trusted_proxies", index)
            yield Problem(path, f"is no address or network: {source.show(path, each)}; write 10.0.0.1 or 10.0.0.0/8")
    for index, each in enumerate(member(server, "hosts", list)):
        if isinstance(each, str) and not _HOST.fullmatch(each):
            path = (*at, "hosts", index)
            what = f"is no host name: {source.show(path, each)}; write gate.example.com, without scheme, port or path"
            yield Problem(path, what)
    body, inflight = server.get("max_body_mb", 64), server.get("max_inflight_mb", 512)
    if isinstance(body, int) and isinstance(inflight, int) and inflight < body:
        path = (*at, "max_inflight_mb" if "max_inflight_mb" in server else "max_body_mb")
        yield Problem(
            path, f"leaves no room for one body of max_body_mb ({body}); make max_inflight_mb at least {body}"
        )


def _storage(storage: JSON, workers: Any) -> Iterator[Problem]:
    """One worker has SQLite and memory, several have PostgreSQL and Redis; anything else would count wrong."""
    database, shared = storage.get("database"), storage.get("shared", "memory")
    if not isinstance(database, str | None) or not isinstance(shared, str):
        return
    scheme = (database or "sqlite:").partition(":")[0]
    if scheme == "sqlite" and database is not None and not re.match(r"sqlite:///.", database):
        yield Problem(("storage", "database"), "names no file; write sqlite:///headgate.db, or sqlite:////with/a/path")
    elif scheme not in {"sqlite", "postgresql", "postgres"}:
        yield Problem(("storage", "database"), "is no database known here; write sqlite:///… or postgresql://…")
    if shared != "memory" and not re.match(r"rediss?://.", shared):
        yield Problem(("storage", "shared"), "is no store known here; write memory or redis://host:6379")
    elif scheme == "sqlite" and shared != "memory":
        yield Problem(("storage", "shared"), "goes with PostgreSQL; write memory, or database: postgresql://…")
    elif scheme in {"postgresql", "postgres"} and shared == "memory":
        what = "would count in each process for itself; with PostgreSQL write redis://host:6379"
        yield Problem(("storage", "shared"), what)
    if isinstance(workers, int) and workers > 1 and scheme == "sqlite":
        what = "need storage they can share; write 1, or storage: {database: postgresql://…, shared: redis://…}"
        yield Problem(("server", "workers"), what)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


# ── telemetry ──


def _rollups(rollups: JSON) -> Iterator[Problem]:
    """Sums by longer steps are what is read of a time of which shorter ones are gone."""
    usual = RollupsConfig()
    for shorter, longer in pairwise(("minutes_days", "hours_days", "days_days")):
        days, more = (rollups.get(name, getattr(usual, name)) for name in (shorter, longer))
        if isinstance(days, int) and isinstance(more, int) and days > more:
            path = ("telemetry", "rollups", longer if longer in rollups else shorter)
            what = f"makes {shorter} ({days}) more than {longer} ({more}); make {longer} at least {days}"
            yield Problem(path, what)


def _otel(otel: JSON) -> Iterator[Problem]:
    at: Path = ("telemetry", "otel")
    endpoint, is_grpc = otel.get("endpoint"), otel.get("protocol") == "grpc"
    if isinstance(endpoint, str):
        signal = re.search(r"/v1/(traces|metrics)/?$", endpoint)
        if "@" in endpoint or not _is_url(endpoint):
            yield Problem((*at, "endpoint"), "is no address; write http://host:4318 or https://host, and a credential "
                          "under headers")  # fmt: skip
        elif signal and not is_grpc:
            yield Problem((*at, "endpoint"), f"ends in {signal[0]}, which is added here; write what stands before it")
    if otel.get("client_key") and not otel.get("client_cert"):
        yield Problem((*at, "client_key"), "needs client_cert beside it")
    if is_grpc and find_spec("grpc") is None:
        what = "needs what is not installed here; pip install 'headgate[otel]', or write http/protobuf"
        yield Problem((*at, "protocol"), what)


def _capture(tree: JSON) -> Iterator[Problem]:
    """Rules about models nobody can ask for keep nothing, and who wrote them believes that they do."""
    capture = member(member(tree, "telemetry", dict), "capture", dict)
    names = member(tree, "models", dict)
    if member(tree, "server", dict).get("direct_targets") is True:
        return
    for index, rule in enumerate(member(capture, "rules", list)):
        for place, asked in enumerate(member(rule, "models", list)):
            if isinstance(asked, str) and names and not any(_meet(asked, name) for name in names):
                path: Path = ("telemetry", "capture", "rules", index, "models", place)
                yield Problem(path, f"names no model that can be asked for{suggest(asked, names)}")


def _meet(asked: str, name: str) -> bool:
    """Whether two names, each of which may end in `*`, stand for one that is the same."""
    if asked.endswith("*") and name.endswith("*"):
        return asked.startswith(name[:-1]) or name.startswith(asked[:-1])
    if asked.endswith("*"):
        return name.startswith(asked[:-1])
    return asked.startswith(name[:-1]) if name.endswith("*") else asked == name


# ── providers ──


def _provider(source: Source, name: str, provider: Any) -> Iterator[Problem]:
    from headgate.providers.row import ROWS  # brings the dialects, which importing the library should not cost

    at: Path = ("providers", name)
    if not _PROVIDER.fullmatch(name):
        yield Problem(
            at, "cannot be a name: targets are written provider/model-id; take one without '/', '*' and blanks"
        )
    if not isinstance(provider, dict):
        return
    kind = provider.get("kind")
    if isinstance(kind, str) and ":" not in kind and kind not in ROWS:
        yield Problem((*at, "kind"), f"is no kind of provider: {source.show((*at, 'kind'), kind)}{suggest(kind, ROWS)}")
    for key in ("base_url", "proxy"):
        value = provider.get(key)
        if isinstance(value, str) and not _is_url(value):
            yield Problem((*at, key), "is no address; write http://host:port or https://host/path")
    if provider.get("client_key") and not provider.get("client_cert"):
        yield Problem((*at, "client_key"), "needs client_cert beside it")
    if provider.get("script") and kind != "simulator":
        yield Problem((*at, "script"), "is for the simulator only; take it out, or write 'kind: simulator'")
    for index, model in enumerate(member(provider, "models", dict)):
        if not model:
            yield Problem((*at, "models"), f"has an empty name at place {index + 1}; write a deployment's name")


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return False


# ── models ──


def _models(source: Source, tree: JSON) -> Iterator[Problem]:
    models = member(tree, "models", dict)
    if not models and not member(tree, "server", dict).get("direct_targets"):
        if isinstance(tree.get("models", {}), dict):
            yield Problem(
                ("models",), "has no model, so nothing could be called; write 'chat: {targets: [provider/model-id]}'"
            )
        return
    for name, model in models.items():
        at: Path = ("models", name)
        if not name or "*" in name[:-1]:
            yield Problem(at, "cannot be a name: a '*' stands at the end only; write a name, or its beginning and '*'")
        if isinstance(model, dict) and model.get("prompt") is None and model.get("targets", []) == []:
            bare = "targets" in model
            what = "is an empty list; write at least one" if bare else "lacks 'targets'; write 'targets: …'"
            yield Problem((*at, "targets") if bare else at, what)
        seen: set[str] = set()
        for index, target in enumerate(member(model, "targets", list)):
            if isinstance(target, dict):
                yield from _target(source, tree, name, (*at, "targets", index), target, seen)
        if isinstance(model, dict):
            yield from _times(source, at, model)
            yield from _shadow(source, tree, name, (*at, "shadow"), member(model, "shadow", dict))
            yield from _judges(source, tree, name, (*at, "evaluate", "judges"), model)
            rules = member(member(model, "retry", dict), "rules", dict)
            yield from unknown((*at, "retry", "rules"), rules, get_args(Cause))


def _times(source: Source, at: Path, model: JSON) -> Iterator[Problem]:
    """Waits that could never be over in time."""
    timeout, hedge, retry = (member(model, name, dict) for name in ("timeout", "hedge", "retry"))
    after_s = _number(hedge.get("after_s"), 0)
    for limit, default in (("total_s", 600.0), ("first_token_s", 120.0), ("attempt_s", inf)):
        limit_s = _number(timeout.get(limit), default)
        if after_s >= limit_s:
            what = f"is not before what it is to be beside is over, at timeout.{limit} ({limit_s:g}); make it shorter"
            yield Problem((*at, "hedge", "after_s"), what)
            break
    validate = member(model, "validate", dict)
    for index, name in enumerate(member(validate, "validators", list)):
        if isinstance(name, str) and ":" not in name and name not in VALIDATORS:
            path = (*at, "validate", "validators", index)
            yield Problem(path, f"is no validator: {source.show(path, name)}{suggest(name, VALIDATORS)}")
    base_s, max_s = _number(retry.get("base_s"), 0.25), _number(retry.get("max_s"), 8)
    if base_s > max_s:
        path = (*at, "retry", "base_s" if "base_s" in retry else "max_s")
        yield Problem(path, f"lets the wait begin at {base_s:g} s and grow to {max_s:g} s; make max_s the longer one")


def _shadow(source: Source, tree: JSON, model: str, at: Path, shadow: JSON) -> Iterator[Problem]:
    to = shadow.get("to")
    if isinstance(to, str):
        if to not in member(tree, "models", dict):
            yield from reference(source, tree, model, (*at, "to"), to)
        elif to.endswith("*"):
            yield Problem((*at, "to"), "is a pattern, and calls go to one model; write a name or provider/model-id")


def _judges(source: Source, tree: JSON, model: str, at: Path, block: JSON) -> Iterator[Problem]:
    for name, judge in member(member(block, "evaluate", dict), "judges", dict).items():
        to = judge.get("model") if isinstance(judge, dict) else None
        if isinstance(to, str):
            path = (*at, name, "model")
            if to not in member(tree, "models", dict):
                yield from reference(source, tree, model, path, to)
            if "*" in to:
                yield Problem(path, "is a pattern, and a judge is one model; write a name or provider/model-id")


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _target(source: Source, tree: JSON, model: str, at: Path, target: JSON, seen: set[str]) -> Iterator[Problem]:
    path = (*at, "target")
    text = target.get("target")
    if isinstance(text, str):
        if text in seen:
            yield Problem(path, "is there twice; keep one, with a weight")
        seen.add(text)
        yield from reference(source, tree, model, path, text)
        if text not in (target.get("price_like"), target.get("base_model")):
            yield from _priced_as_target(tree, text, path)
    like = target.get("price_like")
    if isinstance(like, str):
        yield from _price_like(source, tree, (*at, "price_like"), like)


def reference(source: Source, tree: JSON, model: str, path: Path, text: str) -> Iterator[Problem]:
    """The problems of a target as `provider/model-id`, in the model of that name."""
    provider, slash, rest = text.partition("/")
    shown = source.show(path, text)
    providers = member(tree, "providers", dict)
    if not slash or not provider or not rest:
        hint = "a model cannot stand for a target; " if text in member(tree, "models", dict) else ""
        yield Problem(path, f"is no target: {shown}; {hint}write provider/model-id")
    elif provider not in providers:
        known = suggest(provider, providers) if providers else "; write it under 'providers'"
        yield Problem(path, f"names the provider {source.show(path, provider)}, which is not there{known}")
    if text.count("*") > 1:
        yield Problem(path, "has more than one '*'; write one, which stands for what the model's '*' stood for")
    elif "*" in text and not model.endswith("*"):
        yield Problem(path, f"has a '*', but the model {model!r} has none it could stand for; write a model id")


def _price_like(source: Source, tree: JSON, path: Path, like: str) -> Iterator[Problem]:
    names = [name.lower() for name in member(tree, "prices", dict)]
    if any(like.lower() == name or (name.endswith("*") and like.lower().startswith(name[:-1])) for name in names):
        return
    if Catalog().price(None, like) is None:
        what = f"has no known price: {source.show(path, like)}; write vendor/model, or a name under 'prices'"
        yield Problem(path, what)


def _priced_as_target(tree: JSON, target: str, path: Path) -> Iterator[Problem]:
    """A price under a target's own name is none: prices don't go by provider."""
    provider, _, model = target.partition("/")
    if target in member(tree, "prices", dict) and provider not in Catalog().listed.vendors:
        yield Problem(
            path, f"has its price under 'prices' by its provider, which nobody looks for; write {model} there"
        )


# ── stages ──


def _stage(at: Path, stage: Any) -> Iterator[Problem]:
    if isinstance(stage, dict) and (stage.get("before") is None) == (stage.get("after") is None):
        yield Problem(at, "needs a place; write one of before and after, with the name of a stage")


def unknown(at: Path, members: JSON, known: Sequence[str]) -> Iterator[Problem]:
    """The members of a mapping that have none of the names there are."""
    for name in members:
        if name not in known:
            yield Problem((*at, name), f"is not a setting here{suggest(name, known)}")


def member(tree: Any, name: str, kind: type[T]) -> T:
    """A member if it is of that type, else an empty one: what is wrong with it is told already."""
    value = tree.get(name) if isinstance(tree, dict) else None
    return value if isinstance(value, kind) else kind()
