"""Feedback over HTTP: who may give it, what becomes of it in the list, in the sums and in the audit log."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from headgate.quality import giving
from serving import Response, Serving

ADMIN_KEY = "hg-the-first-admin-key-of-this-gateway"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
CONFIG = """
storage: {{database: "{database}", shared: "{shared}", journal: {{folder: "{journal}"}}}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
{more}
"""
BODY = {"model": "chat", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}


def config(request: pytest.FixtureRequest, kind: str, folder: Path, more: str = "") -> str:
    shared = "memory" if kind == "sqlite" else request.getfixturevalue("redis_url")
    database = f"sqlite:///{folder}/h.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    return CONFIG.format(database=database, shared=shared, journal=folder / "journal", more=more)


@contextlib.asynccontextmanager
async def served(text: str):
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        yield serving


async def key(serving: Serving, name: str, **members: Any) -> dict[str, str]:
    made = await serving.post("/admin/keys", {"name": name, **members}, ADMIN)
    assert made.status == 201, made.body
    return {"authorization": f"Bearer {made.json['key']}"}


async def called(serving: Serving, headers: dict[str, str], **members: Any) -> str:
    response = await serving.post("/v1/chat/completions", {**BODY, **members}, headers)
    assert response.status == 200, response.body
    return response.headers["x-headgate-request-id"]


async def rated(serving: Serving, headers: dict[str, str], call: str, **said: Any) -> Response:
    return await serving.post("/v1/feedback", {"request_id": call, **said}, headers)


async def satisfaction(serving: Serving, query: str = "") -> Any:
    traffic = await serving.request("GET", f"/admin/traffic?{query}", headers=ADMIN)
    assert traffic.status == 200, traffic.body
    return {each["name"]: each["total"]["satisfaction"] for each in traffic.json["series"]}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_feedback_is_counted_where_the_call_was_with_each_users_last_word(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
):
    async with served(config(request, kind, tmp_path)) as serving:
        mine = await key(serving, "app")
        calls = [await called(serving, mine) for _ in range(4)]
        for call, said in (
            (calls[0], {"thumb": "up"}),
            (calls[0], {"thumb": "up"}),  # said again
            (calls[0], {"comment": "good after all", "label": "accurate"}),  # beside the thumb
            (calls[1], {"score": 2, "user": "ann"}),
            (calls[1], {"score": 5, "user": "ann"}),  # changed her mind
            (calls[1], {"thumb": "down", "user": "bob"}),
        ):
            response = await rated(serving, mine, call, **said)
            assert (response.status, response.json["texts_kept"]) == (201, True), response.body
        found = (await satisfaction(serving, "by=model"))["chat"]
        assert (found["rated"]["counted"], found["rated"]["of"], found["rated"]["share"]) == (2, 4, 0.5)
        assert (found["satisfied"]["counted"], found["satisfied"]["of"]) == (2, 3)
        assert 0.2 < found["satisfied"]["low"] < 2 / 3 < found["satisfied"]["high"] < 0.95
        assert (found["thumbs"], found["scores"]["5"], found["scores"]["2"]) == ({"up": 1, "down": 1}, 1, 0)
        assert (found["labels"], found["comments"], found["mean_score"]) == ({"accurate": 1}, 1, 5)
        listed = await serving.request("GET", "/admin/feedback", headers=ADMIN)
        assert [(each["thumb"], each["score"], each["replaced"]) for each in listed.json["data"]] == [
            ("down", None, False), (None, 5, False), (None, None, False),
        ]  # fmt: skip
        assert [each["has_comment"] for each in listed.json["data"]] == [False, False, True]
        assert all(each["comment"] is None for each in listed.json["data"])
        history = await serving.request("GET", f"/admin/feedback?history=true&call={calls[1]}", headers=ADMIN)
        assert sorted((each["score"] or 0, each["replaced"]) for each in history.json["data"]) == [
            (0, False), (2, True), (5, False),
        ]  # fmt: skip


async def test_what_people_write_is_content_and_reading_it_is_audited(request: pytest.FixtureRequest, tmp_path: Path):
    async with served(config(request, "sqlite", tmp_path)) as serving:
        mine = await key(serving, "app")
        operator = await key(serving, "operator", roles=["operator"])
        call = await called(serving, mine)
        await rated(serving, mine, call, correction="It is <b>42</b>.", score=1)
        assert (await serving.request("GET", "/admin/feedback", headers=operator)).status == 200
        assert (await serving.request("GET", "/admin/feedback?texts=true", headers=operator)).status == 403
        shown = await serving.request("GET", "/admin/feedback?texts=true", headers=ADMIN)
        assert shown.json["data"][0]["correction"] == "It is <b>42</b>."
        audit = await serving.request("GET", "/admin/audit?action=content.read", headers=ADMIN)
        assert [(each["subject"], each["detail"]["rows"]) for each in audit.json["data"]] == [("feedback:*", 1)]


async def test_only_who_made_a_call_its_team_and_who_has_the_scope_rate_it(
    request: pytest.FixtureRequest, tmp_path: Path
):
    async with served(config(request, "sqlite", tmp_path)) as serving:
        team = (await serving.post("/admin/teams", {"name": "Research"}, ADMIN)).json["id"]
        one, mate = [await key(serving, name, team=team) for name in ("one", "mate")]
        other = await key(serving, "other app")
        reviewer = await key(serving, "reviewer", roles=["operator"])
        auditor = await key(serving, "auditor", roles=["auditor"])
        call = await called(serving, one)
        statuses = [
            (await rated(serving, headers, call, thumb="up")).status
            for headers in (one, mate, other, reviewer, auditor, ADMIN)
        ]
        assert statuses == [201, 201, 404, 201, 403, 201]
        assert (await rated(serving, {}, call, thumb="up")).status == 401
        await rated(serving, other, await called(serving, other), thumb="down")
        member = await key(serving, "member", team=team, roles=["developer"])
        seen = await serving.request("GET", "/admin/feedback", headers=member)
        assert [each["thumb"] for each in seen.json["data"]] == ["up"] * 4  # its team's alone
        assert (await rated(serving, one, "req_of_nobody", thumb="up")).status == 404


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "says nothing"),
        ({"score": 6}, "<= 5"),
        ({"score": True}, "int"),
        ({"score": 3, "thumb": "up"}, "write one of them"),
        ({"label": "accurat"}, "did you mean 'accurate'"),
        ({"comment": "x" * 8001}, "longer than 8000"),
        ({"thumb": "sideways"}, "thumb"),
        ({"stars": 3}, "stars"),
        ({"score": 3, "request_id": "req\0"}, "request_id"),
    ],
)
async def test_what_is_no_feedback_is_refused_with_what_to_write(
    request: pytest.FixtureRequest, tmp_path: Path, said: dict[str, Any], told: str
):
    async with served(config(request, "sqlite", tmp_path)) as serving:
        response = await rated(serving, ADMIN, "req_1", **said)
        assert (response.status, response.json["error"]["type"]) == (400, "invalid_request_error")
        assert told in response.json["error"]["message"]


async def test_texts_are_not_kept_where_the_configuration_says_so_and_unknown_calls_are_where_it_does(
    request: pytest.FixtureRequest, tmp_path: Path
):
    more = "feedback: {texts: false, unknown: keep, labels: [good]}"
    async with served(config(request, "sqlite", tmp_path, more)) as serving:
        assert (await rated(serving, ADMIN, "req_of_nobody", comment="x")).status == 400
        response = await rated(serving, ADMIN, "req_of_nobody", comment="x", label="good", thumb="down")
        assert (response.status, response.json["texts_kept"]) == (201, False)
        found = (await satisfaction(serving, "by=model"))["(unknown)"]
        assert (found["satisfied"]["of"], found["comments"], found["labels"]) == (1, 0, {"good": 1})
        shown = await serving.request("GET", "/admin/feedback?texts=true", headers=ADMIN)
        assert shown.json["data"][0]["comment"] is None


async def test_a_call_nobody_knows_has_no_more_feedback_than_any_other(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What is stored looks at all that is kept of a call: without a bound each word costs more than the one before."""
    monkeypatch.setattr(giving, "MOST_OF_A_CALL", 2)
    async with served(config(request, "sqlite", tmp_path, "feedback: {unknown: keep}")) as serving:
        for score, status in ((1, 201), (2, 201), (3, 409)):
            assert (await rated(serving, ADMIN, "req_of_nobody", score=score)).status == status
            await satisfaction(serving)  # what was given is stored


async def test_a_key_gives_no_more_than_it_may_and_other_methods_and_kinds_are_refused(
    request: pytest.FixtureRequest, tmp_path: Path
):
    async with served(config(request, "sqlite", tmp_path, "feedback: {per_minute: 2}")) as serving:
        mine = await key(serving, "app")
        call = await called(serving, mine)
        responses = [await rated(serving, mine, call, score=score) for score in (1, 2, 3)]
        assert [each.status for each in responses] == [201, 201, 429]
        assert 0 < int(responses[2].headers["retry-after"]) <= 30
        assert (await rated(serving, ADMIN, call, score=3)).status == 201
        assert (await serving.request("GET", "/v1/feedback", headers=mine)).status == 405
        plain = {**ADMIN, "content-type": "text/plain"}
        assert (await serving.request("POST", "/v1/feedback", {"request_id": call}, plain)).status == 415
        big = await serving.post("/v1/feedback", {"request_id": call, "comment": "x" * 300_000}, ADMIN)
        assert big.status == 413


async def test_feedback_reaches_a_replica_that_did_not_serve_the_call_and_comes_late(
    request: pytest.FixtureRequest, tmp_path: Path
):
    """The other replica waits for the call to be known; a call that is not listed is known by its attempt."""
    more = "telemetry: {calls: {sample: 0}}"
    async with contextlib.AsyncExitStack() as stack:
        one, other = [
            await stack.enter_async_context(served(config(request, "postgres", tmp_path / name, more)))
            for name in ("one", "other")
        ]
        calls = [await called(one, ADMIN) for _ in range(3)]
        assert [(await rated(other, ADMIN, call, thumb="up")).status for call in calls] == [201] * 3
        both = [
            rated(replica, ADMIN, calls[0], score=4, user=f"user {n}") for n in range(5) for replica in (one, other)
        ]
        assert {each.status for each in await asyncio.gather(*both)} == {201}
        for replica in (one, other):
            await replica.gateway.store.caught_up()  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        found = (await satisfaction(one, "by=model"))["chat"]
        assert (found["thumbs"]["up"], found["scores"]["4"]) == (3, 5)
        assert (found["rated"]["counted"], found["rated"]["of"]) == (3, 3)


async def test_without_a_database_there_is_nothing_to_keep_it_in():
    async with Serving("providers: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/m]}}") as serving:
        response = await serving.post("/v1/feedback", {"request_id": "req_1", "thumb": "up"})
        assert (response.status, response.json["error"]["type"]) == (404, "invalid_request_error")
