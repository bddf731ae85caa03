"""Ledger and export side by side: tokens by day, model and key, money by day and what it was for.

Days are UTC's, as the vendors have them. An attempt counts to the day it began; one around midnight may be on the
vendor's account a day later, which evens out over the two days.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

import msgspec

from headgate.catalog import Price, parts
from headgate.ledger.reconcile.export import DAY_US, WEB_SEARCH, Bucket, Export, UnreadableExport, Vendor, family
from headgate.money import round_half_even
from headgate.storage.records import LedgerRow
from headgate.types import Usage

Verdict = Literal["equal", "estimated", "missing", "absent", "different"]
"""How the two sides of a cell stand to each other: the same; ours is more, and some of ours is an upper estimate; ours
has nothing; theirs has nothing; anything else."""

Key = tuple[int, str, str]
"""Day since the epoch, family of the model (or what the money was for), provider where keys are told apart."""

_GIVEN = tuple(
    name for name in Usage.__struct_fields__ if name.endswith("_tokens") and name.partition("_")[0] != "reasoning"
)
_MADE = tuple(name for name in _GIVEN if "output" in name)


_NOTHING = Usage()


class UsageCell(msgspec.Struct):
    """What one model used on one day. Theirs is empty where the export tells nothing."""

    key: Key
    ours: dict[str, int]
    theirs: dict[str, int]
    attempts: int = 0
    requests: int = 0
    estimated: list[LedgerRow] = msgspec.field(default_factory=list[LedgerRow])
    """Attempts of ours whose usage nobody has reported or corrected yet."""
    targets: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Which targets ours went to, and how often."""
    buckets: list[Bucket] = msgspec.field(default_factory=list[Bucket])

    @property
    def differences(self) -> dict[str, int]:
        """Theirs less ours, where they are not equal."""
        return {name: count - self.ours[name] for name, count in self.theirs.items() if count != self.ours[name]}

    @property
    def blank(self) -> list[LedgerRow]:
        """Of the estimated ones those that stand at what was reserved for them, without any usage: of an attempt that
        was under way when its process died.
        """
        return [row for row in self.estimated if row.usage == _NOTHING]

    @property
    def verdict(self) -> Verdict:
        if not self.differences and not self.blank:
            return "equal"
        if self._explained():
            return "estimated"
        if not any(self.ours.values()):
            return "missing"
        return "different" if any(self.theirs.values()) else "absent"

    def _explained(self) -> bool:
        """Whether ours is more than theirs by no more than what estimates may be too high."""
        if not self.estimated:
            return False
        blank = bool(self.blank)
        for names in (set(_GIVEN) - set(_MADE), set(_MADE), {"web_searches"}):
            over = -sum(count for name, count in self.differences.items() if name in names)
            guessed = sum(getattr(row.usage, name) for row in self.estimated for name in names)
            if over > guessed or (over < 0 and not blank):
                return False
        return True


class MoneyCell(msgspec.Struct):
    """What one model, or one thing beside the models, cost on one day. Money is picodollars."""

    key: Key
    ours: int = 0
    theirs: Fraction = Fraction(0)
    tolerance: Fraction = Fraction(0)
    """By how much the export was rounded."""
    unpriced: int = 0
    """Attempts of ours whose cost is not known."""
    guessed: bool = False
    """Whether something of ours is an estimate."""

    @property
    def difference(self) -> int:
        """Theirs less ours."""
        return round_half_even(self.theirs) - self.ours

    @property
    def verdict(self) -> Verdict:
        if abs(self.theirs - self.ours) <= self.tolerance + Fraction(1, 2):
            return "equal"
        if not self.ours and not self.unpriced:
            return "missing"
        if self.guessed and self.theirs < self.ours:
            return "estimated"
        return "different" if self.theirs else "absent"


