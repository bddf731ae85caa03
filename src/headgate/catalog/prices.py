"""The built-in price list: what vendors publish, as `tools/update_prices.py` took it from genai-prices.

What the list leaves unsaid is filled in by named rules, each a vendor's or the trade's own statement; what they do not
cover has no price, and a cost that would need it is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Any

import msgspec

from headgate.catalog.config import PriceConfig, RatesConfig
from headgate.catalog.cost import Price, Rates
from headgate.catalog.match import RawRule, Rule, rule_of
from headgate.money import PICODOLLARS_PER_DOLLAR

PER_MILLION = PICODOLLARS_PER_DOLLAR // 10**6
PER_THOUSAND = PICODOLLARS_PER_DOLLAR // 10**3

_UNITS = {
    "input": ("input_tokens", PER_MILLION),
    "output": ("output_tokens", PER_MILLION),
    "cached": ("cached_tokens", PER_MILLION),
    "cache_write_5m": ("cache_write_5m_tokens", PER_MILLION),
    "cache_write_1h": ("cache_write_1h_tokens", PER_MILLION),
    "reasoning": ("reasoning_tokens", PER_MILLION),
    "audio_input": ("audio_input_tokens", PER_MILLION),
    "audio_cached": ("audio_cached_tokens", PER_MILLION),
    "audio_output": ("audio_output_tokens", PER_MILLION),
    "image_input": ("image_input_tokens", PER_MILLION),
    "image_output": ("image_output_tokens", PER_MILLION),
    "thousand_web_searches": ("web_searches", PER_THOUSAND),
    "thousand_requests": ("requests", PER_THOUSAND),
}

_DOLLARS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,18})?")
_SHOWN = 20

_FEES = frozenset({"thousand_web_searches", "thousand_requests"})

# ── rules for what a price list leaves unsaid ──

NO_DISCOUNT = {"cached": ("input", Fraction(1)), "audio_cached": ("audio_input", Fraction(1))}
"""A vendor that publishes no price for cached tokens gives no discount on them."""

CLAUDE_CACHE_WRITES = {"cache_write_5m": ("input", Fraction(5, 4)), "cache_write_1h": ("input", Fraction(2))}
"""Anthropic, "Prompt caching, pricing": writes cost 1.25 times the input price for 5 minutes, twice for an hour."""

GEMINI_MODALITIES = {
    "audio_input": ("input", Fraction(1)),
    "audio_output": ("output", Fraction(1)),
    "image_input": ("input", Fraction(1)),
    "image_output": ("output", Fraction(1)),
}
"""Google, "Gemini API pricing": one price for text, image, video and audio where none of them is listed apart."""

GPT_IMAGES = {"image_output": ("output", Fraction(1))}
"""OpenAI, "GPT Image, pricing": what the models that only make images put out are tokens of images, where no other
output has a price."""

GROQ_WAYS = ("flex",)
"""Groq, "Flex processing": its price is that of processing on demand."""

PLAYED_BY_SIMULATOR = ("openai", "anthropic", "google")
"""Whose prices the simulator's models have, by the name they play under: a load test costs on paper what the real
thing would."""

OVERRIDE_MODALITIES = {"image_input": ("input", Fraction(1)), "image_output": ("output", Fraction(1))}
"""What `PriceConfig` promises of a price the operator gives."""


class Entry(msgspec.Struct, frozen=True):
    """What the list knows of one model."""

    price: Price | None
    context_window: int | None


class PriceList:
    """The models of every vendor, each found by its own rule, in the list's order."""

    def __init__(self, data: Mapping[str, Any], digest: str = "") -> None:
        self.source: str = data["source"]
        self.date: str = data["date"]
        self.revision: int = data.get("revision", 0)
        """Which list of that day."""
        self.edition = f"{self.date}+{digest[:8]}" if digest else self.date
        """Which list this is: the day its prices were in force, and the beginning of its SHA-256."""
        self._vendors: Mapping[str, Any] = data["vendors"]
        self._rules: dict[str, list[tuple[Rule, list[Any]]]] = {}

    @property
    def age(self) -> tuple[str, int]:
        """What two lists are compared by: the greater one is the newer."""
        return self.date, self.revision

    @property
    def vendors(self) -> list[str]:
        return list(self._vendors)

    def find(self, vendor: str, model: str) -> Entry | None:
        """What is known of a vendor's model; of the makers of the models it resells where it has no list of its own.

        `vendor` is what a provider's row calls its catalog. Hugging Face's router is asked for `model:provider`.
        """
        model = model.lower()
        if vendor == "huggingface" and ":" in model:
            model, _, provider = model.rpartition(":")
            vendor = f"huggingface_{provider}"
        sellers = self._vendors.get(vendor, _NO_VENDOR)["fallback"]
        for name in (vendor, *(PLAYED_BY_SIMULATOR if vendor == "simulator" else sellers)):
            for rule, row in self._rows(name):
                if rule(model):
                    return _entry(self.edition, name, model, row)
        return None

    def names(self, vendor: str) -> list[str]:
        """Ids of a vendor's models, as far as its rules name one."""
        return [name for raw, *_ in self._vendors.get(vendor, _NO_VENDOR)["models"] if (name := _name(raw))]

    def check(self) -> None:
        """Look at every model once.

        Raises:
            ValueError: a list like this cannot be used.
        """
        for vendor in self._vendors:
            try:
                for rule, row in self._rows(vendor):
                    rule("")
                    _entry(self.edition, vendor, "", row)
            except (TypeError, ValueError, KeyError, AttributeError, re.error) as error:
                raise ValueError(f"the models of {vendor} cannot be read: {error}") from None
            except RecursionError:
                raise ValueError(f"the models of {vendor} cannot be read: a rule is nested too deeply") from None

    def _rows(self, vendor: str) -> list[tuple[Rule, list[Any]]]:
        rows = self._rules.get(vendor)
        if rows is None:
            rows = [(rule_of(raw), rest) for raw, *rest in self._vendors.get(vendor, _NO_VENDOR)["models"]]
            self._rules[vendor] = rows
        return rows


