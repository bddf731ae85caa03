"""What happens when a vendor fails."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from headgate.production.facts import Facts, Flaw, Flaws, models
from headgate.production.places import OUTAGE, SELF_HOSTED, in_outages, near, place_of, targets_of, vendor_of
from headgate.providers.row import find_row
from headgate.routing.config import ModelConfig, TargetConfig

MAX_ATTEMPTS = 5
MAX_RETRIED = 0.5
MIN_RETRIED = 0.01
"""Retries as a share of the calls."""
MIN_BASE_S = 0.05
MAX_ERROR_RATE = 0.8
MAX_MIN_CALLS = 1_000
MAX_MIN_CALLS_A_SECOND = 40
"""Of a breaker's window: no target of most systems ever sees as many."""
MAX_WINDOW_S = 600.0
MAX_OPEN_S = 120.0
MAX_EVERY_S = 300.0


def one_target(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if not _one_place(facts, model):
            continue
        many = len(set(targets_of(facts, model))) > 1
        yield Flaw(
            path=(*at, "targets"),
            what=f"{model.targets[0].target} is the only place its calls can go{' when it is down' if many else ''}",
            write="a second target, or fallback: [provider/model-id]",
        )


def _one_place(facts: Facts, model: ModelConfig) -> bool:
    return any(len({place_of(facts, each) for each in targets}) == 1 for targets in in_outages(facts, model))


def one_vendor(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if _one_place(facts, model):
            continue  # that is told already
        for targets in in_outages(facts, model):
            vendors = {vendor_of(facts.config.providers[each.partition("/")[0]]) for each in targets}
            if len(vendors) == 1:
                what = f"all its places are at one vendor ({vendors.pop()})"
                yield Flaw(path=at, what=what, write="fallback: [other-provider/…]")
                break


def no_retries(facts: Facts) -> Flaws:
    for at, model in models(facts):
        retry = model.retry
        tries = max(retry.rules.get(cause, retry.attempts) for cause in OUTAGE)
        if tries == 1 and len(model.targets) == 1:
            name = "attempts" if retry.attempts == 1 else "rules"
            yield Flaw(path=(*at, "retry", name), what="nothing is tried again", write="attempts: 2")
        elif retry.budget < MIN_RETRIED:
            what = (
                f"of a hundred calls {100 * retry.budget:g} are tried again"
                if retry.budget
                else "nothing is tried again"
            )
            yield Flaw(path=(*at, "retry", "budget"), what=what, write="budget: 0.2")


def too_many_retries(facts: Facts) -> Flaws:
    for at, model in models(facts):
        retry = model.retry
        if retry.budget > MAX_RETRIED:
            yield Flaw(
                path=(*at, "retry", "budget"),
                what=f"in an outage the vendor gets up to {1 + retry.budget:g} times the calls",
                write="budget: 0.2",
            )
        for path, attempts in (
            (("attempts",), retry.attempts),
            *((("rules", *each[:1]), each[1]) for each in retry.rules.items()),
        ):
            if attempts > MAX_ATTEMPTS:
                what = f"a call is tried up to {attempts} times at one target"
                yield Flaw(path=(*at, "retry", *path), what=what, write=f"{path[-1]}: 3")
        if min(retry.base_s, retry.max_s) < MIN_BASE_S:
            name = "base_s" if retry.base_s < MIN_BASE_S else "max_s"
            what = f"it is tried again after {1000 * getattr(retry, name):g} ms and less"
            yield Flaw(path=(*at, "retry", name), what=what, write="base_s: 0.25")


def breaker_asleep(facts: Facts) -> Flaws:
    for at, model in models(facts):
        breaker = model.breaker
        bounds = (
            ("error_rate", breaker.error_rate, MAX_ERROR_RATE, "0.5"),
            ("min_calls", breaker.min_calls, MAX_MIN_CALLS, "50"),
            ("window_s", breaker.window_s, MAX_WINDOW_S, "30"),
            ("open_s", breaker.open_s, MAX_OPEN_S, "5"),
        )
        for name, value, most, better in bounds:
            if value > most:
                yield Flaw(path=(*at, "breaker", name), what=f"{name} is {value:g}", write=f"{name}: {better}")
        if breaker.min_calls / breaker.window_s > MAX_MIN_CALLS_A_SECOND:
            what = f"it needs {breaker.min_calls} calls within {breaker.window_s:g} seconds to open"
            yield Flaw(path=(*at, "breaker", "window_s"), what=what, write="window_s: 30")


def unasked(facts: Facts) -> Flaws:
    for name, provider in facts.config.providers.items():
        if provider.kind not in SELF_HOSTED and not (
            provider.base_url and near(urlsplit(provider.base_url).hostname or "")
        ):
            continue
        if provider.health is None:
            path = {"vllm": "/health", "ollama": "/api/version"}.get(provider.kind, "/v1/models")
            write = f"health: {{path: {path}}}"
            yield Flaw(path=("providers", name), what=f"nobody asks {name} whether it is well", write=write)
        elif provider.health.every_s > MAX_EVERY_S:
            what = f"{name} is asked every {provider.health.every_s:g} seconds"
            yield Flaw(path=("providers", name, "health", "every_s"), what=what, write="every_s: 10")


def fallback_too_small(facts: Facts) -> Flaws:
    for at, model in models(facts):
        needed = max(_windows(facts, model), default=0)
        for index, entry in enumerate(model.fallback.get("context_too_long", [])):
            other = facts.config.models.get(entry.use) or ModelConfig(targets=[TargetConfig(target=entry.use)])
            window = max(_windows(facts, other), default=None)
            if window is not None and window <= needed:
                yield Flaw(
                    path=(*at, "fallback", "context_too_long", index),
                    what=f"{entry.use} takes {window:,} tokens, {model.targets[0].target} takes {needed:,}",
                    write="a model with a larger window",
                )


def _windows(facts: Facts, model: ModelConfig) -> Iterator[int]:
    """How many tokens a model's own targets take, of those of which that is known."""
    for target in model.targets:
        name, _, model_id = target.target.partition("/")
        provider = facts.config.providers[name]
        known = provider.models.get(model_id)
        base_model = target.base_model or (known.base_model if known else model_id)
        limits = facts.catalog.limits(find_row(provider.kind).catalog, base_model)
        if limits is not None and limits.context_window is not None:
            yield limits.context_window


def prompts_unreleased(facts: Facts) -> Flaws:
    if facts.config.prompts.folder is not None:
        yield Flaw(
            path=("prompts", "folder"),
            what="prompts are served from files as they are, in place of what is released",
            write="headgate prompts publish, and no folder here",
        )


def simulated(facts: Facts) -> Flaws:
    for at, model in models(facts):
        for name in sorted({target.partition("/")[0] for target in targets_of(facts, model)}):
            if facts.config.providers[name].kind == "simulator":
                yield Flaw(path=at, what=f"its calls can go to the simulator ({name})", write="a real vendor's target")
