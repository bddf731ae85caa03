"""Commands about `headgate.yaml`: `init`, `check`, `models`, `schema`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import writing
from headgate.config import Config, Secrets, default_path, load, starter
from headgate.config.loader import read_text
from headgate.config.places import with_scripts
from headgate.config.price_lists import catalog_of
from headgate.config.problem import Problem
from headgate.config.retirements import Retiring
from headgate.config.source import Source
from headgate.errors import ConfigError

Json = Annotated[bool, Parameter(negative="")]
ConfigFile = Annotated[Path | None, Parameter(name=["--config", "-c"])]
OutputFile = Annotated[Path | None, Parameter(name=["--output", "-o"])]
Most = Annotated[int, Parameter(name=["--limit", "-n"], validator=Number(gte=1, lte=100_000))]
"""How many entries of a list."""


def init(path: Path = Path("headgate.yaml"), /) -> int:
    """Write a commented headgate.yaml to begin with. A file that is there is left alone.

    Parameters
    ----------
    path
        Where to write it.
    """
    text = (files("headgate.config") / "starter.yaml").read_text("utf-8")
    if path.exists():
        again = f"init {path}/headgate.yaml" if path.is_dir() else f"check --config {path}"
        raise CannotRun(f"{path} is there already", f"Try 'headgate {again}'.")
    with writing(path), path.open("x", encoding="utf-8") as file:
        file.write(text)
    output.say(f"{path} is written. Next: 'headgate check', then 'headgate serve'.")
    return OK


def check(
    *,
    config: ConfigFile = None,
    production: Annotated[bool, Parameter(negative="")] = False,
    replicas: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    backups: Path | None = None,
    accept: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    objectives: Annotated[bool, Parameter(negative="")] = False,
    unknown_fails: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Check a configuration, and say every mistake in it with its line.

    Parameters
    ----------
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml.
    production
        Hold it and this machine against the lessons of production too, and fail where something serious is found.
    replicas
        With --production: how many servers are to run side by side.
    backups
        With --production: the folder in which backups are.
    accept
        With --production: a lesson that is knowingly not heeded; may be repeated.
    objectives
        Hold its models against their objectives too, by the calls there were: of HEADGATE_URL, or of its own server
        or database. Exits with 1 where an error budget is used up, or more was spent than was meant.
    unknown_fails
        With --objectives: exit with 1 too where there were no calls to say anything by.
    json
        Print JSON.
    """
    if production and objectives:
        raise Misused("--production looks at objectives among the rest", "Leave out --objectives.")
    path = config or default_path()
    if path is None:
        raise CannotRun("there is no file headgate.yaml", "Try 'headgate init'.")
    _check_there(path)
    secrets = Secrets()
    problems = _problems(path, secrets)
    if production and not problems:
        from headgate.cli.checking import check_production

        return check_production(path, secrets, replicas=replicas, backups=backups, accept=accept, json=json)
    if objectives and not problems:
        from headgate.cli.alerting import check_objectives

        return check_objectives(path, load(path, os.environ, secrets), unknown_fails=unknown_fails, json=json)
    warnings = [] if problems else _retiring(path, secrets)
    if json:
        output.json({"file": str(path), "ok": not problems, "problems": problems, "warnings": warnings})
    elif problems:
        output.complain("\n".join(problems))
    else:
        if warnings:
            output.complain("\n".join(warnings))
        output.say(f"{path} is fine. Next: 'headgate serve --config {path}'.")
    return FAILED if problems else OK


def models(*, config: ConfigFile = None, json: Json = False) -> int:
    """List the models clients can ask for, and where their calls go.

    Parameters
    ----------
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    rows = _models(load_or_starter(config)[0])
    if json:
        output.json(rows)
    else:
        columns = ("model", "target", "priority", "weight", "input $/M", "output $/M", "retires")
        output.table(columns, [_columns(row, target) for row in rows for target in row["targets"]])
    return OK


def schema() -> int:
    """Print the JSON Schema of headgate.yaml, for editors."""
    from headgate.config.json_schema import editing

    output.json(editing())
    return OK


def load_or_starter(config: Path | None, secrets: Secrets | None = None) -> tuple[Config, Path | None]:
    """The configuration to go by, and its file; None for the starter. `secrets` is for who will load it again.

    Raises:
        ConfigError: it cannot be used.
        CannotRun: there is no such file.
    """
    path = config or default_path()
    if path is None:
        return starter(), None
    _check_there(path)
    return load(path, secrets=secrets), path


def _check_there(path: Path) -> None:
    """Raise `CannotRun` where there is no such file."""
    if not path.is_file():
        new = path / "headgate.yaml" if path.is_dir() else path
        raise CannotRun(f"there is no file {path}", f"Try 'headgate init {new}'.")


def _problems(path: Path, secrets: Secrets) -> list[str]:
    """What keeps a server from using a file: what is wrong in it, else what goes wrong when its parts are made."""
    try:
        config = load(path, secrets=secrets)
    except ConfigError as error:
        return error.problems
    from headgate.gateway import Gateway

    # A key to call with is the server's environment, not the file's; and checking a file needs none.
    environ = {"HEADGATE_ADMIN_KEY": "not-a-key", **os.environ}
    try:
        Gateway(with_scripts(config, path.parent), environ=environ)
    except ConfigError as error:
        return [f"{path}: {problem}" for problem in error.problems]
    return []


def _retiring(path: Path, secrets: Secrets) -> list[str]:
    """The targets of a configuration that can be used, and will not answer for long."""
    source = Source(read_text(path), str(path), os.environ, path.parent, secrets)
    today, found = datetime.now(UTC).date(), Retiring(load(path, secrets=secrets))
    return [
        Problem(
            at,
            f"{each.model} {'retired' if each.day <= today else 'retires'} on {each.day}, as far as is known; "
            "write another model, or what holds under 'retirements'",
        ).told(str(path), source.line_of(at))
        for at, each in found.soon(today)
    ]


def _models(config: Config) -> list[dict[str, Any]]:
    from headgate.providers.row import find_row

    catalog, retiring = catalog_of(config), Retiring(config)
    rows: list[dict[str, Any]] = []
    for name, model in config.models.items():
        targets: list[dict[str, Any]] = []
        for target in model.targets:
            provider_name, _, model_id = target.target.partition("/")
            provider = config.providers[provider_name]
            known = provider.models.get(model_id)
            base_model = target.base_model or (known.base_model if known else model_id)
            vendor = find_row(provider.kind).catalog
            price = catalog.price(None, target.price_like) if target.price_like else catalog.price(vendor, base_model)
            limits = catalog.limits(vendor, base_model)
            retires = retiring.target(target.target, target)
            targets.append(
                {
                    "target": target.target,
                    "priority": target.priority,
                    "weight": target.weight,
                    "price": price.per_million() if price else None,
                    "context_window": limits.context_window if limits else None,
                    "max_output_tokens": limits.max_output_tokens if limits else None,
                    "retires": retires.isoformat() if retires else None,
                }
            )
        rows.append({"model": name, "targets": targets})
    return rows


def _columns(row: dict[str, Any], target: dict[str, Any]) -> list[str]:
    price: dict[str, str] = target["price"] or {}
    costs = [price.get(name, "unknown") for name in ("input_tokens", "output_tokens")]
    retires = target["retires"] or "-"
    return [row["model"], target["target"], str(target["priority"]), f"{target['weight']:g}", *costs, retires]
