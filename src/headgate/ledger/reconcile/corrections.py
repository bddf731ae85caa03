"""Rows that make the ledger's sums those of the vendor's account.

What estimates were too high is taken off the estimated rows themselves, so that whoever was charged for them gets it
back. Whatever else differs is a row of the day and model that nobody is charged for. Money that still differs after
that, where the export tells money, is a row without tokens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256

from msgspec.structs import replace

from headgate.catalog import Price, cost
from headgate.ledger.reconcile.comparison import Comparison, Key, MoneyCell, UsageCell, Verdict
from headgate.ledger.reconcile.export import DAY_US, Bucket, day_text, family
from headgate.storage.records import LedgerRow
from headgate.types import Usage

CORRECTED: frozenset[Verdict] = frozenset({"estimated", "missing", "absent", "different"})
"""All that is not equal."""

_NOTHING = Usage()
_OUTPUT = frozenset({"output_tokens", "audio_output_tokens", "image_output_tokens"})


def corrections(comparison: Comparison, only: Collection[Verdict] = CORRECTED) -> list[LedgerRow]:
    """The rows to record, all of them in one transaction; none where nothing differs.

    Their ids follow from what they correct and by how much, so that recording them again changes nothing. With them in
    the ledger, comparing again finds both sides equal. `only` names the verdicts to act on.
    """
    made: list[LedgerRow] = []
    for cell in comparison.usage:
        if cell.verdict in only and cell.verdict != "equal":
            made += _of_usage(comparison, cell)
    if not comparison.tells_costs:
        return made
    cells = {cell.key: cell for cell in comparison.money}
    for key, amount in _costs(made, comparison).items():
        cell = cells.get(key) or MoneyCell(key)
        cells[key] = replace(cell, ours=cell.ours + amount)
    made += [_of_money(comparison, cell) for cell in cells.values() if cell.verdict in only and cell.verdict != "equal"]
    return made


def _of_usage(comparison: Comparison, cell: UsageCell) -> list[LedgerRow]:
    rest = cell.differences
    made: list[LedgerRow] = []
    if cell.verdict == "estimated":
        shares = list(zip(cell.estimated, _shared(cell, rest), strict=True))
    else:  # the whole difference is nobody's, and with it the vendor's account is complete
        shares = [(row, dict[str, int]()) for row in cell.blank]
    for row, delta in shares:
        correction = _of_row(comparison, row, delta, cell)
        if delta or correction.cost_picodollars:
            made.append(correction)
        for name, count in delta.items():
            rest[name] -= count
    rest = {name: count for name, count in rest.items() if count}
    if rest:
        made.append(_of_cell(comparison, cell, rest))
    return made


def _shared(cell: UsageCell, rest: Mapping[str, int]) -> list[dict[str, int]]:
    """What each estimated row gets of the differences: in proportion to what was guessed of it, and never so much that
    less than nothing is left. What is more than was guessed can only be of the rows that stand without any usage.
    """
    rows, blank = cell.estimated, {row.id for row in cell.blank}
    deltas: list[dict[str, int]] = [{} for _ in rows]
    for name, difference in rest.items():
        if difference < 0:
            weights = [getattr(row.usage, name) for row in rows]
            shares = [-share for share in divided(min(-difference, sum(weights)), weights)]
        elif blank:
            shares = divided(difference, [(row.cost_picodollars or 1) if row.id in blank else 0 for row in rows])
        else:  # guesses are not divided into kinds: what was cached was guessed as plain input
            made = name in _OUTPUT
            weights = [row.usage.total_output_tokens if made else row.usage.total_input_tokens for row in rows]
            shares = divided(difference, weights)
        for delta, share in zip(deltas, shares, strict=True):
            if share:
                delta[name] = share
    return deltas


def divided(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole shares of an amount by weight, which add up to it (largest remainders); all nothing where no weight is."""
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount * weights[index] % total), index))
    for index in by_remainder[: amount - sum(shares)]:
        shares[index] += 1
    return shares