class Comparison(msgspec.Struct, kw_only=True):
    """Both sides, cell by cell."""

    organisation: str
    vendor: Vendor
    providers: tuple[str, ...]
    from_us: int
    to_us: int
    usage: list[UsageCell]
    money: list[MoneyCell]
    categories: frozenset[str]
    tells_costs: bool
    by_item: bool
    """Whether costs are told by model and not by day alone."""
    by_provider: bool
    ignored: int
    """Lines of the exports that are about other keys, or about days that not all of them cover."""
    price_of: Callable[[LedgerRow], Price | None]
    price_of_model: Callable[[str], Price | None]

    @property
    def verdict(self) -> Literal["equal", "estimated", "different"]:
        """The worst of all cells': equal; all that differs is explained by estimates; or not."""
        found = {each.verdict for each in (*self.usage, *self.money)}
        return "equal" if found <= {"equal"} else "estimated" if found <= {"equal", "estimated"} else "different"

    @property
    def correctable(self) -> list[LedgerRow]:
        """The estimated rows whose real usage the export lets compute."""
        return [row for cell in self.usage if cell.verdict == "estimated" for row in cell.estimated]


def compare(
    rows: Iterable[LedgerRow],
    exports: Sequence[Export],
    providers: Collection[str],
    price_of: Callable[[LedgerRow], Price | None],
    price_of_model: Callable[[str], Price | None],
    *,
    organisation: str = "default",
    keys: Mapping[str, str] | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
) -> Comparison:
    """Put rows beside exports of one vendor's account; see `Comparing`.

    Raises:
        UnreadableExport: the exports do not divide by what is asked for, or have no day in common.
    """
    comparing = Comparing(
        exports, providers, price_of, price_of_model, organisation=organisation, keys=keys, from_us=from_us, to_us=to_us
    )
    comparing.add(rows)
    return comparing.comparison()


