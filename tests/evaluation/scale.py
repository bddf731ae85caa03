"""Ten thousand cases on the simulator, killed in the middle and gone on with, while memory is watched: `make eval-scale`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from headgate.evals.runs import Result, ends_of, results_of

MOST_GROWTH_MB = 30
"""From a quarter of the way to the end: what is kept of each case, and of its verdict."""

SUITE = """\
model: chat
messages: "Question {{number}}: what is kept at {{place}}?"
assert:
  - contains: simulated
  - not-is-refusal
  - word-count: {max: 2000}
dataset: cases.jsonl
"""


class Watched:
    """A command, and what it takes."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.run = folder / "run.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headgate", "eval", "run", "big.test.yaml", "--no-cache", *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(os.environ),
        )
        self.samples: list[tuple[int, float]] = []
        """Lines written, and megabytes resident."""
        self.began = time.monotonic()

    def sample(self) -> int:
        """Look once; how many lines there are."""
        lines = self.run.read_bytes().count(b"\n") if self.run.exists() else 0
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return lines
        resident = next((line for line in status.splitlines() if line.startswith("VmRSS")), "")
        if resident:
            self.samples.append((lines, int(resident.split()[1]) / 1024))
        return lines

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "big.test.yaml").write_text(SUITE)
        rows = ({"id": str(at), "inputs": {"number": at, "place": f"lock {at % 97}"}} for at in range(given.cases))
        (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return _played(folder, given.cases, str(given.concurrency))


def _played(folder: Path, cases: int, concurrency: str) -> int:
    run = folder / "run.jsonl"
    first = Watched(folder, "--output", str(run), "--concurrency", concurrency)
    while first.process.poll() is None and first.sample() < cases * 0.6:
        time.sleep(0.1)
    if first.process.poll() is not None:
        print(f"the run ended by itself, with {first.process.returncode}")
        return 1
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    kept = Counter(each.case for each in results_of(run))
    print(
        f"killed after {first.seconds:.1f} s with {len(kept):,} of {cases:,} cases in the file, {concurrency} at once"
    )

    second = Watched(folder, "--resume", str(run), "--concurrency", concurrency)
    while second.process.poll() is None:
        second.sample()
        time.sleep(0.1)
    found: list[Result] = list(results_of(run))
    often = Counter(each.case for each in found)
    again = sum(often[case] > 1 for case in kept)
    print(f"gone on with for {second.seconds:.1f} s: {len(often):,} cases, {again} of those finished asked again")
    growth = [_growth(each) for each in (first, second)]
    for told, watched, grown in zip(("before the kill", "after it"), (first, second), growth, strict=True):
        most = max(resident for _, resident in watched.samples)
        print(f"memory {told}: {most:.0f} MB at the most, {grown:+.1f} MB in its last three quarters")
    ends = ends_of(run)
    fine = (
        second.process.returncode == 0
        and len(often) == cases
        and again == 0
        and max(growth) <= MOST_GROWTH_MB
        and [each.why for each in ends] == ["complete"]
    )
    print("kept" if fine else "MISSED", f"(at most {MOST_GROWTH_MB} MB, none asked again)")
    return 0 if fine else 1


def _growth(watched: Watched) -> float:
    """Megabytes from a quarter of the results on."""
    begun = [each for each in watched.samples if each[0] > watched.samples[0][0]] or watched.samples
    first, last = begun[len(begun) // 4], begun[-1]
    return last[1] - first[1]


if __name__ == "__main__":
    sys.exit(main())
