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


async def test_what_lasts_is_told_again_though_others_of_its_group_come_and_go():
    async with Watched(ALERTS) as watched:
        for half_hour in range(12):
            await failing(watched, "chat", *(["embed"] if half_hour % 2 else []))
            await watched.turn()
            await watched.lately(5, FINE, cube="model", first="embed")
            for _ in range(3):
                watched.clock.advance(60)
                await failing(watched, "chat")
                await watched.lately(1, FINE, cube="model", first="embed")
                await watched.alerting.evaluator.turn()
            watched.clock.advance(1_620)
        told = [text for _, text in await watched.notices() if "FIRING  model:chat" in text]
        assert [text.splitlines()[0] for text in told] == ["Headgate, it: alert", "Headgate, it: still firing"]


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


async def test_who_was_told_of_an_alert_is_told_of_its_end_though_its_rule_is_gone():
    channels = f"channels: {{ops: {HOOK}, quiet: {HOOK}}}"
    rules = "rules: {it: {error_rate: {}, by: model, notify: [ops]}}"
    async with Watched(f"{{builtin: false, {channels}, {rules}}}") as watched:
        await failing(watched, "chat")
        await watched.turn()
        watched.alerting.evaluator.config = Watched(f"{{builtin: false, {channels}}}").config.alerts
        await watched.turn(2)
        assert [(channel, text.splitlines()[0]) for channel, text in await watched.notices()] == [
            ("ops", "Headgate, it: alert"), ("ops", "Headgate, it: over"),
        ]  # fmt: skip


async def test_long_names_that_begin_alike_fire_once_each():
    names = ("x" * 400 + "1", "x" * 400 + "2")
    async with Watched(ALERTS) as watched:
        for _ in range(4):
            await failing(watched, *names)
            await watched.turn(1)
        assert len(await watched.firing()) == 2
        assert await watched.audited() == ["alerts.fire", "alerts.fire"]
        assert len(await watched.notices()) == 1


async def test_alerts_that_are_over_are_forgotten_after_some_days():
    """What clients make up, as tags and models, would else be there for ever."""
    rules = "{it: {error_rate: {}, by: model}, news: {unusual: {checks: [new_network]}, by: key}}"
    async with Watched(f"{{builtin: false, rules: {rules}}}") as watched:
        await new_network(watched)
        await failing(watched, "chat")
        await watched.turn()
        assert len(await watched.firing()) == 2
        for _ in range(40):
            await watched.turn(60)
        assert set((await watched.states()).values()) == {"ok", "no_data"}
        for _ in range(8):
            await watched.turn(24 * 60)
        assert await watched.states() == {}


async def test_one_organisation_that_cannot_be_looked_after_keeps_no_other_from_it(monkeypatch):
    from headgate.alerts import evaluator

    async def silences(reader, organisation, now_us):
        if organisation == "broken":
            raise RuntimeError("a defect")
        return []

    monkeypatch.setattr(evaluator.book, "every_silence", silences)
    monkeypatch.setattr(evaluator, "_ORGANISATIONS", "SELECT 'broken' UNION ALL SELECT 'default'")
    async with Watched(ALERTS) as watched:
        await failing(watched, "chat")
        assert await watched.alerting.evaluator.turn()
        assert await watched.firing() == [("it", "model:chat")]
        assert watched.alerting.evaluator.failed == 1


async def test_what_is_looked_at_seldom_is_looked_at_though_its_minute_was_missed():
    async with Watched("{builtin: false, rules: {it: {unusual: {checks: [new_network]}, by: key}}}") as watched:
        await watched.turn()
        await new_network(watched)
        await watched.turn(4)
        assert await watched.firing() == []
        await watched.turn(2)
        assert len(await watched.firing()) == 1


async def test_a_clock_that_is_set_back_stops_nothing():
    rules = "{it: {error_rate: {}, by: model}, dear: {cost_spike: {}}}"
    async with Watched(f"{{builtin: false, channels: {{ops: {HOOK}}}, rules: {rules}}}") as watched:
        watched.clock.step(40 * 86_400)
        await failing(watched, "chat")
        await watched.turn()
        assert len(await watched.notices()) == 1
        watched.clock.step(-40 * 86_400)
        other = watched.another("two")
        await failing(watched, "embed")
        assert await other.evaluator.turn(), "the lease that was taken ahead of time is nobody's"
        assert ("it", "model:embed") in await watched.firing()
        assert "model:embed" in (await watched.notices())[0][1]
        assert len(await watched.alerting.courier._claimed()) == 2
        watched.clock.advance(61)
        assert await watched.alerting.evaluator.turn()
        assert watched.alerting.evaluator.failed == 0
        await other.close()


async def test_an_alert_that_ends_without_data_does_not_say_that_all_is_well():
    async with Watched(ALERTS) as watched:
        await failing(watched, "chat")
        await watched.turn()
        for _ in range(9):
            await watched.turn(60)
        (_, text) = (await watched.notices())[-1]
        assert "no data  model:chat: " in text
        assert "over  " not in text


async def test_a_silence_holds_at_once_for_what_is_looked_at_seldom():
    rules = "{it: {unusual: {checks: [new_network]}, by: key, repeat_s: 300}}"
    async with Watched(f"{{builtin: false, channels: {{ops: {HOOK}}}, rules: {rules}}}") as watched:
        await new_network(watched)
        await watched.turn()
        assert len(await watched.notices()) == 1
        now_us = watched.clock.now_us()
        row = AlertSilence(id="silence_1", organisation="default", starts_us=now_us, ends_us=now_us + 600_000_000)
        async with watched.database.transaction() as transaction:
            await ALERT_SILENCES.insert(transaction, row)
        await watched.turn(1)
        assert await watched.database.fetch("SELECT silenced, status FROM alert_states") == [(1, "firing")]
        for _ in range(8):
            await watched.turn(1)
        assert len(await watched.notices()) == 1
        await watched.turn(1)
        assert len(await watched.notices()) == 2, "what still fires afterwards is told then"


async def new_network(watched: Watched) -> None:
    """A key that has been known for a month is used from a network that is new today."""
    async with watched.database.transaction() as transaction:
        for network, days in (("192.0.2.0/24", 30), ("198.51.100.0/24", 0)):
            at_us = watched.clock.now_us() - days * 86_400 * 1_000_000
            await transaction.execute(
                "INSERT INTO key_networks VALUES ('default', 'key_1', $1, NULL, $2, $2)", network, at_us
            )
