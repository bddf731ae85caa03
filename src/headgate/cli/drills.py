"""`headgate drill`: what users would see if this or that failed."""

from __future__ import annotations

import asyncio
import sys

from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.drilling import CELLS, FAULTS, Drilled
from headgate.cli.drilling import drill as drilled
from headgate.cli.exits import FAILED, OK
from headgate.cli.explaining import advice
from headgate.config import Config
from headgate.registry import suggest


def drill(model: str | None = None, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Let everything fail that can, with a simulator in place of every vendor, and show what users would see.

    No vendor is asked. Your own stages and validators run as they do when serving. Time limits are cut to a fraction of
    a second.

    Parameters
    ----------
    model
        A name under 'models'; the first one if none is given.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON, every attempt and event included.
    """
    loaded, _ = load_or_starter(config)
    name = model or next(iter(loaded.models), "")
    if name not in loaded.models:
        output.complain(f"headgate: there is no model '{name}'{suggest(name, loaded.models)}")
        output.complain("Try 'headgate models'.")
        return FAILED
    if not loaded.models[name].targets:
        output.complain(f"headgate: the calls of '{name}' go where its prompt says; drill that model.")
        return FAILED
    found = asyncio.run(_all(loaded, name))
    if json:
        output.json(found)
        return OK
    output.say(f"{name}, with simulated vendors: what the client gets, and after how many attempts")
    columns = ("fault", "whole, first attempt fails", "whole, all fail", "stream, first fails", "stream, all fail")
    output.table(columns, _rows(found))
    output.say("")
    output.say("'all' are the model's own targets; a fallback elsewhere is well. --json shows every attempt.")
    if hint := advice(loaded.models[name]):
        output.say(hint)
    return OK


async def _all(config: Config, model: str) -> list[Drilled]:
    found: list[Drilled] = []
    async for each in drilled(config, model):
        found.append(each)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{len(found)} of {len(FAULTS) * len(CELLS)}: {each.fault}")
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return found


def _rows(found: list[Drilled]) -> list[list[str]]:
    cells = {(each.fault, each.stream, each.extent): each for each in found}
    return [[fault, *(_cell(cells[fault, stream, extent]) for stream, extent in CELLS)] for fault in FAULTS]


def _cell(each: Drilled) -> str:
    count = len(each.attempts)
    target = each.attempts[-1].partition(":")[0] if each.client == "answer" and count > 1 else ""
    where = f", from {target}" if target else ""
    return f"{each.client} ({count}{where})"