class Comparing:
    """Puts rows beside exports of one vendor's account, page by page.

    `providers` are the configuration's names for that account. With `keys`, from the vendor's ids or names of keys to
    those providers, each is compared by itself, and what other keys used is left out. `price_of` is the price a row was
    charged by, `price_of_model` what a model of the vendor costs. Rows of other times, targets and payers are passed
    over; earlier corrections have to be among them.
    """

    def __init__(
        self,
        exports: Sequence[Export],
        providers: Collection[str],
        price_of: Callable[[LedgerRow], Price | None],
        price_of_model: Callable[[str], Price | None],
        *,
        organisation: str = "default",
        keys: Mapping[str, str] | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
    ) -> None:
        """
        Raises:
            UnreadableExport: the exports do not divide by what is asked for, or have no day in common.
        """
        self._exports = exports
        self._providers = tuple(providers)
        self._price_of = price_of
        self._price_of_model = price_of_model
        self._organisation = organisation
        self._keys = keys
        self.from_us = max([each.from_us for each in exports] + ([from_us] if from_us is not None else []))
        """The time that is compared, and so the rows that are needed."""
        self.to_us = min([each.to_us for each in exports] + ([to_us] if to_us is not None else []))
        if self.from_us >= self.to_us:
            raise UnreadableExport(", ".join(each.source for each in exports), "have no day in common")
        usage = [each for each in exports if each.kind == "usage"]
        costs = [each for each in exports if each.kind == "cost"]
        self._tells_usage, self._tells_costs = bool(usage), bool(costs)
        self._categories = frozenset(name for each in usage for name in each.categories)
        self._by_item = all(each.by_model for each in costs)
        self._usage: dict[Key, UsageCell] = {}
        self._money: dict[Key, MoneyCell] = {}
        self._corrected: set[str] = set()
        self._ignored = 0
        for export in exports:
            if keys is not None and not export.by_key:
                raise UnreadableExport(
                    export.source, "is not divided by key: group it by API key, or compare all at once"
                )
            if export.kind == "usage" and not export.by_model:
                raise UnreadableExport(export.source, "is not divided by model: group it by model")
            for bucket in export.buckets:
                self._take_bucket(bucket)

    def add(self, rows: Iterable[LedgerRow]) -> None:
        for row in rows:
            if row.organisation == self._organisation:
                self._take_row(row)

    def comparison(self) -> Comparison:
        """Both sides, once all rows are added."""
        for cell in self._usage.values():
            left = [row for row in cell.estimated if row.id not in self._corrected]
            cell.estimated = sorted(left, key=lambda row: row.id)
        return Comparison(
            organisation=self._organisation,
            vendor=self._exports[0].vendor,
            providers=self._providers,
            from_us=self.from_us,
            to_us=self.to_us,
            usage=[cell for _, cell in sorted(self._usage.items())],
            money=[cell for _, cell in sorted(self._money.items())],
            categories=self._categories,
            tells_costs=self._tells_costs,
            by_item=self._by_item,
            by_provider=self._keys is not None,
            ignored=self._ignored,
            price_of=self._price_of,
            price_of_model=self._price_of_model,
        )

    def _take_bucket(self, bucket: Bucket) -> None:
        provider = "" if self._keys is None else self._keys.get(bucket.api_key)
        if provider is None or not self.from_us <= bucket.start_us < self.to_us:
            self._ignored += 1
            return
        if bucket.picodollars is not None:
            about = family(bucket.model or bucket.item) if self._by_item else ""
            cell = self._money_cell((bucket.day, about, provider))
            cell.theirs += bucket.picodollars
            cell.tolerance += bucket.tolerance
            return
        cell = self._usage_cell((bucket.day, family(bucket.model), provider))
        cell.requests += bucket.requests
        cell.buckets.append(bucket)
        for name in self._categories:
            cell.theirs[name] += getattr(bucket.usage, name)

    def _take_row(self, row: LedgerRow) -> None:
        name, _, model = row.target.partition("/")
        if name not in self._providers or row.payer == "client" or row.cause == "cache_hit":
            return
        if not self.from_us <= row.started_us < self.to_us:
            return
        provider = "" if self._keys is None else name
        if self._keys is not None and name not in self._keys.values():
            return
        key = row.started_us // DAY_US, family(model), provider
        correction = row.cause == "correction"
        if correction and row.parent is not None:
            self._corrected.add(row.parent)
        if self._tells_usage:
            self._add_usage(key, row, correction)
        if self._tells_costs:
            self._add_cost(key, row)

    def _add_usage(self, key: Key, row: LedgerRow, correction: bool) -> None:
        counts = {name: count for name in self._categories if (count := getattr(row.usage, name))}
        guessed = row.usage_source == "estimated" and bool(counts or row.cost_picodollars)
        if not counts and not guessed:
            return  # an attempt that used nothing, or money alone: neither is on an account of usage
        cell = self._usage_cell(key)
        for name, count in counts.items():
            cell.ours[name] += count
        if correction:
            return
        cell.attempts += 1
        cell.targets[row.target] = cell.targets.get(row.target, 0) + 1
        if guessed:
            cell.estimated.append(row)

    def _add_cost(self, key: Key, row: LedgerRow) -> None:
        day, model, provider = key
        apart = self._by_item and row.usage.web_searches and row.cause != "correction"
        searches = self._search_cost(row) if apart else 0
        if searches:
            self._money_cell((day, WEB_SEARCH, provider)).ours += searches
        if row.cost_picodollars == 0:
            return
        cell = self._money_cell((day, model if self._by_item else "", provider))
        cell.ours += (row.cost_picodollars or 0) - searches
        cell.unpriced += row.cost_picodollars is None
        cell.guessed |= row.usage_source == "estimated"

    def _search_cost(self, row: LedgerRow) -> int:
        price = self._price_of(row)
        found = None if price is None else parts(row.usage, price)
        if found is None or sum(each.cost_picodollars for each in found) != row.cost_picodollars:
            return 0
        return sum(each.cost_picodollars for each in found if each.category == "web_searches")

    def _usage_cell(self, key: Key) -> UsageCell:
        cell = self._usage.get(key)
        if cell is None:
            nothing = dict.fromkeys(sorted(self._categories), 0)
            cell = self._usage[key] = UsageCell(key, dict(nothing), dict(nothing))
        return cell

    def _money_cell(self, key: Key) -> MoneyCell:
        cell = self._money.get(key)
        if cell is None:
            cell = self._money[key] = MoneyCell(key)
        return cell
