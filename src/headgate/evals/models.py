"""Asking models of a configuration, through the gateway's own engine: with its routes, retries, prices and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate import dialects
from headgate.config import Config
from headgate.dialects.hub import Answer as HubAnswer
from headgate.dialects.hub import Refusal, Text, ToolCall
from headgate.errors import BudgetExceeded, MalformedOutput
from headgate.evals.answer import Answer, ToolCalled
from headgate.evals.cache import Cache, key_of
from headgate.evals.vectors import KnownVectors
from headgate.library import Vectors, call_of
from headgate.limits.pots import Pots
from headgate.money import from_decimal
from headgate.storage.records import Budget
from headgate.types import JSON, Call, Identity, Operation, Reply

EVALUATING = Identity(key_id="evals", scopes=frozenset({"call"}))
"""Who calls, in the ledger."""

MOST_TEXT = 200_000
"""Characters of an answer that are kept."""


class Spent(Exception):
    """The run's budget has no room for the next call."""


class GatewayModels:
    """The models of one gateway, with what was asked before, and a budget. One for a run."""

    def __init__(
        self,
        handle: Callable[[Call], Awaitable[Reply]],
        config: Config,
        cache: Cache | None = None,
        budget_usd: Decimal | None = None,
    ) -> None:
        self._handle = handle
        self._config = config
        self._cache = cache
        self._pots = None if budget_usd is None else _pots(budget_usd)
        self._fingerprints: dict[str, Any] = {}
        self._vectors = KnownVectors(cache)
        self._under_way = 0
        self._freed = asyncio.Condition()
        self.spent_picodollars = 0
        """What was paid in this run: nothing for what was asked before."""
        self.unpriced = 0
        """Calls whose price is not known."""

    @property
    def cached(self) -> int:
        """Answers that were known from before."""
        return 0 if self._cache is None else self._cache.hits

    def names(self, model: str) -> bool:
        """Whether there is such a model."""
        return _configured(self._config, model) is not None

    def fingerprint(self, model: str) -> Any:
        """All the configuration says of a model that its answers may depend on; no secrets."""
        if model not in self._fingerprints:
            config = self._config
            label = _configured(config, model) or model
            block = msgspec.to_builtins(config.models.get(label))
            providers = {
                name: [each.kind, each.base_url, each.region, each.api_version, each.body, _digest(each.script)]
                for name, each in config.providers.items()
            }
            self._fingerprints[model] = [block, providers]
        return self._fingerprints[model]

    async def chat(self, body: JSON, repeat: int, version: str = "", cause: str = "primary") -> Answer:
        """Ask, or give what was answered when the same was asked for the same repeat.

        Raises:
            HeadgateError: there is no answer.
            Spent: the budget has no room for it.
        """
        key = key_of("chat", body, self.fingerprint(body["model"]), version, repeat)
        if self._cache is not None and (kept := self._cache.get(key)) is not None:
            return msgspec.json.decode(kept, type=Answer)
        began = monotonic()
        call, reply = await self._asked("chat", body, cause)
        answer = _read(call, reply, (monotonic() - began) * 1000, version)
        if self._cache is not None:
            self._cache.put(key, msgspec.json.encode(answer))
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
            call, reply = await self._asked("embed", {"model": model, "input": new}, "judge")
            vectors, cost = Vectors(call, reply).vectors, call.account.cost_picodollars or 0
            if len(vectors) != len(new):
                raise MalformedOutput(f"{len(vectors)} vectors were given for {len(new)} texts")
            known |= {text: self._vectors.put(keys[text], each) for text, each in zip(new, vectors, strict=True)}
        return [known[text] for text in texts], cost

    async def _asked(self, operation: Operation, body: JSON, cause: str) -> tuple[Call, Reply]:
        """Make a call. One that does not fit into the budget beside others waits for them to be settled."""
        while True:
            call = replace(call_of(operation, body, EVALUATING), cause=cause, payer="internal")
            call.account.pots = self._pots
            self._under_way += 1
            try:
                reply = await self._handle(call)
                return call, reply
            except BudgetExceeded as error:
                if self._under_way == 1:
                    raise Spent(error.message) from None
            finally:
                self._under_way -= 1
                self._book(call)
                async with self._freed:
                    self._freed.notify_all()
            async with self._freed:
                if self._under_way:
                    await self._freed.wait()

    def _book(self, call: Call) -> None:
        cost = call.account.cost_picodollars
        self.spent_picodollars += cost or 0
        self.unpriced += cost is None and bool(call.account.attempts)


def _digest(script: str | None) -> str | None:
    """Of what a simulator is told to answer."""
    return None if script is None else sha256(Path(script).read_bytes()).hexdigest()


def _read(call: Call, reply: Reply, latency_ms: float, version: str) -> Answer:
    assert reply.payload is not None
    hub = dialects.get("openai_chat").decode_answer(reply.payload.answer_tree)
    if not isinstance(hub, HubAnswer) or not hub.choices:
        raise MalformedOutput("the answer has no choices")
    choice, answering = hub.choices[0], call.account.answering
    usage = answering.usage if answering is not None else None
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
    )


def _configured(config: Config, model: str) -> str | None:
    """The name under which a model stands in a configuration; None where nothing answers to it."""
    if model in config.models and not model.endswith("*"):
        return model
    patterns = [name for name in config.models if name.endswith("*") and model.startswith(name[:-1])]
    if patterns:
        return max(patterns, key=len)
    direct = config.server.direct_targets and model.partition("/")[0] in config.providers and "/" in model
    return model if direct else None


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
