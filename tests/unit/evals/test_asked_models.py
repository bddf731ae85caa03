"""Asking within a budget that is learnt call by call, waiting for limits, and what it all came to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from headgate.config import starter
from headgate.errors import BudgetExceeded, RateLimited, ServerError
from headgate.evals import models as asked
from headgate.evals.configured import Configured
from headgate.evals.models import AskedModels, Spent
from headgate.evals.purse import Purse, Unpriced
from headgate.types import Attempt, Call, Payload, Prompting, Reply

ANSWER = {
    "id": "a", "object": "chat.completion", "created": 0, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}  # fmt: skip


def models(handle: Callable[[Call], Awaitable[Reply]], patience_s: float = 0.0) -> AskedModels:
    return AskedModels(handle, Configured(starter()), patience_s=patience_s)


def answered(call: Call, cost: int | None = 7) -> Reply:
    attempt = Attempt(id=f"{call.id}-0", target="t", started_us=0, started=0.0, cost_picodollars=cost, settled=True)
    call.account.attempts.append(attempt)
    return Reply(payload=Payload("openai_chat", tree=ANSWER), target="t")


async def ask(models: AskedModels, number: int = 0) -> str:
    return (await models.chat({"model": "chat", "messages": []}, number)).text


def purse(usd: str = "0.000000000010") -> Purse:
    return Purse(Decimal(usd))


def test_the_first_call_of_a_model_has_all_there_is() -> None:
    money = purse("0.000000000020")
    assert money.take("a") == 20
    with pytest.raises(BudgetExceeded, match=r"\$0 of"):
        money.take("a")
    money.settle("a", 20, 3)
    assert [money.take("a"), money.take("a")] == [6, 6]
    with pytest.raises(
        BudgetExceeded,
        match=r"\$0.000000000005 of \$0.00000000002 are left, and a call of 'a' has cost \$0.000000000003",
    ):
        money.take("a")
    money.give_back(6)
    assert money.take("b") == 11


def test_a_dearer_answer_is_reckoned_with_from_then_on() -> None:
    money = purse("0.000000000020")
    money.settle("a", money.take("a"), 2)
    one, two = money.take("a"), money.take("a")
    money.settle("a", one, 5)
    money.settle("a", two, 2)
    assert money.take("a") == 10
    with pytest.raises(BudgetExceeded):
        money.take("a")


def test_without_a_price_there_is_no_keeping_to_a_budget() -> None:
    money = purse()
    money.settle("a", money.take("a"), None)
    with pytest.raises(Unpriced, match="does not tell what 'a' costs"):
        money.take("b")


async def test_calls_wait_for_one_another_and_end_together() -> None:
    money = purse("0.000000000015")
    under_way = most = 0

    async def handle(call: Call) -> Reply:
        nonlocal under_way, most
        amount = money.take(call.model)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        reply = answered(call, 3)
        money.settle(call.model, amount, 3)
        return reply

    them = models(handle)
    found = await asyncio.gather(*(ask(them, number) for number in range(40)), return_exceptions=True)
    assert [each for each in found if isinstance(each, str)] == ["Yes."] * 4
    assert all(isinstance(each, Spent) for each in found if not isinstance(each, str))
    assert (most, them.spent_picodollars) == (2, 12)


async def test_who_waits_for_room_does_not_ask_over_and_over() -> None:
    tries = 0
    free = asyncio.Event()

    async def handle(call: Call) -> Reply:
        nonlocal tries
        tries += 1
        if tries > 1 and not free.is_set():
            raise BudgetExceeded("no room")
        if tries == 1:
            await free.wait()
        return answered(call)

    them = models(handle)
    asking = [asyncio.create_task(ask(them, number)) for number in range(5)]
    for _ in range(50):
        await asyncio.sleep(0)
    assert tries == 5
    free.set()
    assert await asyncio.gather(*asking) == ["Yes."] * 5


async def test_a_limit_is_waited_for_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asked.asyncio, "sleep", sleep)
    tries = iter([RateLimited("slow down", retry_after_s=30.0), RateLimited("slow down", retry_after_s=0.0), None])

    async def handle(call: Call) -> Reply:
        if (error := next(tries, RateLimited("slow down", retry_after_s=200.0))) is not None:
            raise error
        return answered(call)

    them = models(handle, patience_s=120.0)
    assert await ask(them) == "Yes."
    assert waits == [30.0, 1.0]
    with pytest.raises(RateLimited):
        await ask(them)
    with pytest.raises(RateLimited):
        await ask(models(handle))


async def test_each_bill_has_what_came_since_the_one_before() -> None:
    async def handle(call: Call) -> Reply:
        if call.model == "chat":
            return answered(call)
        raise ServerError("no")

    them = models(handle)
    await ask(them)
    await ask(them)
    assert them.bill() == (14, 0)
    await ask(them)
    assert them.bill() == (7, 0)


async def test_what_is_said_to_a_prompt_is_no_part_of_the_request() -> None:
    calls: list[Call] = []

    async def handle(call: Call) -> Reply:
        calls.append(call)
        call.account.prompt = "support/triage@0123456789ab"
        return answered(call)

    said = Prompting(inputs={"question": "Why?"}, context={"state": "x"})
    answer = await models(handle).chat({"model": "triage", "messages": []}, 0, said=said)
    assert (answer.served, answer.input_tokens, answer.output_tokens) == ("support/triage@0123456789ab", 3, 2)
    assert calls[0].request.tree == {"model": "triage", "messages": []}
    assert calls[0].prompt is not None
    assert (calls[0].prompt.inputs, calls[0].prompt.context) == ({"question": "Why?"}, {"state": "x"})
