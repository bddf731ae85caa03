"""`headgate top`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.administering import seconds_of, told
from headgate.cli.client import HERE, Client, Reach, Refused
from headgate.cli.exits import OK, Misused
from headgate.cli.keystrokes import Keystrokes

By = Literal["model", "target", "key", "team", "operation"]

KEYS: dict[str, By] = {"m": "model", "t": "target", "k": "key", "e": "team", "o": "operation"}
"""What is pressed to see calls by what."""

MOST_S = 10_800


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of one name come to."""

    name: str
    state: str
    """Of a target: `closed` is in use, `open` resting, `half_open` being tried; else empty."""
    calls: int
    calls_per_s: float
    failing: float
    """The share that failed: of a target its attempts, else calls."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    first_token_ms: float | None
    """p95."""
    usd_per_hour: float


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """All there is to see at one moment."""

    at: datetime
    seconds: float
    """The time it is of."""
    by: str
    whole: Line
    lines: list[Line]
    resting: int
    """Targets that are not called now."""


def top(
    *,
    by: By = "model",
    window: str = "5m",
    every: Annotated[float, Parameter(validator=Number(gte=0.5, lte=3600))] = 2.0,
    once: Annotated[bool, Parameter(negative=())] = False,
    reach: Reach = HERE,
) -> int:
    """Watch calls, errors, latency and cost as they happen; keys change what they are grouped by, q ends it.

    Parameters
    ----------
    by
        What to group by.
    window
        How far back: 5m, 1h, at most 3h. It begins with a whole minute.
    every
        Seconds from one look to the next.
    once
        Print one table and end, as is done where nobody looks: in a pipe.
    """
    length_s = seconds_of(window)
    if not 60 <= length_s <= MOST_S:
        raise Misused(f"'{output.printable(window)}' is no time to look back", "Write 1m to 3h.")

    def work(client: Client) -> int:
        if reach.json:
            output.json(frame(client, by, length_s))
        elif once or not sys.stdout.isatty():
            table(frame(client, by, length_s))
        else:
            _watch(client, by, length_s, every)
        return OK

    return told(reach, work, "top")


def frame(client: Client, by: By, length_s: int) -> Frame:
    """What the server tells now."""
    now = datetime.now(UTC)
    begins = (now - timedelta(seconds=length_s)).replace(second=0, microsecond=0)
    seconds = (now - begins).total_seconds()
    query = {"from": begins.isoformat().replace("+00:00", "Z"), "step": "minute"}
    whole = client.ask("GET", "/traffic", query=query)["series"]
    named = client.ask("GET", "/traffic", query={**query, "by": by})["series"]
    targets = _targets(client)
    states = {each["target"]: str(each["breaker"]) for each in targets}
    attempts = by == "target"
    lines = [
        _line(each["name"], each["total"], seconds, states.get(each["name"], "") if attempts else "", attempts=attempts)
        for each in named
    ]
    if attempts:
        known = {line.name for line in lines}
        lines += [_line(name, None, seconds, state) for name, state in sorted(states.items()) if name not in known]
    return Frame(
        at=now,
        seconds=seconds,
        by=by,
        whole=_line("", whole[0]["total"] if whole else None, seconds),
        lines=sorted(lines, key=lambda line: (-line.calls, line.name)),
        resting=sum(each["rests_s"] != 0 for each in targets),
    )


def _targets(client: Client) -> list[Any]:
    """How targets are doing, where this key may see that."""
    try:
        return client.targets()
    except Refused:
        return []


def _line(name: str, total: Any, seconds: float, state: str = "", *, attempts: bool = False) -> Line:
    if total is None:
        return Line(
            name=name, state=state, calls=0, calls_per_s=0, failing=0, p50_ms=None, p95_ms=None, p99_ms=None,
            first_token_ms=None, usd_per_hour=0,
        )  # fmt: skip
    calls, failed = (
        (total["attempts"], total["attempts_failed"]) if attempts else (total["calls"], total["failed"])
    )  # fmt: skip
    prefix = "attempt_" if attempts else ""
    durations, first = total["durations_ms"][f"{prefix}duration"], total["durations_ms"][f"{prefix}first_token"]
    return Line(
        name=name,
        state=state,
        calls=calls,
        calls_per_s=calls / seconds,
        failing=failed / calls if calls else 0.0,
        p50_ms=durations["p50"],
        p95_ms=durations["p95"],
        p99_ms=durations["p99"],
        first_token_ms=first["p95"],
        usd_per_hour=float(Decimal(total["cost_usd"])) * 3600 / seconds,
    )


def table(frame: Frame) -> None:
    """One table, for a pipe or to be read at leisure."""
    from headgate.cli.watched import COLUMNS, cells

    rows = [cells(line) for line in (frame.whole, *frame.lines)]
    output.table(
        [frame.by, *COLUMNS], [["all" if not row[0] and not at else row[0], *row[1:]] for at, row in enumerate(rows)]
    )


def _watch(client: Client, by: By, length_s: int, every_s: float) -> None:
    """Look again and again until somebody presses q."""
    from rich.console import Console
    from rich.live import Live

    from headgate.cli.watched import drawn

    console = Console()
    now = frame(client, by, length_s)
    with (
        Keystrokes() as keys,
        Live(drawn(now, console.width, console.height), console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            pressed = keys.next(every_s)
            if pressed in ("q", "\x03", "\x1b"):
                return
            by = KEYS.get(pressed, by)
            now = frame(client, by, length_s)
            live.update(drawn(now, console.width, console.height), refresh=True)
