"""LiteLLM's `config.yaml` as it is written, with the files it includes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from headgate.errors import ConfigError

Tree = dict[str, Any]

MOST_VALUES = 200_000
"""In all files together, those that aliases repeat counted each time."""

DEEPEST = 100


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
    _check_size(tree, path)
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


def _check_size(tree: Tree, path: Path) -> None:
    """A few aliases of aliases stand for more values than fit into any memory, once they are written out."""
    count = 0
    ahead: list[tuple[Any, int]] = [(tree, 0)]
    while ahead:
        value, depth = ahead.pop()
        count += 1
        if count > MOST_VALUES or depth > DEEPEST:
            raise ConfigError(
                [f"{path}: has more than {MOST_VALUES:,} values, or is nested deeper than {DEEPEST}: no configuration"]
            )
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        ahead += [(each, depth + 1) for each in children]
