"""Where calls can go, and how tokens are counted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from headgate.catalog import Catalog, Price
from headgate.config import Config
from headgate.estimates.errors import BadEstimate
from headgate.providers.row import find_row
from headgate.registry import suggest
from headgate.routing.config import ModelConfig, TargetConfig
from headgate.types import JSON


class Counter(msgspec.Struct, frozen=True):
    """How a vendor counts."""

    request: Callable[[JSON], int]
    """Tokens of a body."""
    text: Callable[[str], int]
    """Tokens of an answer's text."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One target, as far as an estimate needs to know it."""

    model: str
    """What was asked for."""
    target: str
    share: float
    """Of the model's calls."""
    price: Price | None
    counter: Counter
    writes_cache: bool
    """Whether what is not yet in its cache is written there at a price: Anthropic's and Amazon's way."""
    rpm: int | None = None
    tpm: int | None = None
    again: Sequence[str] = ()
    """Why a call can be made, and paid for, more than once."""
    besides: Sequence[str] = ()
    """What else a call can cost."""


def places_of(config: Config, catalog: Catalog, name: str) -> list[Place]:
    """Where the calls of a model go while all is well, or the one target that is named.

    Raises:
        BadEstimate: there is no such model or target.
    """
    model = config.models.get(name)
    if model is not None and not name.endswith("*"):
        if not model.targets:
            raise BadEstimate(f"the model '{name}' goes where its prompt says; name that model, or provider/model-id")
        first = min(target.priority for target in model.targets)
        targets = [target for target in model.targets if target.priority == first]
        whole = sum(target.weight for target in targets)
        again, besides = list(_again(model)), list(_besides(model, len(targets) < len(model.targets)))
        places = [_place(config, catalog, name, target, target.weight / whole) for target in targets]
        return [msgspec.structs.replace(each, again=again, besides=besides) for each in places]
    provider, slash, rest = name.partition("/")
    if slash and rest and provider in config.providers and "*" not in rest:
        return [_place(config, catalog, name, TargetConfig(target=name), 1.0)]
    known = [*(each for each in config.models if not each.endswith("*")), *config.providers]
    raise BadEstimate(f"there is no model '{name}'{suggest(name, known)}; name a model, or provider/model-id")


def _again(model: ModelConfig) -> Iterator[str]:
    retry, hedge, validate = model.retry, model.hedge, model.validate
    if retry.budget and (retry.attempts > 1 or len(model.targets) > 1):
        yield f"retries, at {retry.budget:.0%} of the calls at the most, where the vendor charges for what failed"
    if hedge is not None and hedge.budget:
        yield f"second attempts beside slow ones, at {hedge.budget:.0%} of the calls at the most"
    if validate.reask and (validate.json or validate.tools or validate.validators):
        yield f"answers that are not as asked for, up to {validate.reask} more each"


def _besides(model: ModelConfig, lower: bool) -> Iterator[str]:
    if model.fallback or lower:
        yield "what other targets charge while these fail"
    if model.shadow is not None and model.shadow.share:
        yield f"its shadow, with {model.shadow.share:.0%} of the calls"


def _place(config: Config, catalog: Catalog, model: str, target: TargetConfig, share: float) -> Place:
    provider_name, _, model_id = target.target.partition("/")
    provider = config.providers[provider_name]
    known = provider.models.get(model_id)
    base_model = target.base_model or (known.base_model if known else model_id)
    vendor = find_row(provider.kind).catalog
    like = target.price_like
    return Place(
        model=model,
        target=target.target,
        share=share,
        price=catalog.price(None, like) if like else catalog.price(vendor, base_model),
        counter=_simulated() if provider.kind == "simulator" else _counter(base_model),
        writes_cache="claude" in base_model or vendor == "anthropic",
        rpm=target.rpm,
        tpm=target.tpm,
    )


def _counter(model: str) -> Counter:
    from headgate.catalog import tokens  # a quarter of a second to load

    return Counter(lambda body: tokens.estimate(body, model), lambda text: tokens.count(text, model))


def _simulated() -> Counter:
    """The simulator has tokens of its own making, whatever model it plays."""
    from headgate import dialects
    from headgate.providers.simulator.tokens import count, count_request

    chat = dialects.get("openai_chat")
    return Counter(lambda body: sum(count_request(chat.decode_request({"model": "m", **body}))), count)
