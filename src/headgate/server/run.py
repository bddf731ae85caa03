"""Running the server: one process, granian around the application, the configuration file watched for changes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from headgate.config import Config, Secrets, load
from headgate.config.known_secrets import secrets_of
from headgate.config.places import placed
from headgate.config.price_lists import stamp
from headgate.errors import ConfigError
from headgate.gateway import Gateway
from headgate.prompts.files import stamp as prompts_stamp
from headgate.server.admin.making import administration_of
from headgate.server.app import App
from headgate.server.fleet.member import Member
from headgate.server.listening import listener, usable_port
from headgate.server.workers import command_of, is_worker, orphaned, supervise
from headgate.telemetry.logs.handler import installed

log = logging.getLogger("headgate.server")

WATCH_S = 1.0
"""How often the configuration file, and the files it refers to, are compared with what was loaded."""

COLLECT_AFTER = 5_000
"""Objects that come and stay before garbage is looked for."""

STOP_S = 2.0
"""How long connections without a call are given to close after that."""

CLOSED_S = 0.1
"""And after everything else has been closed: a collector or a database may have taken longer than they."""

DRAIN_S = 30.0
"""How long calls under way may go on after SIGTERM or SIGINT."""


ADMIN_KEY_CHARACTERS = 32
"""Shorter keys of the environment are warned of."""


def serve(config: Config, path: Path | None, environ: Mapping[str, str], secrets: Secrets | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    `path` is the file the configuration came from, None for the starter; a change of its content or of a secret it
    refers to, or SIGHUP, reloads it. `secrets` is what it was loaded with.

    Raises:
        ConfigError: the configuration cannot be used.
        StoreUnavailable: the database or the counters cannot be reached, or are in use.
        OSError: the address is taken or not this machine's.
    """
    import uvloop

    secrets = secrets or Secrets(environ)
    _say_by(config, environ, secrets)
    if path is not None:
        config = placed(config, path.parent)
    if config.server.auth == "keys" and not is_worker(environ):
        _warn_of_short_key(environ.get("HEADGATE_ADMIN_KEY", ""))
    if config.server.workers > 1 and not is_worker(environ):
        port = usable_port(config.server.host, config.server.port)
        command = command_of(path, config.server.host, port)
        return uvloop.run(supervise(command, config.server.workers, environ))
    _work_in_batches()
    uvloop.run(_serve(config, path, environ, secrets))
    return 0


async def _serve(config: Config, path: Path | None, environ: Mapping[str, str], secrets: Secrets) -> None:
    gateway = Gateway(config, environ=environ)
    worker = is_worker(environ)
    port = config.server.port if worker else usable_port(config.server.host, config.server.port)
    await gateway.open()
    if config.server.auth == "keys" and not environ.get("HEADGATE_ADMIN_KEY"):
        await _first_key(gateway)
    fleet = await Member.joined(environ)
    app = App(gateway, fleet)
    server = listener(app, config.server.host, port)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    changed = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, changed.set)
    serving = asyncio.create_task(server.serve())
    watching: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
    if path is not None:
        watching.append(asyncio.create_task(_watch(gateway, path, environ, changed, secrets)))
    if worker:
        watching.append(asyncio.create_task(orphaned()))
    telling = asyncio.create_task(fleet.run(app.figures.taken)) if fleet is not None else None
    _collect_seldom()
    log.info("listening on http://%s:%d", config.server.host, port)
    try:
        await asyncio.wait([serving, *watching], return_when=asyncio.FIRST_COMPLETED)
        gateway.leave()
        await asyncio.sleep(config.server.grace_s)
        await gateway.drain(DRAIN_S)
    finally:
        for task in watching:
            task.cancel()
        await app.abort()
        server.stop()
        await asyncio.wait([serving], timeout=STOP_S)
        if not serving.done():
            try:
                await app.close()  # whoever holds a connection open, all that was settled goes where it belongs
            except Exception:
                log.exception("not everything could be closed; what is settled is in the journal")
            await asyncio.wait([serving], timeout=CLOSED_S)
        if fleet is not None and telling is not None:
            telling.cancel()
            await fleet.leave(app.figures.taken)
        if not serving.done():
            log.warning("connections are still open; leaving them")
            logging.shutdown()
            os._exit(0)  # the server's own thread waits for its clients, and would wait for ever


def _warn_of_short_key(key: str) -> None:
    if 0 < len(key) < ADMIN_KEY_CHARACTERS:
        log.warning(
            "HEADGATE_ADMIN_KEY is shorter than %d characters, and whoever guesses it may do everything; make another "
            "one with: openssl rand -base64 32",
            ADMIN_KEY_CHARACTERS,
        )


