"""Asking models, with what was answered before and a budget: through the gateway's own engine, so with its routes,
retries, prices and ledger, or wherever else calls are answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from time import monotonic
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.config import Config
from headgate.dialects.hub import Answer as HubAnswer
from headgate.dialects.hub import Refusal, Text, ToolCall
from headgate.errors import BudgetExceeded, MalformedOutput, Overloaded, RateLimited
from headgate.evals.answer import Answer, ToolCalled
from headgate.evals.cache import Cache, key_of
from headgate.evals.configured import Configured
from headgate.evals.vectors import KnownVectors
from headgate.library import Vectors, call_of
from headgate.limits.pots import Pots
from headgate.money import from_decimal
from headgate.storage.records import Budget
from headgate.types import JSON, Call, Identity, Operation, Prompting, Reply

EVALUATING = Identity(key_id="evals", scopes=frozenset({"call"}))
"""Who calls, in the ledger."""

MOST_TEXT = 200_000
"""Characters of an answer that are kept."""

_LEAST_WAIT_S = 1.0
"""The shortest wait: nobody is asked over and over at once."""


class Spent(Exception):
    """The run's budget has no room for the next call."""


class Known(Protocol):
    """What is known of models before they are asked."""

    async def learn(self, models: Iterable[str]) -> None:
        """Find out about models, where that has to be asked for.

        Raises:
            CannotEvaluate: it cannot be found out.
        """
        ...

    def names(self, model: str) -> bool:
        """Whether there is such a model."""
        ...

    def unknown(self, model: str) -> str:
        """That there is no such model, where, and what lists those there are."""
        ...

    def takes_inputs(self, model: str) -> bool:
        """Whether it is a prompt itself, and renders what it is given."""
        ...

    def fingerprint(self, model: str) -> Any:
        """What its answers may depend on beside the request."""
        ...


class _Asked(NamedTuple):
    call: Call
    reply: Reply
    latency_ms: float


