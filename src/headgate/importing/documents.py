"""Configurations written as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError


def read_json(path: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file, which is to be `what`.

    Raises:
        ConfigError: it is none; with the line where it stops being one.
        OSError: it cannot be read.
    """
    try:
        tree = json.loads(path.read_text("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError([f"{path}:{error.lineno}: is no JSON: {error.msg} at column {error.colno}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is no JSON: it is not UTF-8; save it as that"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deep; name {what}"]) from None
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: is no JSON object; name {what}"])
    return tree
