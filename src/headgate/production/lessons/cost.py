"""What calls may cost."""

from __future__ import annotations

from datetime import date

from headgate.config.problem import written
from headgate.production.facts import Facts, Flaw, Flaws, models, targets
from headgate.providers.row import find_row

MAX_REASK = 2
MAX_AGE_DAYS = 120


def unpriced(facts: Facts) -> Flaws:
    for at, name, target in targets(facts):
        provider_name, _, model = name.partition("/")
        provider = facts.config.providers[provider_name]
        like = getattr(target, "price_like", None)
        known = provider.models.get(model)
        base = getattr(target, "base_model", None) or (known.base_model if known else model)
        if "*" in base and like is None:
            continue  # which models these are is only known call by call
        price = facts.catalog.price(None, like) if like else facts.catalog.price(find_row(provider.kind).catalog, base)
        if price is None:
            yield Flaw(
                path=at,
                what=f"nobody knows what {name} costs",
                write=f"prices: {{'{base}': {{input: …, output: …}}}}, or price_like, or base_model",
            )


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
    if not any(facts.recorded().budgets.values()):
        yield Flaw(
            place="database",
            what="there is no hard budget on anything",
            write="headgate budgets set 'organisation:*' 1000 --period month",
        )


def uncapped_keys(facts: Facts) -> Flaws:
    records = facts.recorded()
    narrow = any(subject.startswith(("key:", "team:", "user:", "project:", "customer:")) for subject in records.budgets)
    if records.keys and not narrow:
        yield Flaw(
            place="database",
            what="no key, team, project or user has a budget of its own",
            write="headgate budgets set 'key:*' 50 --period month",
        )


def direct_targets(facts: Facts) -> Flaws:
    if facts.config.server.direct_targets:
        yield Flaw(
            path=("server", "direct_targets"), what="clients may ask for any target", write="direct_targets: false"
        )


def asked_too_often(facts: Facts) -> Flaws:
    for at, model in models(facts):
        if model.validate.reask > MAX_REASK:
            path = (*at, "validate", "reask")
            yield Flaw(path=path, what=f"{written(path)} is {model.validate.reask}", write=f"reask: {MAX_REASK}")