def _of_row(comparison: Comparison, row: LedgerRow, delta: Mapping[str, int], cell: UsageCell) -> LedgerRow:
    """A correction of one estimated row, charged to whoever was charged for it."""
    corrected = replace(row.usage, **{name: getattr(row.usage, name) + count for name, count in delta.items()})
    change = dict(delta)
    if corrected.reasoning_tokens > corrected.output_tokens:
        change["reasoning_tokens"] = corrected.output_tokens - corrected.reasoning_tokens
        corrected = replace(corrected, reasoning_tokens=corrected.output_tokens)
    price = _charged(comparison, row)
    amount = 0 if corrected == _NOTHING else None if price is None else cost(corrected, price)
    known = amount is not None and row.cost_picodollars is not None
    return replace(
        row,
        id=_id(row.id, change, _told(cell)),
        cause="correction",
        parent=row.id,
        duration_us=0,
        first_token_us=None,
        status=0,
        code=None,
        usage=Usage(**change),
        usage_source="reported",
        cost_picodollars=(amount or 0) - (row.cost_picodollars or 0) if known else None,
        saving_picodollars=None,
        reserved_picodollars=None,
        vendor_request_id=None,
    )


def _charged(comparison: Comparison, row: LedgerRow) -> Price | None:
    """The price a row was charged by: today's too, where that accounts for its cost."""
    price = comparison.price_of(row)
    if price is not None:
        return price
    today = comparison.price_of_model(row.target.partition("/")[2])
    return today if today is not None and cost(row.usage, today) == row.cost_picodollars else None


def _of_cell(comparison: Comparison, cell: UsageCell, delta: Mapping[str, int]) -> LedgerRow:
    """A correction of what no row of ours accounts for."""
    model = max(cell.targets, key=lambda target: (cell.targets[target], target), default="").partition("/")[2]
    model = model or next((bucket.model for bucket in cell.buckets), cell.key[1])
    price = _flat(comparison.price_of_model(model), cell.buckets)
    usage = Usage(**delta)
    amount = None if price is None else cost(usage, price)
    version = None if price is None else price.version
    return _bare(
        comparison, cell.key, model, usage, amount, version, _id(_parent(comparison, cell.key), delta, _told(cell))
    )


def _of_money(comparison: Comparison, cell: MoneyCell) -> LedgerRow:
    """A correction of money alone."""
    parent = f"{_parent(comparison, cell.key)}:cost"
    made = _bare(
        comparison,
        cell.key,
        cell.key[1] or "all",
        Usage(),
        cell.difference,
        None,
        _id(parent, {"picodollars": cell.difference}, str(cell.theirs)),
    )
    return replace(made, parent=parent)


def _bare(
    comparison: Comparison, key: Key, model: str, usage: Usage, amount: int | None, version: str | None, made_id: str
) -> LedgerRow:
    provider = key[2] or comparison.providers[0]
    return LedgerRow(
        id=made_id,
        call_id=made_id,
        organisation=comparison.organisation,
        key_id="reconcile",
        model=model,
        target=f"{provider}/{model}",
        operation="chat",
        cause="correction",
        parent=_parent(comparison, key),
        payer="internal",
        started_us=max(key[0] * DAY_US, comparison.from_us),
        duration_us=0,
        status=0,
        code=None,
        usage=usage,
        usage_source="reported",
        cost_picodollars=amount,
        price_version=version,
        streamed=False,
        vendor_request_id=None,
        tags=(),
    )


def _flat(price: Price | None, buckets: Sequence[Bucket]) -> Price | None:
    """A price without its tiers, which go by one prompt and not by a day's; processed as all of the buckets were."""
    how = {bucket.how for bucket in buckets}
    price = price and price.processed(how.pop() if len(how) == 1 else None)
    if price is None:
        return None
    long = bool(buckets) and all(bucket.long for bucket in buckets) and bool(price.tiers)
    return Price(price.name, price.tiers[-1][1] if long else price.rates, version=price.version)


def _costs(rows: Iterable[LedgerRow], comparison: Comparison) -> dict[Key, int]:
    """What rows add to each cell of money."""
    added: dict[Key, int] = {}
    for row in rows:
        name, _, model = row.target.partition("/")
        about = family(model) if comparison.by_item else ""
        key = row.started_us // DAY_US, about, name if comparison.by_provider else ""
        added[key] = added.get(key, 0) + (row.cost_picodollars or 0)
    return added


def _parent(comparison: Comparison, key: Key) -> str:
    day, model, provider = key
    return ":".join(part for part in (comparison.vendor, provider, day_text(day), model) if part)


def _told(cell: UsageCell) -> str:
    return repr(sorted(cell.theirs.items()))


def _id(parent: str, delta: Mapping[str, int], told: str) -> str:
    return f"cor_{sha256(repr((parent, sorted(delta.items()), told)).encode()).hexdigest()[:32]}"
