"""What a foreign configuration comes to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import yaml

from headgate.config import loads
from headgate.errors import ConfigError

Tree = dict[str, Any]


class _Plain(yaml.SafeDumper):
    """Writes what is the same twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration comes to."""

    source: str
    """Whose it was, as the command has it: `litellm`."""
    tree: Tree
    """`headgate.yaml`, as what it is made of."""
    variables: list[str]
    """Environment variables that it refers to."""

    @property
    def text(self) -> str:
        """`headgate.yaml`."""
        body = yaml.dump(
            self.tree, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
        )
        return f"# Made by 'headgate import {self.source}'. Next: 'headgate check', then 'headgate serve'.\n{body}"

    def problems(self) -> list[str]:
        """What keeps this release from using it; nothing that is missing in the environment."""
        try:
            loads(self.text, "headgate.yaml", dict.fromkeys(self.variables, "http://set.invalid"))
        except ConfigError as error:
            return list(error.problems)
        return []


def referred(names: Iterable[str], tree: Tree) -> list[str]:
    """The environment variables of some that a configuration refers to: not those of what was left out."""
    text = msgspec.json.encode(tree).decode()
    return [name for name in names if f"${{{name}}}" in text]
