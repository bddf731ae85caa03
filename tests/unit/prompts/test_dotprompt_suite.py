"""Dotprompt's own conformance suite, as far as its files are at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from headgate.prompts.dotprompt import load_sources
from recordings import DATA

FOLDER = DATA / "dotprompt_spec"


def cases() -> Iterator[Any]:
    for file in sorted(FOLDER.rglob("*.yaml")):
        for suite in yaml.safe_load(file.read_text("utf-8")):
            for test in suite["tests"]:
                yield pytest.param(suite, test, id=f"{file.stem}-{suite['name']}-{test.get('desc')}")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="Dotprompt's suite is absent: set HEADGATE_DATA")
@pytest.mark.parametrize(("suite", "test"), list(cases()) or [({}, {})])
def test_what_the_suite_expects_comes_out(suite: dict[str, Any], test: dict[str, Any]):
    sources = {"suite.prompt": suite["template"]}
    for name, text in {**suite.get("partials", {}), **suite.get("resolverPartials", {})}.items():
        sources[f"_{name}.prompt"] = text
    for name, schema in {**suite.get("schemas", {}), **suite.get("resolverSchemas", {})}.items():
        sources[f"{name}.schema.json"] = json.dumps(schema)
    prompt = load_sources(sources).get("suite").with_options(test.get("options") or {})
    one, other = suite.get("data") or {}, test.get("data") or {}
    rendered = prompt.render(
        one.get("input") or other.get("input") or {},
        context={**(one.get("context") or {}), **(other.get("context") or {})},
        messages=[*(one.get("messages") or []), *(other.get("messages") or [])],
        docs=[*(one.get("docs") or []), *(other.get("docs") or [])],
    )
    found = {**rendered.plain(), "ext": prompt.ext, "raw": prompt.raw}
    assert {name: found[name] for name in test["expect"]} == test["expect"]
