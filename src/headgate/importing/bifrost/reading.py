"""Bifrost's `config.json`, as `transports/config.schema.json` of maximhq/bifrost and the pages "config.json" of its
documentation have it (November 2026). Members of releases before 1.5 are read too where they are known.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from headgate.importing.documents import read_json

Tree = dict[str, Any]

REFERENCE = re.compile(r"env\.(.*)", re.DOTALL)

VAULT = "vault."

_SECRET = frozenset({"value", "ref", "type", "env_var", "from_env"})
"""Members of a value that says where it comes from."""


def read_file(path: Path) -> Tree:
    """A config.json, its structured values as the texts that stand for them.

    Raises:
        ConfigError: it is no JSON object.
        OSError: it cannot be read.
    """
    return _texts(read_json(path, "Bifrost's config.json"))


def _texts(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_texts(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if _SECRET.issuperset(tree) and ("env_var" in tree or "from_env" in tree or "ref" in tree):
        return _text(tree)
    return {name: _texts(value) for name, value in tree.items()}


def _text(value: Tree) -> Any:
    """What a structured value is as a text: `env.NAME`, `vault.path`, or itself."""
    named = value.get("env_var") or value.get("ref")
    if not isinstance(named, str) or not named:
        return value.get("value")
    if value.get("type") == "vault":
        return named if named.startswith(VAULT) else f"{VAULT}{named}"
    return named if named.startswith("env.") else f"env.{named}"
