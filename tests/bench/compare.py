"""Two revisions against each other: A B B A, so that a machine that speeds up or slows down favours neither."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import report
import setting
import wrk
from scenes import Row, Say

ROUNDS = 8
ROOT = Path(__file__).parents[2]
T_95 = 2.365
"""Student's t for a two-sided 95 % interval over 8 differences."""


def compare(base: str, seconds: float, say: Say) -> None:
    """CPU per 0.3 KB call, this tree against revision `base`: the difference with its 95 % interval."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as temporary:
        folder = Path(temporary)
        tree = folder / "base"
        if subprocess.run(["git", "-C", str(ROOT), "worktree", "add", "--detach", str(tree), base]).returncode:
            sys.exit(f"'{base}' is not a revision: make bench-compare BASE=main")
        try:
            rows = [_measure(folder, tree / "src", what, load, seconds, say) for what, load in LOADS.items()]
        finally:
            subprocess.run(["git", "-C", str(ROOT), "worktree", "remove", "--force", str(tree)], check=True)
    report.show(f"This tree against {base}, {ROUNDS} rounds each, interleaved", rows)


LOADS = {"0.3 KB, same dialect": wrk.chat(0.3), "0.3 KB, translated": wrk.messages(0.3)}


def _measure(folder: Path, base: Path, what: str, load: wrk.Load, seconds: float, say: Say) -> Row:
    with setting.mock(folder) as mock_port:
        ours, our_port = setting.gateway(folder, "ours", mock_port, source=ROOT / "src")
        theirs, their_port = setting.gateway(folder, "theirs", mock_port, source=base)
        differences: list[float] = []
        with ours, theirs:
            ours.wait_for(our_port)
            theirs.wait_for(their_port)
            for process, port in ((ours, our_port), (theirs, their_port)):
                wrk.run(folder, process, port, load, 2)
            totals = {"ours": 0.0, "theirs": 0.0}
            for number in range(ROUNDS):
                say(f"{what}, round {number + 1} of {ROUNDS}")
                order = ["ours", "theirs"] if number % 2 == 0 else ["theirs", "ours"]
                sides = {"ours": (ours, our_port), "theirs": (theirs, their_port)}
                cpu = {side: wrk.run(folder, *sides[side], load, seconds).cpu_us for side in order}
                totals = {side: totals[side] + cpu[side] for side in totals}
                differences.append(cpu["ours"] - cpu["theirs"])
    margin = T_95 * statistics.stdev(differences) / math.sqrt(ROUNDS)
    return {
        "what": what, "base µs/call": round(totals["theirs"] / ROUNDS, 1), "this µs/call": round(totals["ours"] / ROUNDS, 1),
        "difference µs": round(statistics.mean(differences), 2), "95 % interval ±": round(margin, 2),
    }  # fmt: skip
