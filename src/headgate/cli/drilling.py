"""The fault drill: a user's own configuration, a simulator for every vendor, and everything that can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from headgate.config import Config
from headgate.errors import ConnectionFailed, DnsFailed, HeadgateError, TlsFailed
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from headgate.prompts.config import PromptsConfig
from headgate.providers.config import ProviderConfig
from headgate.providers.simulator import SimulatorTransport
from headgate.providers.simulator.script import Match, Rule, Script, ScriptedReply
from headgate.providers.transport import HttpRequest, HttpResponse, Transport
from headgate.routing.config import ModelConfig, TimeoutConfig

Extent = Literal["once", "always"]
"""Whether the first attempt fails, or every one at the model's own targets."""

SOON_S = 0.2
"""What stands for a time limit, so that a drill does not take as long as an outage."""

FAULTS: dict[str, Rule | type[HeadgateError]] = {
    "connection refused": ConnectionFailed,
    "DNS failure": DnsFailed,
    "TLS failure": TlsFailed,
    "rate limited, retry-after": Rule(fault={"kind": "rate_limit", "retry_after_s": 0.1}),
    "credit used up": Rule(fault="quota"),
    "server error": Rule(fault="server_error"),
    "bad gateway": Rule(fault="bad_gateway"),
    "overloaded": Rule(fault="unavailable"),
    "gateway timeout": Rule(fault="gateway_timeout"),
    "key refused": Rule(fault="unauthorized"),
    "model not found": Rule(fault="not_found"),
    "bad request": Rule(fault="bad_request"),
    "context too long": Rule(fault="context_too_long"),
    "content filter": Rule(fault="content_filter"),
    "connection reset": Rule(fault="reset"),
    "no answer": Rule(fault="timeout"),
    "slow first token": Rule(fault={"kind": "slow_first_token", "delay_s": 30 * SOON_S}),
    "stalls in the middle": Rule(fault="stall"),
    "cut in the middle": Rule(fault="cut"),
    "ends too soon": Rule(fault="truncated"),
    "error in a stream": Rule(fault="error_in_stream"),
    "malformed event": Rule(fault="malformed_sse"),
    "malformed JSON": Rule(fault="malformed_json"),
    "HTML page": Rule(fault={"kind": "html", "status": 200}),
    "empty body": Rule(fault="empty"),
    "wrong JSON": Rule(reply=ScriptedReply(json={"unasked": 1})),
}


class Unreachable:
    """A transport that fails, the first time or always, in place of one that works."""

    def __init__(self, beyond: Transport, kind: type[HeadgateError], times: float) -> None:
        self._beyond = beyond
        self._kind = kind
        self._left = times

    async def send(self, request: HttpRequest) -> HttpResponse:
        if self._left > 0:
            self._left -= 1
            raise self._kind("the vendor of this drill cannot be reached")
        return await self._beyond.send(request)

    async def drain(self) -> None:
        await self._beyond.drain()

    async def close(self) -> None:
        await self._beyond.close()


_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
_FORMAT = {"type": "json_schema", "json_schema": {"name": "drill", "schema": _SCHEMA}}
_MESSAGES = [{"role": "user", "content": "Say one word, in JSON."}]


CELLS: tuple[tuple[bool, Extent], ...] = ((False, "once"), (False, "always"), (True, "once"), (True, "always"))
"""Streamed or not, and how often it fails."""


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """What one call came to."""

    fault: str
    stream: bool
    extent: Extent
    client: str
    """What its client got: `answer`, an error with its status, or a beginning and an error."""
    attempts: list[str]
    """Each as `target: how it ended`."""
    events: list[str]


async def drill(config: Config, model: str) -> AsyncIterator[Drilled]:
    """Every fault, whole and streamed, once and always; each at a gateway of its own, so that none affects another."""
    simulated = in_simulation(config)
    for name, fault in FAULTS.items():
        found = await asyncio.gather(*(_drilled(simulated, model, name, fault, *cell) for cell in CELLS))
        for each in found:
            yield each


def in_simulation(config: Config) -> Config:
    """The configuration with simulated vendors, time limits that are over soon, and its models without the prompts they
    are, whose inputs nobody has. All else is as it was.
    """
    return replace(
        config,
        providers={name: ProviderConfig(kind="simulator") for name in config.providers},
        models={name: _hurried(model) for name, model in config.models.items()},
        prompts=PromptsConfig(),
    )


def _hurried(model: ModelConfig) -> ModelConfig:
    timeout, retry = model.timeout, model.retry
    return replace(
        model,
        prompt=None if model.targets else model.prompt,
        timeout=TimeoutConfig(
            total_s=min(timeout.total_s, 10 * SOON_S),
            attempt_s=None if timeout.attempt_s is None else min(timeout.attempt_s, SOON_S),
            first_token_s=min(timeout.first_token_s, SOON_S),
            stall_s=min(timeout.stall_s, SOON_S),
        ),
        retry=replace(retry, base_s=min(retry.base_s, 0.01), max_s=min(retry.max_s, 0.01)),
    )


async def _drilled(
    config: Config, model: str, name: str, fault: Rule | type[HeadgateError], stream: bool, extent: Extent
) -> Drilled:
    body = {"model": model.replace("*", "any"), "messages": _MESSAGES, "response_format": _FORMAT, "stream": stream}
    async with Gateway(config, environ={}) as gateway:
        _break(gateway, config.models[model], fault, extent)
        call = call_of("chat", body, IN_PROCESS)
        client = await _client(gateway, call)
    return Drilled(
        fault=name,
        stream=stream,
        extent=extent,
        client=client,
        attempts=[f"{attempt.target}: {attempt.code or 'ok'}" for attempt in call.account.attempts],
        events=list(dict.fromkeys(type(event).__name__ for event in call.account.events)),
    )


def _break(gateway: Gateway, model: ModelConfig, fault: Rule | type[HeadgateError], extent: Extent) -> None:
    """Let a fault happen at the model's own targets; those that share it once share it."""
    targets = [target.target.partition("/") for target in model.targets]
    if not isinstance(fault, Rule):
        for name in {provider for provider, _, _ in (targets[:1] if extent == "once" else targets)}:
            provider = gateway.provider(name)
            provider.transport = Unreachable(provider.transport, fault, 1 if extent == "once" else inf)
        return
    once = Script((msgspec.structs.replace(fault, times=1),))
    patterns = {name.partition("*")[0] + "*" if "*" in name else name for _, _, name in targets}
    for name in {provider for provider, _, _ in targets}:
        transport = gateway.provider(name).transport
        assert isinstance(transport, SimulatorTransport)
        always = Script(tuple(msgspec.structs.replace(fault, match=Match(model=each)) for each in patterns))
        transport.simulator.script = once if extent == "once" else always


async def _client(gateway: Gateway, call: Any) -> str:
    """What whoever makes the call is given."""
    begun = False
    try:
        reply = await gateway.handle(call)
        if reply.chunks is not None:
            async for _ in reply.chunks:
                begun = True
    except HeadgateError as error:
        return f"a beginning, then {error.code}" if begun else f"{error.status} {error.code}"
    return "answer"
