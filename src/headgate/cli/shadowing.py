"""`headgate shadow`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from headgate.cli import output
from headgate.cli.administering import given, moment_of, told
from headgate.cli.client import HERE, Client, Reach
from headgate.cli.configs import ConfigFile, Json, Most, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading
from headgate.config import Config
from headgate.config.schema import StorageConfig
from headgate.errors import HeadgateError
from headgate.gateway import Gateway
from headgate.registry import suggest
from headgate.shadow.config import ShadowConfig
from headgate.shadow.page import page
from headgate.shadow.recorded import REPLAYED, Recorded, Unreadable, recorded
from headgate.shadow.verdict import Verdict
from headgate.shadow.verdict import verdict as judged


def verdict(
    model: str,
    /,
    *,
    since: str | None = None,
    shadow: Annotated[str | None, Parameter(name="--to")] = None,
    reach: Reach = HERE,
) -> int:
    """Say whether a model looks safe to move to where its calls are mirrored. Exits with 1 where it does not.

    Parameters
    ----------
    model
        A name under 'models' with a 'shadow'.
    since
        Look at calls from then on alone: 24h, 7d, or a time as 2026-11-01T00:00:00Z.
    shadow
        Where to, if there were several; else the latest.
    """
    query = given(model=model, shadow=shadow, **{"from": moment_of(since)})

    def work(client: Client) -> int:
        answer: Any = client.ask("GET", "/shadows/verdict", query=query)
        if reach.json:
            output.json(answer["verdict"])
        else:
            _say(str(answer["page"]))
        return _code(answer["verdict"]["outcome"])

    return told(reach, work, "shadow verdict")


def replay(
    file: Path,
    /,
    *,
    to: str,
    model: str | None = None,
    limit: Most = 1000,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=100))] = 4,
    budget: str = "10",
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Make recorded calls twice, of a model and of another one or a target, and say how the two compare.

    The calls go to the vendors of the configuration and cost what they cost there; nothing of them is in the ledger.

    Parameters
    ----------
    file
        JSON Lines of {"url": "/v1/chat/completions", "body": {…}}; OpenAI's batch files are such.
    to
        The other model under 'models', or a target as provider/model-id.
    model
        The model under 'models' they are made of; else the one all of them name.
    limit
        Most calls, from the first on.
    concurrency
        Calls under way at once, at each of the two.
    budget
        Most US dollars the calls of the other one may cost.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    loaded, _ = load_or_starter(config)
    calls = _read(file, limit)
    name = _named(file, calls, loaded) if model is None else model
    if name not in loaded.models:
        raise CannotRun(f"there is no model '{name}'{suggest(name, loaded.models)}", NAME_ONE)
    block = ShadowConfig(to=to, share=1, concurrency=concurrency, queue=concurrency, budget_usd=_dollars(budget))
    found = asyncio.run(_replayed(_with_shadow(loaded, name, block), calls, name, block))
    if json:
        output.json(found)
    else:
        _say(page(found))
    return _code(found.outcome)


NAME_ONE = "Name one of 'headgate models' with --model."


def _named(file: Path, calls: Sequence[Recorded], config: Config) -> str:
    """The model that all calls name.

    Raises:
        CannotRun: they name several, or one that is not there.
    """
    first = calls[0]
    other = next((each for each in calls if each.model != first.model), None)
    if other is not None:
        lines = f"lines {first.line} and {other.line} of {file} name two models"
        raise CannotRun(f"{lines}, '{first.model}' and '{other.model}'", NAME_ONE)
    if first.model not in config.models:
        raise CannotRun(f"line {first.line} of {file} names the model '{first.model}', which is not there", NAME_ONE)
    return first.model


def _with_shadow(config: Config, model: str, shadow: ShadowConfig) -> Config:
    """The configuration with that shadow and no other, kept nowhere.

    Raises:
        CannotRun: there is no such place.
    """
    provider, _, rest = shadow.to.partition("/")
    is_target = rest and "*" not in rest and provider in config.providers
    if not is_target and (shadow.to not in config.models or shadow.to.endswith("*")):
        known = [*(name for name in config.models if name[-1] != "*"), *(f"{name}/…" for name in config.providers)]
        raise CannotRun(f"there is no '{shadow.to}' to compare with", f"Name one of: {', '.join(known)}.")
    models = {name: replace(each, shadow=shadow if name == model else None) for name, each in config.models.items()}
    return replace(config, models=models, storage=StorageConfig())


async def _replayed(config: Config, calls: Sequence[Recorded], model: str, shadow: ShadowConfig) -> Verdict:
    async with Gateway(config, environ=os.environ) as gateway:
        shadows = gateway.services.shadows
        shadows.remember(len(calls))
        turns = asyncio.Semaphore(shadow.concurrency)
        done = 0

        async def make(each: Recorded) -> None:
            nonlocal done
            async with turns:
                await _made(gateway, each, model)
                await shadows.idle()
            done += 1
            _progress(f"{done} of {len(calls)}")

        await asyncio.gather(*map(make, calls))
        _progress("")
        for _ in range(len(calls) - shadows.compared - shadows.dropped.total()):
            shadows.drop((REPLAYED.organisation, model, shadow.to, "not_drawn"))
        shadows.flush()
        return judged(list(shadows.latest), model, shadow.to)


async def _made(gateway: Gateway, each: Recorded, model: str) -> None:
    """One call, taken to its end. How it failed is known to whoever compares."""
    try:
        reply = await gateway.handle(each.call(model))
        if reply.chunks is not None:
            async for _ in reply.chunks:
                pass
    except HeadgateError:
        return


def _read(file: Path, limit: int) -> list[Recorded]:
    calls: list[Recorded] = []
    try:
        with reading(), file.open("rb") as lines:
            for each in recorded(lines):
                calls.append(each)
                if len(calls) == limit:
                    break
    except Unreadable as error:
        raise CannotRun(f"{file}, {error}", "Mend the line, or take it out.") from None
    if not calls:
        raise CannotRun(f"{file} has no calls in it", 'Write a line for each: {"url": …, "body": …}.')
    return calls


def _dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise Misused(f"'{output.printable(text)}' is no amount of US dollars", "Write --budget 2.50.")
    return amount


def _say(text: str) -> None:
    for line in text.splitlines():
        output.say(output.printable(line))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")


def _code(outcome: str) -> int:
    return OK if outcome == "looks_safe" else FAILED
