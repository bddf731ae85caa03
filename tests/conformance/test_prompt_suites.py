"""Suites that the server runs, on every kind of database: kept, run by one process of several, what is old deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from administered import Administered
from headgate.config import loads
from headgate.errors import StoreUnavailable
from headgate.gateway import Gateway
from headgate.retesting.retests import LEASE_US, Retests
from headgate.types import Call, Reply

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
prompts: {tests: {every_s: 86400}, keep_tests_days: 30}
"""
NAME = "support/triage"
TESTS = "repeat: 2\nassert: [not-is-refusal]\ntests: [{id: a, inputs: {q: Why}}, {id: b, inputs: {q: How}}]"
PROMPT = "---\nmodel: chat\ninput: {schema: {q: string}}\n---\n{{q}}"
DAY_S = 86_400.0


def suite(tests: str = TESTS, **more: Any) -> dict[str, Any]:
    return {
        "name": NAME,
        "file": f"{NAME}.test.yaml",
        "prompts": [NAME],
        "sources": {f"{NAME}.test.yaml": tests},
        **more,
    }


async def release(at: Administered, text: str = PROMPT) -> str:
    made = await at.made("/admin/prompts", {"sources": {f"{NAME}.prompt": text}})
    version: str = made["data"][0]["version"]
    await at.made("/admin/prompts/moves", {"name": NAME, "label": "production", "to": version})
    return version


@asynccontextmanager
async def processes(at: Administered, *owners: str) -> AsyncIterator[list[Retests]]:
    """As many processes over one database."""
    async with Gateway(loads(CONFIG, "headgate.yaml", {})) as gateway:
        yield [process(at, owner, gateway) for owner in owners]


def process(at: Administered, owner: str, gateway: Gateway, ready: Callable[[], bool] = lambda: True) -> Retests:
    return Retests(at.administration, owner, gateway.tested, dict, ready)


async def kept(at: Administered) -> list[Any]:
    return await at.walk("/admin/prompts/tests", 100)


async def test_one_of_several_processes_runs_what_is_due_once(database_url: str):
    async with Administered(database_url, config=CONFIG) as at, processes(at, "one", "two") as (one, two):
        await release(at)
        await at.made("/admin/prompts/suites", suite())
        assert sorted(await asyncio.gather(one.turn(), two.turn())) == [0, 1]
        assert [row["verdict"] for row in await kept(at)] == ["baseline"]
        leader, other = (one, two) if one.ran else (two, one)

        at.clock.advance(DAY_S)
        assert await other.turn() == 1  # nobody has heard of the first for long
        assert await leader.turn() == 0
        assert [(row["verdict"], row["reason"]) for row in await kept(at)][1:] == [("no_difference", "schedule")]
        at.clock.advance(LEASE_US / 1e6 + 1)
        assert await leader.turn() == 0
        assert leader.due == 0


