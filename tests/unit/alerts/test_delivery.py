"""Bringing notices to their channels: signed, again where it fails, once claimed, and nowhere inside."""

from __future__ import annotations

import json
import re
import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from alerting import Watched
from headgate.alerts.config import ChannelConfig
from headgate.alerts.delivery import courier
from headgate.alerts.delivery.apprise import AppriseChannel
from headgate.alerts.delivery.courier import ATTEMPTS, MOST_S, wait_s
from headgate.alerts.delivery.signing import signature
from headgate.alerts.delivery.webhook import NotDelivered, Webhook
from headgate.alerts.notices import enqueue, notice
from headgate.alerts.problems import channel_problems
from headgate.errors import ConfigError
from upstream import Exchange, Upstream

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def verified(secret: str, id_: str, timestamp: int, body: bytes, given: str) -> bool:
    """As whoever is told checks it."""
    return signature(secret, id_, timestamp, body) in given.split(" ")


def hook(url: str, **more: Any) -> ChannelConfig:
    return ChannelConfig(kind="webhook", url=url, secret=SECRET, **more)


async def queued(watched: Watched, id_: str = "ntc_1", channel: str = "ops") -> None:
    now_us = watched.clock.now_us()
    async with watched.database.transaction() as transaction:
        body = notice(id_, "test", "default", "test", [], 0, now_us)
        await enqueue(transaction, id_, "default", channel, body, now_us)


async def status(watched: Watched) -> list[tuple[str, int]]:
    return [
        tuple(row) for row in await watched.database.fetch("SELECT status, attempts FROM alert_notices ORDER BY id")
    ]


def watching(url: str) -> Watched:
    return Watched(f'{{channels: {{ops: {{kind: webhook, url: "{url}", secret: "{SECRET}", internal: true}}}}}}')


def test_the_example_of_the_specification():
    """Of standardwebhooks.com, and its libraries' own test."""
    body = b'{"test": 2432232314}'
    given = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verified(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, f"v1,other {given}")
    assert not verified(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265331, body, given)


@pytest.mark.parametrize(
    "secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZI", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", "whsec_short"]
)
def test_a_key_that_was_not_copied_whole_is_a_mistake(secret: str):
    """Whoever is told would take another key for it, and every notice for a forgery."""
    channel = {"kind": "webhook", "url": "https://a.test/", "secret": secret}
    assert [path for path, _ in channel_problems(channel)] == [("secret",)]
    assert not [*channel_problems({**channel, "secret": SECRET})]


async def test_a_notice_arrives_signed():
    async def taken(exchange: Exchange) -> None:
        await exchange.reply(204, b"")

    async with Upstream(taken) as server, watching(f"{server.url}/hook?x=y") as watched:
        await queued(watched)
        assert await watched.alerting.courier.deliver() == 1
        [request] = server.requests
        assert (request.method, request.target) == ("POST", "/hook?x=y")
        stamp = int(request.header("webhook-timestamp") or "")
        assert stamp == watched.clock.now_us() // 1_000_000
        assert verified(SECRET, "ntc_1", stamp, request.body, request.header("webhook-signature") or "")
        assert json.loads(request.body)["id"] == request.header("webhook-id") == "ntc_1"
        assert await status(watched) == [("sent", 1)]
        assert await watched.alerting.courier.deliver() == 0


@pytest.mark.parametrize("answer", [500, 302, 404])
async def test_what_does_not_arrive_is_tried_again_with_the_same_id(answer: int):
    answers = [answer, 200]

    async def scripted(exchange: Exchange) -> None:
        await exchange.reply(answers.pop(0), b"", ("location", "http://127.0.0.1:1/elsewhere"))

    async with Upstream(scripted) as server, watching(server.url) as watched:
        await queued(watched)
        await watched.alerting.courier.deliver()
        assert await status(watched) == [("waiting", 1)]
        assert await watched.alerting.courier.deliver() == 0
        watched.clock.advance(6)
        await watched.alerting.courier.deliver()
        assert await status(watched) == [("sent", 2)]
        assert {request.header("webhook-id") for request in server.requests} == {"ntc_1"}


async def test_what_never_arrives_is_given_up_and_written_down():
    async with watching("http://127.0.0.1:1") as watched:
        await queued(watched)
        for _ in range(ATTEMPTS):
            assert await watched.alerting.courier.deliver() == 1
            watched.clock.advance(MOST_S + 1)
        assert await status(watched) == [("failed", ATTEMPTS)]
        assert await watched.audited() == ["alerts.notify"]