async def _first_key(gateway: Gateway) -> None:
    """Print a key that may do everything, once: where there is none yet.

    Raises:
        ConfigError: nothing keeps it.
    """
    administration = administration_of(gateway.services, lambda: gateway.config, gateway.environ)
    if administration is None:
        raise ConfigError(
            ["server.auth is 'keys' and there is no key: set HEADGATE_ADMIN_KEY, or write 'auth: none' on loopback"]
        )
    key = await administration.first_key()
    if key is not None:
        sys.stderr.write(
            f"\nThe first key, with the role 'admin'. It is shown this once; keep it:\n\n    {key}\n\n"
            f"Try: HEADGATE_ADMIN_KEY={key} headgate keys list\n\n"
        )
        sys.stderr.flush()


def _work_in_batches() -> None:
    """Ask Linux not to interrupt a running thread for one that has just become ready (SCHED_BATCH, sched(7)).

    The server's own thread and Python's hand each other work several times per call; on a busy core each handing over
    would otherwise be a context switch, a fifth of a call's CPU (docs/decisions/0006).
    """
    if hasattr(os, "SCHED_BATCH"):
        with contextlib.suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _collect_seldom() -> None:
    """Leave what start-up made out of garbage collection, and collect less often.

    Calls make no cycles, so what a collection finds is hardly ever garbage: by CPython's own settings looking for it
    takes an eighth of a call's CPU (docs/decisions/0008).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


async def _watch(
    gateway: Gateway, path: Path, environ: Mapping[str, str], changed: asyncio.Event, secrets: Secrets
) -> None:
    """Reload whenever the file, a secret it refers to, a prompt's file, or the installed price list is another than
    what was last looked at.

    Files are looked at and commands run in a thread: a share that hangs or a slow command holds up no call.
    """
    seen, prices = _content(path), stamp(gateway.config.price_list)
    served = await asyncio.to_thread(prompts_stamp, gateway.config.prompts)
    before: Config | None = None
    with contextlib.suppress(ConfigError):
        before = await asyncio.to_thread(load, path, environ, secrets)
    due = False
    while True:
        try:
            await asyncio.wait_for(changed.wait(), WATCH_S)
        except TimeoutError:
            asked = False
        else:
            changed.clear()
            asked = True
        content, listed = _content(path), stamp(gateway.config.price_list)
        prompts = await asyncio.to_thread(prompts_stamp, gateway.config.prompts)
        asked = asked or content not in {None, seen} or listed != prices or prompts != served
        due = await asyncio.to_thread(secrets.refresh, asked=asked) or asked or due
        if content is None or not due:
            continue
        due = False
        seen, prices, served = content, listed, prompts
        if await reload(gateway, path, environ, before, secrets):
            secrets.prune()


async def reload(
    gateway: Gateway,
    path: Path,
    environ: Mapping[str, str],
    before: Config | None = None,
    secrets: Secrets | None = None,
) -> bool:
    """Load the file and swap it in; a bad one changes nothing and is logged. Whether it was swapped in.

    What it says of the server and its storage stays as it was at the start: its socket, its bounds and whether it asks
    for keys belong together. `before` is the file as it was loaded last, for saying so.
    """
    try:
        config = await asyncio.to_thread(load, path, environ, secrets)
        was, now = before or config, gateway.config
        if _fixed(config) != _fixed(was):
            log.warning(
                "%s: changes of 'server', 'storage', 'audit' and 'access.sign_in' wait for a restart; else all is new",
                path,
            )
        gateway.reload(replace(config, server=now.server, storage=now.storage, audit=now.audit))
    except ConfigError as error:
        log.error("%s was not loaded, the configuration before it stays in force:\n%s", path, error)  # noqa: TRY400
        _count(gateway, done=False)
        return False
    except Exception:  # whatever a user's own stage or file does, the server goes on as it was
        log.exception("%s was not loaded, the configuration before it stays in force", path)
        _count(gateway, done=False)
        return False
    _say_by(gateway.config, environ, secrets)
    log.info("%s reloaded", path)
    _count(gateway, done=True)
    return True


def _fixed(config: Config) -> tuple[Any, ...]:
    """What only a restart changes."""
    return config.server, config.storage, config.audit, config.access.sign_in


def _say_by(config: Config, environ: Mapping[str, str], secrets: Secrets | None) -> None:
    """Have the log go by a configuration, and know its secrets."""
    logs = installed()
    if logs is not None:
        held = secrets.held if secrets is not None else ()
        logs.use(config.telemetry.logs, [*secrets_of(config, environ), *held])


def _count(gateway: Gateway, *, done: bool) -> None:
    """Count a reload, and have it written down."""
    gateway.metrics.reloaded(done=done)
    if gateway.store is not None:
        gateway.store.reloaded(done=done)


def _content(path: Path) -> bytes | None:
    """What is in the file; None while it cannot be read, as in the middle of being replaced."""
    try:
        return path.read_bytes()
    except OSError:
        return None
