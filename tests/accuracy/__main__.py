"""Whether every figure is the truth: `python tests/accuracy [shared] [single]`.

`shared` is four replicas over PostgreSQL and Redis, `single` one process over SQLite. `ACCURACY_CALLS` is how many calls
(200,000), `ACCURACY_RATE` how many a second (400). The table is kept as JSON in `.bench/`; the exit code is 1 where a bar
is missed.
"""

from __future__ import annotations

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

from accuracy.comparing import Figure, compared, missed
from accuracy.places import Shared, Single
from accuracy.plan import decide
from accuracy.run import play
from billing import Vendor

RESULTS = Path(__file__).parents[2] / ".bench"
CALLS = int(os.environ.get("ACCURACY_CALLS", "200000"))
RATE = float(os.environ.get("ACCURACY_RATE", "400"))
KEYS = 8


async def shared(folder: Path) -> list[Figure]:
    async with Vendor(decide) as vendor, Shared(folder, vendor, replicas=4) as place:
        return await compared(place, await play(place, await place.keys(KEYS), CALLS, RATE), listed=False)


async def single(folder: Path) -> list[Figure]:
    async with Vendor(decide) as vendor, Single(folder, vendor) as place:
        return await compared(place, await play(place, await place.keys(KEYS), CALLS, RATE), listed=False)


PLACES = {"shared": shared, "single": single}


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
