"""The dashboard's alerts over HTTP: who sees and silences what, what was told, and that names stay text."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from test_dashboard import ADMIN, call, made

from browsing import Document, Person
from serving import Serving
from upstream import unused_port
from watching_alerts import look_at_rules

CONFIG = """
storage: {{database: "sqlite:///:memory:"}}
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini], objectives: {{availability: 0.9995, cost: {{period_usd: 100}}}}}}
alerts:
  builtin: false
  channels:
    nobody: {{kind: webhook, url: "http://127.0.0.1:{port}/", secret: "012345678901234567890123", internal: true}}
  rules:
    busy: {{threshold: {{measure: calls, above: 1, window_s: 120}}, by: model, severity: page}}
    by-tag: {{threshold: {{measure: calls, above: 1, window_s: 120}}, by: tag}}
    by-key: {{threshold: {{measure: calls, above: 1, window_s: 120}}, by: key}}
    slow: {{threshold: {{measure: duration.p95, below: 100000, window_s: 120}}}}
    dear: {{cost_spike: {{}}}}
"""
MARKUP = "<img/src=x/onerror=alert(1)>"


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    text = CONFIG.format(port=unused_port())
    async with Serving(text, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        yield serving


@pytest.fixture
async def admin(serving: Serving) -> Person:
    return await Person.signed_in(serving, ADMIN)


async def fires(serving: Serving) -> str:
    """Have rules fire; the id of the key that called."""
    key = await made(serving, "/admin/keys", name="<b>caller</b>")
    for _ in range(3):
        await call(serving, key["key"], **{"x-headgate-tags": f"app={MARKUP}"})
    await look_at_rules(serving.gateway)
    return key["id"]


async def test_what_fires_is_seen_with_its_value_and_limit_and_counted_everywhere(serving: Serving, admin: Person):
    before = await admin.get("/dashboard/alerts")
    assert 'id="firing"></span>' in before.body.decode()
    assert "All is well" in Document(before.body).text
    await fires(serving)
    page = await admin.page("/dashboard/alerts")
    assert "busy fires model:chat" in page.text
    assert "3 1 – page" in page.text
    assert "Firing 4 0 silenced" in page.text
    assert "Without data: 1" in page.text
    for path in ("/", "/dashboard/config", "/dashboard/playground"):
        assert 'class="count">4<' in (await admin.get(path)).body.decode(), path
    assert "4 alerts fire" in (await admin.page("/")).text
    rows = _rows((await admin.get("/dashboard/alerts?csv=alerts")).body)
    assert {row["rule"] for row in rows if row["status"] == "firing"} == {"busy", "by-tag", "by-key", "slow"}
    fired = _rows((await admin.get("/dashboard/alerts?csv=incidents")).body)
    assert len(fired) == 4
    told = _rows((await admin.get("/dashboard/alerts?csv=notices")).body)
    assert {row["channel"] for row in told} == {"nobody"}


async def test_a_rule_says_what_it_is_and_what_its_value_was(serving: Serving, admin: Person):
    key = await fires(serving)
    page = await admin.page("/dashboard/alerts/rules/busy")
    assert "threshold:" in page.text
    assert "In headgate.yaml" in page.text
    rows = _rows((await admin.get("/dashboard/alerts/rules/busy?series=model:chat&csv=value")).body)
    assert max(int(row["value"]) for row in rows) == 3
    assert {row["not above"] for row in rows} == {"1"}
    assert len(rows) == 361
    by_key = _rows((await admin.get(f"/dashboard/alerts/rules/by-key?series=key:{key}&csv=value&range=1h")).body)
    assert (max(int(row["value"]) for row in by_key), len(by_key)) == (3, 61)
    slow = _rows((await admin.get("/dashboard/alerts/rules/slow?csv=value&range=1h")).body)
    assert any(float(row["value (ms)"] or 0) > 0 for row in slow)
    assert {row["not below (ms)"] for row in slow} == {"100000.000"}
    for path in ("rules/dear", "rules/objectives:page", "rules/by-tag?series=tag:nothing"):
        assert (await admin.get(f"/dashboard/alerts/{path}")).status == 200, path
    assert (await admin.get("/dashboard/alerts/rules/nothing")).status == 404


async def test_names_in_alerts_are_text(serving: Serving, admin: Person):
    rule = {"threshold": {"measure": "calls", "above": 1, "window_s": 120}}
    made_rule = await made(serving, "/admin/alerts/rules", name="<script>alert(1)</script>", rule=rule)
    key = await fires(serving)
    for path in (
        "/dashboard/alerts",
        f"/dashboard/alerts/rules/{made_rule['id']}",
        f"/dashboard/alerts/rules/by-tag?series={quote(f'tag:app={MARKUP}')}",
        f"/dashboard/alerts/rules/by-key?series=key:{key}",
        "/",
    ):
        page = await admin.page(path)
        assert page.active == [], path
    text = (await admin.page("/dashboard/alerts")).text
    assert f"app={MARKUP}" in text
    assert "<script>alert(1)</script>" in text
    assert "key “<b>caller</b>”: calls is 3 in the last 2 minutes" in text


async def test_an_alert_is_silenced_at_once_and_told_again_when_the_silence_ends(serving: Serving, admin: Person):
    await fires(serving)
    done = await admin.act("/dashboard/alerts/silences", rule="b*", series="", lasts="8h", reason="<i>moving</i>")
    page = Document(done.body)
    assert (done.status, page.active) == (200, [])
    assert "“b*” will not be told until" in page.text
    assert page.text.count("fires silenced") == 3
    assert "<i>moving</i>" in page.text
    assert 'class="count">1<' in done.body.decode()
    headers = {"authorization": f"Bearer {ADMIN}"}
    [silence] = (await serving.request("GET", "/admin/alerts/silences", headers=headers)).json["data"]
    assert datetime.fromisoformat(silence["ends_at"]) - datetime.now(UTC) > timedelta(hours=7.9)
    assert (await admin.act(f"/dashboard/alerts/silences/{silence['id']}/end", version="7")).status == 409
    over = await admin.act(f"/dashboard/alerts/silences/{silence['id']}/end", version="1")
    assert 'class="count">4<' in over.body.decode()
    assert "Nothing is silenced." in Document(over.body).text
    log = await serving.request("GET", "/admin/audit", headers=headers)
    assert {"alert_silences.create", "alert_silences.archive"} <= {each["action"] for each in log.json["data"]}


async def test_a_maintenance_window_comes_again_and_what_is_wrong_is_said(serving: Serving, admin: Person):
    fields = {"lasts": "2h", "starts": "2026-11-28T02:00", "repeats": "week", "timezone": "Europe/Berlin"}
    page = Document((await admin.act("/dashboard/alerts/silences", **fields)).body)
    assert "All rules will not be told every week from 02:00 to 04:00 UTC" in page.text
    assert "week, Europe/Berlin" in page.text
    for wrong in (
        {"timezone": "Mars/Base"},
        {"starts": "soon"},
        {"until": "2026-11-28T02:00"},
        {"starts": "2020-01-01T00:00"},
    ):
        answer = await admin.act("/dashboard/alerts/silences", lasts="2h", reason="kept", **wrong)
        assert answer.status == 422, wrong
        assert 'role="alert"' in answer.body.decode()
        assert 'value="kept"' in answer.body.decode()


async def test_a_test_notice_says_whether_it_arrived(serving: Serving, admin: Person):
    page = Document((await admin.act("/dashboard/alerts/test", channel="nobody")).body)
    assert "has not reached nobody yet" in page.text
    assert "tried again" in page.text
    assert (await admin.act("/dashboard/alerts/test", channel="elsewhere")).status == 404
    assert (await admin.send("/dashboard/alerts/test", csrf="wrong", channel="nobody")).status == 403


async def test_objectives_say_what_is_left_and_how_fast_it_burns(serving: Serving, admin: Person):
    await fires(serving)
    page = await admin.page("/dashboard/alerts")
    assert "30 days met 99.95 % 100 % 43.85 % to 100 % 3 0 100 %" in page.text
    assert "0 × 0 × 0 × 0 ×" in page.text
    rows = _rows((await admin.get("/dashboard/alerts?csv=objectives")).body)
    assert [(row["objective"], row["calls"], row["burn_rate_1h"]) for row in rows] == [
        ("availability", "3", "0.0"), ("cost", "3", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "sees", "acts"), [("operator", 200, 200), ("auditor", 200, 403), ("caller", 403, 403)]
)
async def test_roles_decide_who_sees_and_silences(serving: Serving, role: str, sees: int, acts: int):
    key = await made(serving, "/admin/keys", name="anna", roles=[role])
    anna = await Person.signed_in(serving, key["key"])
    answer = await anna.get("/dashboard/alerts")
    assert answer.status == sees
    assert (b"A new silence" in answer.body) is (acts == 200)
    assert (b"Send a test" in answer.body) is (acts == 200)
    assert (await anna.act("/dashboard/alerts/silences", lasts="2h")).status == acts
    assert (await anna.act("/dashboard/alerts/silences/silence_1/end")).status == (404 if acts == 200 else 403)
    assert (await anna.get("/dashboard/alerts/rules/busy")).status == sees
    if sees == 403:
        assert (await anna.get("/dashboard/alerts/live")).status == 403


async def test_who_belongs_to_a_team_has_no_alerts_and_no_count(serving: Serving):
    await fires(serving)
    team = await made(serving, "/admin/teams", name="Ours")
    key = await made(serving, "/admin/keys", name="of-ours", team=team["id"], roles=["operator"])
    person = await Person.signed_in(serving, key["key"])
    page = await person.get("/")
    assert b"/dashboard/alerts" not in page.body
    assert (await person.get("/dashboard/alerts")).status == 403


def _rows(body: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(body.decode())))