_NO_VENDOR: Mapping[str, Any] = {"fallback": [], "models": []}


@cache
def price_list() -> PriceList:
    """The list this version came with. Read once, when first asked for."""
    raw = (files("headgate.catalog") / "prices.json").read_bytes()
    return PriceList(msgspec.json.decode(raw), sha256(raw).hexdigest())


class _Vendor(msgspec.Struct, forbid_unknown_fields=True):
    fallback: list[str]
    models: list[list[Any]]


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    date: date
    vendors: dict[str, _Vendor]
    revision: Annotated[int, msgspec.Meta(ge=0)] = 0


def read_price_list(text: bytes) -> PriceList:
    """A list as it is written: of the form of `prices.json`.

    Raises:
        ValueError: it is none.
    """
    try:
        written = msgspec.json.decode(text, type=_Written)
    except msgspec.DecodeError as error:
        raise ValueError(f"it is no price list: {error}") from None
    except RecursionError:
        raise ValueError("it is no price list: it is nested too deeply") from None
    found = PriceList(msgspec.to_builtins(written), sha256(text).hexdigest())
    found.check()
    return found


def _name(raw: RawRule) -> str | None:
    sign, *operands = raw
    if sign in "=^":
        return operands[0]
    return next((name for each in operands if sign in "|&" and (name := _name(each))), None)


def _entry(edition: str, vendor: str, model: str, row: list[Any]) -> Entry:
    rates, tiers, window, variants = [*row, None, None, None, None][:4]
    for count in (window, *(start for start, _ in tiers or ())):
        if count is not None and (type(count) is not int or count < 1):
            raise ValueError(f"{count!r} is no number of tokens")
    if not rates:
        return Entry(None, window)
    rules = dict(NO_DISCOUNT)
    if "claude" in model:
        rules |= CLAUDE_CACHE_WRITES
    if vendor == "google":
        rules |= GEMINI_MODALITIES
    if "gpt-image" in model:
        rules |= GPT_IMAGES
    name = f"{vendor}/{model}"
    version = f"{edition}:{name}"
    ways: dict[str, list[Any]] = variants or {}
    if vendor == "groq":
        ways = {how: [rates, tiers or ()] for how in GROQ_WAYS} | ways
    others = {how: _listed(f"{name}#{how}", f"{version}#{how}", *each, rules=rules) for how, each in ways.items()}
    return Entry(_listed(name, version, rates, tiers or (), rules=rules, variants=others), window)


def _listed(
    name: str,
    version: str,
    rates: Mapping[str, str],
    tiers: Sequence[tuple[int, Mapping[str, str]]] = (),
    *,
    rules: Mapping[str, tuple[str, Fraction]],
    variants: Mapping[str, Price] | None = None,
) -> Price:
    base = _fractions(rates)
    higher = [(start, _rates({**base, **_fractions(each)}, rules)) for start, each in tiers]
    return Price(name, _rates(base, rules), higher, version=version, variants=variants)


def configured(name: str, config: PriceConfig) -> Price:
    """The price an operator gives in place of the list's."""
    rules = NO_DISCOUNT | OVERRIDE_MODALITIES
    base = _given(config)
    tiers = [(tier.over_tokens, {**base, **_given(tier)}) for tier in config.tiers]
    factors = {how: Fraction(factor) for how, factor in config.variants.items()}
    said = [sorted(base.items()), [(start, sorted(each.items())) for start, each in tiers], sorted(factors.items())]
    version = f"override:{name}:{sha256(repr(said).encode()).hexdigest()[:8]}"

    def made(suffix: str, factor: Fraction, variants: Mapping[str, Price]) -> Price:
        higher = [(start, _rates(_times(each, factor), rules)) for start, each in tiers]
        rates = _rates(_times(base, factor), rules)
        return Price(f"{name}{suffix}", rates, higher, version=f"{version}{suffix}", variants=variants)

    return made("", Fraction(1), {how: made(f"#{how}", factor, {}) for how, factor in factors.items()})


def _times(rates: Mapping[str, Fraction], factor: Fraction) -> dict[str, Fraction]:
    """Rates of tokens in another way of processing; fees for searches and requests stay what they are."""
    return {name: rate if name in _FEES else rate * factor for name, rate in rates.items()}


def _given(config: RatesConfig) -> dict[str, Fraction]:
    return {name: Fraction(value) for name in _UNITS if (value := getattr(config, name)) is not None}


def _fractions(rates: Mapping[str, str]) -> dict[str, Fraction]:
    """Rates as they are written: decimal dollars, never below nothing."""
    for name, value in rates.items():
        if not _DOLLARS.fullmatch(value):
            raise ValueError(f"'{name}' is {value[:_SHOWN]!r}, and not decimal dollars")
    return {name: Fraction(value) for name, value in rates.items()}


def _rates(listed: Mapping[str, Fraction], rules: Mapping[str, tuple[str, Fraction]]) -> Rates:
    """Dollars per what the list counts in as picodollars per unit, unsaid prices filled in."""
    dollars = dict(listed)
    for name, (of, factor) in rules.items():
        if name not in dollars and of in dollars:
            dollars[name] = dollars[of] * factor
    return {_UNITS[name][0]: value * _UNITS[name][1] for name, value in dollars.items()}
