"""The bars of reliability, played in full: `python tests/resilience [scene ...]`.

Scenes: flaky, one-dead, outage, tail, overload, overload-cpu, and soak, which is only played when it is named.
`RESILIENCE_SECONDS` is the length of an outage and of an overload (60 and 30), `RESILIENCE_CALLS` the number of calls
of `flaky` and `tail` (5,000), `SOAK_SECONDS` the length of the soak (3,600). Results are kept as JSON in `.bench/`;
the exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from resilience import findings, one_dead, outage, overload, setting, soak, tail
from resilience.findings import Finding, Say
from resilience.flaky import flaky

RESULTS = Path(__file__).parents[2] / ".bench"
CALLS = int(os.environ.get("RESILIENCE_CALLS", "5000"))
SECONDS = float(os.environ.get("RESILIENCE_SECONDS", "0"))
SOAK_SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))

Scene = Callable[[Path, Say], Awaitable[list[Finding]]]

OUTAGE = replace(outage.Plan(), dead_s=SECONDS) if SECONDS else outage.Plan()
OVERLOAD = replace(overload.Plan(), over_s=SECONDS) if SECONDS else overload.Plan()

SCENES: dict[str, tuple[str, Scene]] = {
    "flaky": ("Two targets that each fail 30 % of calls", lambda folder, say: flaky(folder, CALLS, say)),
    "one-dead": ("One of two targets dead", lambda folder, say: one_dead.one_dead(folder, one_dead.Plan(), say)),
    "outage": ("Both targets dead", lambda folder, say: outage.outage(folder, OUTAGE, say)),
    "tail": ("3 % of calls 20 times slower", lambda folder, say: tail.tail(folder, CALLS, say)),
    "overload": ("Three times what a vendor can do", lambda folder, say: overload.overload(folder, OVERLOAD, say)),
    "overload-cpu": ("Three times what the gateway can do", lambda folder, say: overload.cpu(folder, OVERLOAD, say)),
    "soak": ("Faults, disconnects and reloads", lambda folder, say: soak.soak(folder, SOAK_SECONDS, say)),
}
ASKED_FOR = frozenset({"soak"})


def say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


def main(names: list[str]) -> int:
    unknown = set(names) - set(SCENES)
    if unknown:
        sys.exit(f"unknown scene: {', '.join(sorted(unknown))}; known: {', '.join(SCENES)}\n\n{__doc__}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process is left behind
    setting.pin()
    results: dict[str, object] = {"time": time.strftime("%Y-%m-%d %H:%M")}
    missed = 0
    for name in names or [name for name in SCENES if name not in ASKED_FOR]:
        title, scene = SCENES[name]
        with tempfile.TemporaryDirectory(prefix="headgate-resilience-") as folder:
            found = uvloop.run(scene(Path(folder), say))
        findings.show(title, found)
        results[name] = findings.rows(found)
        missed += len(findings.missed(found))
        asyncio.set_event_loop(None)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"resilience-{time.strftime('%Y%m%d-%H%M%S')}.json"
    file.write_text(json.dumps(results, indent=1))
    print(f"\n{missed or 'no'} bar{'' if missed == 1 else 's'} missed; kept in {file}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
