"""The model and attempt folds of one configuration.

model fold     prompt > capture > once > shadow > evaluate > deadline > fallback > validated > route
attempt fold   settle (which has money reserved) > own keys > watch > transport
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from math import inf

from msgspec.structs import replace

from headgate.catalog import Catalog, Price, cost
from headgate.catalog import Limits as Sizes
from headgate.config import Config
from headgate.dialects.base import Quirks
from headgate.errors import BadRequest, ModelNotFound, NotFound
from headgate.ledger import Settle
from headgate.limits import Reserve
from headgate.limits import Target as Priced
from headgate.limits.pots import internal_pots
from headgate.prompts.at_hand import Spelling
from headgate.prompts.reference import parse
from headgate.providers.exchange import Exchange, Facts, Patience
from headgate.providers.own import OwnKeys
from headgate.providers.provider import Provider
from headgate.quality.config import EvaluateConfig
from headgate.routing.balance import chooser, session_of
from headgate.routing.conditions import Conditions
from headgate.routing.config import FallbackConfig, ModelConfig, OnceConfig, TargetConfig
from headgate.routing.deadline import Deadline
from headgate.routing.fallback import Entry, Fallback
from headgate.routing.hedge import Hedge
from headgate.routing.once import Answers, Once
from headgate.routing.option import Option
from headgate.routing.retry import RetryBudget
from headgate.routing.route import Route, Settings
from headgate.routing.target import Target
from headgate.routing.validation.stage import Validated
from headgate.routing.watch import Watch
from headgate.services import Services
from headgate.shadow.config import ShadowConfig
from headgate.shadow.stage import Shadow
from headgate.stage import Next, Stage, fold
from headgate.stages import OwnStage, arranged
from headgate.types import Call, Reply, Usage


class Maker:
    """Makes the model and attempt folds of one configuration."""

    def __init__(
        self,
        services: Services,
        config: Config,
        providers: Mapping[str, Provider],
        own: Sequence[OwnStage],
        catalog: Catalog,
        *,
        mirrored: bool = True,
    ) -> None:
        """`mirrored` says that models have their shadows."""
        self._mirrored = mirrored
        self._services = services
        self._config = config
        self._providers = providers
        self._own = own
        self._catalog = catalog
        self._models: dict[str, Next] = {}
        self._alone: Next | None = None
        self._own_models: dict[str, Next] = {}
        """Targets that prompts name as their own model."""
        self._holders: dict[str, Next] = {}
        """By target, a model fold that leads to it alone."""

    def model(self, name: str) -> Next:
        """The fold of a configured model; made once, also where others fall back to it."""
        if name not in self._models:
            self._models[name] = self._model(name, self._config.models[name])
        return self._models[name]

    def prune(self) -> None:
        """Forget what is known of targets and models that are no more."""
        if "_aside" in self.__dict__:
            self._aside.prune()
        self._services.conditions.prune()

    def direct(self, pattern: str) -> Next:
        """A model for any target of one provider, named as `provider/model-id`."""
        return self._model(pattern, ModelConfig(targets=[TargetConfig(target=pattern)]))

    def tested(self, call: Call) -> Awaitable[Reply]:
        """Answer a call that tests ask, by the models there are, aside from everybody's as shadows and judges are.

        Raises:
            ModelNotFound: there is no such model.
        """
        aside, said = self._aside, call.prompt
        if said is not None and said.alone:
            return aside.alone(call)
        if call.label in self._config.models:
            return aside.model(call.label)(call)
        if not self.own_model(call.model):
            raise ModelNotFound(call.model)
        return aside._own_model(call.model)(replace(call, matched=None))

    def alone(self, call: Call) -> Awaitable[Reply]:
        """Answer a call that brings its prompt along, by the prompt's own model."""
        if self._alone is None:
            from headgate.prompts.stage import Prompt  # a template language is for who has prompts

            prompt = Prompt(self._services.shelf, self._spelling, self._services.metrics.rendered)
            self._alone = self._fold([], self._by_own_model, prompt)
        return self._alone(call)

    async def _by_own_model(self, call: Call) -> Reply:
        """Answer by the model that a call's prompt names."""
        assert call.prompt is not None, "a prompt stands before this"
        name = call.prompt.model
        if name is None:
            raise BadRequest(
                f"The prompt '{call.prompt.used}' names no model, and neither does headgate.yaml: write 'model:' in "
                "its file, or targets there."
            )
        return await self._own_model(name)(replace(call, matched=None))

    def _spelling(self, own_model: str | None) -> Spelling:
        """How the vendor of a prompt's own model spells what can be spelt in more than one way."""
        if own_model is None or not self.own_model(own_model):
            return Spelling()
        model = self._config.models.get(own_model)
        return self._spelt_by(TargetConfig(target=own_model) if model is None else model.targets[0])

    def _spelt_by(self, target: TargetConfig) -> Spelling:
        name, _, model = target.target.partition("/")
        provider = self._providers[name]
        quirks = Quirks(max_tokens_field=provider.quirks.max_tokens_field)
        return Spelling(quirks=quirks, base_model=target.base_model or provider.base_model(model))

    def own_model(self, name: str | None) -> bool:
        """Whether a prompt may name this as its own model: a configured one that is no prompt itself, or a target."""
        if name is None:
            return False
        if name in self._config.models:
            return self._config.models[name].prompt is None and not name.endswith("*")
        provider, _, model = name.partition("/")
        return provider in self._providers and bool(model) and "*" not in model

    def _own_model(self, name: str) -> Next:
        if not self.own_model(name):
            raise BadRequest(
                f"The prompt's own model '{name[:200]}' is neither a model of headgate.yaml that is no prompt itself, "
                "nor a target of a provider that is there."
            )
        if name in self._config.models:
            return self.model(name)
        if name not in self._own_models and len(self._own_models) >= MAX_MODELS:
            raise BadRequest("The prompts in use name more targets than are kept; write them as models.")
        if name not in self._own_models:
            self._own_models[name] = self._model(name, ModelConfig(targets=[TargetConfig(target=name)]))
        return self._own_models[name]

    def _model(self, name: str, config: ModelConfig) -> Next:
        prompt = None
        if config.prompt is not None:
            from headgate.prompts.stage import Prompt  # as above

            spelling = _always(self._spelt_by(config.targets[0])) if config.targets else self._spelling
            counts = self._services.metrics.rendered
            prompt = Prompt(self._services.shelf, spelling, counts, config.prompt, parse(config.prompt.use))
            if not config.targets:
                return self._fold(self._captures(name), self._by_own_model, prompt)
        options = [self._option(target, config) for target in config.targets]
        settings = self._settings(name, config, options)
        answers = self._services.conditions.borrow(f"answers of {name}", config.once, Answers)
        recovering: list[Stage] = [*self._captures(name), Once(config.once, answers)]
        if self._mirrored and config.shadow is not None and config.shadow.share:
            recovering.append(self._shadow(name, config, config.shadow))
        if self._mirrored and config.evaluate is not None and config.evaluate.share:
            recovering.append(self._evaluate(name, config.evaluate))
        recovering.append(Deadline(config.timeout.total_s))
        if config.fallback:
            recovering.append(
                Fallback(
                    {
                        cause: [Entry(each, self._fallback(name, config, each)) for each in entries]
                        for cause, entries in config.fallback.items()
                    }
                )
            )
        recovering.append(Validated(config.validate))
        for option in options:
            alone = Route(option.name, [option], settings)
            self._holders.setdefault(option.name, self._fold([Deadline(config.timeout.total_s)], alone))
        return self._fold(recovering, Route(name, options, settings), prompt)

    def _captures(self, name: str) -> Sequence[Stage]:
        """What keeps the content of a model's calls, where that is asked for and can be kept."""
        telemetry, store = self._config.telemetry, self._services.store
        if not self._mirrored or store is None or telemetry.capture is None:
            return ()
        stage = store.contents.stage(name, telemetry.capture, telemetry.calls.slow_s)
        return () if stage is None else (stage,)

    # ── shadows ──

    def _shadow(self, name: str, config: ModelConfig, shadow: ShadowConfig) -> Shadow:
        mirror = self._services.shadows.mirror(name, shadow)
        pots = internal_pots("shadow", name, shadow.budget_usd, shadow.period)
        return Shadow(name, shadow, mirror, self._aside.mirroring(shadow.to, config), pots, session_of)

    def _evaluate(self, name: str, evaluate: EvaluateConfig) -> Stage:
        from headgate.quality.judge import Judge  # evaluators are for who evaluates
        from headgate.quality.stage import Evaluate

        line = self._services.evaluations.line(name, evaluate.concurrency, evaluate.queue)
        pots = internal_pots("judge", name, evaluate.budget_usd, evaluate.period)
        judges = [
            Judge(each, judge, self._aside.mirroring(judge.model, JUDGING), pots, evaluate.timeout_s)
            for each, judge in evaluate.judges.items()
        ]
        return Evaluate(name, evaluate, line, judges)

    def mirroring(self, to: str, config: ModelConfig) -> Next:
        """What makes mirrored calls: a model, or a route to one target that recovers as the model does whose calls
        they are.
        """
        if to in self._config.models:
            return self.model(to)
        alone = replace(config, targets=[TargetConfig(target=to)], fallback={}, hedge=None, once=OnceConfig())
        return self._model(f"{to} as a shadow", alone)

    @cached_property
    def _aside(self) -> Maker:
        """Makes the folds of shadows and judges. What is known of their targets is apart from what is known of
        everybody's: one that fails opens no breaker, takes no place in a queue and no retry from a budget that clients
        need.

        Stages of one's own that stand above the attempt have seen the request already. Calls that are the same are
        asked twice all the same: tests ask for several answers.
        """
        services, limits = self._services, self._config.limits
        conditions = services.conditions.borrow("shadows", [], Conditions)
        models = {name: replace(each, once=OnceConfig()) for name, each in self._config.models.items()}
        strict = replace(limits, unknown_price="refuse", store_unavailable="refuse", min_output_tokens=NEVER_CUT)
        return Maker(
            replace(services, conditions=conditions),
            replace(self._config, limits=strict, models=models),
            self._providers,
            [each for each in self._own if (each.config.before or each.config.after) in PER_ATTEMPT],
            self._catalog,
            mirrored=False,
        )

    # ── routes ──

    def _fold(self, recovering: Sequence[Stage], route: Next, prompt: Stage | None = None) -> Next:
        places = arranged({"prompt": prompt, "guardrails": None, "cache": None, "context": None}, self._own)
        return fold([*places, *recovering], route)

    def _settings(self, name: str, config: ModelConfig, options: Sequence[Option]) -> Settings:
        borrow = self._services.conditions.borrow
        share, reserve = config.retry.budget, config.breaker.min_calls + 10
        hedge = config.hedge
        return Settings(
            retry=config.retry,
            queue=config.queue,
            choose=chooser(config.balance, options),
            budget=borrow(f"budget of {name}", [share, reserve], lambda: RetryBudget(share, reserve)),
            hedge=None if hedge is None else borrow(f"hedge of {name}", hedge, lambda: Hedge(hedge)),
        )

    def _fallback(self, name: str, config: ModelConfig, entry: FallbackConfig) -> Next:
        """Another model, or a route to one target that recovers as the model does that falls back to it."""
        if entry.use in self._config.models:
            return self.model(entry.use)
        option = self._option(TargetConfig(target=entry.use), config)
        route = Route(entry.use, [option], self._settings(f"{name} at {entry.use}", config, [option]))
        return fold([Validated(config.validate)], route)

    async def held(self, call: Call, target: str) -> Reply:
        """Answer a call that names no model, only something that one target holds."""
        for name, holder in self._holders.items():
            prefix, star, suffix = name.partition("*")
            if name == target:
                return await holder(replace(call, matched=None))
            if star and target.startswith(prefix) and target.endswith(suffix):
                return await holder(replace(call, matched=target[len(prefix) : len(target) - len(suffix)]))
        raise NotFound("What this request refers to is held by a target that is no longer configured.")

    def _option(self, config: TargetConfig, model: ModelConfig) -> Option:
        """One target of a model, with what is known of how it is doing."""
        services = self._services
        provider_name, _, model_id = config.target.partition("/")
        provider = self._providers[provider_name]
        made_of = [provider.config, config.rpm, config.tpm, config.max_concurrent, model.breaker]
        target = services.conditions.borrow(config.target, made_of, lambda: Target(config, model.breaker))
        known = _Known(self._catalog, provider, config)

        def exchange(provider: Provider) -> Exchange:
            return self._exchange(provider, model_id, model, known)

        attempt = {
            "settle": self._settle(config.target, provider, known),
            "own keys": OwnKeys(provider, services.credentials, exchange, target.limiter.wake),
            "transport": Watch(target),
        }
        price = known.price(model_id)
        return Option(
            target,
            fold(arranged(attempt, self._own), exchange(provider)),
            weight=config.weight,
            priority=config.priority,
            provisioned=config.provisioned,
            cost=None if price is None else cost(ORDINARY, price),
        )

    def _settle(self, target: str, provider: Provider, known: _Known) -> Settle:
        """What prices the attempts at a target, and sets their money aside."""
        services, limits = self._services, self._config.limits
        priced = Priced(known.price, known.limits, known.count, provider.quirks, provider.config.body)
        reserve = Reserve(priced, services.counters, services.calendar, services.seeder, limits, services.alerts)
        lenient = limits.journal_unwritable == "allow"
        return Settle(target, known.price, services.ledger, services.clock, reserve, lenient=lenient)

    def _exchange(self, provider: Provider, model_id: str, model: ModelConfig, known: _Known) -> Exchange:
        timeout = model.timeout
        return Exchange(
            provider,
            model_id,
            Patience(timeout.connect_s, timeout.first_token_s, timeout.stall_s, timeout.attempt_s or inf),
            model.drop_unsupported or provider.drop_unsupported,
            Facts(known.base_model, known.output_limit),
            self._services.clock,
        )


