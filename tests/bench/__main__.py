"""The benchmark: `python tests/bench run [scene …]` and `python tests/bench compare REVISION`.

`BENCH_SECONDS` is the length of one measurement (5), `BENCH_PEERS=1` also measures LiteLLM and Portkey, installed
outside the tree. Results are kept as JSON in `.bench/`; `python tests/bench publish` writes the last ones into
`docs/performance.md`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import compare
import peers
import prompted
import report
import scenes
import setting
from scenes import Row, Say

RESULTS = Path(__file__).parents[2] / ".bench"
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))

SCENES: dict[str, tuple[str, Callable[[Path, Say], list[Row]]]] = {
    "stages": ("What the engine itself costs", lambda folder, say: scenes.stages(folder, 200_000, say)),
    "unary": ("Calls on one core, 64 connections", lambda folder, say: scenes.unary(folder, SECONDS, say)),
    "governed": (
        "What keys, limits, budgets and the ledger cost",
        lambda folder, say: scenes.governed(folder, SECONDS, say),
    ),
    "prompts": (
        "A model that is a prompt of 20 variables, 3 partials and a loop, beside a plain one",
        lambda folder, say: prompted.prompts(folder, SECONDS, say),
    ),
    "bursts": ("Streams of 32 chunks at once, 64 connections", lambda folder, say: scenes.bursts(folder, SECONDS, say)),
    "paced": ("Streams at a model's pace", lambda folder, say: scenes.paced(folder, 2 * SECONDS, say)),
    "latency": ("Latency at 2,000 calls a second, open loop", lambda folder, say: scenes.latency(folder, SECONDS, say)),
    "memory": ("Resident memory", lambda folder, say: scenes.memory(folder, 1_000_000, say)),
    "start": ("Start-up", lambda folder, say: scenes.start(folder, 7, say)),
}


def say(what: str) -> None:
    print(f"\r\033[K  … {what}" if sys.stderr.isatty() else f"  … {what}", end="" if sys.stderr.isatty() else "\n",
          file=sys.stderr, flush=True)  # fmt: skip


def run(names: list[str]) -> None:
    chosen = names or list(SCENES)
    unknown = set(chosen) - set(SCENES)
    if unknown:
        sys.exit(f"unknown scene: {', '.join(sorted(unknown))}; known: {', '.join(SCENES)}")
    results: dict[str, object] = {"machine": setting.machine(), "time": time.strftime("%Y-%m-%d"), "seconds": SECONDS}
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as temporary:
        folder = Path(temporary)
        (folder / "direct").mkdir()
        for name in chosen:
            title, measure = SCENES[name]
            rows = measure(folder, say)
            results[name] = rows
            report.show(title, rows)
        if os.environ.get("BENCH_PEERS"):
            rows = peers.unary(folder, SECONDS, say)
            if rows:
                results["peers"] = rows
                report.show("Peers, the same calls on the same core", rows)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(results, indent=1))
    print(f"\nkept in {file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file}")


def main() -> None:
    match sys.argv[1:]:
        case ["run", *names]:
            run(names)
        case ["compare", base] if base:
            compare.compare(base, SECONDS, say)
        case ["publish"]:
            report.publish(RESULTS, {name: title for name, (title, _) in SCENES.items()})
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
