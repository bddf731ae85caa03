"""Run the detection benchmark: `make detection`. Writes docs/detection.svg and the tables of docs/alerts.md.

With --resume it goes on where a run before it was stopped; --seeds says how many.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from detection.incidents import KINDS, false_alarms  # noqa: E402
from detection.report import NOMINAL, VOLUMES, bars_kept, summary, write  # noqa: E402
from detection.traffic import USUAL, WORLDS, World  # noqa: E402

RESULTS = ROOT / ".bench" / "detection.jsonl"

BY_NAME = {world.name: world for world in WORLDS}


def tasks(seeds: int, few: int) -> list[tuple[str, str, float, int]]:
    """Of each seed what is played: an incident's name or `false alarms`, the world, calls an hour. Where the bars are held
    come first.
    """
    others = [(USUAL.name, volume) for volume in VOLUMES if volume != NOMINAL]
    others += [(world.name, NOMINAL) for world in WORLDS if world is not USUAL]
    names = [*(kind.name for kind in KINDS), "false alarms"]
    bars = [(name, USUAL.name, NOMINAL, seed) for seed in range(seeds) for name in names]
    return bars + [
        (name, world, volume, seed) for seed in range(min(few, seeds)) for world, volume in others for name in names
    ]


def play(task: tuple[str, str, float, int]) -> dict[str, Any]:
    name, world_name, volume, seed = task
    world: World = BY_NAME[world_name].at(volume)
    if name == "false alarms":
        found: Any = false_alarms(world, seed)
    else:
        found = next(kind for kind in KINDS if kind.name == name).run(world, seed)
    return {"task": list(task), "found": found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--few", type=int, default=30, help="seeds of other volumes and worlds")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    if not given.resume:
        RESULTS.unlink(missing_ok=True)
    held = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    done = {tuple(each["task"]) for each in held}
    wanted = tasks(given.seeds, given.few)
    left = [task for task in wanted if task not in done]
    begun = time.monotonic()
    with ProcessPoolExecutor(given.processes) as pool, RESULTS.open("a") as file:
        futures = [pool.submit(play, task) for task in left]
        for number, future in enumerate(as_completed(futures), 1):
            result = future.result()
            held.append(result)
            file.write(json.dumps(result) + "\n")
            if number % 20 == 0 or number == len(left):
                file.flush()
                passed = time.monotonic() - begun
                rest = passed / number * (len(left) - number)
                sys.stderr.write(f"\r\033[K{number} of {len(left)} played, {rest / 60:.1f} minutes to go")
    sys.stderr.write("\n")
    kept = {tuple(task) for task in wanted}
    results = [each for each in held if tuple(each["task"]) in kept]
    write(results, given.seeds, given.few, ROOT / "docs")
    print(summary(results))
    return 0 if bars_kept(results) else 1


if __name__ == "__main__":
    sys.exit(main())
