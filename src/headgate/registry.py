"""Named implementations, imported when somebody asks for them: built-ins and users' own come through one door."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from headgate.errors import ConfigError


def load(reference: str) -> Any:
    """Import `package.module:Name`.

    Raises:
        ConfigError: the reference has no `:`, the module cannot be imported or has no such name.
    """
    module_name, separator, name = reference.partition(":")
    if not separator:
        raise ConfigError([f"'{reference}' is not of the form package.module:Name"])
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # somebody's module runs here, and may do anything
        what = f"{error}" if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise ConfigError([f"'{reference}' cannot be imported: {what}"]) from error
    try:
        return getattr(module, name)
    except AttributeError:
        raise ConfigError([f"module '{module_name}' has no '{name}'{suggest(name, dir(module))}"]) from None


def look_up(kind: str, name: str, table: Mapping[str, str]) -> Any:
    """Import the implementation `name` of `kind` from a table of references.

    Raises:
        ConfigError: there is none of that name.
    """
    reference = table.get(name)
    if reference is None:
        raise ConfigError([f"unknown {kind} '{name}'{suggest(name, table)}"])
    return load(reference)


def suggest(name: str, known: Any) -> str:
    """`; did you mean 'x'?` where something known is close to `name`, else what is known, if that is short."""
    names = [str(each) for each in known]
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(sorted(names))}" if 0 < len(names) <= 12 else ""