async def test_a_notice_is_sent_by_one_of_two():
    async def taken(exchange: Exchange) -> None:
        await exchange.reply(200, b"")

    async with Upstream(taken) as server, watching(server.url) as watched:
        other = watched.another("two")
        await queued(watched)
        claimed = [await each.courier._claimed() for each in (watched.alerting, other)]
        assert [len(each) for each in claimed] == [1, 0]
        watched.clock.advance(91)
        assert len(await other.courier._claimed()) == 1  # the first has died
        await other.close()


async def test_a_channel_that_is_gone():
    async with Watched() as watched:
        await queued(watched)
        await watched.alerting.courier.deliver()
        assert await status(watched) == [("failed", 1)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]",
                                  "0.0.0.0", "[64:ff9b::7f00:1]", "100.64.0.1", "[fd00::1]"])  # fmt: skip
async def test_a_webhook_goes_nowhere_inside(host: str):
    async with Upstream() as server:
        channel = Webhook(hook(f"https://{host}:{server.port}/"))
        with pytest.raises(NotDelivered, match="connection_failed"):
            await channel.send("ntc_1", "{}", 0)
        await channel.close()
        assert server.connections == 0


def test_waits_grow_differ_and_are_bounded():
    waits = [wait_s("ntc_1", attempts) for attempts in range(1, ATTEMPTS)]
    assert all(0.5 <= wait / min(MOST_S, 5 * 2**at) <= 1 for at, wait in enumerate(waits))
    assert wait_s("ntc_1", 3) != wait_s("ntc_2", 3)


class Told:
    """Stands for Apprise."""

    told: ClassVar[list[dict[str, Any]]] = []
    known = True
    done = True

    def __init__(self, asset: Any) -> None:
        self.asset = asset

    def add(self, url: str) -> bool:
        return self.known

    def notify(self, **what: Any) -> bool:
        self.told.append(what)
        return self.done


@pytest.fixture
def apprise(monkeypatch: pytest.MonkeyPatch) -> type[Told]:
    class Fresh(Told):
        told: ClassVar[list[dict[str, Any]]] = []

    monkeypatch.setitem(sys.modules, "apprise", SimpleNamespace(Apprise=Fresh, AppriseAsset=lambda **_: None))
    return Fresh


async def test_apprise_is_handed_text(apprise: type[Told]):
    channel = AppriseChannel(ChannelConfig(kind="apprise", url="json://x"))
    body = json.dumps({"text": "Headgate, errors: alert\nFIRING  <b>chat</b>", "event": "firing"})
    await channel.send("ntc_1", body, 0)
    assert apprise.told == [
        {
            "title": "Headgate, errors: alert",
            "body": "FIRING  <b>chat</b>\nntc_1",
            "notify_type": "failure",
            "body_format": "text",
        }
    ]
    await channel.close()


async def test_names_call_nobody_in_a_chat(apprise: type[Told]):
    channel = AppriseChannel(ChannelConfig(kind="apprise", url="json://x"))
    text = "Headgate, @here: alert\nFIRING  tag:app=@everyone <@123>: 40 % of calls failed"
    await channel.send("ntc_1", json.dumps({"text": text, "event": "firing"}), 0)
    [told] = apprise.told
    assert not re.search("@[a-z0-9]", told["title"] + told["body"])


@pytest.mark.parametrize(("member", "why"), [("done", "could not deliver"), ("known", "NotDelivered")])
async def test_apprise_that_does_not_deliver(apprise: type[Told], member: str, why: str):
    setattr(apprise, member, False)
    with pytest.raises(NotDelivered, match=why):
        await AppriseChannel(ChannelConfig(kind="apprise", url="json://x")).send("n", '{"text": "x", "event": "x"}', 0)


def test_apprise_that_is_not_installed_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch):
    from headgate.alerts.delivery import apprise as module

    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"headgate\[alerts\]"):
        courier._channel("mail", ChannelConfig(kind="apprise", url="json://x"))


async def test_a_notice_that_breaks_what_sends_it_waits_like_any_other(monkeypatch: pytest.MonkeyPatch):
    async def broken(self: Webhook, id_: str, body: str, now_s: int) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(Webhook, "send", broken)
    async with watching("http://127.0.0.1:1") as watched:
        await queued(watched)
        assert await watched.alerting.courier.deliver() == 1
        assert await status(watched) == [("waiting", 1)]
        assert await watched.alerting.courier.deliver() == 0


async def test_what_is_new_does_not_wait_for_what_failed():
    async with watching("http://127.0.0.1:1") as watched:
        for number in range(8):
            await queued(watched, f"ntc_{number}")
        await watched.alerting.courier.deliver()
        watched.clock.advance(6)
        await queued(watched, "ntc_new")
        assert "ntc_new" in {each.id for each in await watched.alerting.courier._claimed()}
