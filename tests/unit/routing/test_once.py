"""A repeated request gets the answer of the first one, and nothing is done twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from calls import call
from headgate.errors import BadRequest, Conflict, ServerError, Timeout
from headgate.routing.config import OnceConfig
from headgate.routing.once import Answers, Once
from headgate.types import Account, Brought, Call, Identity, Payload, Reply


class Vendor:
    """Answers when told to, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.answer = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, call: Call) -> Reply:
        self.asked += 1
        try:
            await self.answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return Reply(payload=Payload("openai_chat", b'{"n": %d}' % self.asked))


def asking(key: str | None = None, body: bytes = b"{}", **changes: Any) -> Call:
    made = replace(call(), request=Payload("openai_chat", body), **changes)
    return replace(made, headers={"idempotency-key": key} if key is not None else {})


def replayed(reply: Reply) -> bool:
    return ("x-headgate-replayed", "true") in reply.headers


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


async def under_way(vendor: Vendor, *calls: Call, stage: Once) -> list[asyncio.Task[Reply]]:
    tasks = [asyncio.ensure_future(stage(each, vendor)) for each in calls]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_a_repetition_gets_the_first_answer_and_says_so(vendor: Vendor):
    stage = Once(OnceConfig(), Answers())
    vendor.answer.set()
    first = await stage(asking("a"), vendor)
    second = await stage(asking("a"), vendor)
    assert (vendor.asked, replayed(first), replayed(second)) == (1, False, True)
    assert first.payload is second.payload


async def test_a_repetition_while_the_first_is_under_way_waits_for_it(vendor: Vendor):
    tasks = await under_way(vendor, asking("a"), asking("a"), stage=Once(OnceConfig(), Answers()))
    vendor.answer.set()
    replies = await asyncio.gather(*tasks)
    assert vendor.asked == 1
    assert [replayed(reply) for reply in replies] == [False, True]


async def test_a_key_for_another_request_is_a_conflict(vendor: Vendor):
    stage = Once(OnceConfig(), Answers())
    vendor.answer.set()
    await stage(asking("a"), vendor)
    with pytest.raises(Conflict):
        await stage(asking("a", b'{"other": 1}'), vendor)
    with pytest.raises(BadRequest):
        await stage(asking("x" * 256), vendor)


async def test_keys_of_two_callers_have_nothing_to_do_with_each_other(vendor: Vendor):
    stage = Once(OnceConfig(), Answers())
    vendor.answer.set()
    await stage(asking("a"), vendor)
    await stage(asking("a", identity=Identity(key_id="somebody else")), vendor)
    assert vendor.asked == 2


async def test_an_answer_is_forgotten_after_its_time(vendor: Vendor, monkeypatch: pytest.MonkeyPatch):
    stage = Once(OnceConfig(keep_s=60), Answers())
    vendor.answer.set()
    await stage(asking("a"), vendor)
    now = asyncio.get_running_loop().time
    monkeypatch.setattr("headgate.routing.once.monotonic", lambda: now() + 61)
    await stage(asking("a"), vendor)
    assert vendor.asked == 2


async def test_a_failure_is_told_to_all_who_wait_and_forgotten(vendor: Vendor):
    answers = Answers()
    stage = Once(OnceConfig(), answers)
    tasks = await under_way(vendor, asking("a"), asking("a"), stage=stage)
    vendor.error = ServerError("boom")
    vendor.answer.set()
    assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [ServerError] * 2
    assert not answers.under_way and not answers.kept
    vendor.error = None
    await stage(asking("a"), vendor)
    assert vendor.asked == 2


async def test_with_a_key_it_is_made_to_its_end_though_its_client_leaves(vendor: Vendor):
    stage = Once(OnceConfig(), Answers())
    [first] = await under_way(vendor, asking("a"), stage=stage)
    first.cancel()
    await asyncio.wait([first])
    vendor.answer.set()
    reply = await stage(asking("a"), vendor)
    assert (vendor.asked, vendor.cancelled, replayed(reply)) == (1, 0, True)


