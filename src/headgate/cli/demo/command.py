"""`headgate demo`: something to look at before there is anything to serve."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.live import Live

from headgate.cli import output
from headgate.cli.demo.playing import HOST, Stage, played
from headgate.cli.demo.plot import CYCLE_S, SPENDING
from headgate.cli.demo.screen import WIDE, drawable, drawn
from headgate.cli.demo.watching import Seen
from headgate.cli.exits import OK, CannotRun
from headgate.server.listening import usable_port

DRAW_S = 0.25
STATUS_S = 5.0
SHORTEST_S = 5.0


def demo(
    *,
    port: int = 0,
    for_: Annotated[float | None, Parameter(name="--for", validator=Number(gte=SHORTEST_S, lte=86_400))] = None,
    plain: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Start a gateway with simulated vendors and simulated teams, an incident, alerts, and how they end.

    Nothing is asked of any vendor, nothing is read from this folder, and nothing is left behind.

    Parameters
    ----------
    port
        Port to listen on; 0 for any free one.
    for_
        Seconds until it ends by itself, the whole plot within them; else it goes on until Ctrl-C.
    plain
        Print lines, also on a terminal. On one that is dumb or smaller than 80 by 24 it does so anyway.
    """
    import uvloop

    try:
        port = usable_port(HOST, port)
    except OSError as error:
        raise CannotRun(f"cannot listen on {HOST}:{port}: {error}", "Leave --port away for a free one.") from None
    logging.getLogger("headgate").addHandler(logging.NullHandler())  # what it would say is on the screen
    clean = uvloop.run(_demo(port, for_, plain=plain))
    if not clean:
        sys.stdout.flush()
        os._exit(OK)  # somebody's connection is still open, and the server's thread would wait for it for ever
    return OK


async def _demo(port: int, for_s: float | None, *, plain: bool) -> bool:
    """Play it; whether every connection was closed in the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, stop.set)
    output.complain("Starting a gateway, two simulated vendors and four simulated teams …")
    async with played(port, for_s or CYCLE_S) as stage:
        if for_s is not None:
            loop.call_later(for_s, stop.set)
        console = Console()
        seen = await (_lines(stage, stop) if plain or not drawable(console) else _screen(stage, stop, console))
    if seen is not None:
        _summary(seen)
    return stage.clean


async def _screen(stage: Stage, stop: asyncio.Event, console: Console) -> Seen | None:
    """Draw on the terminal until it is over; what was seen last."""
    seen = None
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not stop.is_set():
            seen = await stage.look()
            wide = console.width >= WIDE
            live.update(drawn(seen, stage.url, stage.visitor_key, stage.admin_key, wide=wide), refresh=True)
            await _pause(stop)
    return seen


async def _lines(stage: Stage, stop: asyncio.Event) -> Seen | None:
    """Print what happens, line by line; what was seen last."""
    _introduce(stage)
    seen, told, due = None, 0, 0.0
    while not stop.is_set():
        seen = await stage.look()
        fresh = stage.watch.told - told
        for note in list(seen.notes)[-fresh:] if fresh else []:
            output.say(f"{note.at_s:5.1f} s  {note.text}")
        told = stage.watch.told
        if seen.elapsed_s >= due:
            due = seen.elapsed_s + STATUS_S
            output.say(_status(seen))
        sys.stdout.flush()
        await _pause(stop)
    return seen


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), DRAW_S)
    except TimeoutError:
        return


def _introduce(stage: Stage) -> None:
    output.say("Everything here is simulated: vendors, teams, calls, the incident.")
    output.say(f"  gateway    {stage.url}    (/targets, /metrics and /admin/… take the admin key; /usage takes either)")
    output.say(f"  admin key  {stage.admin_key}")
    output.say(f"  a key      {stage.visitor_key}    (hard budget: $1)")
    output.say(
        f"  try        curl {stage.url}/v1/chat/completions -H 'authorization: Bearer {stage.visitor_key}' "
        "-H 'content-type: application/json' "
        '-d \'{"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}\''
    )
    output.say("Ctrl-C ends it.")


def _status(seen: Seen) -> str:
    success = "–" if seen.success is None else f"{seen.success:.1%}"
    costs = ", ".join(f"{each.name} ${each.cost_usd:.4f}" for each in seen.teams)
    return f"{seen.elapsed_s:5.1f} s  {seen.calls_per_s:.1f} calls/s, {success} answered; {costs}"


def _summary(seen: Seen) -> None:
    """What it came to, in a few lines."""
    calls = sum(each.calls for each in seen.teams)
    refused = sum(each.refused for each in seen.teams)
    failed = sum(each.failed for each in seen.teams)
    output.say("")
    came = f"{output.counted(calls, 'call')}, {failed} failed, {refused} refused by the budget of {SPENDING}"
    output.say(f"In {seen.elapsed_s:.0f} s of simulation: {came}.")
    for each in seen.targets:
        output.say(f"  {each.name}: {output.counted(each.attempts, 'attempt')}")
    for team in seen.teams:
        output.say(f"  team {team.name}: ${team.cost_usd:.6f}")
    output.say("All of it is gone. Next: 'headgate init' for a configuration of your own, then 'headgate serve'.")
