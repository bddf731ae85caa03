"""LiteLLM's `config.yaml` as it is written, with the files it includes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from headgate.errors import ConfigError
from headgate.importing.documents import DEEPEST, check_size

Tree = dict[str, Any]


def read_file(path: Path) -> Tree:
    """A `config.yaml` with the files it includes: their lists come behind its own, other settings in place of its own,
    as LiteLLM merges them.

    Raises:
        ConfigError: one of them is no YAML mapping, or they are larger or nested deeper than any configuration.
        OSError: one of them cannot be read.
    """
    tree: Tree = {}
    pending, seen = [path], set[Path]()
    while pending:
        at = pending.pop(0)
        if at.resolve() in seen:
            continue
        seen.add(at.resolve())
        found = _mapping(at)
        pending += [at.parent / name for name in _included(found, at)]
        for key, value in found.items():
            before = tree.get(key)
            tree[key] = before + value if isinstance(before, list) and isinstance(value, list) else value
    check_size(tree, path)
    return tree


def _included(found: Tree, path: Path) -> list[str]:
    names = found.pop("include", None) or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ConfigError([f"{path}: include is no list of files; write include: [other.yaml]"])
    return names


def _mapping(path: Path) -> Tree:
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where is not None else ""
        raise ConfigError([f"{path}{line}: is no YAML: {getattr(error, 'problem', None) or error}"]) from None
    except ValueError as error:  # a date that there is not
        raise ConfigError([f"{path}: is no YAML: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested deeper than {DEEPEST}"]) from None
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: is no mapping; name LiteLLM's config.yaml"])
    return tree
