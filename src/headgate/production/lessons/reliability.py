"""What happens when a vendor fails."""

from __future__ import annotations

from headgate.production.facts import Facts, Flaw, Flaws, models, providers_of
from headgate.providers.row import find_row

MAX_ATTEMPTS = 5
MAX_RETRIED = 0.5
MAX_ERROR_RATE = 0.8
MAX_MIN_CALLS = 1_000
MAX_OPEN_S = 120.0
SELF_HOSTED = frozenset({"vllm", "ollama"})


def one_target(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if len(model.targets) == 1 and not model.fallback:
            yield Flaw(
                path=(*at, "targets"),
                what=f"{model.targets[0].target} is the only place its calls can go",
                write="a second target, or fallback: [provider/model-id]",
            )


def one_vendor(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if len(model.targets) == 1 and not model.fallback:
            continue  # that is told already
        kinds = {facts.config.providers[name].kind for name in providers_of(facts, model)}
        if len(kinds) == 1:
            yield Flaw(
                path=at, what=f"all its places are at one vendor ({kinds.pop()})", write="fallback: [other-provider/…]"
            )


def no_retries(facts: Facts) -> Flaws:
    for at, model in models(facts):
        retry = model.retry
        if retry.attempts == 1 and not retry.rules and len(model.targets) == 1:
            yield Flaw(path=(*at, "retry", "attempts"), what="nothing is tried again", write="attempts: 2")
        elif retry.budget == 0:
            yield Flaw(path=(*at, "retry", "budget"), what="nothing is tried again", write="budget: 0.2")


def too_many_retries(facts: Facts) -> Flaws:
    for at, model in models(facts):
        retry = model.retry
        if retry.budget > MAX_RETRIED:
            yield Flaw(
                path=(*at, "retry", "budget"),
                what=f"in an outage the vendor gets up to {1 + retry.budget:g} times the calls",
                write="budget: 0.2",
            )
        if retry.attempts > MAX_ATTEMPTS:
            yield Flaw(
                path=(*at, "retry", "attempts"),
                what=f"a call is tried up to {retry.attempts} times at one target",
                write="attempts: 3",
            )


def breaker_asleep(facts: Facts) -> Flaws:
    for at, model in models(facts):
        breaker = model.breaker
        bounds = (
            ("error_rate", breaker.error_rate, MAX_ERROR_RATE, "0.5"),
            ("min_calls", breaker.min_calls, MAX_MIN_CALLS, "50"),
            ("open_s", breaker.open_s, MAX_OPEN_S, "5"),
        )
        for name, value, most, better in bounds:
            if value > most:
                yield Flaw(path=(*at, "breaker", name), what=f"{name} is {value:g}", write=f"{name}: {better}")


def unasked(facts: Facts) -> Flaws:
    for name, provider in facts.config.providers.items():
        if provider.kind in SELF_HOSTED and provider.health is None:
            yield Flaw(
                path=("providers", name),
                what=f"nobody asks {name} whether it is well",
                write="health: {path: /health}" if provider.kind == "vllm" else "health: {path: /api/version}",
            )


def fallback_too_small(facts: Facts) -> Flaws:
    for at, model in models(facts):
        first = model.targets[0].target
        needed = _window(facts, first) or 0
        for index, entry in enumerate(model.fallback.get("context_too_long", [])):
            window = _window(facts, entry.use)
            if window is not None and window <= needed:
                yield Flaw(
                    path=(*at, "fallback", "context_too_long", index),
                    what=f"{entry.use} takes {window:,} tokens, {first} takes {needed:,}",
                    write="a model with a larger window",
                )


def _window(facts: Facts, target: str) -> int | None:
    provider, _, model = target.partition("/")
    if provider not in facts.config.providers:
        return None
    found = facts.catalog.limits(find_row(facts.config.providers[provider].kind).catalog, model)
    return found.context_window if found else None


def simulated(facts: Facts) -> Flaws:
    for at, model in models(facts):
        for name in sorted(providers_of(facts, model)):
            if facts.config.providers[name].kind == "simulator":
                yield Flaw(path=at, what=f"its calls can go to the simulator ({name})", write="a real vendor's target")
