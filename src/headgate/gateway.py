"""The composition root: a configuration becomes services and three folds, and every call goes through them.

    call fold      telemetry > access > limits > ids > (the model's fold)
    model fold, attempt fold     see `folds.py`

A user's own stages stand among them where the configuration says. A fold is made once, at load. A reload makes new
folds and swaps them in; calls under way keep theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from headgate.access import Access, AccountIds, Authenticator, KeyAuthenticator, Open, Roles, WorkloadTokens
from headgate.access.patterns import allows
from headgate.access.stage import check_scope
from headgate.config import Config, load
from headgate.config.places import placed
from headgate.config.price_lists import catalog_of
from headgate.config.retirements import Retiring
from headgate.errors import BadRequest, ConfigError, ModelNotFound, Overloaded, StoreUnavailable
from headgate.folds import Maker
from headgate.ledger import Ledger
from headgate.library import Answer, Delta, Vectors, call_of, deltas
from headgate.limits import Limits
from headgate.prompts.at_hand import Served
from headgate.prompts.reference import RELEASED, Malformed, Reference, parse
from headgate.providers.provider import Provider
from headgate.routing.health import HealthChecks
from headgate.routing.once import Answers
from headgate.routing.sharing import Sharing
from headgate.routing.status import TargetStatus, status_of
from headgate.routing.target import Target
from headgate.services import Keeper, Services, in_memory
from headgate.stage import Next, fold
from headgate.stages import OwnStage, arranged
from headgate.telemetry import UNKNOWN, Metrics, Telemetry
from headgate.telemetry.logs.calls import say
from headgate.types import JSON, Call, Identity, Prompting, Reply


class Model(msgspec.Struct, frozen=True):
    """A name that can be asked for, and what answers to it."""

    name: str
    """Exact, or a pattern that ends in `*`."""
    next: Next
    prompted: bool = False
    """Whether it takes a prompt's inputs: it is one, or falls back to one."""


class _Folds(msgspec.Struct, frozen=True, kw_only=True):
    """All that one configuration made."""

    config: Config
    authenticator: Authenticator
    tokens: WorkloadTokens | None
    """Who checks signed tokens in place of keys; None where nobody's are taken."""
    providers: Mapping[str, Provider]
    models: Mapping[str, Model]
    exact: frozenset[str]
    """The names of those that are no patterns."""
    wildcards: Sequence[Model]
    """By falling length of what stands before the `*`."""
    prompts: Mapping[str, Reference]
    """The models that are prompts, and which."""
    max_concurrent: int
    call: Next
    own_model: Callable[[str | None], bool]
    """Whether a prompt may name this as its own model."""
    tested: Next
    """What answers the calls of tests."""


