"""Alerts on every kind of database: rules of all kinds, states, silences, notices, the lease, networks of keys."""

from __future__ import annotations

import asyncio

from alerting import Watched
from headgate.administration import Administration, Ports
from headgate.administration.acting import Actor
from headgate.administration.requests import AlertListing, IncidentListing, Listing, NewAlertRule, NewSilence
from headgate.administration.values import moment
from headgate.clock import ManualClock
from headgate.storage.database import Database
from headgate.telemetry.networks import KIND, NetworkRecorder, NetworkSink
from headgate.types import Identity

HOOK = '{kind: webhook, url: "https://a.test/x", secret: "012345678901234567890123"}'
ALERTS = (
    f"{{channels: {{ops: {HOOK}}}, rules: {{few: {{absence: {{}}, by: key}}, dear: {{cost_spike: {{}}, by: team}}, "
    "slow: {latency: {measure: first_token}, of: 'model:chat'}, teams: {unusual: {}, by: team}}}"
)
MODELS = "{chat: {targets: [sim/gpt-4o-mini], objectives: {availability: 0.999, cost: {period_usd: 5}}}}"


class Quiet:
    async def refresh(self) -> None:
        return


async def test_all_of_it_on_every_database(database_url: str):
    async with Watched(ALERTS, MODELS, database_url) as watched:
        ports = Ports(
            database=watched.database, audit=watched.audit, directory=Quiet(), roles=lambda: None, clock=watched.clock  # type: ignore[arg-type, return-value]
        )  # fmt: skip
        administration = Administration(ports, lambda: watched.config, secret=None, counters=None)
        actor = Actor(identity=Identity(), organisation="default", name="key:one")
        rule = {"threshold": {"measure": "calls", "above": 1000}, "by": "model"}
        await administration.alerts.create_rule(actor, NewAlertRule(name="busy", rule=rule))
        bad = {"calls": 300, "failed": 90, "error.timeout": 90}
        await watched.lately(5, bad, cube="model", first="chat", durations={"duration": {1.0: 300}})
        await watched.weeks(bad, weeks=1, around=1, cube="model", first="chat")
        other = watched.another("two")
        assert await watched.alerting.evaluator.turn()
        assert not await other.evaluator.turn()
        assert {("busy", "model:chat"), ("errors", "model:chat")} <= set(await watched.firing())
        assert watched.alerting.evaluator.failed == 0
        assert len(await watched.notices()) >= 2
        claimed = await asyncio.gather(watched.alerting.courier._claimed(), other.courier._claimed())
        ids = [each.id for part in claimed for each in part]
        assert len(ids) == len(set(ids)) == len(await watched.notices())
        await administration.alerts.create_silence(
            actor, NewSilence(rule="e*", ends_at=moment(watched.clock.now_us() + 10**9))
        )
        await watched.lately(5, bad, cube="model", first="chat")
        await watched.turn(1)
        alerts = (await administration.alerts.list(actor, AlertListing(status="firing"))).data
        assert {alert.rule: alert.silenced for alert in alerts}["errors"]
        incidents = (await administration.alerts.incidents(actor, IncidentListing(rule="errors"))).data
        assert len(incidents) == 1
        assert "busy" in {each.name for each in (await administration.alerts.rules(actor, Listing())).data}
        assert [each.met for each in (await administration.alerts.objectives(actor)).data] == [False, True]
        await other.close()


async def test_networks_of_keys_are_kept_once(database: Database):
    clock = ManualClock()
    written: list[bytes] = []
    recorder = NetworkRecorder(lambda kind, payload: written.append(payload) if kind == KIND else None, clock)
    identity = Identity(key_id="key_1", organisation="default")
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.9", "::ffff:192.0.2.8", "2001:db8:1:2::3", "", "nowhere"):
        recorder.seen(identity, address)
    clock.advance(86_400)
    recorder.forget()
    recorder.seen(identity, "192.0.2.7")
    assert len(written) == 3, "two networks, and one of them on another day"
    async with database.transaction() as transaction:
        await NetworkSink().store(transaction, [*written, *written])
    rows = await database.fetch("SELECT network, last_us - first_us FROM key_networks ORDER BY 1")
    assert [tuple(row) for row in rows] == [("192.0.2.0/24", 86_400_000_000), ("2001:db8:1::/48", 0)]