class AskedModels:
    """Models somebody answers for, with what was asked before, and what was paid. One for a run."""

    def __init__(
        self,
        handle: Callable[[Call], Awaitable[Reply]],
        known: Known,
        cache: Cache | None = None,
        pots: Pots | None = None,
        patience_s: float = 0.0,
    ) -> None:
        """`handle` raises BudgetExceeded where a call has to wait for others to be settled. `patience_s` is how long
        one that is refused for its limits waits, where it is told how long to.
        """
        self._handle = handle
        self._known = known
        self._cache = cache
        self._pots = pots
        self._patience_s = patience_s
        self._vectors = KnownVectors(cache)
        self._under_way = 0
        self._settled = asyncio.Event()
        """Set, and another one put in its place, when a call is over."""
        self._dry = ""
        """Why the budget had no room when no call was under way; empty where it had."""
        self.spent_picodollars = 0
        """What was paid in this run: nothing for what was asked before."""
        self._billed = (0, 0)

    @property
    def cached(self) -> int:
        """Answers that were known from before."""
        return 0 if self._cache is None else self._cache.hits

    def bill(self) -> tuple[int, int]:
        """What was paid since the bill before, in picodollars, and how many answers were known from before."""
        paid, known = self.spent_picodollars - self._billed[0], self.cached - self._billed[1]
        self._billed = self.spent_picodollars, self.cached
        return paid, known

    async def learn(self, models: Iterable[str]) -> None:
        """Find out about models before anything is said of them.

        Raises:
            CannotEvaluate: it cannot be found out.
        """
        await self._known.learn(models)

    def names(self, model: str) -> bool:
        """Whether there is such a model."""
        return self._known.names(model)

    def unknown(self, model: str) -> str:
        """That there is no such model, where, and what lists those there are."""
        return self._known.unknown(model)

    def takes_inputs(self, model: str) -> bool:
        """Whether it is a prompt itself, and renders what it is given."""
        return self._known.takes_inputs(model)

    def fingerprint(self, model: str) -> Any:
        """What its answers may depend on beside the request."""
        return self._known.fingerprint(model)

    async def chat(
        self, body: JSON, repeat: int, version: str = "", cause: str = "primary", said: Prompting | None = None
    ) -> Answer:
        """Ask, or give what was answered when the same was asked for the same repeat. What a model makes of a prompt of
        its own is asked anew each time, since nothing tells when that has become another one.

        Raises:
            HeadgateError: there is no answer.
            Spent: the budget has no room for it.
        """
        cache = self._cache if said is None else None
        key = key_of("chat", body, self.fingerprint(body["model"]), version, repeat)
        if cache is not None and (kept := cache.get(key)) is not None:
            return msgspec.json.decode(kept, type=Answer)
        answer = _read(await self._asked("chat", body, cause, said), version)
        if cache is not None:
            cache.put(key, msgspec.json.encode(answer))
        return answer

    async def embed(self, model: str, texts: Sequence[str]) -> tuple[list[Sequence[float]], int]:
        """Vectors of texts, those of before where there are any, and what they cost in picodollars.

        Raises:
            HeadgateError: there are none.
            Spent: the budget has no room for it.
        """
        fingerprint = self.fingerprint(model)
        keys = {text: key_of("embed", model, text, fingerprint) for text in texts}
        known = {text: vector for text, key in keys.items() if (vector := self._vectors.get(key)) is not None}
        new, cost = [text for text in keys if text not in known], 0
        if new:
            call, reply, _ = await self._asked("embed", {"model": model, "input": new}, "judge")
            vectors, cost = Vectors(call, reply).vectors, call.account.cost_picodollars or 0
            if len(vectors) != len(new):
                raise MalformedOutput(f"{len(vectors)} vectors were given for {len(new)} texts")
            known |= {text: self._vectors.put(keys[text], each) for text, each in zip(new, vectors, strict=True)}
        return [known[text] for text in texts], cost

    async def _asked(self, operation: Operation, body: JSON, cause: str, said: Prompting | None = None) -> _Asked:
        """Make a call. One that does not fit into the budget beside others waits for one of them to be settled."""
        waited_s = 0.0
        while True:
            call = self._call(operation, body, cause, said)
            settled = self._settled
            try:
                return await self._once(call)
            except BudgetExceeded as error:
                if not self._under_way and not settled.is_set():
                    self._dry = error.message
                    self._turn()
                await settled.wait()
                if self._dry:
                    raise Spent(self._dry) from None
            except (RateLimited, Overloaded) as error:
                if error.retry_after_s is None:
                    raise
                wait_s = max(error.retry_after_s, _LEAST_WAIT_S)
                waited_s += wait_s
                if waited_s > self._patience_s:
                    raise
                await asyncio.sleep(wait_s)

    def _call(self, operation: Operation, body: JSON, cause: str, said: Prompting | None) -> Call:
        call = replace(call_of(operation, body, EVALUATING), cause=cause, payer="internal", prompt=said)
        call.account.pots = self._pots
        return call

    async def _once(self, call: Call) -> _Asked:
        self._under_way += 1
        began = monotonic()
        over = True
        try:
            return _Asked(call, await self._handle(call), (monotonic() - began) * 1000)
        except BudgetExceeded:
            over = bool(call.account.attempts)  # else it has freed nothing that others wait for
            raise
        finally:
            self._under_way -= 1
            self.spent_picodollars += call.account.cost_picodollars or 0
            if over:
                self._dry = ""
                self._turn()

    def _turn(self) -> None:
        """Wake those that wait for a call to be over."""
        self._settled.set()
        self._settled = asyncio.Event()


class GatewayModels(AskedModels):
    """The models of one gateway in this process."""

    def __init__(
        self,
        handle: Callable[[Call], Awaitable[Reply]],
        config: Config,
        cache: Cache | None = None,
        budget_usd: Decimal | None = None,
    ) -> None:
        super().__init__(handle, Configured(config), cache, None if budget_usd is None else _pots(budget_usd))


def _read(asked: _Asked, version: str) -> Answer:
    call, reply, latency_ms = asked
    assert reply.payload is not None
    hub = dialects.get("openai_chat").decode_answer(reply.payload.answer_tree)
    if not isinstance(hub, HubAnswer) or not hub.choices:
        raise MalformedOutput("the answer has no choices")
    choice, answering = hub.choices[0], call.account.answering
    usage = (answering.usage if answering is not None else None) or hub.usage
    return Answer(
        text="".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))[:MOST_TEXT],
        tool_calls=tuple(ToolCalled(part.name, part.arguments) for part in choice.parts if isinstance(part, ToolCall)),
        stop=choice.stop,
        refused=any(isinstance(part, Refusal) and part.text for part in choice.parts),
        input_tokens=usage.total_input_tokens if usage else 0,
        output_tokens=usage.total_output_tokens if usage else 0,
        cost_picodollars=call.account.cost_picodollars,
        answered_by=(answering.answer_model if answering is not None else None) or "",
        latency_ms=round(latency_ms, 1),
        target=reply.target,
        version=version,
        served=call.account.prompt or "",
    )


def _pots(budget_usd: Decimal) -> Pots:
    budget = Budget(
        id="evals",
        organisation="",
        subject="evals",
        amount_picodollars=from_decimal(budget_usd),
        period="total",
        alert_percent=[],
    )
    return Pots([(budget, "evals")], [])
