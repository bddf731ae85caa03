"""Commands that serve until they are told to stop: `serve`, `simulate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.configs import ConfigFile, load_or_starter
from headgate.cli.exits import OK, CannotRun
from headgate.config import Secrets, with_server
from headgate.errors import StoreUnavailable


def serve(
    *, config: ConfigFile = None, host: str | None = None, port: int | None = None, workers: int | None = None
) -> int:
    """Serve. Without a configuration file: one model, 'chat', on loopback and without keys.

    Parameters
    ----------
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml. Its changes are taken over while serving.
    host
        Address to listen on, in place of server.host.
    port
        Port to listen on, in place of server.port.
    workers
        Processes, in place of server.workers.
    """
    _log()
    secrets = Secrets(os.environ)
    loaded, path = load_or_starter(config, secrets)
    given = {"host": host, "port": port, "workers": workers}
    settings = {name: value for name, value in given.items() if value is not None}
    if settings:
        loaded = with_server(loaded, **settings)
    if path is None:
        targets = ", ".join(target.target for model in loaded.models.values() for target in model.targets)
        output.complain(f"There is no headgate.yaml, so 'chat' is {targets}; 'headgate init' writes one.")
    from headgate.server.run import serve as run

    try:
        return run(loaded, path, os.environ, secrets)
    except StoreUnavailable as error:
        raise CannotRun(error.message, "Try 'headgate storage status'.") from None
    except OSError as error:
        address = f"{loaded.server.host}:{loaded.server.port}"
        raise CannotRun(f"cannot listen on {address}: {error}", "Try 'headgate serve --port 0'.") from None


def simulate(
    *,
    port: int = 8090,
    host: str = "127.0.0.1",
    script: Path | None = None,
    seed: int = 0,
    instant: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Serve a simulated vendor that speaks OpenAI's and Anthropic's dialects.

    Parameters
    ----------
    port
        Port to listen on.
    host
        Address to listen on.
    script
        A JSON file of what to answer: [{match, times, reply or fault, latency}].
    seed
        The same seed gives the same answers.
    instant
        Answer at once, instead of as slowly as a model.
    """
    _log()
    from headgate.server.simulate import serve as run

    try:
        run(host=host, port=port, script=script, seed=seed, latency="none" if instant else "realistic")
    except OSError as error:
        raise CannotRun(f"cannot listen on {host}:{port}: {error}", "Try another --port.") from None
    return OK


def _log() -> None:
    from headgate.config.known_secrets import secrets_of_environment
    from headgate.server.workers import WORKER
    from headgate.telemetry.logs.handler import begin

    worker = os.environ.get(WORKER)
    begin(secrets_of_environment(os.environ), int(worker) if worker is not None else None)
