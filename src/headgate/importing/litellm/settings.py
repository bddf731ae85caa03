"""`litellm_settings`, `general_settings` and the like, as far as they are not about models and routes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from headgate.administration import values
from headgate.importing import machine
from headgate.importing.litellm import notes
from headgate.importing.notes import GUARDRAIL, LOGGING, PROMETHEUS
from headgate.importing.report import Report
from headgate.importing.section import Section

Tree = dict[str, Any]

_NAME = re.compile(r"[\w .-]{1,80}")

PORT = 4000
"""Where LiteLLM's proxy listens unless told otherwise."""


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """What `litellm_settings` say about budgets."""

    timezone: str = "UTC"
    """Where budgets' days and months begin."""
    max_budget: Decimal | None = None
    """Dollars for all together, and for how long."""
    budget_duration: str | None = None
    customer_budget: Decimal | None = None
    """Dollars for each end user."""
    customer_budget_id: str | None = None
    """The row with the budget of each end user that has none of its own."""
    user_budget_on_team_keys: bool = False
    """Whether a person's budget counts what the person's team keys spend."""


def read_litellm(section: Section, report: Report) -> Defaults:
    for name in ("callbacks", "success_callback", "failure_callback", "service_callback", "audit_log_callbacks"):
        for callback in section.values(name):
            note = PROMETHEUS if callback == "prometheus" else LOGGING
            note.tell(report, "callbacks", f"{section.at(name)}: {_shown(callback)}")
    for guardrail in section.values("guardrails"):
        GUARDRAIL.tell(report, "guardrails", f"{section.at('guardrails')}: {_shown(guardrail)}")
    defaults = _defaults(section, report)
    section.close(notes.LITELLM)
    return defaults


def _shown(value: Any) -> str:
    """What something is called, and nothing of what is in it."""
    name = next(iter(value), "?") if isinstance(value, dict) else value
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "?"


def _defaults(section: Section, report: Report) -> Defaults:
    defaults = Defaults(
        timezone=_timezone(section, report),
        max_budget=_dollars(section, "max_budget") or None,  # 0 is none at LiteLLM
        budget_duration=_text(section, "budget_duration"),
        customer_budget=_dollars(section, "max_end_user_budget"),
        customer_budget_id=_text(section, "max_end_user_budget_id"),
    )
    for name, subject, found in (
        ("max_budget", "organisation:*", defaults.max_budget),
        ("max_end_user_budget", "customer:*", defaults.customer_budget),
        ("max_end_user_budget_id", "customer:*", defaults.customer_budget_id),
    ):
        if found is not None:
            report.changes(
                "budgets",
                section.at(name),
                f"is a budget of {subject}, made with the rows of --database",
                why="budgets are what people administer, and in no file",
                do=f"without --database: 'headgate budgets set {subject} …'",
            )
    return defaults


def _dollars(section: Section, name: str) -> Decimal | None:
    amount = section.number(name)
    return None if amount is None else Decimal(str(amount))


def _text(section: Section, name: str) -> str | None:
    value = section.take(name)
    return None if value is None else str(value)


def _timezone(section: Section, report: Report) -> str:
    """Where budgets' days begin. LiteLLM takes UTC where there is no such time zone."""
    named = _text(section, "timezone")
    if named is None:
        return "UTC"
    try:
        found = values.timezone(named)
    except ValueError:
        report.changes("budgets", section.at("timezone"), "is UTC", why="there is no such time zone")
        return "UTC"
    report.carries("budgets", section.at("timezone"), f"budgets' periods begin by {found}")
    return found


def read_general(section: Section, report: Report) -> tuple[Tree, bool]:
    """The `server` block, and whether a person's budget counts what team keys spend."""
    server: Tree = {"host": "127.0.0.1", "port": PORT, "auth": "keys"}
    machine.address(report, PORT, "LiteLLM's command line says where it listens")
    report.changes(
        "server",
        "x-litellm-… response headers",
        "are not sent",
        why="answers tell of themselves in x-headgate-… headers",
        do="set server.litellm_headers: true if clients read them",
    )
    if section.take("master_key") is not None:
        report.changes(
            "keys",
            section.at("master_key"),
            "is the environment variable HEADGATE_ADMIN_KEY",
            why="the key that may do everything stands in no file",
            do="set HEADGATE_ADMIN_KEY to it: clients that use it go on",
        )
    if section.take("database_url") is not None:
        report.changes(
            "storage",
            section.at("database_url"),
            "stays LiteLLM's own",
            why="the tables are others; records are in headgate.db beside the file unless told otherwise",
            do="name it with --database to carry its rows over; for several workers set storage.database and .shared",
        )
    size = section.count("max_request_size_mb")
    if size:
        server["max_body_mb"] = min(1024, max(1, size))
        server["max_inflight_mb"] = max(512, server["max_body_mb"])
        report.carries("server", section.at("max_request_size_mb"), "is server.max_body_mb")
    most = section.positive("global_max_parallel_requests")
    if most:
        server["max_concurrent"] = max(1, min(int(most), 1_000_000))
        report.changes(
            "server", section.at("global_max_parallel_requests"), "is server.max_concurrent", why="per process"
        )
    if section.count("max_parallel_requests"):
        report.changes(
            "server",
            section.at("max_parallel_requests"),
            "is left out",
            why="calls under way are a limit of a subject here",
            do="headgate limits set key:* concurrent=…",
        )
    personal = section.take("apply_user_budget_to_team_keys") is True
    for each in section.sections("pass_through_endpoints", "settings"):
        notes.GENERAL["pass_through_endpoints"].tell(report, "settings", f"{each.place}: {each.take('path')}")
    section.close(notes.GENERAL)
    return server, personal


def read_environment(top: Section, report: Report) -> None:
    """`environment_variables`, whose values may be secrets: named, never shown."""
    for name in top.mapping("environment_variables"):
        report.changes(
            "settings",
            f"environment_variables.{name}",
            "has to be in the environment",
            why="headgate.yaml sets no environment variables",
            do="set it where the service is started",
        )


def read_guardrails(top: Section, report: Report) -> None:
    for each in top.sections("guardrails", "guardrails"):
        name = str(each.take("guardrail_name", ""))
        shown = name if _NAME.fullmatch(name) else each.place
        GUARDRAIL.tell(report, "guardrails", shown)
