"""The description of the admin API: whole, and valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from administered import Administered
from headgate.server.admin.asking import File
from headgate.server.admin.routes import ANY_SCOPE, PREFIX, ROUTES, Route
from headgate.server.openapi import document

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [value["$ref"]] if "$ref" in value else []
        return found + [each for inner in value.values() for each in references(inner)]
    return [each for inner in value for each in references(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_one(name: str):
    jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[name]})


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        assert reference.removeprefix("#/components/schemas/") in SCHEMAS


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described(route: Route):
    operation = DOCUMENT["paths"][PREFIX + route.path][route.method.lower()]
    assert operation["summary"]
    assert route.scope in operation["description"] or "any key" in operation["description"]
    assert str(route.status) in operation["responses"]
    assert ("requestBody" in operation) is (route.body is not None)
    parameters = {(each["in"], each["name"]) for each in operation["parameters"]}
    assert {name for place, name in parameters if place == "path"} == set(re.findall(r"\{(\w+)\}", route.path))
    assert (("header", "If-Match") in parameters) is route.versioned


def test_operations_have_names_of_their_own():
    names = [operation.get("operationId") for path in DOCUMENT["paths"].values() for operation in path.values()]
    named = [name for name in names if name is not None]
    assert len(set(named)) == len(named)


def test_what_one_has_to_know_of_a_field_is_told():
    assert "IANA" in SCHEMAS["NewTeam"]["properties"]["timezone"]["description"]
    assert SCHEMAS["NewKey"]["properties"]["limits"]["items"] == {"$ref": "#/components/schemas/LimitBody"}


async def test_answers_are_what_the_description_says():
    async with Administered() as administered:
        team = await administered.made("/admin/teams", {"name": "Research"})
        project = await administered.made("/admin/projects", {"name": "Apollo", "team": team["id"]})
        await administered.made("/admin/users", {"name": "Ada", "email": "ada@example.com", "roles": ["developer"]})
        key = await administered.key(
            project=project["id"],
            budget_usd="1.5",
            limits=[{"per": "hour", "tokens": 10, "cost_usd": 1}],
            expires_at="2030-01-01T00:00:00Z",
        )
        path = f"/admin/teams/{team['id']}/provider-keys/paid"
        await administered.ask("PUT", path, {"credential": "sk-a-long-enough-credential"})
        ids = {"/teams/{id}": team["id"], "/projects/{id}": project["id"], "/keys/{id}": key["id"]}
        looked_at = 0
        for route in ROUTES:
            beginning = next((each for each in ids if route.path.startswith(each)), None)
            asks = any(field.required for field in msgspec.structs.fields(route.query))
            if route.method != "GET" or asks or route.response is File or ("{" in route.path and beginning is None):
                continue
            told = await administered.ask("GET", PREFIX + route.path.replace("{id}", ids.get(beginning or "", "")))
            if "{" in route.path.replace("{id}", ""):
                continue
            assert told.status == 200, (route.path, told.body)
            operation = DOCUMENT["paths"][PREFIX + route.path]["get"]
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            validator = jsonschema_rs.validator_for({**schema, "components": {"schemas": SCHEMAS}})
            validator.validate(told.json)
            looked_at += 1
        assert looked_at > 10


async def test_an_error_is_what_the_description_says():
    async with Administered() as administered:
        told = await administered.ask("POST", "/admin/keys", {"name": "", "limits": [{}]})
        schema = {"$ref": "#/components/schemas/ErrorDocument", "components": {"schemas": SCHEMAS}}
        jsonschema_rs.validator_for(schema).validate(told.json)
        assert told.status == 422


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_documentation(route: Route):
    scope = "any key" if route.scope == ANY_SCOPE else f"`{route.scope}`"
    line = f"| `{route.method} {PREFIX}{route.path}` | {scope} | {route.summary} |"
    assert line in (Path(__file__).parents[2] / "docs" / "administration.md").read_text("utf-8").splitlines()
