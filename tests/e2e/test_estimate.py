"""An estimate, and then the same calls through a served gateway: the ledger says how good it was."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from headgate.catalog import tokens
from headgate.cli.app import run
from headgate.money import PICODOLLARS_PER_DOLLAR
from headgate.storage.records import LedgerRow
from serving import Serving

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  smart: {targets: [{target: sim/claude-sonnet-4-5, weight: 3}, {target: sim/gpt-4o, weight: 1}]}
"""
SYSTEM = "You answer customers of a bicycle shop. Be brief, be right, and say so when you do not know."
PROMPT = "A customer writes:\n\n{letter}\n\nThe order is {order}. Write the answer."
WORDS = ["bicycle", "wheel", "broken", "saddle", "delivery", "late", "refund", "please", "invoice", "colour", "wrong", "chain", "again", "today", "thank", "order", "address", "changed", "weather", "brake", "bell", "missing", "urgent", "question", "size", "frame", "warranty", "repair"]  # fmt: skip
CALLS = 1_200
"""The simulator's answers differ so much in length that of 250 the mean alone is off by four per cent."""
TOLERANCE = 0.05


def letters() -> list[dict[str, Any]]:
    """What customers write: of very different length."""
    rng = Random(7)
    return [
        {"letter": " ".join(rng.choices(WORDS, k=rng.randint(10, 400))), "order": rng.randint(1_000, 99_999)}
        for _ in range(CALLS)
    ]


def body(values: dict[str, Any], model: str, **more: Any) -> dict[str, Any]:
    text = PROMPT.replace("{letter}", values["letter"]).replace("{order}", str(values["order"]))
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    return {"model": model, "messages": messages, **more}


async def asked(serving: Serving, values: dict[str, Any], model: str, **more: Any) -> tuple[str, list[LedgerRow]]:
    response = await serving.post("/v1/chat/completions", body(values, model, **more))
    assert response.status == 200, response.body
    return json.loads(response.body)["choices"][0]["message"]["content"], await serving.rows(response)


async def every(serving: Serving, values: list[dict[str, Any]], model: str, **more: Any) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(values), 25):
        found += await asyncio.gather(*(asked(serving, each, model, **more) for each in values[start : start + 25]))
    return found


@pytest.mark.parametrize(("model", "most"), [("chat", None), ("smart", 60)])
def test_the_ledger_is_within_five_per_cent_of_the_estimate(
    model: str, most: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`smart` draws its target anew for each call, so its answers are cut: their lengths must not be left to chance."""
    limit = {} if most is None else {"max_tokens": most}
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    (tmp_path / "samples.jsonl").write_text(asyncio.run(pilot(model, limit)))
    arguments = [PROMPT, "--system", SYSTEM, "-m", model, "--samples", str(tmp_path / "samples.jsonl")]
    arguments += [] if most is None else ["--max-tokens", str(most)]
    config = ["--config", str(tmp_path / "headgate.yaml")]
    assert run(["estimate", *arguments, "--calls-per-day", "1000", *config, "--json"]) == 0
    estimates = json.loads(capsys.readouterr().out)
    month = estimates[-1]["months"][0]  # of several targets, all of them by their weights
    rows = asyncio.run(traffic(model, limit))
    scale = month["calls"]["expected"] / CALLS
    told = {
        "input_tokens": sum(row.usage.total_input_tokens for row in rows) * scale,
        "output_tokens": sum(row.usage.total_output_tokens for row in rows) * scale,
        "cost_usd": sum(row.cost_picodollars or 0 for row in rows) / PICODOLLARS_PER_DOLLAR * scale,
    }
    for name, ledger in told.items():
        off = month[name]["expected"] / ledger - 1
        print(f"{model}: {name} estimated {month[name]['expected']:,.2f}, by the ledger {ledger:,.2f} ({off:+.2%})")
        assert abs(off) < TOLERANCE, (name, off)
    assert month["cost_usd"]["low"] < month["cost_usd"]["expected"] < month["cost_usd"]["high"]


def test_openai_s_own_vocabulary_counts_the_simulator_s_traffic_within_five_per_cent() -> None:
    """The simulator is counted by its own tokens; with those of all other vendors the bar holds as well."""
    values = letters()[:200]

    async def called() -> list[Any]:
        async with Serving(CONFIG) as serving:
            return await every(serving, values, "chat")

    answers, found = zip(*asyncio.run(called()), strict=True)
    rows = [row for rows in found for row in rows]
    prompts = sum(tokens.estimate(body(each, "chat"), "gpt-4o-mini") for each in values)
    assert abs(prompts / sum(row.usage.total_input_tokens for row in rows) - 1) < TOLERANCE
    texts = sum(tokens.count(answer, "gpt-4o-mini") for answer in answers)
    assert abs(texts / sum(row.usage.total_output_tokens for row in rows) - 1) < TOLERANCE


async def pilot(model: str, limit: dict[str, int]) -> str:
    """Samples with an answer each, as a first week of calls would give them: not those the calls will get."""
    values = letters()
    async with Serving(CONFIG) as serving:
        answers = await every(serving, values, model, user="pilot", **limit)
    pairs = zip(values, answers, strict=True)
    return "\n".join(json.dumps({**each, "answer": answer}) for each, (answer, _) in pairs)


async def traffic(model: str, limit: dict[str, int]) -> list[LedgerRow]:
    """What the ledger says of the calls themselves."""
    async with Serving(CONFIG) as serving:
        return [row for _, rows in await every(serving, letters(), model, **limit) for row in rows]
