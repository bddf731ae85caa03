"""What follows from a review. Every piece of advice names the figures it rests on, and where to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from shlex import quote

import msgspec

from headgate.reports.changes import Compared
from headgate.reports.costs import Costs
from headgate.reports.patterns import Pattern
from headgate.reports.reading import Group
from headgate.reports.unusual import Unusual

LIMITED = 0.01
"""The share of a target's attempts refused for their rate from which on something has to be done."""

COVERS = 0.5
"""The share of failures that one name has from which on it is where to look."""

PREFIX_TOKENS, CACHED = 1024, 0.05
"""Tokens of a prompt from which on vendors cache its beginning, and the share below which they hardly do."""

FEWEST = 100
"""Calls or attempts from which on anything is advised."""

UNPRICED_NAMED = 5


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do."""

    kind: str
    what: str
    because: str
    look: str
    """The command that shows more, to be copied into a shell: names in it are clients' own, and quoted."""


def advice(
    compared: Sequence[Compared], costs: Costs, errors: Sequence[Pattern], keys: Sequence[Unusual], targets: Group,
    models: Group,
) -> list[Advice]:  # fmt: skip
    """All that follows, the most pressing first."""
    return [
        *_regressed(compared),
        *_shared(errors),
        *_limited(targets),
        *_unpriced(costs, targets),
        *_dearer(costs),
        *_uncached(models),
        *_unusual(keys),
    ]


def _regressed(compared: Sequence[Compared]) -> Iterator[Advice]:
    for each in compared:
        if not (each.sure and each.worse and each.dimension == "target"):
            continue
        kind, what, look = _REGRESSED.get(each.measure, _SLOWER)
        yield Advice(
            kind=kind,
            what=what.format(name=each.name),
            because=f"{each.label}: {_times(each)} what it was",
            look=look.format(of=quote(f"target:{each.name}")),
        )


_SLOWER = (
    "target_slower",
    "Give models on '{name}' another target, or a lower weight for it, until it is as quick as it was",
    "headgate top --by target",
)

_REGRESSED = {
    "attempt_failure_rate": (
        "target_failing",
        "Give models on '{name}' another target, or a lower weight for it, until it fails no more than it did",
        "headgate errors --of {of}",
    ),
    "cost_per_attempt": (
        "target_dearer",
        "See why an attempt at '{name}' costs more than it did: longer prompts or answers, another price",
        "headgate ledger totals target key",
    ),
}


def _times(each: Compared) -> str:
    ratio = each.ratio
    return f"{ratio.estimate:.2f} times ({ratio.low:.2f} to {ratio.high:.2f})"


def _shared(errors: Sequence[Pattern]) -> Iterator[Advice]:
    for pattern in errors:
        for each in pattern.shares[:1]:
            if each.covers >= COVERS and pattern.failed >= FEWEST / 10:
                yield Advice(
                    kind="failures_shared",
                    what=f"Look for the cause of '{pattern.code}' at {each.dimension} '{each.name}'",
                    because=f"it has {each.covers:.0%} of {pattern.failed:,} such failures, at {each.rate:.1%} of its "
                    f"calls against {each.rate_elsewhere:.1%} of others",
                    look=f"headgate errors --of {quote(f'{each.dimension}:{each.name}')}"
                    if each.dimension not in ("size", "tools", "region")
                    else "headgate errors",
                )


def _limited(targets: Group) -> Iterator[Advice]:
    for name, both in sorted(targets.items()):
        attempts = both.totals("attempts")[1]
        refused = both.totals("attempt_error.rate_limit_exceeded")[1]
        if attempts >= FEWEST and refused / attempts >= LIMITED:
            yield Advice(
                kind="rate_limited",
                what=f"Ask the vendor of '{name}' for a higher limit, or spread its calls over another target",
                because=f"{refused:,} of {attempts:,} attempts ({refused / attempts:.1%}) were refused for their rate",
                look=f"headgate errors --of {quote(f'target:{name}')}",
            )


def _unpriced(costs: Costs, targets: Group) -> Iterator[Advice]:
    names = [name for name, both in sorted(targets.items()) if both.totals("unpriced")[1]]
    if costs.unpriced and names:
        shown = ", ".join(f"'{name}'" for name in names[:UNPRICED_NAMED])
        more = f" and {len(names) - UNPRICED_NAMED} more" if len(names) > UNPRICED_NAMED else ""
        yield Advice(
            kind="unpriced",
            what=f"Write a price under 'prices', or 'price_like', for {shown}{more}",
            because=f"what {costs.unpriced:,} attempts cost is not known, and is in no budget",
            look="headgate prices show MODEL",
        )


def _dearer(costs: Costs) -> Iterator[Advice]:
    before, after = Decimal(costs.before_usd), Decimal(costs.after_usd)
    if not before or after < before * Decimal("1.2"):
        return
    for driver in costs.drivers:
        change, volume = Decimal(driver.change_usd), Decimal(driver.by_volume_usd)
        if driver.dimension == "model" and change >= (after - before) / 2:
            volumes = volume >= change / 2
            yield Advice(
                kind="cost_volume" if volumes else "cost_per_call",
                what=f"See whether the calls of '{driver.name}' are wanted"
                if volumes
                else f"See why a call of '{driver.name}' costs more than it did: longer prompts, a dearer target",
                because=f"it cost ${change:.2f} more than before, ${volume:.2f} of that by volume; all together cost "
                f"${after - before:.2f} more",
                look="headgate ledger totals key model",
            )


def _uncached(models: Group) -> Iterator[Advice]:
    for name, both in sorted(models.items()):
        calls = both.totals("calls")[1]
        plain, cached = both.totals("tokens.input_tokens")[1], both.totals("tokens.cached_tokens")[1]
        prompt = plain + cached
        if calls >= FEWEST and prompt / calls >= PREFIX_TOKENS and cached / prompt < CACHED:
            yield Advice(
                kind="uncached",
                what=f"Let prompts of '{name}' begin alike, so that its vendor caches their beginning",
                because=f"of {prompt / calls:,.0f} tokens of an average prompt {cached / prompt:.1%} came from a cache",
                look=f"headgate ledger list --model {quote(name)}",
            )


_WHAT: Mapping[str, str] = {
    "new": "See that the new key '{key}' is what you expect",
    "silent": "See whether whoever has key '{key}' still works",
    "changed": "See what key '{key}' does differently",
}


def _unusual(keys: Sequence[Unusual]) -> Iterator[Advice]:
    for each in keys:
        told = "; ".join(f"{change.label}: {_times(change)} what it was" for change in each.changes)
        yield Advice(
            kind=f"key_{each.what}",
            what=_WHAT[each.what].format(key=each.key),
            because=told or f"{each.calls:,} calls, {each.calls_before:,} before",
            look=f"headgate keys usage {quote(each.key)}",
        )
