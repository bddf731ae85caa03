"""What rows have that cannot be carried, told of each."""

from __future__ import annotations

from typing import Any

from headgate.importing.litellm.tables import UNREAD, Tables
from headgate.importing.report import Report

_NOTHING = (None, {}, [], "", False)

_CARRIED = frozenset(
    {"tags", "temp_budget_increase", "temp_budget_expiry", "scim_metadata", "created_by", "team_member_budget_id"}
)
"""Metadata that are taken, told otherwise, or of LiteLLM's own."""

_RESTRICTING = frozenset(
    {
        "model_rpm_limit", "model_tpm_limit", "guardrails", "allowed_tools", "policies", "object_permission_id",
        "permissions", "disable_global_guardrails", "allowed_passthrough_routes", "end_user_budget_id",
        "rpm_limit_type", "tpm_limit_type", "enforced_params", "budget_fallbacks",
    }
)  # fmt: skip
"""What keeps its owner from something there, and not here."""


def tell(row: Any, place: str, area: str, report: Report) -> None:
    """Tell what of a row's further columns and metadata is left out, by name."""
    metadata = row.metadata if isinstance(getattr(row, "metadata", None), dict) else {}
    named = [name for name, value in metadata.items() if name not in _CARRIED and value not in _NOTHING]
    columns = ("permissions", "config", "router_settings", "policies", "object_permission_id", "budget_fallbacks")
    columns += ("allowed_cache_controls", "model_rpm_limit", "model_tpm_limit")
    named += [name for name in columns if getattr(row, name, None) not in _NOTHING]
    kept, lost = sorted(set(named) - _RESTRICTING), sorted(set(named) & _RESTRICTING)
    if lost:
        report.cannot(
            area,
            place,
            f"is not held to what LiteLLM says of it: {', '.join(lost)}",
            why="there are no rules of that kind here",
            do="narrow its models and endpoints, or a limit of model:…; or leave it at LiteLLM",
        )
    if kept:
        report.cannot(
            area,
            place,
            f"its further settings are left out: {', '.join(kept)}",
            why="there are tags of keys only",
            do="keep what you need of them where you administer keys",
        )


def tell_tables(tables: Tables, report: Report) -> None:
    """Tell of models, settings and tables that nothing can be taken of."""
    for row in tables.models:
        report.cannot(
            "models",
            f"{row.model_name} ({row.model_id[:8]}) in the database",
            "is left out",
            why="how to reach it is encrypted under LiteLLM's own key",
            do="add it to headgate.yaml, or to config.yaml and import again",
        )
    for row in tables.settings:
        report.cannot(
            "database",
            f"LiteLLM_Config: {row.param_name}",
            "is left out",
            why="settings made in LiteLLM's pages, and what it keeps for itself, are not read",
            do="look in LiteLLM's pages whether they say something else than config.yaml, and write that there",
        )
    for table, count in tables.unread.items():
        if count:
            report.cannot(
                "database",
                table,
                f"is left out: {UNREAD[table]}",
                why="there is no place for that here, or it cannot be read",
                do="look there whether you need it, and set it in headgate.yaml",
            )
