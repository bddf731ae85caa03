"""How long users wait."""

from __future__ import annotations

from headgate.production.facts import Facts, Flaw, Flaws, models

MAX_TOTAL_S = 600.0
MAX_CONNECT_S = 30.0
MAX_SILENCE_S = 120.0
"""For the first content of a stream, and for the next piece of it."""
MAX_HEDGED = 0.25
MIN_QUANTILE = 0.8

_CHOSEN = ("total_s", "first_token_s", "stall_s")


def timeouts_unsaid(facts: Facts) -> Flaws:
    for at, _ in models(facts):
        said = _said(facts, at)
        unsaid = [name for name in _CHOSEN if name not in said]
        if unsaid:
            yield Flaw(
                path=(*at, "timeout") if said else at,
                what=f"nobody has said how long it may take: {', '.join(unsaid)}",
                write="timeout: {total_s: 120, first_token_s: 30, stall_s: 30}",
            )


def _said(facts: Facts, at: tuple[str | int, ...]) -> frozenset[str]:
    """The timeouts a model's block has."""
    here = facts.source.tree
    for step in (*at, "timeout"):
        here = here.get(step) if isinstance(here, dict) else None
    return frozenset(here) if isinstance(here, dict) else frozenset()


def too_patient(facts: Facts) -> Flaws:
    for at, model in models(facts):
        bounds = (
            ("connect_s", MAX_CONNECT_S),
            ("total_s", MAX_TOTAL_S),
            ("first_token_s", MAX_SILENCE_S),
            ("stall_s", MAX_SILENCE_S),
        )
        for name, most in bounds:
            value: float = getattr(model.timeout, name)
            if value > most:
                yield Flaw(
                    path=(*at, "timeout", name), what=f"{name} is {value:g} seconds", write=f"{name}: {most:g}, or less"
                )


def attempts_unbounded(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if len(model.targets) == 1 and not model.fallback:
            continue
        attempt, total = model.timeout.attempt_s, model.timeout.total_s
        if attempt is None:
            yield Flaw(
                path=(*at, "timeout"),
                what="one attempt may take all the time there is",
                write=f"attempt_s: {total / 3:g}",
            )
        elif attempt > total / 2:
            yield Flaw(
                path=(*at, "timeout", "attempt_s"),
                what=f"an attempt of {attempt:g} s leaves no time for another within {total:g} s",
                write=f"attempt_s: {total / 3:g}",
            )
        if total / 2 < model.timeout.first_token_s <= MAX_SILENCE_S:
            yield Flaw(
                path=(*at, "timeout", "first_token_s"),
                what=f"a stream that says nothing for {model.timeout.first_token_s:g} s leaves no time for another "
                f"within {total:g} s",
                write=f"first_token_s: {total / 3:g}",
            )


def hedging_too_much(facts: Facts) -> Flaws:
    for at, model in models(facts):
        hedge = model.hedge
        if hedge is None:
            continue
        if hedge.budget > MAX_HEDGED:
            yield Flaw(
                path=(*at, "hedge", "budget"),
                what=f"up to {hedge.budget:.0%} of the calls are made twice",
                write="budget: 0.1",
            )
        if hedge.after_s is None and hedge.quantile < MIN_QUANTILE:
            yield Flaw(
                path=(*at, "hedge", "quantile"),
                what=f"{1 - hedge.quantile:.0%} of the calls are taken for slow",
                write="quantile: 0.95",
            )
        if hedge.side_effects:
            yield Flaw(
                path=(*at, "hedge", "side_effects"),
                what="what a request does at the vendor can be done twice",
                write="side_effects: false",
            )


def queue_outlasts_call(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if model.queue.wait_s > model.timeout.total_s / 2:
            yield Flaw(
                path=(*at, "queue", "wait_s"),
                what=f"a call of at most {model.timeout.total_s:g} s may wait {model.queue.wait_s:g} s for a place",
                write=f"wait_s: {model.timeout.total_s / 10:g}",
            )