async def test_a_process_that_is_no_longer_the_one_gives_up(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.retesting.retests.RENEWED_S", 0.01)
    async with Administered(database_url, config=CONFIG) as at:
        await release(at)
        await at.made("/admin/prompts/suites", suite())
        asked, over = asyncio.Event(), asyncio.Event()

        async def ask(_: Call) -> Reply:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                over.set()
            raise AssertionError

        first = Retests(at.administration, "one", ask, dict, lambda: True)
        turn = asyncio.create_task(first.turn())
        await asked.wait()
        async with at.database.transaction() as transaction:
            await transaction.execute("UPDATE prompt_test_lease SET owner = 'two'")
        assert await turn == 0
        await over.wait()
        assert await kept(at) == []
        assert (await at.walk("/admin/prompts/suites", 10))[0]["failures"] == []


async def test_what_is_stopped_is_run_again(database_url: str):
    async with Administered(database_url, config=CONFIG) as at, processes(at) as _:
        await release(at)
        await at.made("/admin/prompts/suites", suite())
        async with Gateway(loads(CONFIG, "headgate.yaml", {})) as gateway:
            ready = iter([True, True])  # until it has begun
            stopping = process(at, "one", gateway, lambda: next(ready, False))
            assert await stopping.turn() == 0
            assert await kept(at) == []
            again = process(at, "one", gateway)
            assert await again.turn() == 1
            assert len(await kept(at)) == 1


async def test_what_is_old_goes_but_for_what_is_held_against(database_url: str):
    async with Administered(database_url, config=CONFIG) as at, processes(at, "one") as (one,):
        await at.made("/admin/prompts/suites", suite())
        first = await release(at)
        await one.turn()
        second = await release(at, f"{PROMPT}?")
        await one.turn()
        at.clock.advance(2 * DAY_S)
        await one.turn()
        at.clock.advance(31 * DAY_S)
        await one.turn()
        rows = await kept(at)
        assert [(row["version"], row["verdict"]) for row in rows] == [(second, "baseline"), (second, "no_difference")]
        assert rows[1]["baseline"] == rows[0]["id"]
        assert first not in {row["version"] for row in rows}


async def test_a_test_that_is_accepted_is_what_later_ones_are_held_against(database_url: str):
    async with Administered(database_url, config=CONFIG) as at, processes(at, "one") as (one,):
        await release(at)
        await at.made("/admin/prompts/suites", suite())
        for _ in range(2):
            await one.turn()
            at.clock.advance(2 * DAY_S)
        first, second = await kept(at)
        assert second["baseline"] == first["id"]
        accepted = await at.ask("POST", f"/admin/prompts/tests/{second['id']}/accept")
        assert (accepted.status, accepted.json["verdict"]) == (200, "baseline")
        await one.turn()
        assert (await kept(at))[2]["baseline"] == second["id"]
        assert (await at.ask("POST", "/admin/prompts/tests/test_none/accept")).status == 404


async def test_a_failure_is_counted_until_it_is_over(database_url: str):
    async with Administered(database_url, config=CONFIG) as at, processes(at, "one") as (one,):
        await release(at, PROMPT.replace("chat", "sim/gpt-4o-mini"))
        await at.made("/admin/prompts/suites", suite(TESTS.replace("{q: Why}", "{}").replace("{q: How}", "{q: [1]}")))
        for times, wait_s in ((1, 899), (1, 1), (2, 3600), (3, 0)):
            await one.turn()
            (found,) = await at.walk("/admin/prompts/suites", 10)
            assert [each["times"] for each in found["failures"]] == [times]
            at.clock.advance(wait_s)
        assert "2 of 2 cases have no verdict: input:" in found["failures"][0]["message"]
        await at.made("/admin/prompts/suites", suite())
        assert await one.turn() == 1
        assert (await at.walk("/admin/prompts/suites", 10))[0]["failures"] == []

        await release(at, PROMPT.replace("chat", "gone"))
        await one.turn()
        assert len((await at.walk("/admin/prompts/suites", 10))[0]["failures"]) == 1
        await release(at, f"{PROMPT}!")
        await one.turn()
        assert (await at.walk("/admin/prompts/suites", 10))[0]["failures"] == []  # nobody asks for that version now


async def test_what_was_paid_for_is_kept_once_the_database_is_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.retesting.retests.AGAIN_S", 0.0)
    async with Administered(config=CONFIG) as at, processes(at, "one") as (one,):
        await release(at)
        await at.made("/admin/prompts/suites", suite())
        keep, away = at.administration.prompt_tests.keep, iter([True, True, False])

        async def kept_later(*given: Any) -> Any:
            if next(away):
                raise StoreUnavailable("away")
            return await keep(*given)

        monkeypatch.setattr(at.administration.prompt_tests, "keep", kept_later)
        assert await one.turn() == 1
        assert len(await kept(at)) == 1


async def test_each_organisation_tests_its_own_as_long_as_it_is_there():
    async with Administered(config=CONFIG) as at, processes(at, "one") as (one,):
        acme = (await at.made("/admin/organisations", {"name": "Acme", "id": "acme"}))["id"]
        await at.made("/admin/prompts/suites", suite())
        made = await at.made(f"/admin/prompts?organisation={acme}", {"sources": {f"{NAME}.prompt": PROMPT}})
        move = {"name": NAME, "label": "production", "to": made["data"][0]["version"]}
        await at.made(f"/admin/prompts/moves?organisation={acme}", move)
        assert await one.turn() == 0  # the suite is of one, the prompt of another
        await at.made(f"/admin/prompts/suites?organisation={acme}", suite())
        assert await one.turn() == 1
        assert len(await at.walk("/admin/prompts/tests", 10, organisation=acme)) == 1
        assert await kept(at) == []

        at.clock.advance(2 * DAY_S)
        assert (await at.ask("DELETE", f"/admin/organisations/{acme}")).status == 200
        assert await one.turn() == 0


@pytest.mark.parametrize(
    ("wrong", "param", "told"),
    [
        ({"name": ""}, "name", ""),
        ({"file": "support/other.test.yaml"}, "file", "is none of the sources"),
        ({"file": "x.py", "sources": {"x.py": "suite = {}"}}, "file", "no test file"),
        ({"sources": {"/etc/x.test.yaml": "a: 1"}}, "sources./etc/x.test.yaml", "is no place"),
        ({"sources": {f"{NAME}.test.yaml": "assert: [python: 'os:system']\ntests: [{}]"}}, None, "at 1:10: runs a"),
        ({"sources": {f"{NAME}.test.yaml": "tests: [{}]"}}, None, "at 1:9: tests[0]: has no assertion"),
        ({"sources": {f"{NAME}.test.yaml": "assert: [is-json]\ndataset: /etc/passwd"}}, None, "is not there"),
        ({"sources": {f"{NAME}.test.yaml": "assert: [is-json]\ndataset: ../../../etc/passwd"}}, None, "is not there"),
        ({"sources": {f"{NAME}.test.yaml": f"assert: [is-json]\ntests: [{{}}]\n#{'x' * 720_000}"}}, "sources", "720,"),
        ({"prompts": None}, None, "names nothing to test"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_its_line(wrong: dict[str, Any], param: str | None, told: str):
    async with Administered(config=CONFIG) as at:
        body = {name: value for name, value in {**suite(), **wrong}.items() if value is not None}
        answer = await at.ask("POST", "/admin/prompts/suites", body)
        assert (answer.status, set(answer.params)) == (422, {param or f"sources.{NAME}.test.yaml"})
        assert told in answer.error["errors"][0]["message"]
        assert await at.walk("/admin/prompts/suites", 10) == []


async def test_code_in_data_is_refused_with_its_line():
    rows = '{"inputs": {"q": "a"}}\n{"inputs": {"q": "b"}, "assert": [{"assert-set": [{"not-python": "x.py:f"}]}]}\n'
    sources = {f"{NAME}.test.yaml": "assert: [is-json]\ndataset: rows.jsonl", "support/rows.jsonl": rows}
    async with Administered(config=CONFIG) as at:
        answer = await at.ask("POST", "/admin/prompts/suites", suite(sources=sources))
        (error,) = answer.error["errors"]
        assert error["param"] == "sources.support/rows.jsonl"
        assert "at 2:1: runs a function, and nothing that is published runs code on a server" in error["message"]
