"""From Bifrost's `config.json` to `headgate.yaml`, and to records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from headgate.importing import machine
from headgate.importing.bifrost import notes
from headgate.importing.bifrost.governance import SOURCE, Governance
from headgate.importing.bifrost.models import Models
from headgate.importing.bifrost.prices import Prices
from headgate.importing.bifrost.providers import Entry, Providers
from headgate.importing.bifrost.reading import REFERENCE
from headgate.importing.converted import Converted, Tree, referred
from headgate.importing.models import tell, tell_fallbacks, tell_retries
from headgate.importing.records import Records
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section

PORT = 8080
"""Where Bifrost listens unless told otherwise."""


class ConvertedBifrost(Converted, frozen=True, kw_only=True):
    """What a `config.json` comes to."""

    records: Records | None
    """What its governance comes to; None where there is none."""


def convert(tree: Tree, report: Report, environ: Mapping[str, str], now: datetime) -> ConvertedBifrost:
    """What a configuration comes to, and into `report` what becomes of each of its members.

    `environ` has the virtual keys that config.json refers to.
    """
    top = Section(tree, "", "configuration", report)
    older = top.take("version") == 1
    references = References(report, REFERENCE, "config.json", tree)
    client = top.section("client", "settings")
    server, drop = _client(client, report)
    entries = _entries(top, Providers(report, references, older), report)
    block = top.section("governance", "governance")
    governance = Governance(block, entries, environ, now, older)
    models = Models(report, entries, drop=drop)
    models.build(governance.shares(), block.sections("routing_rules", "models"))
    tell(models.tree, report)
    tell_fallbacks(models.tree, report)
    tell_retries(models.tree, report, "Bifrost", as_there=False)
    records = governance.records(models.providers)
    prices = Prices(entries, report).read(block)
    _sign_in(top, block, report)
    _plugins(top, report)
    block.close(notes.GOVERNANCE)
    top.close(notes.TOP)
    _headers(report, records)
    made: Tree = {"server": server}
    if models.unbounded:
        made["limits"] = {"unknown_price": "allow"}
    made |= {"providers": models.places.tree, "models": models.tree}
    if prices:
        made["prices"] = prices
    return ConvertedBifrost(source=SOURCE, tree=made, variables=referred(references.names, made), records=records)


def _entries(top: Section, providers: Providers, report: Report) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for name, value in top.mapping("providers").items():
        entry = providers.read(name, Section(value, f"providers.{name}", "models", report))
        if entry is not None:
            found[name] = entry
    return found


# ── settings ──


def _client(client: Section, report: Report) -> tuple[Tree, bool]:
    """The `server` block, and whether parameters that a target cannot take are dropped."""
    server: Tree = {"host": "127.0.0.1", "port": PORT, "auth": "keys"}
    machine.address(report, PORT, "that is where Bifrost listens")
    size = client.count("max_request_body_size_mb")
    if size:
        server["max_body_mb"] = min(1024, max(1, size))
        server["max_inflight_mb"] = max(512, server["max_body_mb"])
        report.carries("server", client.at("max_request_body_size_mb"), "is server.max_body_mb")
    enforced = [client.take(name) for name in ("enforce_auth_on_inference", "enforce_governance_header")]
    if True not in enforced:
        report.changes(
            "keys", client.at("enforce_auth_on_inference"), "is on: calls need a key",
            why="Bifrost takes calls without a virtual key unless told otherwise; nobody could say whose those are",
            do="'headgate keys create' for clients that have none; on loopback server.auth: none would do",
        )  # fmt: skip
    compat = client.section("compat", "settings")
    drop = compat.take("should_drop_params") is True
    if drop:
        report.carries("models", compat.at("should_drop_params"), "is drop_unsupported of every model")
    compat.close(notes.COMPAT)
    client.close(notes.CLIENT)
    return server, drop


def _headers(report: Report, records: Records | None) -> None:
    report.changes(
        "server", "paths", "are /v1/… for OpenAI's and Anthropic's dialects",
        why="there is one door for both: no /openai, /anthropic, /genai, /bedrock, /litellm or /langchain before it",
        do="point OpenAI's SDKs at http://host:port/v1, Anthropic's at http://host:port",
    )  # fmt: skip
    report.cannot(
        "server", "x-bf-… headers, and fallbacks in bodies", "are not read",
        why="routes, keys and fallbacks are the operator's to say", do="have clients ask for the model that does it",
    )  # fmt: skip
    if records is not None and records.whole.keys:
        report.changes(
            "keys", "virtual keys", "come as 'Authorization: Bearer', 'x-api-key' or 'x-headgate-key'",
            why="x-bf-vk, x-goog-api-key and api-key are not read",
            do="have clients that send x-bf-vk send the key as their SDK's api_key; or a proxy in front copies it",
        )  # fmt: skip


def _sign_in(top: Section, block: Section, report: Report) -> None:
    for section in (block.section("auth_config", "keys"), top.section("auth_config", "keys")):
        if section:
            for name in ("admin_username", "admin_password", "is_enabled", "disable_auth_on_inference"):
                section.take(name)
            section.close()
            report.changes(
                "keys", section.place, "is the environment variable HEADGATE_ADMIN_KEY",
                why="administration takes a key, not a name and a password",
                do="let the first start print one, or set it; for people see access.sign_in: docs/access.md",
            )  # fmt: skip


def _plugins(top: Section, report: Report) -> None:
    for plugin in top.sections("plugins", "plug-ins"):
        name = str(plugin.take("name", ""))
        shown = f"plugins: {name}" if name.replace("_", "").replace("-", "").isalnum() else plugin.place
        config = plugin.take("config")
        for member in ("path", "version", "placement", "order", "source", "type"):
            plugin.take(member)
        enabled = plugin.take("enabled") is not False
        plugin.close()
        if not enabled:
            report.carries("plug-ins", shown, "is left out: it is not enabled")
        elif name == "governance":
            _governance(Section(config, f"{plugin.place}.config", "plug-ins", report), shown)
        else:
            notes.PLUGINS.get(name, notes.PLUGIN).tell(report, "plug-ins", shown)


def _governance(config: Section, shown: str) -> None:
    config.take("is_vk_mandatory")
    config.take("is_enterprise")
    config.report.carries("plug-ins", shown, "keys, limits and budgets are always kept to")
    config.close({"required_headers": notes.CLIENT["required_headers"]})
