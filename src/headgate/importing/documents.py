"""Configurations of other gateways as files: JSON, and what is no configuration however it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError

MOST_VALUES = 200_000
"""In all files together, those that aliases repeat counted each time."""

DEEPEST = 100


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file, which is to be `what`.

    Raises:
        ConfigError: it is none; with the line where it stops being one. Or it is larger or nested deeper than any.
        OSError: it cannot be read.
    """
    try:
        tree = json.loads(path.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError([f"{path}:{error.lineno}: is no JSON: {error.msg} at column {error.colno}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is no JSON: it is not UTF-8; save it as that"]) from None
    except ValueError as error:  # a number of more digits than Python reads
        raise ConfigError([f"{path}: is no JSON: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested deeper than {DEEPEST}; name {what}"]) from None
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: is no JSON object; name {what}"])
    check_size(tree, path)
    return tree


def check_size(tree: Any, path: Path) -> None:
    """Whether a tree is one that a configuration can be. A few aliases of YAML's stand for more values than fit into
    any memory once they are written out, and half of a character cannot be written.

    Raises:
        ConfigError: it is none.
    """
    count = 0
    ahead: list[tuple[Any, int]] = [(tree, 0)]
    while ahead:
        value, depth = ahead.pop()
        count += 1
        if count > MOST_VALUES or depth > DEEPEST:
            raise ConfigError(
                [f"{path}: has more than {MOST_VALUES:,} values, or is nested deeper than {DEEPEST}: no configuration"]
            )
        if isinstance(value, dict):
            ahead += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            ahead += [(each, depth + 1) for each in value]
        elif isinstance(value, str) and not value.isascii() and value.encode("utf-8", "ignore").decode() != value:
            raise ConfigError([f"{path}: has half of a character (a lone surrogate) in a text; take it out"])
