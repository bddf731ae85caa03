"""What is told of alerts: together, again, not while it is silenced, once whoever looks, and in the audit log."""

from __future__ import annotations

import asyncio

from alerting import HOUR_S, Watched
from headgate.alerts import notices
from headgate.alerts.book import leads
from headgate.storage.records import AlertSilence
from headgate.storage.tables import ALERT_SILENCES

HOOK = '{kind: webhook, url: "https://a.test/x", secret: "012345678901234567890123"}'
BAD, FINE = {"calls": 20, "failed": 10, "error.timeout": 10}, {"calls": 20}
RULES = "rules: {it: {error_rate: {}, by: model, severity: page, clear_s: 120}}"
ALERTS = f"{{builtin: false, channels: {{ops: {HOOK}}}, {RULES}}}"


async def failing(watched: Watched, *models: str) -> None:
    for model in models:
        await watched.lately(5, BAD, cube="model", first=model)


async def well(watched: Watched, minutes: int, *models: str) -> None:
    """Minutes in which all is well, each looked at."""
    for _ in range(minutes):
        watched.clock.advance(60)
        for model in models:
            await watched.minute(1, FINE, cube="model", first=model)
        await watched.alerting.evaluator.turn()


async def test_what_fires_together_is_told_together_and_so_is_its_end():
    async with Watched(ALERTS) as watched:
        await failing(watched, "chat", "embed")
        await watched.turn()
        [(channel, text)] = await watched.notices()
        assert channel == "ops"
        assert text.splitlines()[0] == "Headgate, it: alert"
        assert len(text.splitlines()) == 3
        await well(watched, 12, "chat", "embed")
        [_, (_, over)] = await watched.notices()
        assert over.startswith("Headgate, it: over\nover  model:chat")
        assert await watched.audited() == ["alerts.fire"] * 2 + ["alerts.resolve"] * 2
        rows = await watched.database.fetch("SELECT ended_us > started_us FROM alert_incidents")
        assert rows == [(1,), (1,)]


async def test_another_alert_of_a_group_waits_a_minute():
    async with Watched(ALERTS) as watched:
        await failing(watched, "chat")
        await watched.turn()
        await failing(watched, "embed")
        await watched.turn(1)
        assert len(await watched.notices()) == 2
        assert "model:chat" not in (await watched.notices())[1][1]


async def test_what_lasts_is_told_again_after_some_time():
    async with Watched(ALERTS) as watched:
        for _ in range(10):
            await failing(watched, "chat")
            await watched.turn()
            watched.clock.advance(HOUR_S)
        assert [text.splitlines()[0] for _, text in await watched.notices()] == [
            "Headgate, it: alert", "Headgate, it: still firing", "Headgate, it: still firing",
        ]  # fmt: skip


async def test_what_is_silenced_is_told_once_that_is_over():
    async with Watched(ALERTS) as watched:
        now_us = watched.clock.now_us()
        row = AlertSilence(
            id="silence_1", organisation="default", rule="it", starts_us=now_us, ends_us=now_us + 10 * 60_000_000
        )
        async with watched.database.transaction() as transaction:
            await ALERT_SILENCES.insert(transaction, row)
        await failing(watched, "chat")
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat")]
        assert await watched.notices() == []
        watched.clock.advance(600)
        await failing(watched, "chat")
        await watched.turn()
        assert len(await watched.notices()) == 1


async def test_a_channel_is_told_of_its_severities_alone():
    channels = f"channels: {{ops: {HOOK}, mail: {HOOK.replace('secret', 'severities: [ticket], secret')}}}"
    async with Watched(f"{{builtin: false, {channels}, {RULES}}}") as watched:
        await failing(watched, "chat")
        await watched.turn()
        assert [channel for channel, _ in await watched.notices()] == ["ops"]


async def test_one_process_looks_and_another_takes_over():
    async with Watched(ALERTS) as watched:
        other = watched.another("two")
        await failing(watched, "chat")
        assert await watched.alerting.evaluator.turn()
        assert not await other.evaluator.turn()
        watched.clock.advance(61)
        await failing(watched, "chat")
        assert await other.evaluator.turn()
        assert not await watched.alerting.evaluator.turn()
        assert len(await watched.notices()) == 1


async def test_two_that_both_think_it_theirs_tell_once():
    async with Watched(ALERTS) as watched:
        other = watched.another("two")
        await failing(watched, "chat")
        now_us = watched.clock.now_us()
        rules = await other.evaluator.rules()
        look = [
            each.evaluator._look("default", rules, now_us // 60_000_000, now_us) for each in (watched.alerting, other)
        ]
        await asyncio.gather(*look)
        assert len(await watched.notices()) == 1
        assert await watched.audited() == ["alerts.fire"]


async def test_a_lease_is_one_processs():
    async with Watched() as watched:
        assert await leads(watched.database, "a", 100, 200)
        assert not await leads(watched.database, "b", 150, 250)
        assert await leads(watched.database, "a", 150, 260)
        assert await leads(watched.database, "b", 261, 300)


async def test_a_rule_that_is_gone_ends_its_alerts():
    async with Watched(ALERTS) as watched:
        await failing(watched, "chat")
        await watched.turn()
        watched.alerting.evaluator.config = Watched("{builtin: false}").config.alerts
        await watched.turn(2)
        assert await watched.firing() == []
        assert await watched.audited() == ["alerts.fire", "alerts.resolve"]


async def test_a_rule_that_cannot_be_looked_at_keeps_no_other_from_it(monkeypatch):
    from headgate.alerts import evaluator

    async def broken(rule, look):
        raise RuntimeError("a defect")

    monkeypatch.setattr(evaluator, "KINDS", {**evaluator.KINDS, "absence": broken})
    rules = "rules: {a: {absence: {}}, it: {error_rate: {}, by: model}}"
    async with Watched(f"{{builtin: false, {rules}}}") as watched:
        await failing(watched, "chat")
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat")]
        assert watched.alerting.evaluator.failed == 1


async def test_hostile_names_are_text(monkeypatch):
    name = "<b>\x1b[31m\u202eevil\n\0"
    async with Watched(ALERTS) as watched:
        await failing(watched, name.replace("\0", ""))
        await watched.turn()
        [(_, text)] = await watched.notices()
        assert all(each.isprintable() for each in text.splitlines())
        assert len(text.splitlines()) == 2


async def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(notices, "MOST_WAITING", 2)
    async with Watched(ALERTS) as watched:
        for _ in range(4):
            await failing(watched, "chat")
            await watched.turn()
            watched.clock.advance(5 * HOUR_S)
        rows = await watched.database.fetch("SELECT status FROM alert_notices ORDER BY created_us")
        assert [status for (status,) in rows] == ["failed", "failed", "waiting", "waiting"]
