"""Whether every figure is the truth: `python tests/accuracy [workers] [shared] [single]`.

`workers` is one server of four workers over PostgreSQL and Redis, `shared` four replicas over them, `single` one process over
SQLite. `ACCURACY_CALLS` is how many calls (200,000), `ACCURACY_RATE` how many a second (400). The vendor, the servers and the
clients are processes of their own. The table is kept as JSON in `.bench/`; the exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop
from rich.console import Console
from rich.table import Table

from accuracy.comparing import TEN_WEEKS_S, TWO_DAYS_S, compared, compared_later, read
from accuracy.figures import Figure, missed
from accuracy.places import Single, Slow
from accuracy.run import Place, play
from accuracy.sums import STEPS
from accuracy.traffic import Expected
from accuracy.vendor import Apart
from cluster import Key

RESULTS = Path(__file__).parents[2] / ".bench"
CALLS = int(os.environ.get("ACCURACY_CALLS", "200000"))
RATE = float(os.environ.get("ACCURACY_RATE", "400"))
KEYS = 8


async def workers(folder: Path) -> list[Figure]:
    async with Apart("at_length") as vendor, Slow(folder, vendor, replicas=1, server=", workers: 4") as place:
        return await _played(place, vendor, await place.keys(KEYS))


async def shared(folder: Path) -> list[Figure]:
    async with Apart("at_length") as vendor, Slow(folder, vendor, replicas=4) as place:
        return await _played(place, vendor, await place.keys(KEYS))


async def single(folder: Path) -> list[Figure]:
    async with Apart("at_length") as vendor, Single(folder, vendor) as place:
        return await _played(place, vendor, await place.keys(KEYS))


async def _played(place: Place, vendor: Apart, keys: Sequence[Key]) -> list[Figure]:
    gc.disable()  # what the clients note is kept until the end: looking through it again and again makes them late
    truth = await play(place, keys, CALLS, RATE)
    gc.enable()
    print(f"played, at a load of {' '.join(f'{each:.2f}' for each in os.getloadavg())}", flush=True)
    vendor.read()
    figures = await compared(place, truth, vendor)
    calls, attempts = await read(place)
    expected = Expected(calls, attempts)
    figures += await compared_later(place, truth, expected, TWO_DAYS_S, STEPS)
    return [*figures, *await compared_later(place, truth, expected, TEN_WEEKS_S, ["hour", "day"])]


PLACES = {"workers": workers, "shared": shared, "single": single}


def show(title: str, figures: Sequence[Figure]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("what")
    for name in ("figures", "off by", "bar", ""):
        table.add_column(name, justify="right")
    for each in figures:
        unit = f" {each.unit}".rstrip()
        verdict = "[green]holds[/]" if each.holds else "[red bold]missed[/]"
        note = f"\n  {each.note}" if each.note else ""
        table.add_row(
            each.what + note, f"{each.compared:,}", f"{each.worst:.3g}{unit}", f"{each.bar:.3g}{unit}", verdict
        )
    Console(width=160).print(table)


def main(names: Sequence[str]) -> int:
    unknown = set(names) - set(PLACES)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PLACES)}")
    amiss = 0
    results: dict[str, object] = {"calls": CALLS, "rate": RATE}
    for name in names or PLACES:
        with tempfile.TemporaryDirectory(prefix="headgate-accuracy-") as folder:
            figures = uvloop.run(PLACES[name](Path(folder)))
        show(f"{name}: {CALLS:,} calls, {RATE:g} a second", figures)
        results[name] = [asdict(each) for each in figures]
        amiss += len(missed(figures))
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"accuracy-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(results, indent=1))
    print(f"{amiss or 'no'} bar{'' if amiss == 1 else 's'} missed; kept in {file}")
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
