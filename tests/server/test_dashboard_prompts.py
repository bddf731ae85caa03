"""The dashboard's pages of prompts: versions, labels and their approval, what each comes to, and that texts stay texts."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from test_dashboard import ADMIN, made

from browsing import Document, Person
from serving import Serving

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  triage: {prompt: support/triage@staging, targets: [sim/gpt-4o-mini]}
prompts: {protected: [production]}
"""
TRIAGE = "support/triage"
HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(1)</script>"
ONE = f"/dashboard/prompts/one?name={TRIAGE}"


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        yield serving


@pytest.fixture
async def admin(serving: Serving) -> Person:
    return await Person.signed_in(serving, ADMIN)


def library(text: str, **settings: str) -> dict[str, str]:
    front = "".join(f"headgate.{name}: {value}\n" for name, value in settings.items())
    return {
        "support/triage.prompt": f"---\n{front}config: {{temperature: 0.2}}\n---\n{text}\n{{{{> tone}}}}\n",
        "support/_tone.prompt": "Politely.\n",
    }


async def published(serving: Serving, text: str, note: str = "", **settings: str) -> str:
    row = await made(serving, "/admin/prompts", sources=library(text, **settings), note=note)
    return row["data"][0]["version"]


async def test_versions_are_listed_compared_and_moved_by_two_people(serving: Serving, admin: Person):
    first = await published(serving, "One.", owner="support-tools", review_by="2020-01-31")
    second = await published(serving, "Two.", owner="support-tools")
    people: list[Person] = []
    for name in ("anna", "bert"):
        user = await made(serving, "/admin/users", name=name, email=f"{name}@example.com")
        key = await made(serving, "/admin/keys", name=name, user=user["id"], roles=["operator"])
        people.append(await Person.signed_in(serving, key["key"]))
    anna, bert = people

    said = await done(anna, "/dashboard/prompts/moves", name=TRIAGE, label="production", to=first, reason="tried")
    assert f"moves to {first[:12]} once a second person approves" in said.text
    waiting = (await serving.request("GET", "/admin/prompts/moves", headers=bearer())).json["data"][0]["id"]
    refused = await anna.act(f"/dashboard/prompts/moves/{waiting}/approve", name=TRIAGE)
    assert (refused.status, "second person" in Document(refused.body).text) == (403, True)
    said = await done(bert, f"/dashboard/prompts/moves/{waiting}/approve", name=TRIAGE, reason="read it")
    assert f"stands for {first[:12]} now" in said.text

    page = await admin.page("/dashboard/prompts")
    assert "support-tools 2020-01-31 overdue" in page.text
    assert "Overdue 1" in page.text
    rows = _rows((await admin.get("/dashboard/prompts?csv=prompts")).body)
    assert (rows[0]["labels"], rows[0]["due"], rows[0]["latest"]) == (f"production={first}", "review", second)
    diff = await admin.page(f"/dashboard/prompts/diff?name={TRIAGE}")
    assert f"{first[:12]} to {second[:12]}" in diff.text
    assert "-One. +Two." in diff.text
    assert "settings.review_by 2020-01-31 –" in diff.text

    asked = {"name": TRIAGE, "label": "production", "to": second}
    await done(anna, "/dashboard/prompts/moves", **asked)
    waiting = _rows((await admin.get(f"{ONE}&csv=history")).body)[0]["id"]
    said = await done(bert, f"/dashboard/prompts/moves/{waiting}/refuse", name=TRIAGE, reason="no tests")
    assert "stays where it is" in said.text
    again = await anna.act("/dashboard/prompts/moves", name=TRIAGE, label="production", to=first)
    assert (again.status, "already" in Document(again.body).text) == (409, True)
    history = _rows((await admin.get(f"{ONE}&csv=history")).body)
    assert [(row["status"], row["decision"]) for row in history] == [("refused", "no tests"), ("done", "read it")]


async def test_what_versions_come_to_is_told_for_each(serving: Serving, admin: Person):
    for text in ("One.", "Two."):
        version = await published(serving, text)
        await made(serving, "/admin/prompts/moves", name=TRIAGE, label="staging", to=version)
        for number in range(2):
            body: dict[str, Any] = {"model": "triage", "messages": [], "max_tokens": 9}
            answer = await serving.post("/v1/chat/completions", body, bearer())
            assert answer.status == 200, answer.body
            if number:
                id_ = answer.headers["x-headgate-request-id"]
                thumb = {"request_id": id_, "thumb": "up" if text == "One." else "down"}
                assert (await serving.post("/v1/feedback", thumb, bearer())).status < 300
    page = await admin.page(ONE)
    assert page.active == []
    rows = {row["labels"]: row for row in _rows((await admin.get(f"{ONE}&csv=versions")).body)}
    assert {label: (row["calls"], row["ratings"]) for label, row in rows.items()} == {
        "staging": ("2", "1"),
        "": ("2", "1"),
    }
    assert (float(rows["staging"]["satisfied"]), float(rows[""]["satisfied"])) == (0, 1)
    assert all(float(row["cost_usd"]) > 0 and float(row["p95_ms"]) > 0 for row in rows.values())
    for chart in ("calls", "failed", "p95", "cost", "satisfied"):
        found = _rows((await admin.get(f"{ONE}&csv={chart}")).body)
        assert sum(any(value for name, value in row.items() if name != "from") for row in found) > 0, chart
    looker = await made(serving, "/admin/keys", name="looker", roles=["auditor"])
    seen = await (await Person.signed_in(serving, looker["key"])).page(ONE)
    assert "Move a label" not in seen.text


async def test_texts_of_prompts_stay_texts(serving: Serving, admin: Person):
    first = await published(serving, f"{HOSTILE}\u202e", note=HOSTILE)
    second = await published(serving, f"{HOSTILE} two", note=HOSTILE)
    await made(serving, "/admin/prompts/moves", name=TRIAGE, label="staging", to=first, reason=HOSTILE)
    cases = [{"case": HOSTILE, "subject": "s", "tries": [False], "reason": HOSTILE}]
    await made(
        serving, "/admin/prompts/tests", run="r", at="2026-11-26T10:00:00Z", suite=HOSTILE, cell=HOSTILE, cases=cases,
        prompt=TRIAGE, version=first,
    )  # fmt: skip
    for path in ("/dashboard/prompts", ONE, f"/dashboard/prompts/diff?name={TRIAGE}&before={first}&after={second}"):
        answer = await admin.get(path)
        assert Document(answer.body).active == [], path
        assert "\u202e" not in answer.body.decode(), path
    assert (await admin.get(f"/dashboard/prompts/one?name={'x' * 999}")).status == 404
    assert (await admin.get("/dashboard/prompts/one")).status == 404
    strict = {"support/triage.prompt": "---\ninput: {schema: {order: integer}}\n---\n{{order}}"}
    third = (await made(serving, "/admin/prompts", sources=strict))["data"][0]["version"]
    page = await admin.page(f"/dashboard/prompts/diff?name={TRIAGE}&before={first}&after={third}")
    assert "Callers would notice" in page.text
    assert (await admin.get(f"/dashboard/prompts/diff?name={TRIAGE}&before=nothing")).status == 422


async def done(person: Person, path: str, **fields: str) -> Document:
    """What the page says of an act that was done."""
    forged = await person.send(path, **fields)
    assert forged.status == 403
    answer = await person.act(path, **fields)
    assert answer.status == 200, answer.body[-600:]
    return Document(answer.body)


def bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {ADMIN}"}


def _rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))
