"""Asking the models of a Headgate that serves, over HTTP: with the routes, keys and limits there are in production."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from time import monotonic
from typing import Any
from urllib.parse import quote

import msgspec

from headgate import dialects
from headgate.errors import BadRequest, ConnectionFailed, HeadgateError, NotFound, ServerError, Timeout, error_of
from headgate.evals.cache import Cache
from headgate.evals.models import AskedModels
from headgate.evals.problems import CannotEvaluate
from headgate.evals.purse import Purse
from headgate.money import from_decimal
from headgate.providers.http1.transport import Http1Transport
from headgate.providers.transport import HttpRequest, HttpResponse, Transport, TransportOptions
from headgate.types import Attempt, Call, Payload, Reply

_OWN = "headgate"
"""The member of requests with what they say to a model that is a prompt, and of models that are."""

TOTAL_S = 900.0
"""Longest time for one answer: longer than servers let calls take unless they are told to."""

MOST_BYTES = 64 << 20
"""Of one answer."""

PATIENCE_S = 120.0
"""How long a call that is refused for the key's limits waits in all, where the server says how long to."""

_PATHS = {"chat": "/v1/chat/completions", "embed": "/v1/embeddings"}


class Server:
    """One Headgate, as one key sees it."""

    def __init__(
        self, url: str, key: str | None = None, budget_usd: Decimal | None = None, transport: Transport | None = None
    ) -> None:
        """`url` is `https://host:port`, with nothing behind it."""
        self._url = url
        self._headers = (
            ("content-type", "application/json"),
            ("accept", "application/json"),
            *((("authorization", f"Bearer {key}"),) if key else ()),
        )
        self._keyless = not key
        self._purse = None if budget_usd is None else Purse(budget_usd)
        self._transport = transport or Http1Transport(TransportOptions())
        self._models: dict[str, bool] = {}
        """Those that are there, and whether they are prompts."""

    async def learn(self, models: Iterable[str]) -> None:
        """Ask which of these models there are, for this key.

        Raises:
            CannotEvaluate: nobody answers there, or not to this key.
        """
        for model in models:
            try:
                status, headers, raw = await self._exchanged("GET", f"/v1/models/{quote(model)}")
            except HeadgateError as error:
                raise CannotEvaluate(
                    f"nobody answers at {self._url}: {error.message}; start it with 'headgate serve', or name another"
                ) from None
            tree = _tree(raw)
            if status == 200 and tree.get("object") == "model":
                said = tree.get(_OWN)
                self._models[model] = isinstance(said, dict) and bool(said.get("prompt"))
            elif status != 404 or not isinstance(tree.get("error"), dict):
                raise CannotEvaluate(self._refused(status, headers, raw))

    def _refused(self, status: int, headers: Mapping[str, str], raw: bytes) -> str:
        if status == 401:
            what = "no key was given" if self._keyless else "the key is not valid"
            return f"{what} at {self._url}; set HEADGATE_ADMIN_KEY to a key that may call, or pass --key"
        if isinstance(_tree(raw).get("error"), dict):
            return f"{self._url} does not say which models there are: {_error(status, headers, raw).message}"
        return f"what answers at {self._url} is no Headgate, status {status}; give the address of one"

    # ── what is known of models ──

    def names(self, model: str) -> bool:
        """Whether there is such a model, of those that were learnt."""
        return model in self._models

    def unknown(self, model: str) -> str:
        """That there is no such model, where, and what lists those there are."""
        return f"there is no model '{model}' for this key at {self._url}; its /v1/models lists them"

    def takes_inputs(self, model: str) -> bool:
        """Whether it is a prompt itself, and renders what it is given."""
        return self._models.get(model, False)

    def fingerprint(self, model: str) -> Any:
        """Where it was asked: what is configured there nobody tells."""
        return [self._url]

    # ── asking ──

    async def handle(self, call: Call) -> Reply:
        """Make a call there.

        Raises:
            BudgetExceeded: the budget has no room for it at this moment.
            HeadgateError: it was refused there, or there is no answer.
        """
        if self._purse is None:
            return await self._answered(call)
        amount = self._purse.take(call.model)
        try:
            reply = await self._answered(call)
        except BaseException:  # what it cost nobody tells
            self._purse.give_back(amount)
            raise
        self._purse.settle(call.model, amount, call.account.cost_picodollars)
        return reply

    async def _answered(self, call: Call) -> Reply:
        body = dict(call.request.tree)
        if (said := call.prompt) is not None:
            body[_OWN] = {"inputs": said.inputs, **({} if said.context is None else {"context": said.context})}
        began = monotonic()
        status, headers, raw = await self._exchanged("POST", _PATHS[call.operation], msgspec.json.encode(body))
        if status != 200:
            raise _error(status, headers, raw)
        target = headers.get("x-headgate-target", "")
        payload = Payload(call.request.dialect, raw)
        answered_by = payload.answer_tree.get("model")
        call.account.attempts.append(
            Attempt(
                id=f"{call.id}-0",
                target=target,
                started_us=0,
                started=began,
                sent=True,
                status=status,
                answer_model=answered_by if isinstance(answered_by, str) else None,
                cost_picodollars=_picodollars(headers.get("x-headgate-cost-usd")),
                settled=True,
            )
        )
        call.account.prompt = headers.get("x-headgate-prompt")
        return Reply(payload=payload, target=target)

    async def _exchanged(self, method: str, path: str, body: bytes = b"") -> tuple[int, Mapping[str, str], bytes]:
        """A request and what is answered; once more where a connection broke before anybody had the request."""
        try:
            return await self._sent(method, path, body)
        except ConnectionFailed as error:
            if error.may_be_billed:
                raise
            return await self._sent(method, path, body)

    async def _sent(self, method: str, path: str, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        response: HttpResponse | None = None
        try:
            async with asyncio.timeout(TOTAL_S):
                response = await self._transport.send(
                    HttpRequest(method=method, url=f"{self._url}{path}", headers=self._headers, body=body)
                )
                return response.status, response.headers, await response.read(MOST_BYTES)
        except TimeoutError:
            raise Timeout(f"{self._url} did not answer within {TOTAL_S:g} s") from None
        finally:
            if response is not None:
                await response.close()

    async def close(self) -> None:
        await self._transport.close()


class ServerModels(AskedModels):
    """The models of a Headgate that serves. A call that is refused for the key's limits waits as long as it is told."""

    def __init__(self, server: Server, cache: Cache | None = None) -> None:
        super().__init__(server.handle, server, cache, patience_s=PATIENCE_S)


def _error(status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
    """The error behind a response, as the server itself had it."""
    told = _tree(raw).get("error")
    code = told.get("code") if isinstance(told, dict) else None
    found = dialects.get("openai_chat").decode_error(status, headers, raw)
    if not isinstance(code, str):
        return found
    kind = error_of(code)
    if kind.code != code:  # `model_not_found`, or of another version
        kind = NotFound if status == 404 else BadRequest if status < 500 else ServerError
    return kind(found.message, param=found.param, retry_after_s=found.retry_after_s)


def _tree(raw: bytes) -> Any:
    try:
        tree = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _picodollars(told: str | None) -> int | None:
    try:
        return None if told is None else from_decimal(Decimal(told))
    except (InvalidOperation, ValueError):
        return None