def _always(spelling: Spelling) -> Callable[[str | None], Spelling]:
    """How the vendor of a model with targets spells things, whatever the prompt's own model is."""
    return lambda _: spelling


JUDGING = ModelConfig(targets=[])
"""How a target does that judges without being a model of its own."""

NEVER_CUT = 2**62
"""As the least output a call is cut down to: a mirrored call is made as it is, or not at all."""

PER_ATTEMPT = frozenset({"settle", "transport"})
"""Places of stages of one's own that are in the attempt fold."""

MAX_MODELS = 4_096
"""Models of a target whose price is kept at hand: behind a wildcard the names are the clients' own."""


class _Known:
    """What the catalog says of the models of one target, each by the vendor's id of it."""

    def __init__(self, catalog: Catalog, provider: Provider, config: TargetConfig) -> None:
        self._catalog = catalog
        self._provider = provider
        self._config = config
        self.price = lru_cache(MAX_MODELS)(self._price)

    def base_model(self, model: str) -> str:
        """The model a deployment stands for; the name itself where it is one."""
        return self._config.base_model or self._provider.base_model(model)

    def _price(self, model: str) -> Price | None:
        like = self._config.price_like
        if like is not None:
            return self._catalog.price(None, like)
        return self._catalog.price(self._provider.catalog, self.base_model(model))

    def limits(self, model: str) -> Sizes | None:
        return self._catalog.limits(self._provider.catalog, self.base_model(model))

    def output_limit(self, model: str) -> int | None:
        return self._catalog.output_limit(self._provider.catalog, self.base_model(model))

    def count(self, model: str, call: Call) -> int | None:
        """The most tokens a request's prompt has; None where its vocabulary is not known."""
        from headgate.catalog.tokens import at_most  # a quarter of a second to load

        return at_most(call.request.encode(), self.base_model(model))


ORDINARY = Usage(input_tokens=4000, output_tokens=1000)
"""A call of ordinary size, by which targets' prices are compared."""