class Gateway:
    """Headgate without HTTP: the same engine, in this process.

    async with Gateway.from_file("headgate.yaml") as gateway:
        answer = await gateway.chat("chat", [{"role": "user", "content": "Hello"}])
    """

    def __init__(
        self, config: Config, *, environ: Mapping[str, str] = os.environ, services: Services | None = None
    ) -> None:
        self.environ = environ
        """Where secrets come from."""
        self._services = services or in_memory(environ)
        self._opened = services is not None
        self._leaving = False
        self._draining = False
        self._started = False
        self._tasks: list[asyncio.Task[None]] = []
        self._retiring: set[asyncio.Future[None]] = set()
        self._reloaded = asyncio.Event()
        self._folds = self._made(config)

    @classmethod
    def from_file(cls, path: str | Path, environ: Mapping[str, str] = os.environ) -> Gateway:
        """The gateway a `headgate.yaml` describes.

        Raises:
            ConfigError: the file cannot be used; lists every mistake with its line.
        """
        return cls(placed(load(Path(path), environ), Path(path).parent, kept=False), environ=environ)

    # ── life ──

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open what `storage:` names. Before the first call; once.

        Raises:
            ConfigError: it cannot be used.
            StoreUnavailable: it cannot be reached, or is in use.
        """
        if not self._opened and self.config.storage.database is not None:
            from headgate.keeping import keeping  # databases and signatures are for who keeps something

            self._opened = True
            self._services = await keeping(self.config, self.environ, self._services)
            self._folds = self._made(self._folds.config, self._folds)

    async def start(self) -> None:
        await self.open()
        self._started = True
        services = self._services
        services.otel.start()
        sharing = Sharing(services.conditions, services.shared)
        health = HealthChecks(lambda: self._folds.providers, services.conditions)
        alerting = services.store.alerting.work() if services.store is not None else ()
        work = (sharing.run(), health.run(), self._keep_issuers(), *alerting)
        self._tasks = [asyncio.create_task(each) for each in work]

    def leave(self) -> None:
        """Not be ready any more, and take calls all the same, until `drain`."""
        self._leaving = True

    async def drain(self, limit_s: float) -> None:
        """Take no more calls, and wait until those under way are over, those that go on without their clients included,
        or `limit_s` has passed.
        """
        self._draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.metrics.idle()
                async with asyncio.timeout(SHADOWS_S):
                    await self._services.shadows.idle()
                    await self._services.evaluations.idle()

    async def close(self) -> None:
        self._started = False
        going_on = [task for answers in self._services.conditions.of(Answers) for task in answers.tasks]
        tasks: list[asyncio.Future[Any]] = [*self._tasks, *self._retiring, *going_on]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._services.shadows.close()
        await self._services.evaluations.close()
        for provider in self._folds.providers.values():
            await provider.close()
        await self._services.close()

    def reload(self, config: Config) -> None:
        """Serve by another configuration from the next call on. Providers that did not change keep their connections.

        Raises:
            ConfigError: the configuration cannot be used; the one before it stays.
        """
        before = self._folds
        self._folds = self._made(config, before)
        self._reloaded.set()
        kept = set(self._folds.providers.values())
        retired = [provider for provider in before.providers.values() if provider not in kept]
        if retired:
            wait_s = max((model.timeout.total_s for model in before.config.models.values()), default=0.0)
            self._retiring.add(task := asyncio.ensure_future(_retire(retired, wait_s)))
            task.add_done_callback(self._retiring.discard)

    @property
    def ready(self) -> bool:
        """Whether it is to be given calls."""
        return self._started and not self._leaving and not self._draining

    @property
    def records_calls(self) -> bool:
        """Whether calls can be recorded, or need not be."""
        return self._services.ledger.writable or self._folds.config.limits.journal_unwritable == "allow"

    @property
    def config(self) -> Config:
        return self._folds.config

    @property
    def authenticator(self) -> Authenticator:
        return self._folds.authenticator

    @property
    def metrics(self) -> Metrics:
        return self._services.metrics

    @property
    def ledger(self) -> Ledger:
        return self._services.ledger

    @property
    def services(self) -> Services:
        """What everything here stands on."""
        return self._services

    @property
    def store(self) -> Keeper | None:
        """What stands on the database; None where nothing is kept."""
        return self._services.store

    def provider(self, name: str) -> Provider:
        """A configured vendor."""
        return self._folds.providers[name]

    def targets(self) -> list[TargetStatus]:
        """How the targets of all models are doing now."""
        return [status_of(target) for target in self._services.conditions.of(Target)]

    # ── calls ──

    async def handle(self, call: Call) -> Reply:
        """Answer a call in the dialect of its request.

        Raises:
            HeadgateError: it cannot be answered.
        """
        if self._draining:
            self.metrics.refused(Overloaded.code)
            raise Overloaded("This gateway is shutting down; try again.", retry_after_s=1)
        folds = self._folds
        if not self.records_calls:
            self.metrics.refused(StoreUnavailable.code)
            raise StoreUnavailable("the ledger's journal cannot be written; free its disk, or see the log")
        if self._services.metrics.in_flight >= folds.max_concurrent:
            self._services.metrics.shed["calls"] += 1
            raise Overloaded("This gateway has as many calls under way as it takes; try again.", retry_after_s=1)
        if call.model in folds.exact:
            return await folds.call(call)
        if call.prompt is not None and call.prompt.alone:
            return await folds.call(replace(call, label=call.model))
        label, matched = self._matched(folds, call.model)
        return await folds.call(replace(call, label=label, matched=matched))

    async def tested(self, call: Call) -> Reply:
        """Answer a call of the server's own tests: by the same models and prompts, aside from everybody's calls. It is
        in no list and no sum of calls, only in the ledger, and users' calls go before it.

        Raises:
            Overloaded: there is no room beside users' calls.
            HeadgateError: it cannot be answered.
        """
        folds = self._folds
        if self._services.metrics.in_flight >= folds.max_concurrent * TESTS_BELOW or not self.ready:
            raise Overloaded("This gateway has as many calls under way as leave room for tests.", retry_after_s=1)
        if not self.records_calls:
            raise StoreUnavailable("the ledger's journal cannot be written; free its disk, or see the log")
        label, matched = self._matched(folds, call.model)
        return await folds.tested(replace(call, label=label, matched=matched))

    async def chat(self, model: str, messages: Sequence[JSON], **options: Any) -> Answer:
        """Ask a model, and wait for the whole answer.

        `messages` and `options` are those of OpenAI's chat completions.

        Raises:
            HeadgateError: there is no answer.
        """
        if options.get("stream"):
            raise BadRequest("Use Gateway.stream for an answer as it comes.", param="stream")
        call = call_of("chat", {"model": model, "messages": messages, **options}, IN_PROCESS)
        return Answer(call, await self.handle(call))

    async def stream(self, model: str, messages: Sequence[JSON], **options: Any) -> AsyncIterator[Delta]:
        """Ask a model, and take the answer as it comes.

        Raises:
            HeadgateError: there is no answer, or it broke off.
        """
        call = call_of("chat", {"model": model, "messages": messages, **options, "stream": True}, IN_PROCESS)
        async with contextlib.aclosing(deltas(await self.handle(call))) as pieces:
            async for delta in pieces:
                yield delta

    async def prompt(
        self,
        name: str,
        inputs: Mapping[str, Any] | None = None,
        messages: Sequence[JSON] = (),
        *,
        context: JSON | None = None,
        docs: Sequence[JSON] = (),
        **options: Any,
    ) -> Answer:
        """Render a prompt, ask the model it is for, and wait for the whole answer.

        Args:
            name: `support/triage@production`, or a version in place of the label; or a model that is a prompt.
            inputs: values of its inputs.
            messages: what was said before, as of OpenAI's chat completions.
            context: what `@name` stands for in its template.
            docs: documents the application has found.
            options: of OpenAI's chat completions, as far as the prompt leaves them open.

        Raises:
            PromptNotFound: there is no such prompt.
            BadRequest: an input is not what its schema says; `param` names it.
            HeadgateError: there is no answer.
        """
        if options.get("stream"):
            raise BadRequest("Use Gateway.stream_prompt for an answer as it comes.", param="stream")
        said = Prompting(inputs=dict(inputs or {}), context=context, docs=docs)
        call = await self._prompt_call(name, said, {"messages": list(messages), **options})
        return Answer(call, await self.handle(call))

    async def stream_prompt(
        self,
        name: str,
        inputs: Mapping[str, Any] | None = None,
        messages: Sequence[JSON] = (),
        *,
        context: JSON | None = None,
        docs: Sequence[JSON] = (),
        **options: Any,
    ) -> AsyncIterator[Delta]:
        """As `prompt`, and take the answer as it comes.

        Raises:
            HeadgateError: as there, or it broke off.
        """
        said = Prompting(inputs=dict(inputs or {}), context=context, docs=docs)
        call = await self._prompt_call(name, said, {"messages": list(messages), **options, "stream": True})
        async with contextlib.aclosing(deltas(await self.handle(call))) as pieces:
            async for delta in pieces:
                yield delta

    async def _prompt_call(self, name: str, said: Prompting, body: JSON) -> Call:
        call = call_of("chat", {"model": name, **body}, IN_PROCESS)
        return await self.prompted(replace(call, prompt=said), name)

    async def prompted(self, call: Call, name: str) -> Call:
        """The call that a prompt's name asks for: by the model that is this prompt, else by the prompt's own.

        Raises:
            PromptNotFound: there is no such prompt.
            BadRequest: the name is none, or nothing says which model it is for.
            Forbidden: it names a version that no model is, and the caller may not read prompts.
        """
        folds, said, identity = self._folds, call.prompt or Prompting(), call.identity
        if name in folds.prompts:
            return self._asking(call, name, said)
        alias, _, version = name.partition("@")
        try:
            asked = folds.prompts[alias].at(version) if alias in folds.prompts else parse(name)
        except Malformed as error:
            raise BadRequest(f"The prompt's name {error}.", param="prompt") from None
        models = [each for each, own in folds.prompts.items() if own.name == asked.name]
        models.sort(key=lambda each: (each != alias, not allows(identity.models, each)))  # what is theirs to use first
        for each in models:
            if folds.prompts[each] == asked or "@" not in name:
                return self._asking(call, each, said)
        if identity is not IN_PROCESS and folds.config.server.auth != "none" and asked.label != RELEASED:
            check_scope(identity, "prompts.read")
        shelf, own_label = self._services.shelf, None if "@" in name else identity.prompt_label
        found, by = shelf.labelled(identity.organisation, asked, own_label)
        if found is None:
            found = await shelf.find(identity.organisation, asked)
        said = replace(said, found=found, reference=by)
        if models:
            return self._asking(call, models[0], said)
        own_model = found.prompt.model
        if own_model is None or not folds.own_model(own_model):
            raise BadRequest(
                f"Nothing says which model '{asked}' is for: write 'model:' in its file, with a model or target of "
                "headgate.yaml, or a model there that is this prompt.",
                param="prompt",
            )
        return self._asking(call, own_model, replace(said, alone=True))

    @staticmethod
    def _asking(call: Call, model: str, said: Prompting) -> Call:
        return replace(call, model=model, request=call.request.with_members(model=model), prompt=said)

    async def embed(self, model: str, inputs: str | Sequence[str], **options: Any) -> Vectors:
        """Turn texts into vectors.

        Raises:
            HeadgateError: there is no answer.
        """
        call = call_of("embed", {"model": model, "input": inputs, **options}, IN_PROCESS)
        return Vectors(call, await self.handle(call))

    # ── models ──

    def model_names(self) -> list[str]:
        """The names that can be asked for; wildcards are not names."""
        return [name for name in self._folds.models if name in self._folds.exact]

    def model_patterns(self) -> list[str]:
        """The wildcards by which more can be asked for, the longest first."""
        return [model.name for model in self._folds.wildcards]

    def resolve(self, name: str) -> Model:
        """The model behind a name.

        Raises:
            ModelNotFound: there is none.
        """
        label, _ = self._matched(self._folds, name)
        model = self._folds.models.get(label)
        if model is None:
            raise ModelNotFound(name)
        return model

    @staticmethod
    def _matched(folds: _Folds, name: str) -> tuple[str, str | None]:
        """The label of a name that is asked for, and what the `*` of its pattern stands for."""
        if name in folds.exact:
            return name, None
        if not name:
            return UNKNOWN, None
        for model in folds.wildcards:
            prefix = model.name[:-1]
            if name.startswith(prefix):
                return model.name, name[len(prefix) :]
        return UNKNOWN, None

    # ── making the folds ──

    def _made(self, config: Config, before: _Folds | None = None) -> _Folds:
        services = self._services
        providers = _providers(config, before.providers if before is not None else {})
        own = [OwnStage.load(each) for each in config.stages]
        catalog = catalog_of(config)
        make = Maker(services, config, providers, own, catalog)
        files = _prompts_of(config)
        uses = {name: parse(model.prompt.use) for name, model in config.models.items() if model.prompt is not None}
        services.shelf.use(files, [each for each in uses.values() if each.digest is not None])
        taking = _taking_inputs(config, uses)
        models = {name: Model(name, make.model(name), name in taking) for name in config.models}
        if config.server.direct_targets:
            for name in providers:
                pattern = f"{name}/*"
                models.setdefault(pattern, Model(pattern, make.direct(pattern)))
        exact = frozenset(name for name in models if not name.endswith("*"))
        wildcards = sorted((model for model in models.values() if model.name not in exact), key=lambda m: -len(m.name))

        def answer(call: Call) -> Awaitable[Reply]:
            if call.operation == "responses" and call.pinned is not None:
                return make.held(call, call.pinned)
            said = call.prompt
            if said is not None and said.alone:
                return make.alone(call)
            model = models.get(call.label or call.model)
            if model is None:
                raise ModelNotFound(call.model)
            if said is not None and not model.prompted:
                raise BadRequest(
                    f"The model '{call.model}' is no prompt, and takes no inputs.", param="headgate.inputs"
                )
            return model.next(call)

        tokens = self._tokens(config, before.tokens if before is not None else None)
        authenticator = self._authenticator(config, tokens)
        make.prune()
        services.shadows.only(
            {(name, model.shadow.to) for name, model in config.models.items() if model.shadow and model.shadow.share}
        )
        services.evaluations.only(
            {name for name, model in config.models.items() if model.evaluate and model.evaluate.share}
        )
        recorder = None
        if services.store is not None:
            services.store.calls.use(config.telemetry)
            services.store.quality.config = config.feedback
            self._capture(services.store, config)
            services.store.alerting.use(config.alerts, config.models, Retiring(config))
            recorder = services.store.calls.recorder
        observer = services.otel.prepare(config.telemetry.otel, providers)
        call_fold = arranged(
            {
                "telemetry": Telemetry(
                    services.metrics,
                    recorder,
                    config.telemetry.calls,
                    say if config.telemetry.logs.calls else None,
                    observer,
                ),
                "access": Access(authenticator.opens),
                "limits": Limits(services.rules, services.counters, services.calendar, services.seeder, config.limits),
                "ids": AccountIds(services.ids),
            },
            own,
        )
        folds = _Folds(
            config=config,
            authenticator=authenticator,
            tokens=tokens,
            providers=providers,
            models=models,
            exact=exact,
            wildcards=wildcards,
            prompts=uses,
            max_concurrent=config.server.max_concurrent,
            call=fold(call_fold, answer),
            own_model=make.own_model,
            tested=make.tested,
        )
        services.otel.use()
        return folds

    def _capture(self, store: Keeper, config: Config) -> None:
        """Have calls' content kept as the configuration says, without anything that is secret in it."""
        capture = config.telemetry.capture
        if capture is None:
            store.contents.use(None, ())
            return
        from headgate.config.known_secrets import secrets_of  # most capture nothing

        store.contents.use(capture, secrets_of(config, self.environ))

    def _tokens(self, config: Config, held: WorkloadTokens | None) -> WorkloadTokens | None:
        """Who checks the tokens of configured issuers, by the roles there are now."""
        store = self._services.store
        if store is None:
            return None
        roles = Roles(config.access.roles)
        store.directory.use(roles)
        if not config.access.issuers:
            return None
        return WorkloadTokens(config.access.issuers, store.directory, roles, self._services.clock, held)

    def _authenticator(self, config: Config, tokens: WorkloadTokens | None) -> Authenticator:
        if config.server.auth == "none":
            return Open()
        store, admin_key = self._services.store, self.environ.get("HEADGATE_ADMIN_KEY")
        if store is None:
            return KeyAuthenticator(admin_key)
        return KeyAuthenticator(
            admin_key, store.directory, tokens, clock=self._services.clock, failed=store.login_failed
        )

    async def _keep_issuers(self) -> None:
        """Keep the keys of issuers fresh, of those there are now."""
        while True:
            self._reloaded.clear()
            tokens = self._folds.tokens
            keeping = asyncio.ensure_future(tokens.run()) if tokens is not None else None
            try:
                await self._reloaded.wait()
            finally:
                if keeping is not None:
                    keeping.cancel()


