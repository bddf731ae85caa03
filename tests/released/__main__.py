"""Move a prompt's label under load, and hold what comes of it against its bars: no call is made of two versions, and a
second after a move every replica serves the new one.

    python tests/released [calls a second] [seconds]

Two `headgate serve` over PostgreSQL and Redis. Calls are begun on a schedule, at both in turn; the label moves every
1.5 seconds, at both in turn. A stage in the vendor's place says which marks it was sent: the prompt has one in each of
its partials, in its system prompt, its user's message and its tool.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "src")]

from billing import Vendor  # noqa: E402
from cluster import Cluster, request  # noqa: E402
from resilience.client import Outcome  # noqa: E402

NAME = "support/triage"
CONFIG = """
stages: [{use: "marking:Marks", before: transport}]
"""
MODEL = "  prompted: {prompt: support/triage@production, targets: [a/m-a]}\n"
MARKS = ("mark-red", "mark-blue")
EVERY_S = 1.5
KNOWN_S = 1.0


def library(mark: str) -> dict[str, str]:
    return {
        "support/triage.prompt": (
            f'---\ntools: [look]\n---\n{{{{role "system"}}}}{mark} {{{{> rules}}}} {{{{#each list}}}}{{{{> line}}}}{{{{/each}}}}'
            f'{{{{history}}}}{{{{role "user"}}}}{mark} {{{{> rules}}}}'
        ),
        "support/_rules.prompt": f"{mark} be polite to {{{{name}}}}",
        "support/_line.prompt": f"{mark} {{{{this}}}}",
        "support/look.tool.yaml": f"description: {mark} looks something up\n",
    }


async def played(rate: float, seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with Vendor() as vendor, Cluster(Path(folder), vendor, replicas=0, config=CONFIG) as cluster:
            cluster._text = cluster._text.replace("models:\n", f"models:\n{MODEL}", 1)
            for _ in range(2):
                cluster.add().launch()
            await asyncio.gather(*(each.ready() for each in cluster.replicas))
            return await _played(cluster, rate, seconds)


async def _played(cluster: Cluster, rate: float, seconds: float) -> bool:
    versions: dict[str, str] = {}
    for mark in MARKS:
        made = await cluster.admin("POST", "/admin/prompts", {"sources": library(mark)})
        versions[mark] = made["data"][0]["version"]
    await _move(cluster, versions[MARKS[0]], 0)
    key = await cluster.key()
    inputs = {"name": "Jo", "list": ["one", "two", "three"]}
    body = {"model": "prompted", "messages": [{"role": "user", "content": "Hello"}], "headgate": {"inputs": inputs}}
    sent = [request(each.port, "POST", "/v1/chat/completions", body, key.key) for each in cluster.replicas]
    for place, each in enumerate(cluster.replicas):
        assert (await each.client.call(sent[place])).status == 200
    gc.disable()
    calls: list[tuple[int, asyncio.Task[Outcome]]] = []
    moves: list[tuple[float, float, str]] = []
    moving = asyncio.create_task(_moving(cluster, versions, moves, seconds))
    start = monotonic()
    for number in range(int(rate * seconds)):
        due = start + number / rate
        while (left := due - monotonic()) > 0:
            await asyncio.sleep(max(0.0, left - 0.0002))
        place = number % len(sent)
        calls.append((place, asyncio.create_task(cluster.replicas[place].client.call(sent[place]))))
    took_s = monotonic() - start
    await moving
    found = [(place, await task) for place, task in calls]
    return _held(found, moves, versions, len(calls) / took_s)


async def _moving(
    cluster: Cluster, versions: dict[str, str], moves: list[tuple[float, float, str]], seconds: float
) -> None:
    """Move the label to and fro; when each move was asked for and answered, and to which mark."""
    end = monotonic() + seconds - KNOWN_S - 0.5
    number = 0
    while True:
        await asyncio.sleep(EVERY_S)
        if monotonic() > end:
            return
        number += 1
        mark = MARKS[number % 2]
        asked = monotonic()
        await _move(cluster, versions[mark], number % len(cluster.replicas))
        moves.append((asked, monotonic(), mark))


async def _move(cluster: Cluster, to: str, replica: int) -> None:
    body = {"name": NAME, "label": "production", "to": to}
    await cluster.admin("POST", "/admin/prompts/moves", body, replica=replica)


def _held(
    calls: Sequence[tuple[int, Outcome]],
    moves: Sequence[tuple[float, float, str]],
    versions: dict[str, str],
    rate: float,
) -> bool:
    told: Counter[str] = Counter()
    late: dict[int, float] = {}
    for place, outcome in calls:
        if outcome.status != 200:
            told["failed"] += 1
            continue
        *marks, used = json.loads(outcome.body)["choices"][0]["message"]["content"].split()
        one = len(marks) == 1 and used == f"{NAME}@{versions[marks[0]][:12]}" == outcome.headers["x-headgate-prompt"]
        told["of one version" if one else "mixed"] += 1
        if not one:
            continue
        told[marks[0]] += 1
        before = [each for each in moves if each[1] <= outcome.began]
        if before and marks[0] != before[-1][2]:
            after = [each for each in moves if each[0] >= before[-1][1] and each[0] <= outcome.ended]
            if not after:  # another move was not under way yet
                late[place] = max(late.get(place, 0.0), outcome.began - before[-1][1])
    print(
        f"{len(calls):,} calls at {rate:,.0f} a second, {len(moves)} moves: "
        + ", ".join(f"{n} {c:,}" for n, c in sorted(told.items()))
    )
    for place in range(2):
        print(
            f"replica {place}: the old version was begun with until {late.get(place, 0.0) * 1000:.0f} ms after a move had been answered"
        )
    fine = not told["mixed"] and not told["failed"] and max(late.values(), default=0.0) <= KNOWN_S and len(moves) >= 2
    print("held" if fine else "NOT HELD")
    return fine


def main(arguments: Sequence[str]) -> Any:
    rate, seconds = (
        (float(each) for each in (*arguments, "1000", "12")[:2]) if len(arguments) != 1 else (float(arguments[0]), 12.0)
    )
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
    return 0 if asyncio.run(played(rate, seconds)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
