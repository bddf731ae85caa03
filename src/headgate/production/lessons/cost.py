"""What calls may cost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from urllib.parse import urlsplit

from headgate.access.roles import Roles
from headgate.catalog import cost
from headgate.config.problem import written
from headgate.production.facts import Facts, Flaw, Flaws, KeyFacts, models, some, targets
from headgate.production.places import SELF_HOSTED, address_of, near
from headgate.providers.row import find_row
from headgate.types import Usage

MAX_REASK = 2
MAX_AGE_DAYS = 120
ORDINARY = Usage(input_tokens=1_000, output_tokens=1_000)


def unpriced(facts: Facts) -> Flaws:
    for at, name, target in targets(facts):
        provider_name, _, model = name.partition("/")
        provider = facts.config.providers[provider_name]
        like = getattr(target, "price_like", None)
        known = provider.models.get(model)
        base = getattr(target, "base_model", None) or (known.base_model if known else model)
        if "*" in base and like is None:
            continue  # which models these are is only known call by call
        own = provider.kind in SELF_HOSTED or near(urlsplit(address_of(provider)).hostname or "")
        price = facts.catalog.price(None, like) if like else facts.catalog.price(find_row(provider.kind).catalog, base)
        if price is None:
            yield Flaw(
                path=at,
                what=f"nobody knows what {name} costs",
                write=f"prices: {{'{base}': {{input: …, output: …}}}}, or price_like, or base_model",
            )
        elif price.version.startswith("override:") and not own and not cost(ORDINARY, price):
            yield Flaw(path=at, what=f"{name} costs nothing, by the prices there are", write="what its vendor charges")


def old_prices(facts: Facts) -> Flaws:
    today, of = facts.machine.today, date.fromisoformat(facts.catalog.listed.date)
    if today is not None and (today - of).days > MAX_AGE_DAYS:
        yield Flaw(
            path=("price_list",),
            what=f"the price list is of {of}, {(today - of).days} days ago",
            write="headgate prices update FILE, or a newer release",
        )


def unknown_price_allowed(facts: Facts) -> Flaws:
    if facts.config.limits.unknown_price == "allow":
        yield Flaw(
            path=("limits", "unknown_price"),
            what="calls of unknown cost are let through",
            write="unknown_price: refuse",
        )


def counting_skipped(facts: Facts) -> Flaws:
    if facts.config.limits.store_unavailable == "allow":
        yield Flaw(
            path=("limits", "store_unavailable"),
            what="calls go on while nothing counts them",
            write="store_unavailable: refuse",
        )


def no_budget(facts: Facts) -> Flaws:
    hard = {subject for subject, is_hard in facts.recorded().budgets.items() if is_hard}
    if any(subject.startswith("organisation:") for subject in hard):
        return
    uncapped = _uncapped(facts, hard)
    if uncapped or not hard:
        what = f"no hard budget holds for {some(uncapped)}" if hard else "there is no hard budget on anything"
        yield Flaw(place="database", what=what, write="headgate budgets set 'organisation:*' 1000 --period month")


def uncapped_keys(facts: Facts) -> Flaws:
    uncapped = _uncapped(facts, facts.recorded().budgets)
    if uncapped:
        yield Flaw(
            place="database",
            what=f"without a budget of their own, or of a team, project or user: {some(uncapped)}",
            write="headgate budgets set 'key:*' 50 --period month",
        )


def _uncapped(facts: Facts, budgets: Collection[str]) -> list[str]:
    """Names of the keys that may call models and that none of the budgets, by their subjects, is for."""
    if "customer:*" in budgets:
        return []
    roles = Roles(facts.config.access.roles)
    calling = [key for key in facts.recorded().keys if "call" in roles.scopes(key.roles)]
    return [key.name for key in calling if not any(subject in budgets for subject in _subjects(key))]


def _subjects(key: KeyFacts) -> list[str]:
    """What a budget for a key can be set on."""
    kinds = [owner.partition(":")[0] for owner in key.owners]
    return [f"key:{key.id}", "key:*", *key.owners, *(f"{kind}:*" for kind in kinds)]


def direct_targets(facts: Facts) -> Flaws:
    if facts.config.server.direct_targets:
        yield Flaw(
            path=("server", "direct_targets"), what="clients may ask for any target", write="direct_targets: false"
        )
    for at, name, _ in targets(facts):
        if name.partition("/")[2] == "*":
            provider = name.partition("/")[0]
            yield Flaw(
                path=at,
                what=f"clients may ask for anything {provider} has",
                write=f"{provider}/gpt-*, or models by name",
            )


def asked_too_often(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if model.validate.reask > MAX_REASK:
            path = (*at, "validate", "reask")
            yield Flaw(path=path, what=f"{written(path)} is {model.validate.reask}", write=f"reask: {MAX_REASK}")
