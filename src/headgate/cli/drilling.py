"""The fault drill: a user's own configuration, a simulator for every vendor, and everything that can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from headgate.config import Config
from headgate.errors import HeadgateError
from headgate.gateway import IN_PROCESS, Gateway
from headgate.library import call_of
from headgate.providers.config import ProviderConfig
from headgate.providers.simulator import SimulatorTransport
from headgate.providers.simulator.script import Match, Rule, Script, ScriptedReply
from headgate.routing.config import ModelConfig, TimeoutConfig

Extent = Literal["once", "always"]
"""Whether the first attempt fails, or every one at the model's own targets."""

SOON_S = 0.2
"""What stands for a time limit, so that a drill does not take as long as an outage."""

FAULTS: dict[str, Rule] = {
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
    for fault, rule in FAULTS.items():
        found = await asyncio.gather(*(_drilled(simulated, model, fault, rule, *cell) for cell in CELLS))
        for each in found:
            yield each


def in_simulation(config: Config) -> Config:
    """The configuration with simulated vendors, and time limits that are over soon. All else is as it was."""
    return replace(
        config,
        providers={name: ProviderConfig(kind="simulator") for name in config.providers},
        models={name: _hurried(model) for name, model in config.models.items()},
    )


def _hurried(model: ModelConfig) -> ModelConfig:
    timeout, retry = model.timeout, model.retry
    return replace(
        model,
        timeout=TimeoutConfig(
            total_s=min(timeout.total_s, 10 * SOON_S),
            attempt_s=None if timeout.attempt_s is None else min(timeout.attempt_s, SOON_S),
            first_token_s=min(timeout.first_token_s, SOON_S),
            stall_s=min(timeout.stall_s, SOON_S),
        ),
        retry=replace(retry, base_s=min(retry.base_s, 0.01), max_s=min(retry.max_s, 0.01)),
    )


async def _drilled(config: Config, model: str, fault: str, rule: Rule, stream: bool, extent: Extent) -> Drilled:
    body = {"model": model.replace("*", "any"), "messages": _MESSAGES, "response_format": _FORMAT, "stream": stream}
    async with Gateway(config, environ={}) as gateway:
        for provider, script in _scripts(config, model, rule, extent):
            transport = gateway.provider(provider).transport
            assert isinstance(transport, SimulatorTransport)
            transport.simulator.script = script
        call = call_of("chat", body, IN_PROCESS)
        client = await _client(gateway, call)
    return Drilled(
        fault=fault,
        stream=stream,
        extent=extent,
        client=client,
        attempts=[f"{attempt.target}: {attempt.code or 'ok'}" for attempt in call.account.attempts],
        events=list(dict.fromkeys(type(event).__name__ for event in call.account.events)),
    )


def _scripts(config: Config, model: str, rule: Rule, extent: Extent) -> Iterator[tuple[str, Script]]:
    """A script per provider of the model's own targets; they share the one fault that happens once."""
    once = Script((msgspec.structs.replace(rule, times=1),))
    for provider in {target.target.partition("/")[0] for target in config.models[model].targets}:
        if extent == "once":
            yield provider, once
            continue
        names = [target.target.partition("/")[2] for target in config.models[model].targets]
        patterns = {name.partition("*")[0] + "*" if "*" in name else name for name in names}
        yield provider, Script(tuple(msgspec.structs.replace(rule, match=Match(model=each)) for each in patterns))


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