async def _retire(providers: Sequence[Provider], wait_s: float) -> None:
    """Close providers a reload replaced, once no call that began before it can still be under way. Until then they keep
    no connection that such a call is not on.
    """
    try:
        for provider in providers:
            await provider.drain()
        await asyncio.sleep(wait_s)
    finally:
        for provider in providers:
            await provider.close()


def _prompts_of(config: Config) -> Mapping[str, Served]:
    """The prompts that are served straight from files."""
    if config.prompts.folder is None and config.prompts.package is None:
        return {}
    from headgate.prompts import files  # a template language is for who has prompts

    return files.of(config.prompts)


def _taking_inputs(config: Config, prompts: Iterable[str]) -> set[str]:
    """The models that are prompts, and those that fall back to one, however many models are between."""
    found = set(prompts)
    while True:
        more = {
            name
            for name, model in config.models.items()
            if name not in found and any(each.use in found for entries in model.fallback.values() for each in entries)
        }
        if not more:
            return found
        found |= more


TESTS_BELOW = 0.5
"""The share of the calls a gateway takes at once that may be under way while tests ask too."""

SHADOWS_S = 2.0
"""What mirrored calls are given to end before a gateway closes; nobody waits for their answers."""

IN_PROCESS = Identity(key_id="in-process", scopes=frozenset({"call"}))
"""Whoever uses the library: the process that holds the configuration."""


def _providers(config: Config, held: Mapping[str, Provider]) -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    problems: list[str] = []
    for name, each in config.providers.items():
        before = held.get(name)
        if before is not None and before.config == each:
            providers[name] = before
            continue
        try:
            providers[name] = Provider(name, each)
        except ConfigError as error:
            problems += [f"providers.{name}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return providers
