"""From a file to a `Config`, or to every mistake in it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate.config.schema import Config
from headgate.config.secrets import Secrets
from headgate.errors import ConfigError

VARIABLE = "HEADGATE_CONFIG"
DEFAULT = Path("headgate.yaml")


def default_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file to load when nobody names one: what `HEADGATE_CONFIG` says, else `headgate.yaml` if it is there."""
    named = environ.get(VARIABLE)
    if named:
        return Path(named)
    return DEFAULT if DEFAULT.exists() else None


def content_hash(path: Path) -> str | None:
    """SHA-256 of what is in a file; None while it cannot be read, as in the middle of being replaced."""
    from hashlib import sha256

    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def load(path: Path, environ: Mapping[str, str] = os.environ, secrets: Secrets | None = None) -> Config:
    """The configuration in a file. `secrets` is what its references to files and commands gave before; without it all
    are read anew.

    Raises:
        ConfigError: it cannot be used; `problems` has every mistake as `file:line: path: what is wrong, what to write`.
    """
    return loads(read_text(path), str(path), environ, path.parent, secrets)


def loads(
    text: str,
    name: str = "headgate.yaml",
    environ: Mapping[str, str] = os.environ,
    directory: Path = Path(),
    secrets: Secrets | None = None,
) -> Config:
    """The configuration in a text. `name` is what its mistakes are reported under, `directory` what relative paths in
    it are relative to.

    Raises:
        ConfigError: as `load`.
    """
    from headgate.config import reading  # a YAML parser and what checks: not for who imports the library only

    return reading.read(text, name, environ, directory, secrets)


def with_server(config: Config, **settings: Any) -> Config:
    """The same configuration with some settings of its server replaced, as a command line does.

    Raises:
        ConfigError: they cannot be used.
    """
    from headgate.config import reading

    return reading.with_server(config, settings)


def read_text(path: Path) -> str:
    """What is in a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text at byte {error.start}; save it as UTF-8"]) from None
    except OSError as error:
        why = error.strerror or "it is no file"
        raise ConfigError([f"{path}: cannot be read: {why}; write one with 'headgate init'"]) from None
