"""Whether answers are what was asked for."""

from __future__ import annotations

from headgate.production.facts import Facts, Flaw, Flaws, models


def json_unchecked(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if not model.validate.json:
            yield Flaw(path=(*at, "validate", "json"), what="JSON is passed on unread", write="json: true")


def tools_unchecked(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if not model.validate.tools:
            yield Flaw(path=(*at, "validate", "tools"), what="tool calls are passed on unread", write="tools: true")


def streams_unchecked(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if model.validate.stream == "pass":
            yield Flaw(path=(*at, "validate", "stream"), what="streams are passed on unread", write="stream: check")