async def test_who_has_more_time_is_not_held_to_the_firsts(vendor: Vendor):
    now = asyncio.get_running_loop().time()
    stage = Once(OnceConfig(), Answers())
    first, second = await under_way(
        vendor, asking("a", deadline=now + 0.01), asking("a", deadline=now + 60), stage=stage
    )
    with pytest.raises(Timeout):
        await first
    vendor.answer.set()
    assert replayed(await second)


async def test_a_shared_one_goes_on_while_anybody_waits_and_is_given_up_with_the_last(vendor: Vendor):
    answers = Answers()
    stage = Once(OnceConfig(coalesce=True), answers)
    first, second = await under_way(vendor, asking(), asking(), stage=stage)
    first.cancel()
    await asyncio.wait([first])
    assert vendor.cancelled == 0
    second.cancel()
    await asyncio.wait([second])
    await asyncio.sleep(0)
    assert vendor.cancelled == 1
    assert not answers.under_way


async def test_an_answer_whose_first_asker_left_is_kept_all_the_same(vendor: Vendor):
    stage = Once(OnceConfig(), Answers())
    first, second = await under_way(vendor, asking("a"), asking("a"), stage=stage)
    first.cancel()
    vendor.answer.set()
    await second
    assert replayed(await stage(asking("a"), vendor))
    assert vendor.asked == 1


async def test_who_waits_has_its_own_deadline(vendor: Vendor):
    now = asyncio.get_running_loop().time()
    first, second = await under_way(
        vendor, asking("a"), asking("a", deadline=now + 0.01), stage=Once(OnceConfig(), Answers())
    )
    with pytest.raises(Timeout):
        await second
    vendor.answer.set()
    assert (await first).payload is not None


async def test_same_calls_under_way_share_an_answer_where_that_is_wanted_and_nowhere_else(vendor: Vendor):
    answers = Answers()
    shared = await under_way(vendor, asking(), asking(), stage=Once(OnceConfig(coalesce=True), answers))
    assert vendor.asked == 1
    apart = await under_way(vendor, asking(), asking(), stage=Once(OnceConfig(), Answers()))
    assert vendor.asked == 3
    other = await under_way(vendor, asking(body=b'{"a": 1}'), stage=Once(OnceConfig(coalesce=True), answers))
    assert vendor.asked == 4
    vendor.answer.set()
    await asyncio.gather(*shared, *apart, *other)
    assert not answers.under_way and not answers.kept, "shared while under way, not afterwards"


@pytest.mark.parametrize("key", ["k", None])
async def test_what_a_credential_of_ones_own_has_paid_for_is_nobody_elses(vendor: Vendor, key: str | None):
    """People who share a key bring their own credentials, or none."""
    stage = Once(OnceConfig(coalesce=True), Answers())
    calls = [asking(key, account=Account()) for _ in range(4)]
    for each, secret in zip(calls, ("annas", "bens", "annas"), strict=False):
        each.account.brought = Brought("bearer", secret)
    tasks = await under_way(vendor, *calls, stage=stage)
    vendor.answer.set()
    assert [replayed(await task) for task in tasks] == [False, False, True, False]
    assert vendor.asked == 3


async def test_streams_are_never_shared(vendor: Vendor):
    stage = Once(OnceConfig(coalesce=True), Answers())
    vendor.answer.set()
    for _ in range(2):
        await stage(asking("a", stream=True), vendor)
    assert vendor.asked == 2


async def test_what_is_kept_is_bounded(vendor: Vendor, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.routing.once.MAX_KEPT_BYTES", 2 * 1024 + 20)
    answers = Answers()
    stage = Once(OnceConfig(), answers)
    vendor.answer.set()
    for name in "abcdef":
        await stage(asking(name), vendor)
    assert len(answers.kept) == 2
