"""Assertions in Python. What is named runs with all a process may do, as any test does."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from headgate.errors import ConfigError
from headgate.evals.kinds.kind import Kind
from headgate.evals.marks import CannotTell, Look, Told
from headgate.registry import load

TIMEOUT_S = 30.0
"""Longest time a function may take. One that does not wait for anything goes on in its thread."""

_HOW = "takes 'package.module:function', or 'file.py:function' beside the test file"


def _fits(value: Any) -> str | None:
    if callable(value):
        return None
    module, _, name = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    return None if module and name.isidentifier() else _HOW


async def _python(look: Look) -> Told:
    function = look.value if callable(look.value) else function_of(look.value, look.folder)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found: Any = await asyncio.to_thread(function, look.answer, look.case)
            if inspect.isawaitable(found):
                found = await found
    except TimeoutError:
        raise CannotTell(f"the function took longer than {TIMEOUT_S:g} s") from None
    except AssertionError as error:
        return Told(0.0, str(error) or "an assertion does not hold")
    except Exception as error:  # somebody's function, which may do anything
        raise CannotTell(f"the function raised {type(error).__name__}: {error}") from error
    return _read(found)


def _read(found: Any) -> Told:
    """A bool, a score from 0 to 1, or either with a reason."""
    score, reason = found if isinstance(found, tuple) and len(found) == 2 else (found, "")
    if score is None:
        return Told(1.0, "")  # like a test function: what does not raise holds
    if isinstance(score, bool | int | float) and 0 <= score <= 1:
        return Told(float(score), str(reason))
    raise CannotTell(f"the function returned {score!r}; return a bool, a score from 0 to 1, or (score, reason)")


def function_of(reference: str, folder: str) -> Callable[..., Any]:
    """The function a test file names.

    Raises:
        ConfigError: there is none.
    """
    module, _, name = reference.rpartition(":")
    if not module.endswith(".py"):
        return load(reference)
    path = Path(folder, module).resolve()
    try:
        return getattr(module_of(path), name)
    except AttributeError:
        raise ConfigError([f"'{path.name}' has no '{name}'"]) from None


def module_of(path: Path) -> Any:
    """A file of Python as a module; the same one again while it is as it was.

    Raises:
        ConfigError: it cannot be run.
    """
    try:
        return _module(path, path.read_bytes())
    except OSError as error:
        raise ConfigError([f"'{path.name}' cannot be read: {error.strerror}"]) from None
    except (Exception, SystemExit) as error:  # somebody's file runs here
        raise ConfigError([f"'{path.name}' cannot be run: {type(error).__name__}: {error}"]) from error


@lru_cache(maxsize=256)
def _module(path: Path, code: bytes) -> Any:
    name = f"_evals_{sha256(bytes(path) + code).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KINDS: Mapping[str, Kind] = {"python": Kind(_fits, _python, threshold=1.0)}
