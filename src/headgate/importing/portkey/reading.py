"""Portkey's files: gateway configs, and the open-source gateway's `conf.json`.

A config is what `x-portkey-config` names or holds, as the page "Gateway Config Object" of Portkey's documentation and
`src/middlewares/requestValidator/schema/config.ts` of Portkey-AI/gateway have it (November 2026). Both snake_case and
camelCase are taken there, so both are here. Configs from before strategies, with `mode` and `options`, are read too,
and so is one inside the answer of the admin API that retrieves it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from headgate.importing.documents import check_size, read_json
from headgate.importing.portkey.notes import GUARDRAILS, TARGET

Tree = dict[str, Any]

WHAT = "a config as Portkey's pages show it, or conf.json of its gateway"


class File(NamedTuple):
    """One file."""

    name: str
    """Its own, without folder and ending: what the config is called where there are several."""
    tree: Tree

    @property
    def settings(self) -> bool:
        """Whether it is the gateway's conf.json, and no config."""
        return any(name in self.tree for name in ("integrations", "plugins_enabled"))


_KNOWN = frozenset(
    {
        "strategy", "targets", "mode", "on_status_codes", "conditions", "default", "name", "weight", "provider",
        "api_key", "virtual_key", "custom_host", "override_params", "retry", "request_timeout", "attempts", "cb_config",
        "sticky_session", "sticky", "use_retry_after_header", "use_retry_after_headers", "max_age", "failure_threshold",
        "failure_threshold_percentage", "cooldown_interval", "failure_status_codes", "minimum_requests", "hash_fields",
        "resource_name", "deployment_id", "api_version", "ad_auth", "azure_resource_name", "azure_deployment_id",
        "azure_deployment_name", "azure_api_version", "azure_model_name", "azure_auth_mode", "azure_managed_client_id",
        "azure_entra_client_id", "azure_entra_client_secret", "azure_entra_tenant_id", "azure_foundry_url",
        "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region", "aws_role_arn",
        "aws_external_id", "vertex_project_id", "vertex_region", "vertex_service_account_json", "openai_organization",
        "openai_project", "openai_beta", "anthropic_beta", "anthropic_version", "huggingface_base_url",
        *GUARDRAILS, *TARGET,
    }
)  # fmt: skip
"""Members that are dealt with, in snake_case."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def read_file(path: Path) -> File:
    """A config, its members in snake_case.

    Raises:
        ConfigError: it is no JSON object, or larger or nested deeper than any config.
        OSError: it cannot be read.
    """
    tree = _unwrapped(read_json(path, WHAT))
    check_size(tree, path)
    if isinstance(tree.get("options"), list) and "targets" not in tree:
        tree = {**tree, "targets": tree["options"], "strategy": tree.get("strategy", {"mode": tree.get("mode")})}
        tree = {name: value for name, value in tree.items() if name not in ("options", "mode")}
    return File(path.stem, tree if "integrations" in tree else _plain(tree))


def _unwrapped(tree: Tree) -> Tree:
    """The config in an answer of the admin API, or in the body of an old request; else the tree itself."""
    data = tree.get("data")
    held = data.get("config") if isinstance(data, dict) else tree.get("config")
    if isinstance(held, str):
        try:
            held = json.loads(held)
        except (ValueError, RecursionError):
            return tree
    return held if isinstance(held, dict) else tree


def _plain(tree: Any) -> Any:
    """A target's members in snake_case where they are known; what they hold for vendors is left as it is."""
    if not isinstance(tree, dict):
        return tree
    found: Tree = {}
    for name, value in tree.items():
        snake = _HUMP.sub("_", name).lower()
        name = snake if snake in _KNOWN else name
        if name == "targets" and isinstance(value, list):
            value = [_plain(each) for each in value]
        elif name in ("strategy", "retry", "cache", "cb_config", "sticky_session", "sticky"):
            value = _plain(value)
        found[name] = value
    return found
