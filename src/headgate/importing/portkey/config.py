"""From Portkey's configs to `headgate.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.importing import machine
from headgate.importing.converted import Converted, Tree, referred
from headgate.importing.models import tell, tell_fallbacks, tell_retries
from headgate.importing.portkey import notes
from headgate.importing.portkey.models import Models
from headgate.importing.portkey.plans import Plan
from headgate.importing.portkey.providers import Integration, Providers
from headgate.importing.portkey.reading import File
from headgate.importing.portkey.strategies import Branches, Strategies
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section

SOURCE = "portkey"

PORT = 8787
"""Where the open-source gateway listens unless told otherwise."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}|\{\{\s*([^{}]*?)\s*\}\}")
"""Portkey knows no references to the environment; this is how people write what something else fills in."""

_NAME = re.compile(r"[^\s*]+")


def convert(
    files: Sequence[File],
    report: Report,
    models: Sequence[str] = (),
    vendors: Mapping[str, str] | None = None,
) -> Converted:
    """What configs come to, and into `report` what becomes of each of their members.

    `models` are the names that clients ask for; without any, every name is taken. `vendors` say by slug what Portkey
    alone knows.
    """
    references = References(report, _REFERENCE, "the config", [file.tree for file in files])
    configs = [file for file in files if not file.settings]
    many = len(configs) > 1
    integrations: dict[str, Integration] = {}
    for file in files:
        if file.settings:
            _settings(Section(file.tree, "conf.json" if configs else "", "settings", report), integrations)
    providers = Providers(report, references, vendors or {}, integrations)
    strategies = Strategies(report, providers)
    made = Models(report, models)
    _server(report)
    read: list[tuple[Branches, str]] = []
    for file in configs:
        name = file.name if many else ""
        read.append((strategies.branches(Section(file.tree, name, "models", report)), name))
    for slug in integrations:
        providers.slug(slug)
    for slug, leaf in providers.slugs.items():
        made.places.add(leaf.settings, slug)  # before others of its name, which set something in bodies
    for branches, name in read:
        made.publish(branches, name)
    for slug, leaf in providers.slugs.items():
        made.add(f"@{slug}/*", Plan(first=[leaf]))
    tell(made.tree, report)
    tell_fallbacks(made.tree, report)
    tell_retries(made.tree, report, "Portkey", as_there=False)
    tree: Tree = {"server": {"host": "127.0.0.1", "port": PORT, "auth": "keys"}}
    if made.unbounded:
        tree["limits"] = {"unknown_price": "allow"}
    tree |= {"providers": made.places.tree, "models": made.tree}
    return Converted(source=SOURCE, tree=tree, variables=referred(references.names, tree))


def _settings(section: Section, integrations: dict[str, Integration]) -> None:
    """The open-source gateway's conf.json: what is behind slugs."""
    report = section.report
    for each in section.sections("integrations", "models"):
        slug, vendor = each.take("slug"), each.take("provider")
        credentials = each.section("credentials")
        key: Any = credentials.take("apiKey", credentials.take("api_key"))
        credentials.close()
        if isinstance(slug, str) and isinstance(vendor, str) and _NAME.fullmatch(slug) and "/" not in slug:
            integrations[slug] = Integration(vendor, key, each.place)
        else:
            report.cannot("models", each.place, "is left out", why="it has no slug and provider", do="give it both")
        for limit in each.sections("rate_limits", "limits"):
            report.cannot(
                "limits", limit.place, "is left out", why="limits are of who calls, or of one target a minute",
                do="set rpm and tpm of the targets, or 'headgate limits set model:… requests=3/hour'",
            )  # fmt: skip
        for model in each.sections("models", "models"):
            active = model.take("status", "active") == "active"
            report.changes(
                "models", model.at("slug"), f"may{'' if active else ' still'} be asked for, as may the slug's others",
                why="a slug is a pattern here, and passes every model on", do="name the models of keys",
            )  # fmt: skip
            if model.take("pricing_config") is not None:
                report.cannot(
                    "prices", model.at("pricing_config"), "is left out", why="prices are written otherwise",
                    do="write them under prices: docs/prices.md",
                )  # fmt: skip
            model.take("slug")
            model.close()
        each.take("name")
        each.close()
    section.close(notes.SETTINGS)


def _server(report: Report) -> None:
    machine.address(report, PORT, "that is where Portkey's gateway listens")
    report.changes(
        "server", "x-portkey-… headers", "are not read, and not sent",
        why="which route a call takes is said by its model; answers tell of themselves in x-headgate-… headers",
        do="have clients send x-headgate-tags in place of x-portkey-metadata; the others can go",
    )  # fmt: skip
    report.cannot(
        "keys", "Portkey's API keys, workspaces, users, budgets and limits", "are not carried",
        why="they are at Portkey, and in no config",
        do="make keys with 'headgate keys create', and give them to clients in place of x-portkey-api-key",
    )  # fmt: skip
