"""The dashboard's pages of prompts: versions, labels and their approval, what each comes to, and that texts stay texts."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from test_dashboard import ADMIN, made

from browsing import Document, Person
from headgate.money import from_decimal
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

    models = await admin.page("/dashboard/models")
    assert f"triage prompt {TRIAGE}@staging sim/gpt-4o-mini" in models.text
    assert ONE in [unquote(link) for link in models.links]

    page = await admin.page("/dashboard/prompts")
    assert "support-tools 2020-01-31 overdue" in page.text
    assert "Overdue 1" in page.text
    rows = _rows((await admin.get("/dashboard/prompts?csv=prompts")).body)
    assert (rows[0]["labels"], rows[0]["due"], rows[0]["latest"]) == (f"production={first}", "review", second)
    diff = await admin.page(f"/dashboard/prompts/diff?name={TRIAGE}")
    assert f"{first[:12]} to {second[:12]}" in diff.text
    assert "Removed: One" in diff.text
    assert "Added: Two" in diff.text
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
    assert "What versions come to" in page.text
    seen = await (await Person.signed_in(serving, looker["key"])).page(ONE)
    assert "Move a label" not in seen.text


async def test_figures_are_those_of_the_ledger_and_of_a_team_those_of_its_own_calls(serving: Serving, admin: Person):
    version = await published(serving, "One.")
    await made(serving, "/admin/prompts/moves", name=TRIAGE, label="staging", to=version)
    people: dict[str, Person] = {}
    calls = {"Red": 3, "Blue": 1}
    cost: dict[str, int] = {}
    for name, number in calls.items():
        team = await made(serving, "/admin/teams", name=name)
        key = await made(serving, "/admin/keys", name=name, team=team["id"], roles=["operator"])
        people[name] = await Person.signed_in(serving, key["key"])
        for _ in range(number):
            body: dict[str, Any] = {"model": "triage", "messages": [], "max_tokens": 9}
            headers = {"authorization": f"Bearer {key['key']}"}
            answer = await serving.post("/v1/chat/completions", body, headers)
            assert answer.status == 200, answer.body
            cost[name] = cost.get(name, 0) + sum(row.cost_picodollars or 0 for row in await serving.rows(answer))
        thumb = {"request_id": answer.headers["x-headgate-request-id"], "thumb": "up" if name == "Red" else "down"}
        assert (await serving.post("/v1/feedback", thumb, headers)).status < 300
        asked = "/admin/traffic?by=prompt&from=2020-01-01T00:00:00Z&step=day"
        told = (await serving.request("GET", asked, headers=headers)).json
        assert told.get("series") is None or [each["total"]["calls"] for each in told["series"]] == [number]
    for name, person in {**people, "": admin}.items():
        [row] = _rows((await person.get(f"{ONE}&csv=versions")).body)
        own = sum(calls.values()) if name == "" else calls[name]
        assert (row["version"], row["labels"], int(row["calls"])) == (version[:12], "staging", own)
        assert from_decimal(Decimal(row["cost_usd"])) == (sum(cost.values()) if name == "" else cost[name])
        assert (row["ratings"], row["satisfied"]) == {"Red": ("1", "1.0"), "Blue": ("1", "0.0"), "": ("2", "0.5")}[name]
        charted = _rows((await person.get(f"{ONE}&csv=calls")).body)
        assert sum(int(value) for point in charted for head, value in point.items() if head != "from") == own
        page = await person.page(ONE)
        assert ("Move a label" in page.text, "Calls of your team alone" in page.text) == (name == "", name != "")
        assert (await person.page(f"/dashboard/prompts/diff?name={TRIAGE}")).active == []
    refused = await people["Red"].act("/dashboard/prompts/moves", name=TRIAGE, label="staging", to=version)
    assert refused.status == 403


async def test_a_step_that_is_too_short_is_told_and_not_shown_as_no_calls(serving: Serving, admin: Person):
    await published(serving, "One.")
    answer = await admin.get(f"{ONE}&range=1y&step=minute")
    assert (answer.status, "steps" in Document(answer.body).text) == (422, True)


async def test_going_back_leads_to_what_the_page_says(serving: Serving, admin: Person):
    versions = [await published(serving, text) for text in ("One.", "Two.", "Three.")]
    for version in versions:
        await made(serving, "/admin/prompts/moves", name=TRIAGE, label="staging", to=version)
    page = await admin.page(ONE)
    assert f"staging {versions[2][:12]} at once {versions[1][:12]} Compare" in page.text
    assert f"headgate prompts rollback {TRIAGE} staging" in page.text
    said = await done(admin, "/dashboard/prompts/rollback", name=TRIAGE, label="staging", to=versions[1])
    assert f"staging {versions[1][:12]} at once {versions[0][:12]} Compare" in said.text
    back = await made(serving, "/admin/prompts/rollback", name=TRIAGE, label="staging")
    assert back["to_version"] == versions[0], "what the page says is what happens where nobody says where to"
    said = await done(admin, "/dashboard/prompts/moves", name=TRIAGE, label="staging", to=versions[2])
    said = await done(admin, "/dashboard/prompts/rollback", name=TRIAGE, label="staging", to=versions[0])
    assert f"stands for {versions[0][:12]} now" in said.text
    assert f"staging {versions[0][:12]} at once nothing before" in said.text


async def test_who_asked_is_told_that_another_person_decides(serving: Serving, admin: Person):
    version = await published(serving, "One.")
    people: list[Person] = []
    for name in ("anna", "bert"):
        user = await made(serving, "/admin/users", name=name, email=f"{name}@example.com")
        key = await made(serving, "/admin/keys", name=f"{name}’s", user=user["id"], roles=["operator"])
        people.append(await Person.signed_in(serving, key["key"]))
    anna, bert = people
    await done(anna, "/dashboard/prompts/moves", name=TRIAGE, label="production", to=version)
    for person, told in ((anna, "You asked for it"), (bert, "Approve"), (admin, "Approving takes a person")):
        for path in (ONE, f"/dashboard/prompts/diff?name={TRIAGE}&before={version}&after={version}"):
            page = await person.page(path)
            assert told in page.text, path
            assert "anna, key “anna’s”" in page.text
    auditor = await made(serving, "/admin/keys", name="looker", roles=["auditor"])
    page = await (await Person.signed_in(serving, auditor["key"])).page(ONE)
    assert "Takes the scope prompts.approve" in page.text
    waiting = _rows((await admin.get(f"{ONE}&csv=history")).body)[0]["id"]
    assert f"headgate prompts approve {waiting}" in page.text
    said = await done(anna, f"/dashboard/prompts/moves/{waiting}/refuse", name=TRIAGE, reason="not yet")
    assert "stays where it is" in said.text


async def test_tests_of_two_versions_stand_beside_each_other(serving: Serving, admin: Person):
    first, second = await published(serving, "One."), await published(serving, "Two.")
    for version, good in ((first, 1.0), (second, 0.5)):
        await kept(serving, version, "same", good)
    await kept(serving, first, "alone", 1.0)
    await kept(serving, first, "other", 1.0)
    await kept(serving, second, "other", 1.0, subject="changed")
    page = await admin.page(f"/dashboard/prompts/diff?name={TRIAGE}&before={first}&after={second}")
    assert "same chat 100 %" in page.text
    assert "worse -50.0 points" in page.text
    assert page.text.index("not tested – – –") < page.text.index("nothing to compare – 0")
    page = await admin.page(ONE)
    assert "Run by run: 5" in page.text
    listed = await admin.page("/dashboard/prompts?show=worse")
    assert "None of the 1 prompts is like that" in listed.text, "a first run of a version is its own baseline"
    await kept(serving, second, "same", 0.1, run="again")
    await made(serving, "/admin/prompts/moves", name=TRIAGE, label="staging", to=second)
    listed = await admin.page("/dashboard/prompts?show=worse&find=TRIAGE")
    assert "worse 10.0 % pass" in listed.text
    assert "None of the 1" in (await admin.page("/dashboard/prompts?find=nothing")).text


async def kept(serving: Serving, version: str, suite: str, good: float, *, run: str = "r", subject: str = "s") -> None:
    """Keep what came of forty cases, of which a share passed."""
    cases = [
        {"case": f"{number}", "subject": f"{subject}{number}", "tries": [number < 40 * good] * 3, "of": 3}
        for number in range(40)
    ]
    await made(
        serving, "/admin/prompts/tests", run=run, at="2026-11-26T10:00:00Z", suite=suite, cell="chat", cases=cases,
        prompt=TRIAGE, version=version,
    )  # fmt: skip


async def test_another_organisation_has_its_own_pages(serving: Serving, admin: Person):
    version = await published(serving, "One.")
    await kept(serving, version, "same", 1.0)
    other = await made(serving, "/admin/organisations", name="Other")
    headers = {"authorization": f"Bearer {ADMIN}"}
    inside = f"organisation={other['id']}"
    answer = await serving.post(f"/admin/keys?{inside}", {"name": "theirs", "roles": ["operator", "auditor"]}, headers)
    assert answer.status == 201, answer.body
    theirs = await Person.signed_in(serving, answer.json["key"])
    assert "Nothing is published" in (await theirs.page("/dashboard/prompts")).text
    for path in (ONE, f"/dashboard/prompts/diff?name={TRIAGE}"):
        assert (await theirs.get(path)).status == 404
        assert (await admin.get(f"{path}&{inside}")).status == 404
    assert "None is kept" in (await theirs.page("/dashboard/models/golden")).text
    assert (await theirs.get("/dashboard/prompts?organisation=default")).status == 403
    sources = library("Theirs.")
    answer = await serving.post(f"/admin/prompts?{inside}", {"sources": sources}, headers)
    assert answer.status == 201, answer.body
    page = await admin.page(f"{ONE}&{inside}")
    assert "Theirs." in page.text
    platform = await made(serving, "/admin/keys", name="of the platform", roles=["admin"])
    acting = {"authorization": f"Bearer {platform['key']}"}
    answer = await serving.post(f"/admin/prompts?{inside}", {"sources": library("More.")}, acting)
    assert answer.status == 201, answer.body
    assert "key “of the platform”" in (await admin.page(f"{ONE}&{inside}")).text
    assert "of the platform" not in (await theirs.page(ONE)).text, "whose name is not theirs to know"
    assert f"headgate eval publish prompts --organisation {other['id']}" in page.text


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
    strict = {
        "support/triage.prompt": '---\nconfig: {stop: ["it\'s <b>"]}\ninput: {schema: {order: integer}}\n---\n{{order}}'
    }
    third = (await made(serving, "/admin/prompts", sources=strict))["data"][0]["version"]
    page = await admin.page(f"/dashboard/prompts/diff?name={TRIAGE}&before={first}&after={third}")
    assert "Callers would notice" in page.text
    assert '["it\'s <b>"]' in page.text
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
