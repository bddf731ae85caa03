"""The admin API for OpenAPI 3.1, made from its table of routes."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from headgate.access.roles import SCOPES
from headgate.administration import (
    alerts,
    auditing,
    contents,
    errors,
    ledger,
    prompt_diffs,
    prompt_suites,
    prompt_tests,
    prompts,
    quality,
    requests,
    shadows,
    traffic,
    views,
)
from headgate.administration.importing import requests as importing
from headgate.administration.requests import Empty
from headgate.alerts import objectives
from headgate.config.json_schema import documentation
from headgate.quality import giving, reading
from headgate.quality.giving import Accepted, Given
from headgate.reports import advice, changes, costs, patterns, review, unusual
from headgate.server.admin import handlers, problems
from headgate.server.admin.asking import File
from headgate.server.admin.problems import ErrorDocument
from headgate.server.admin.routes import ANY_SCOPE, PREFIX, ROUTES, Route
from headgate.shadow import verdict
from headgate.telemetry.capture import reading as captured
from headgate.types import JSON

_REFERENCE = "#/components/schemas/{name}"
DOCUMENTED = (
    requests, views, auditing, ledger, importing, verdict, shadows, traffic, quality, reading, giving, problems,
    contents, captured, handlers, errors, patterns, review, changes, costs, unusual, advice, alerts,
    objectives, prompts, prompt_diffs, prompt_tests, prompt_suites,
)  # fmt: skip
"""Where what answers are made of is documented."""

_PARAM = re.compile(r"\{(\w+)\}")
_NO_FILE = "application/octet-stream"

_PARAMS = {
    "id": "An id, as lists tell it",
    "provider": "The name of a provider in headgate.yaml",
    "team": "The id or name of a team; `*` for the whole organisation",
    "month": "As `2026-11`",
}


@cache
def paths() -> JSON:
    """What there is below `/admin`. Made once, and not to be changed."""
    found: JSON = {}
    for route in ROUTES:
        found.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return found


@cache
def schemas() -> JSON:
    """What requests and answers are made of. Made once, and not to be changed."""
    kinds = [kind for route in ROUTES for kind in (route.body, route.response) if kind not in (None, File)]
    _, components = msgspec.json.schema_components([ErrorDocument, Given, Accepted, *kinds], ref_template=_REFERENCE)
    docs = documentation(DOCUMENTED)
    for name, schema in components.items():
        for field, each in schema.get("properties", {}).items():
            if told := docs.get(name, {}).get(field.rstrip("_")):
                each.setdefault("description", " ".join(told.split()))
    return components


def _operation(route: Route) -> JSON:
    needs = "any key" if route.scope == ANY_SCOPE else f"the scope `{route.scope}`: {SCOPES[route.scope]}"
    operation: JSON = {
        "summary": route.summary,
        "description": f"Needs {needs}.",
        "operationId": route.handler.__name__,
        "tags": [route.path.split("/")[1]],
        "parameters": [*_path(route), *_query(route), *_headers(route)],
        "responses": {
            str(route.status): _answer(route),
            "default": {"description": "An error", "content": _json(_reference(ErrorDocument))},
        },
    }
    if route.body is not None:
        required = any(field.required for field in msgspec.structs.fields(route.body))
        operation["requestBody"] = {"required": required, "content": _json(_reference(route.body))}
    return operation


def _answer(route: Route) -> JSON:
    if route.response is File:
        return {"description": "The file", "content": {_NO_FILE: {"schema": {"type": "string", "format": "binary"}}}}
    return {"description": route.summary, "content": _json(_reference(route.response))}


def _path(route: Route) -> list[JSON]:
    return [
        {"name": name, "in": "path", "required": True, "description": _PARAMS[name], "schema": {"type": "string"}}
        for name in _PARAM.findall(route.path)
    ]


def _query(route: Route) -> list[JSON]:
    found: list[JSON] = [
        {
            "name": "organisation",
            "in": "query",
            "description": "The organisation to act in; needs the scope `organisations.write`",
            "schema": {"type": "string"},
        }
    ]
    if route.query is Empty:
        return found
    _, components = msgspec.json.schema_components([route.query], ref_template=_REFERENCE)
    docs = documentation((requests,)).get(route.query.__name__, {})
    for name, schema in components[route.query.__name__]["properties"].items():
        parameter: JSON = {"name": name, "in": "query", "schema": _without_null(schema)}
        if told := docs.get(name):
            parameter["description"] = " ".join(told.split())
        found.append(parameter)
    return found


def _headers(route: Route) -> list[JSON]:
    if not route.versioned:
        return []
    what = "The version that was seen; a change is refused if there has been another since"
    return [{"name": "If-Match", "in": "header", "description": what, "schema": {"type": "string"}}]


def _without_null(schema: JSON) -> JSON:
    """A parameter that is left out is not null."""
    match schema.get("anyOf"):
        case [single, {"type": "null"}]:
            return single
        case _:
            return schema


def _reference(kind: Any) -> JSON:
    [reference], _ = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    return reference


def _json(schema: JSON) -> JSON:
    return {"application/json": {"schema": schema}}
