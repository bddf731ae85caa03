"""How often `headgate eval compare` tells a regression where there is none, and where there is one: `make eval-power`.

Each world has cases with a chance of passing each. Two runs are drawn from it, or from it and a worse one, and compared as
run files are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from random import Random

from headgate.evals.comparison import ALPHA, compare
from headgate.evals.running import LOOKED_EVERY
from headgate.evals.runs import Result
from headgate.evals.tally import Sums
from headgate.stats.clustered import running_reach, share_of_clusters
from headgate.stats.intervals import wilson

COMPARISONS = 200
MOST_FALSE = 16
LEAST_CAUGHT = 0.8
HIGH, LOW = 0.95, 0.05
SEEDS = (1, 2)

Chances = Sequence[float]
World = Callable[[Random], tuple[Chances, Chances]]


def run_of(chances: Chances, repeats: int, rng: Random, cell: str = "chat") -> Sums:
    """What a run of cases with these chances comes to."""
    return Sums.of(
        Result(
            suite="world", cell=cell, case=str(case), repeat=repeat, of=repeats, needed=repeats, key="", subject="",
            passed=rng.random() < chance, file="world.test.yaml",
        )
        for case, chance in enumerate(chances)
        for repeat in range(repeats)
    )  # fmt: skip


def told(world: World, repeats: int, seed: int, comparisons: int = COMPARISONS) -> int:
    """In how many comparisons a regression is told."""
    rng = Random(seed)
    count = 0
    for _ in range(comparisons):
        before, after = world(rng)
        count += compare(run_of(before, repeats, rng), run_of(after, repeats, rng)).regressed
    return count


def share_high(rate: float) -> float:
    """Of the cases, so that together they pass at this rate."""
    return (rate - LOW) / (HIGH - LOW)


def same(cases: int, rate: float) -> World:
    """Twice the same."""

    def world(rng: Random) -> tuple[Chances, Chances]:
        chances = [HIGH if rng.random() < share_high(rate) else LOW for _ in range(cases)]
        return chances, chances

    return world


def worse(cases: int, rate: float, after: float) -> World:
    """Some of the cases that passed nearly always fail nearly always now."""

    def world(rng: Random) -> tuple[Chances, Chances]:
        places = [rng.random() for _ in range(cases)]
        return tuple([HIGH if at < share_high(each) else LOW for at in places] for each in (rate, after))  # type: ignore[return-value]

    return world


def reworded(cases: int, rate: float, share: float) -> World:
    """As many of the cases become better as become worse: nothing is lost on the whole."""

    def world(rng: Random) -> tuple[Chances, Chances]:
        high = round(cases * share_high(rate))
        moved = min(round(cases * share / 2), high, cases - high)
        before = [HIGH] * high + [LOW] * (cases - high)
        after = [LOW] * moved + [HIGH] * (high - moved) + [HIGH] * moved + [LOW] * (cases - high - moved)
        return before, after

    return world


def redrawn(cases: int, rate: float, share: float) -> World:
    """Some of the cases are drawn anew: as many may gain as lose, but seldom do so exactly."""

    def world(rng: Random) -> tuple[Chances, Chances]:
        before = [HIGH if rng.random() < share_high(rate) else LOW for _ in range(cases)]
        anew = [HIGH if rng.random() < share_high(rate) else LOW for _ in range(cases)]
        return before, [new if rng.random() < share else old for old, new in zip(before, anew, strict=True)]

    return world


def covered(cases: int, rate: float, repeats: int, seed: int, rounds: int = 1_000) -> float:
    """How often the interval of a share has the truth in it."""
    rng, hits = Random(seed), 0
    for _ in range(rounds):
        chances, _ = same(cases, rate)(rng)
        found = share_of_clusters([[float(rng.random() < each) for _ in range(repeats)] for each in chances])
        hits += found.low <= rate <= found.high
    return hits / rounds


def stopped(rate: float, precision: float, seed: int, rounds: int = 400) -> tuple[float, float]:
    """How often the interval of a share has the truth in it where no more is asked once it is precise; and how many
    cases that takes.
    """
    rng, hits, asked = Random(seed), 0, 0
    for _ in range(rounds):
        outcomes: list[float] = []
        while len(outcomes) % LOOKED_EVERY or running_reach(outcomes) > precision:
            outcomes.append(float(rng.random() < rate))
        found = share_of_clusters([[each] for each in outcomes])
        hits += found.low <= rate <= found.high
        asked += len(outcomes)
    return hits / rounds, asked / rounds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many, from 1 on")
    parser.add_argument("--simulator", action="store_true", help="also 400 whole runs on the simulator; a few minutes")
    given = parser.parse_args()
    seeds = range(1, given.seeds + 1)
    print(f"A regression is told at a chance of {ALPHA:.1%}. {COMPARISONS} comparisons each, 100 cases unless said.\n")
    kept = True
    rows: list[tuple[str, World, int, str]] = [
        ("nothing changed, 85 %, 3 repeats", same(100, 0.85), 3, "false"),
        ("nothing changed, 85 %, 1 repeat", same(100, 0.85), 1, "false"),
        ("nothing changed, 50 %, 5 repeats", same(100, 0.5), 5, "false"),
        ("nothing changed, 10 cases, 3 repeats", same(10, 0.85), 3, "false"),
        ("10 cases better, 10 worse, 3 repeats", reworded(100, 0.85, 0.2), 3, "false"),
        ("20 cases of 100 drawn anew, 3 repeats", redrawn(100, 0.85, 0.2), 3, "shown"),
        ("85 to 75 %, 3 repeats", worse(100, 0.85, 0.75), 3, "caught"),
        ("85 to 75 %, 1 repeat", worse(100, 0.85, 0.75), 1, "shown"),
        ("85 to 80 %, 3 repeats", worse(100, 0.85, 0.80), 3, "shown"),
        ("85 to 75 %, 40 cases, 3 repeats", worse(40, 0.85, 0.75), 3, "shown"),
        ("85 to 75 %, 40 cases, 5 repeats", worse(40, 0.85, 0.75), 5, "shown"),
        ("94 to 70 %, 15 cases, 3 repeats", worse(15, 0.94, 0.70), 3, "shown"),
    ]
    print(f"{'':42}{'told':>16}{'95 % interval':>20}  bar")
    for name, world, repeats, bar in rows:
        counts = [told(world, repeats, seed) for seed in seeds]
        found = wilson(sum(counts), COMPARISONS * len(counts))
        fine = max(counts) <= MOST_FALSE if bar == "false" else min(counts) >= LEAST_CAUGHT * COMPARISONS
        asked = (
            f"at most {MOST_FALSE}"
            if bar == "false"
            else f"at least {LEAST_CAUGHT * COMPARISONS:.0f}"
            if bar == "caught"
            else ""
        )
        kept = kept and (fine or bar == "shown")
        mark = "" if not asked else f"{asked}: {'kept' if fine else 'MISSED'}"
        counted = ", ".join(map(str, counts)) if len(counts) <= 4 else f"most {max(counts)}, least {min(counts)}"
        print(f"{name:42}{counted:>16}{f'{found.low:.1%} to {found.high:.1%}':>20}  {mark}")
    if given.simulator:
        from evaluation.simulated import CASES, told_twice  # a gateway, which the rest does without

        print(f"\nThe same {CASES} cases run twice on the simulator, three answers each, and compared:")
        for seed in SEEDS:
            count, rate = told_twice(seed, COMPARISONS)
            fine = count <= MOST_FALSE
            kept = kept and fine
            mark = f"at most {MOST_FALSE}: {'kept' if fine else 'MISSED'}"
            print(f"  seed {seed}: {count} of {COMPARISONS} told, {rate:.0%} of answers pass; {mark}")
    print("\nIntervals of 95 % confidence that have the truth in them:")
    for cases, rate, repeats in (
        (100, 0.85, 3), (20, 0.85, 3), (100, 0.95, 1), (20, 0.5, 5), (10, 0.85, 20), (5, 0.85, 20),
    ):  # fmt: skip
        share = covered(cases, rate, repeats, 1)
        print(f"  {cases:4} cases, {rate:.0%}, {repeats} repeats: {share:.1%}")
    for rate, precision in ((0.85, 0.05), (0.95, 0.05), (0.5, 0.1)):
        share, asked = stopped(rate, precision, 1)
        print(f"  asked to {precision:.0%} on either side, {rate:.0%}: {share:.1%}, after {asked:.0f} cases")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
