"""Assertions in Python. What is named runs with all a process may do, as any test does."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakKeyDictionary

from headgate.errors import ConfigError
from headgate.evals.kinds.kind import Kind
from headgate.evals.marks import CannotTell, Look, Told
from headgate.registry import load

TIMEOUT_S = 30.0
"""Longest time a function may take. One that does not wait for anything goes on in its thread, which ends with the
process at the latest.
"""

AT_ONCE = 32
"""Functions that run at the same time."""

_HOW = "takes 'package.module:function', or 'file.py:function' beside the test file"

_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _fits(value: Any) -> str | None:
    if callable(value):
        return None
    module, _, name = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if module.startswith("file://"):
        return f"{_HOW}; write it without 'file://'"
    return None if module and name.isidentifier() else _HOW


def unfit(function: Any) -> str | None:
    """Why something cannot be called with an answer and its case; None where it can."""
    if not callable(function):
        return "is no function"
    try:
        inspect.signature(function).bind(None, None)
    except TypeError as error:
        return f"does not take (answer, case): {error}"
    except ValueError:  # of C, which says nothing of it
        return None
    return None


async def _python(look: Look) -> Told:
    function = look.value if callable(look.value) else function_of(look.value, look.folder)
    gate = _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with gate:
        limit = asyncio.timeout(TIMEOUT_S)
        try:
            async with limit:
                found = await _in_thread(lambda: function(look.answer, look.case))
                if inspect.isawaitable(found):
                    found = await found
            return _read(found)
        except AssertionError as error:
            return Told(0.0, str(error) or "an assertion does not hold")
        except CannotTell:
            raise
        except TimeoutError as error:
            if limit.expired():
                raise CannotTell(f"the function took longer than {TIMEOUT_S:g} s") from None
            raise CannotTell(_raised(error)) from error
        except (Exception, SystemExit) as error:  # somebody's function, which may do anything
            raise CannotTell(_raised(error)) from error


def _raised(error: BaseException) -> str:
    return f"the function raised {type(error).__name__}: {error}"


async def _in_thread(work: Callable[[], Any]) -> Any:
    """What a function returns or raises, from a thread of its own: one that hangs takes no place in a pool, and keeps
    no process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def tell(found: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_result((found, error))

    def run() -> None:
        found, raised = None, None
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - told to who waits
            raised = error
        with suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(tell, found, raised)

    Thread(target=run, name="assertion", daemon=True).start()
    found, error = await done
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        raise error
    if error is not None:  # which would end more than this function: the run, or the generator it is called in
        raise CannotTell(_raised(error))
    return found


def _read(found: Any) -> Told:
    """A bool, a score from 0 to 1, or either with a reason."""
    if found is None:
        return Told(1.0, "")  # like a test function: what does not raise holds
    pair: tuple[Any, Any] = found if isinstance(found, tuple) and len(found) == 2 else (found, "")
    score, reason = pair
    score = score.item() if hasattr(score, "item") else score  # of NumPy's
    if isinstance(score, bool | int | float) and 0 <= score <= 1:
        return Told(float(score), str(reason or ""))
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
    sys.modules[name] = module  # data classes look their own up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


KINDS: Mapping[str, Kind] = {"python": Kind(_fits, _python, threshold=1.0)}
