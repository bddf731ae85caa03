"""What a vendor does with each request: the same for the same request, so that the truth of a run is known beforehand."""

from __future__ import annotations

import random
from dataclasses import replace

from billing import Asked, Plan

FEATURES = ("search", "summary", "chat", "agent", "export")
"""Of the tag `feature`."""

TIERS = ("free", "paid", "trial")
"""Of the tag `tier`."""

ERRORS = ((0.05, 500), (0.02, 429), (0.01, 400))
"""Shares of requests that are refused, and how."""

PLAIN = "-plain-"
"""In the mark of what is never limited, so that no call waits until it may be asked again."""

CUT = 0.02
"""The share of streams that break off."""

LEAVES = 0.03
"""The share of streams of `chat` whose client goes away after it has seen some of them."""

SLOWER = 5
"""How many times as long `at_length` takes."""


def decide(asked: Asked) -> Plan:
    """Latency is a mixture: mostly log-normal around 40 ms, a plateau up to 250 ms, and a heavy tail up to 1.2 s."""
    dice = random.Random(f"{asked.mark} {asked.times} {asked.model}")
    fate = dice.random()
    wait_s = _latency_s(dice)
    for share, status in ERRORS:
        if fate < share:
            status = 500 if status == 429 and PLAIN in asked.mark else status
            return Plan(0, 0, status=status, wait_s=wait_s / 4, retry_after_s=0.02 if status == 429 else None)
        fate -= share
    output = dice.randint(3, 9) if asked.stream else dice.randint(1, 40)
    cut = asked.stream and dice.random() < CUT
    return Plan(
        prompt=dice.randint(1, max(1, asked.body_bytes // 2)),
        output=0 if asked.embeds else output,
        wait_s=wait_s,
        gap_s=dice.uniform(0.001, 0.008) if asked.stream else 0,
        cut_after=dice.randrange(1, output) if cut else None,
    )


def at_length(asked: Asked) -> Plan:
    """The same as slow as models are: mostly around 200 ms, and up to 6 s. What two busy cores make a call wait is little
    beside that, so what is compared is the figure and not the machine.
    """
    plan = decide(asked)
    return replace(plan, wait_s=plan.wait_s * SLOWER, gap_s=plan.gap_s * SLOWER)


def _latency_s(dice: random.Random) -> float:
    kind = dice.random()
    if kind < 0.8:
        return min(1.2, dice.lognormvariate(-3.2, 0.5))
    if kind < 0.95:
        return dice.uniform(0.1, 0.25)
    return min(1.2, 0.15 * dice.paretovariate(1.5))


def leaves_after(mark: str) -> float:
    """Bytes of a stream after which its client goes away."""
    dice = random.Random(f"{mark} leaves")
    return 150.0 if dice.random() < LEAVES else float("inf")
