"""Captured content end to end: which calls, what is stored of them, who reads it, and how it is erased."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_feedback import ADMIN, ADMIN_KEY, config, key

from browsing import Document, Person
from headgate.ids import end_user_id
from headgate.store import Store
from headgate.telemetry.capture.binaries import MARK
from serving import Response, Serving

CAPTURE = """
telemetry:
  calls: {slow_s: 0.2}
  capture:
    rules:
      - {models: [never], share: 0, errors: false, slow: false}
      - {models: [seldom, late, failing], share: 0}
      - {models: ["*"]}
"""
SECRET = "sk-" + "s" * 40
HOSTILE = '<img src=x onerror="alert(1)">\u202e</script>\x1b[31m javascript:alert(1) \u0645\u0631\u062d\u0628\u0627'
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "openai_chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": f"Tell {SECRET}"}]}),
    "openai_responses": ("/v1/responses", {"input": f"Tell {SECRET}"}),
    "anthropic_messages": (
        "/v1/messages",
        {"max_tokens": 60, "messages": [{"role": "user", "content": f"Tell {SECRET}"}]},
    ),
    "openai_completions": ("/v1/completions", {"prompt": f"Tell {SECRET}"}),
}
TEXT = """
storage: {{database: "{database}"}}
providers:
  sim: {{kind: simulator}}
  late: {{kind: simulator, headers: {{x-sim-latency-ms: "220"}}}}
  broken: {{kind: simulator, headers: {{x-sim-fault: server_error}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini]}}
  seldom: {{targets: [sim/gpt-4o-mini]}}
  never: {{targets: [sim/gpt-4o-mini]}}
  late: {{targets: [late/gpt-4o-mini]}}
  failing: {{targets: [broken/gpt-4o-mini], retry: {{attempts: 1}}}}
  "family-*": {{targets: ["sim/*"]}}
{capture}
"""


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    text = TEXT.format(database="sqlite:///:memory:", capture=CAPTURE)
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        yield serving


async def asked(serving: Serving, dialect: str = "openai_chat", headers: Any = ADMIN, **members: Any) -> Response:
    path, body = ASKED[dialect]
    return await serving.post(path, {"model": "chat", **body, **members}, headers)


def id_of(response: Response) -> str:
    return response.headers["x-headgate-request-id"]


async def content(serving: Serving, response: Response, headers: Any = ADMIN) -> Response:
    return await serving.request("GET", f"/admin/calls/{id_of(response)}/content", headers=headers)


async def exported(serving: Serving, query: str = "", headers: Any = ADMIN) -> list[Any]:
    answer = await serving.request("GET", f"/admin/contents?{query}", headers=headers)
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


async def audited(serving: Serving, action: str) -> list[tuple[str, Any]]:
    audit = await serving.request("GET", f"/admin/audit?action={action}", headers=ADMIN)
    return [(each["subject"], each["detail"]) for each in audit.json["data"]]


# ── what is stored ──


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("dialect", ASKED)
async def test_request_and_answer_are_kept_in_every_dialect_without_what_is_secret(
    serving: Serving, dialect: str, stream: bool
):
    response = await asked(serving, dialect, stream=stream)
    assert response.status == 200
    assert SECRET.encode() in response.body or stream  # the simulator repeats the question, in pieces in a stream
    found = (await content(serving, response)).json
    assert (found["dialect"], found["streamed"], found["kept"], found["code"]) == (dialect, stream, "sample", None)
    assert found["request"]["model"] == "chat"
    assert "Tell sk-***" in json.dumps(found["request"])
    assert "Tell sk-***" in found["output"]["text"]
    assert found["output"]["finish_reason"] == ("length" if dialect == "anthropic_messages" else "end")
    assert (found["truncated"], found["missing"], found["redactions"]["secret"]) == (False, "", 2)
    store = serving.gateway.store
    assert isinstance(store, Store)
    rows = await store.database.fetch("SELECT * FROM contents")
    assert len(rows) == 1
    assert "sss" not in str(rows)
    if not stream:
        body = json.loads(response.body)
        assert found["answer"].keys() == body.keys()


async def test_whatever_is_asked_for_is_kept_with_binaries_told_of(serving: Serving):
    audio = b"RIFF" + bytes(range(200))
    form = (
        b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nchat\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + audio + b"\r\n--b--\r\n"
    )
    calls = [
        await serving.post("/v1/embeddings", {"model": "chat", "input": "Hello"}, ADMIN),
        await serving.post("/v1/rerank", {"model": "chat", "query": "q", "documents": ["a", "b"]}, ADMIN),
        await serving.post("/v1/moderations", {"model": "chat", "input": "Hello"}, ADMIN),
        await serving.post("/v1/images/generations", {"model": "chat", "prompt": "A square", "response_format": "b64_json"}, ADMIN),
        await serving.post("/v1/audio/speech", {"model": "chat", "input": "Hello", "voice": "alloy"}, ADMIN),
        await serving.request(
            "POST", "/v1/audio/transcriptions", raw=form, headers={**ADMIN, "content-type": "multipart/form-data; boundary=b"}
        ),
    ]  # fmt: skip
    assert [each.status for each in calls] == [200] * 6
    found = [(await content(serving, each)).json for each in calls]
    assert [each["operation"] for each in found] == ["embed", "rerank", "moderate", "image", "speech", "transcribe"]
    assert [each["missing"] for each in found] == [""] * 6
    assert found[0]["request"]["input"] == "Hello"
    for place in (0, 3, 4):
        assert MARK in json.dumps(found[place]["answer"])
        assert len(json.dumps(found[place]["answer"])) < 2000
    assert found[5]["request"]["file"].startswith(f"{MARK};type=application/octet-stream;bytes={len(audio)};sha256=")
    counted = await serving.post("/v1/messages/count_tokens", {"model": "chat", "messages": []}, ADMIN)
    assert (await content(serving, counted)).status == 404


async def test_rules_say_which_calls_and_failures_and_slow_ones_are_always_kept(serving: Serving):
    kept = {
        model: (await content(serving, await asked(serving, model=model))).status
        for model in ("chat", "seldom", "never", "family-a")
    }
    assert kept == {"chat": 200, "seldom": 404, "never": 404, "family-a": 200}
    wrong = await serving.post("/v1/chat/completions", {"model": "seldom", "messages": "no"}, ADMIN)
    told = (await content(serving, wrong)).json
    assert (wrong.status, told["kept"], told["code"], told["missing"]) == (400, "error", "invalid_request", "no_answer")
    assert told["request"]["messages"] == "no"
    found = {model: (await content(serving, await asked(serving, model=model))).json for model in ("failing", "late")}
    assert [(each["kept"], each["code"]) for each in found.values()] == [("error", "server_error"), ("slow", None)]
    assert "Tell sk-***" in found["late"]["output"]["text"]


@pytest.mark.parametrize(("said", "status"), [("off", 404), ("no", 404), ("on", 200)])
async def test_a_client_keeps_a_call_of_its_own_out(serving: Serving, said: str, status: int):
    response = await asked(serving, headers={**ADMIN, "x-headgate-capture": said})
    assert (await content(serving, response)).status == status


async def test_nothing_is_kept_unless_a_rule_asks_for_it():
    text = TEXT.format(database="sqlite:///:memory:", capture="")
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        response = await asked(serving)
        assert (await content(serving, response)).status == 404
        metrics = await serving.request("GET", "/metrics", headers=ADMIN)
        assert b"headgate_content" not in metrics.body
        serving.gateway.reload(serving.config(text + CAPTURE))
        assert (await content(serving, await asked(serving))).status == 200
        metrics = await serving.request("GET", "/metrics", headers=ADMIN)
        assert b"headgate_content_captured_total 1" in metrics.body
        serving.gateway.reload(serving.config(text))
        assert (await content(serving, await asked(serving))).status == 404
        assert (await content(serving, response)).status == 404


async def test_what_there_is_no_room_for_is_counted_and_costs_the_call_nothing(serving: Serving):
    store = serving.gateway.store
    assert isinstance(store, Store)
    desk = store.contents.desk
    desk.room.free = 100
    response = await asked(serving)
    assert (response.status, (await content(serving, response)).status) == (200, 404)
    assert desk.dropped == {"memory": 1}


async def test_nothing_of_the_room_is_left_taken(serving: Serving):
    store = serving.gateway.store
    assert isinstance(store, Store)
    desk = store.contents.desk
    before = desk.room.free
    for stream in (False, True):
        for model in ("chat", "seldom", "never"):
            await asked(serving, stream=stream, model=model)
    await desk.flush()
    assert (desk.room.free, desk.captured) == (before, 2)


# ── who reads it ──


async def test_reading_and_erasing_need_scopes_of_their_own_and_are_audited(serving: Serving):
    keys = {role: await key(serving, role, roles=[role]) for role in ("operator", "auditor", "developer", "caller")}
    response = await asked(serving)
    path = f"/admin/calls/{id_of(response)}/content"
    for headers in keys.values():
        for method, each in (("GET", path), ("DELETE", path), ("GET", "/admin/contents")):
            assert (await serving.request(method, each, headers=headers)).status == 403
        assert (await serving.post("/admin/contents/erasures", {"user": "x"}, headers)).status == 403
    assert (await content(serving, response)).status == 200
    assert len(await exported(serving, "model=chat")) == 1
    assert (await serving.request("DELETE", path, headers=ADMIN)).json == {"contents": 1, "feedback_texts": 0}
    assert (await serving.request("DELETE", path, headers=ADMIN)).status == 404
    assert await audited(serving, "content.read") == [
        ("contents:*", {"rows_at_most": 1, "model": "chat"}),
        (f"call:{id_of(response)}", {"rows": 1, "model": "chat"}),
    ]
    assert [subject for subject, _ in await audited(serving, "content.erase")] == [f"call:{id_of(response)}"]


async def test_who_belongs_to_a_team_reads_and_erases_that_teams_alone():
    roles = "access: {roles: {reader: [content.read, content.write, ledger.read]}}\n"
    text = TEXT.format(database="sqlite:///:memory:", capture=CAPTURE + roles)
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        team = (await serving.post("/admin/teams", {"name": "Research"}, ADMIN)).json["id"]
        mine = await key(serving, "mine", team=team, roles=["caller", "reader"])
        own, other = await asked(serving, headers=mine), await asked(serving)
        assert [(await content(serving, each, mine)).status for each in (own, other)] == [200, 404]
        assert [each["call_id"] for each in await exported(serving, "", mine)] == [id_of(own)]
        erased = await serving.post("/admin/contents/erasures", {"before": "2100-01-01T00:00:00Z"}, mine)
        assert erased.json["contents"] == 1
        assert [each["call_id"] for each in await exported(serving)] == [id_of(other)]


# ── data sets and erasure, on both databases ──


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_data_set_has_what_users_said_and_an_end_users_content_is_erased_for_good(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path
):
    text = config(
        request,
        kind,
        tmp_path,
        CAPTURE.replace("models: [never]", "keys: [k]").replace("models: [seldom, late, failing]", "keys: [k]"),
    )
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        calls = [await asked(serving, user=user) for user in ("Ann", "Ann", "Bob")]
        for call, said in (
            (calls[0], {"label": "inaccurate", "correction": "It is 42."}),
            (calls[0], {"thumb": "down"}),
            (calls[2], {"thumb": "up"}),
        ):
            given = await serving.post("/v1/feedback", {"request_id": id_of(call), **said}, ADMIN)
            assert given.status == 201, given.body
        every = await exported(serving)
        assert [each["call_id"] for each in every] == [id_of(each) for each in calls]
        digest = end_user_id("default", "Ann")
        assert (every[0]["end_user"], every[0]["request"]["user"]) == (digest, digest)
        [line] = await exported(serving, "label=inaccurate&thumb=down")
        assert (line["call_id"], line["feedback"][0]["correction"]) == (id_of(calls[0]), "It is 42.")
        assert "Tell sk-***" in line["output"]["text"]
        assert [each["call_id"] for each in await exported(serving, "thumb=up")] == [id_of(calls[2])]
        assert len(await exported(serving, "corrected=true")) == 1
        assert len(await exported(serving, "user=Ann")) == 2
        assert len(await exported(serving, f"user={digest}&most=1&key={every[0]['key_id']}")) == 1
        assert await exported(serving, "to=2000-01-01T00:00:00Z") == []
        nothing = await serving.post("/admin/contents/erasures", {}, ADMIN)
        assert (nothing.status, "write one of them" in nothing.body.decode()) == (422, True)
        erased = await serving.post("/admin/contents/erasures", {"user": "Ann"}, ADMIN)
        assert erased.json == {"contents": 2, "feedback_texts": 1}
        assert [each["call_id"] for each in await exported(serving)] == [id_of(calls[2])]
        [(subject, detail)] = await audited(serving, "content.erase")
        assert (subject, detail) == (f"customer:{digest}", {"rows": 2, "feedback_texts": 1})
        by_key = await serving.post("/admin/contents/erasures", {"key": every[0]["key_id"]}, ADMIN)
        assert by_key.json["contents"] == 1


async def test_what_was_captured_outlives_a_restart_and_waits_for_no_more_than_a_moment(tmp_path: Path):
    text = TEXT.format(database=f"sqlite:///{tmp_path}/h.db", capture=CAPTURE)
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        response = await asked(serving)
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys") as serving:
        assert (await content(serving, response)).status == 200


# ── on the dashboard ──


async def test_the_page_of_a_call_shows_it_to_those_who_may_read_it_and_nothing_in_it_runs(serving: Serving):
    developer = await serving.post("/admin/keys", {"name": "dev", "roles": ["developer"]}, ADMIN)
    response = await asked(serving, messages=[{"role": "user", "content": HOSTILE + " Look at it."}])
    admin = await Person.signed_in(serving, ADMIN_KEY)
    path = f"/dashboard/calls/{id_of(response)}"
    page = Document((await admin.get(path)).body)
    assert "Reading it is written into the audit log" in page.text
    assert "Look at it" not in page.text
    assert await audited(serving, "content.read") == []
    [link] = [each for each in page.links if "content=shown" in each]
    raw = (await admin.get(link.partition("#")[0])).body
    page = Document(raw)
    assert page.active == []
    assert page.text.count("Look at it.") >= 2
    for each in (b"<img src=x", b"</script>\x1b", b"\x1b", "\u202e".encode()):
        assert each not in raw
    assert "\\u202e" in page.text
    assert "\u0645\u0631\u062d\u0628\u0627" in page.text  # other scripts are read as they are
    assert [subject for subject, _ in await audited(serving, "content.read")] == [f"call:{id_of(response)}"]
    person = await Person.signed_in(serving, developer.json["key"])
    for each in (path, f"{path}?content=shown"):
        page = Document((await person.get(each)).body)
        assert "What was asked and answered" not in page.text
        assert "Look at it" not in page.text
    erased = await serving.request("DELETE", f"/admin/calls/{id_of(response)}/content", headers=ADMIN)
    assert erased.status == 200
    assert "It is not kept" in Document((await admin.get(f"{path}?content=shown")).body).text
