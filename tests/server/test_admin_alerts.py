"""Alert rules, silences, test notices and objectives through the admin API."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from administered import Administered
from headgate.alerts.delivery.courier import Courier
from headgate.alerts.delivery.webhook import NotDelivered, Webhook
from headgate.alerts.notices import enqueue, notice
from headgate.config import loads
from headgate.server.admin import Admin

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini], objectives: {availability: 0.99}}}
alerts:
  channels: {ops: {kind: webhook, url: "https://a.test/hook?token=hidden", secret: "012345678901234567890123"}}
  rules: {mine: {error_rate: {above: 0.2}}}
"""
RULE = {"threshold": {"measure": "calls", "above": 100.5}, "by": "key"}


@pytest.fixture
async def at():
    async with Administered(config=CONFIG) as at:
        yield at


async def test_a_rules_life(at: Administered):
    made = await at.made("/admin/alerts/rules", {"name": "busy", "rule": RULE})
    assert made["source"] == "database"
    assert made["channels"] == ["ops"]
    changed = await at.ask("PATCH", f"/admin/alerts/rules/{made['id']}", {"enabled": False, "version": 1})
    assert (changed.json["enabled"], changed.json["rule"]) == (False, RULE)
    assert (await at.ask("PATCH", f"/admin/alerts/rules/{made['id']}", {"enabled": True, "version": 1})).status == 409
    assert (await at.ask("DELETE", f"/admin/alerts/rules/{made['id']}")).json["archived_at"]
    actions = [record["action"] for record in await at.records()]
    assert actions == ["alert_rules.create", "alert_rules.change", "alert_rules.archive"]


async def test_rules_of_the_file_are_listed_and_changed_there(at: Administered):
    rows = (await at.ask("GET", "/admin/alerts/rules")).json["data"]
    assert {row["name"]: row["source"] for row in rows}["mine"] == "file"
    assert "errors" in {row["name"] for row in rows if row["source"] == "builtin"}
    assert next(row for row in rows if row["name"] == "mine")["rule"]["error_rate"]["above"] == 0.2
    assert (await at.ask("DELETE", "/admin/alerts/rules/mine")).status == 409
    assert (await at.ask("POST", "/admin/alerts/rules", {"name": "mine", "rule": RULE})).status == 409


@pytest.mark.parametrize(
    ("rule", "param"),
    [({"threshold": {"measure": "calls", "above": "many"}}, "rule.threshold.above"), ({}, "rule"),
     ({"threshold": {"measure": "wishes", "above": 1}}, "rule.threshold.measure"), ({**RULE, "notify": ["x"]}, "rule.notify[0]"),
     ({**RULE, "of": "tag:app=x"}, "rule.of"), ({**RULE, "organisation": "other"}, "rule.organisation"), ({"unusual": {}}, "rule.by"), ({"nothing": 1}, "rule")],
)  # fmt: skip
async def test_rules_that_cannot_be(at: Administered, rule: Any, param: str):
    told = await at.ask("POST", "/admin/alerts/rules", {"name": "x", "rule": rule})
    assert told.status == 422
    assert param in told.params


async def test_a_silences_life(at: Administered):
    body = {"rule": "errors", "ends_at": "2030-01-01T00:00:00Z", "reason": "moving house"}
    made = await at.made("/admin/alerts/silences", {**body, "ends_at": _in(at, 3600)})
    assert made["active"]
    assert (await at.ask("POST", "/admin/alerts/silences", body)).params == ["ends_at"]
    over = await at.ask("DELETE", f"/admin/alerts/silences/{made['id']}")
    assert not over.json["active"]
    assert [record["action"] for record in await at.records()] == ["alert_silences.create", "alert_silences.archive"]


def _in(at: Administered, seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at.clock.now_us() / 1e6 + seconds, UTC).isoformat()


async def test_addresses_of_channels_are_not_shown(at: Administered):
    told = await at.ask("GET", "/admin/alerts/channels")
    assert told.json["data"] == [{"name": "ops", "kind": "webhook", "severities": ["page", "ticket"]}]
    config = await at.ask("GET", "/admin/config")
    assert b"hidden" not in config.body
    assert b"01234567890" not in config.body


async def test_objectives_without_calls(at: Administered):
    [row] = (await at.ask("GET", "/admin/objectives")).json["data"]
    assert (row["model"], row["objective"], row["met"]) == ("chat", "availability", None)


async def test_a_test_notice_to_nowhere(at: Administered):
    assert (await at.ask("POST", "/admin/alerts/test", {"channel": "none"})).status == 404


async def test_a_test_notice_is_tried_at_once_whatever_else_waits(at: Administered, monkeypatch: pytest.MonkeyPatch):
    async def refused(self: Webhook, id_: str, body: str, now_s: int) -> None:
        raise NotDelivered("answered 500")

    monkeypatch.setattr(Webhook, "send", refused)
    courier = Courier(at.database, at.audit, at.clock)
    courier.use(loads(CONFIG, "headgate.yaml", {}).alerts)
    at.admin = Admin(at.make(replace(at.ports, deliver=courier.send)), at._refused)
    now_us = at.clock.now_us()
    async with at.database.transaction() as transaction:
        for number in range(20):
            id_ = f"ntc_{number}"
            body = notice(id_, "test", "default", "test", [], 0, now_us)
            await enqueue(transaction, id_, "default", "gone", body, now_us - 1_000)
    told = await at.ask("POST", "/admin/alerts/test", {"channel": "ops"})
    assert (told.json["status"], told.json["attempts"]) == ("waiting", 1)
    assert told.json["error"] == "answered 500"
    await courier.close()


async def test_silences_of_times_that_cannot_be(at: Administered):
    daily = {"repeats": "day", "timezone": "America/New_York"}
    first = {"starts_at": "0001-01-01T00:00:00Z", "ends_at": "0001-01-01T02:00:00Z", **daily}
    assert (await at.ask("POST", "/admin/alerts/silences", first)).params == ["starts_at"]
    over = {"starts_at": _in(at, -7200), "ends_at": _in(at, -3600)}
    assert (await at.ask("POST", "/admin/alerts/silences", over)).params == ["ends_at"]
    window = await at.made("/admin/alerts/silences", {**over, **daily})
    assert not window["active"]


async def test_who_belongs_to_a_team_sees_no_alerts(at: Administered):
    team = await at.made("/admin/teams", {"name": "Research"})
    key = await at.key(team=team["id"], roles=["developer"])
    assert (await at.ask("GET", "/admin/alerts", key=key["key"])).status == 403
    whole = await at.key(roles=["developer"])
    assert (await at.ask("GET", "/admin/alerts", key=whole["key"])).status == 200
    assert (await at.ask("POST", "/admin/alerts/rules", {"name": "x", "rule": RULE}, key=whole["key"])).status == 403
