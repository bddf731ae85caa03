"""A client's own vendor credential, beside its Headgate key: it goes to the vendor it is for and nowhere else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from serving import Response, Serving
from upstream import Exchange, Script, Upstream, unused_port

ADMIN = "hg-admin-key-of-these-tests-0123456789"
OPERATORS = "sk-proj-the-operators-own-0123456789"
CLIENTS = "sk-ant-oat01-the-clients-own-0123456789"

CONFIG = """
storage: {{database: "sqlite:///{folder}/headgate.db"}}
providers:
  claude: {{kind: anthropic, base_url: "{claude}", api_key: {operators}, accepts_client_credential: true,
           headers: {{X-Api-Key: "{operators}-2", OpenAI-Organization: ours, x-team: ours}}}}
  second: {{kind: anthropic, base_url: "{other}", api_key: {operators}, accepts_client_credential: true}}
  closed: {{kind: anthropic, base_url: "{other}", api_key: {operators}}}
  gpt: {{kind: openai, base_url: "{other}/v1", api_key: {operators}, accepts_client_credential: true}}
models:
  claude: &model {{targets: [claude/claude-haiku-4-5], retry: {{base_s: 0.001}}}}
  closed: {{<<: *model, targets: [closed/claude-haiku-4-5]}}
  gpt: {{<<: *model, targets: [gpt/gpt-4o-mini]}}
  both: {{<<: *model, targets: [claude/claude-haiku-4-5, {{target: second/claude-haiku-4-5, priority: 2}}]}}
  opened: {{<<: *model, targets: [closed/claude-haiku-4-5, {{target: claude/claude-haiku-4-5, priority: 2}}]}}
  falling: {{<<: *model, fallback: [second/claude-haiku-4-5, closed/claude-haiku-4-5, gpt/gpt-4o-mini]}}
"""

ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
    "content": [{"type": "text", "text": "Hello"}], "usage": {"input_tokens": 1000, "output_tokens": 1000},
}  # fmt: skip
ASKED: dict[str, Any] = {"max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
OWN = {"x-headgate-key": ADMIN, "authorization": f"Bearer {CLIENTS}"}


async def answering(exchange: Exchange) -> None:
    await exchange.reply(200, json.dumps(ANSWER).encode(), ("content-type", "application/json"), ("request-id", "r1"))


async def never(exchange: Exchange) -> None:
    await exchange.reply(500, b"{}")


class Setting:
    """A Headgate with a vendor, and another server that must never see the client's credential."""

    def __init__(self, serving: Serving, claude: Upstream, other: Upstream) -> None:
        self.serving = serving
        self.claude = claude
        self.other = other

    async def ask(self, model: str, headers: dict[str, str] | None = None, **more: Any) -> Response:
        return await self.serving.post("/v1/messages", {"model": model, **ASKED, **more}, headers or OWN)

    async def admin(self, path: str, body: Any) -> Any:
        made = await self.serving.post(path, body, {"authorization": f"Bearer {ADMIN}"})
        assert made.status == 201, made.body
        return made.json

    def shown(self, upstream: Upstream) -> list[str]:
        """The credentials that came, by request."""
        names = ("authorization", "x-api-key", "api-key", "x-goog-api-key", "x-headgate-key")
        return [" ".join(f"{n}={v}" for n, v in each.headers if n in names) for each in upstream.requests]


def files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


@asynccontextmanager
async def setting(folder: Path, claude: Script = answering, other: Script = never) -> AsyncIterator[Setting]:
    async with Upstream(claude) as first, Upstream(other) as second:
        config = CONFIG.format(folder=folder, claude=first.url, other=second.url, operators=OPERATORS)
        async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
            yield Setting(serving, first, second)


@pytest.mark.parametrize(
    ("header", "value"), [("authorization", f"Bearer {CLIENTS}"), ("x-api-key", CLIENTS)], ids=["bearer", "x-api-key"]
)
async def test_it_goes_up_as_it_was_shown_in_place_of_the_operators(tmp_path: Path, header: str, value: str):
    async with setting(tmp_path) as at:
        answer = await at.ask("claude", {"x-headgate-key": ADMIN, header: value, "anthropic-beta": "oauth-2025-04-20"})
        assert answer.status == 200
        assert at.shown(at.claude) == [f"{header}={value}"]
        [asked] = at.claude.requests
        assert asked.header("anthropic-beta") == "oauth-2025-04-20"
        assert asked.header("x-team") == "ours"
        assert asked.header("openai-organization") is None
        [row] = await at.serving.rows(answer)
        assert (row.payer, row.charged, row.code) == ("client", (), None)
        assert row.cost_picodollars


async def test_calls_without_one_use_the_operators_on_other_connections(tmp_path: Path):
    async with setting(tmp_path) as at:
        plain = {"x-headgate-key": ADMIN}
        for headers in (OWN, plain, OWN, plain):
            assert (await at.ask("claude", headers)).status == 200
        own, operators, again, last = at.claude.requests
        assert own.connection == again.connection != operators.connection == last.connection
        assert [CLIENTS in shown for shown in at.shown(at.claude)] == [True, False, True, False]
        assert [OPERATORS in shown for shown in at.shown(at.claude)] == [False, True, False, True]


async def test_it_costs_no_budget_and_its_limits_hold(tmp_path: Path):
    async with setting(tmp_path) as at:
        limits = [{"per": "minute", "requests": 3}]
        made = {"name": "own", "roles": ["admin"], "budget_usd": "0.000001", "limits": limits}
        key = (await at.admin("/admin/keys", made))["key"]
        refused = await at.ask("claude", {"x-headgate-key": key})
        assert refused.status == 429
        headers = {**OWN, "x-headgate-key": key}
        assert [(await at.ask("claude", headers)).status for _ in range(4)] == [200, 200, 200, 429]
        assert len(at.claude.requests) == 3


async def test_it_needs_the_scope(tmp_path: Path):
    async with setting(tmp_path) as at:
        key = (await at.admin("/admin/keys", {"name": "plain"}))["key"]
        answer = await at.ask("claude", {**OWN, "x-headgate-key": key})
        assert answer.status == 403
        assert "byo_credential" in answer.body.decode()
        assert not at.claude.requests


@pytest.mark.parametrize(
    ("model", "credential", "says"),
    [
        ("closed", CLIENTS, "takes no credentials"),
        ("gpt", CLIENTS, "not one for"),
        ("claude", "sk-proj-openais-0123456789", "not one for"),
        ("claude", "gsk_groqs-0123456789", "not one for"),
    ],
)
async def test_a_provider_it_is_not_for_is_asked_nothing(tmp_path: Path, model: str, credential: str, says: str):
    """Not with the client's credential, nor with the operator's in its place."""
    async with setting(tmp_path, other=answering) as at:
        answer = await at.ask(model, {"x-headgate-key": ADMIN, "authorization": f"Bearer {credential}"})
        assert answer.status == 400
        assert says in answer.body.decode()
        assert credential not in answer.body.decode()
        assert not at.claude.requests + at.other.requests


async def test_a_key_that_was_taken_over_from_another_gateway_is_no_vendors(tmp_path: Path):
    """It does not look like one of Headgate's, and opens Headgate all the same."""
    theirs = "sk-imported-0123456789"
    digest = sha256(theirs.encode()).hexdigest()
    async with setting(tmp_path, other=answering) as at:
        imported = {"source": "elsewhere", "keys": [{"id": digest, "name": "ci", "digest": digest, "hint": "6789"}]}
        await at.admin("/admin/imports", imported)
        body = {"model": "gpt", "messages": ASKED["messages"]}
        headers = {"x-headgate-key": ADMIN, "authorization": f"Bearer {theirs}"}
        answer = await at.serving.post("/v1/chat/completions", body, headers)
        assert answer.status == 400
        assert "Headgate key" in answer.body.decode()
        assert not at.claude.requests + at.other.requests


async def test_a_target_that_takes_it_is_found_among_others(tmp_path: Path):
    async with setting(tmp_path, other=answering) as at:
        answer = await at.ask("opened")
        assert answer.headers["x-headgate-target"] == "claude/claude-haiku-4-5"
        assert not at.other.requests


@pytest.mark.parametrize("model", ["both", "falling"])
@pytest.mark.parametrize("status", [429, 500, 503, 529, 401])
async def test_no_retry_or_fallback_takes_it_to_another_provider(tmp_path: Path, model: str, status: int):
    async def failing(exchange: Exchange) -> None:
        await exchange.reply(status, b'{"type":"error","error":{"type":"api_error","message":"broken"}}')

    async with setting(tmp_path, failing, answering) as at:
        answer = await at.ask(model)
        assert answer.status in (401, 429, 502, 503, 504, 529), answer.body
        assert at.claude.requests
        assert not at.other.requests
        assert {row.payer for row in await at.serving.rows(answer)} == {"client"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("status", "says"), [(401, "refused your own"), (403, "does not allow this to your own")])
async def test_that_it_is_refused_is_told_its_owner_as_the_vendor_told_it(
    tmp_path: Path, status: int, says: str, stream: bool
):
    """Agents sign in anew at a 401, and at nothing else. The operator has nothing to mend."""

    async def refusing(exchange: Exchange) -> None:
        await exchange.reply(status, b'{"type":"error","error":{"type":"authentication_error","message":"expired"}}')

    async with setting(tmp_path, refusing) as at:
        answer = await at.ask("falling", stream=stream)
        assert answer.status == status
        assert f"'claude' {says} credential" in answer.json["error"]["message"]
        assert len(at.claude.requests) == 1
        assert not at.other.requests
        [row] = await at.serving.rows(answer)
        assert (row.payer, row.cost_picodollars) == ("client", 0)
        assert (await at.ask("claude", {"x-headgate-key": ADMIN})).status == 502, "the operator's own is another matter"


async def test_no_redirect_takes_it_anywhere(tmp_path: Path):
    away = ""

    async def redirecting(exchange: Exchange) -> None:
        await exchange.reply(307, b"", ("location", f"{away}/v1/messages"))

    async with setting(tmp_path, redirecting, answering) as at:
        away = at.other.url
        assert (await at.ask("claude")).status >= 400
        assert at.claude.requests
        assert not at.other.requests


async def test_it_is_in_no_answer_error_log_or_record(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Whatever a vendor does to have it told: in its errors, in its headers, in a spelling of its own, in a stream."""
    escaped = "".join(f"\\u{ord(each):04x}" for each in CLIENTS)
    said = [f"bad token {CLIENTS}", escaped, f"authorization: Bearer {CLIENTS}"]
    turns = iter(said * 2)

    async def telling(exchange: Exchange) -> None:
        body = f'{{"type":"error","error":{{"type":"invalid_request_error","message":"{next(turns)}"}}}}'
        await exchange.reply(400, body.encode(), ("request-id", CLIENTS), ("x-request-id", CLIENTS))

    caplog.set_level(logging.DEBUG)
    async with setting(tmp_path, telling) as at:
        answers = [await at.ask("claude", stream=stream) for stream in (False, True) for _ in said]
        for answer in answers:
            assert answer.status == 400
            assert CLIENTS not in answer.body.decode().encode().decode("unicode_escape")
            assert CLIENTS not in str(answer.headers)
            for row in await at.serving.rows(answer):
                assert CLIENTS not in repr(row)
                assert row.vendor_request_id is None
        for path in ("/admin/ledger", "/admin/audit", "/metrics", "/targets", "/admin/config"):
            shown = await at.serving.request("GET", path, headers={"authorization": f"Bearer {ADMIN}"})
            assert CLIENTS not in shown.body.decode()
    assert CLIENTS not in caplog.text
    assert not [file for file in files(tmp_path) if CLIENTS.encode() in file.read_bytes()]


async def test_a_vendor_that_cannot_be_reached_does_not_tell_it_either(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    config = CONFIG.format(
        folder=tmp_path, claude=f"http://127.0.0.1:{unused_port()}", other="http://127.0.0.1:9", operators=OPERATORS
    )
    async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        answer = await serving.post("/v1/messages", {"model": "claude", **ASKED}, OWN)
    assert answer.status == 502
    assert CLIENTS not in answer.body.decode() + str(answer.headers) + caplog.text


async def test_what_no_header_can_carry_is_refused_without_being_told(tmp_path: Path):
    async with setting(tmp_path) as at:
        answer = await at.ask("claude", {"x-headgate-key": ADMIN, "x-api-key": "sk-ant-\u00e9-0123456789"})
        assert answer.status == 400
        assert "sk-ant" not in answer.body.decode()
        assert not at.claude.requests


async def test_two_clients_at_once_are_not_mixed_up(tmp_path: Path):
    async with setting(tmp_path) as at:
        keys = [f"sk-ant-client-number-{number:04d}" for number in range(20)]

        async def asked(key: str) -> None:
            message = [{"role": "user", "content": key}]
            answer = await at.ask("claude", {"x-headgate-key": ADMIN, "x-api-key": key}, messages=message)
            assert answer.status == 200

        await asyncio.gather(*map(asked, keys))
        for each in at.claude.requests:
            assert each.header("x-api-key") == json.loads(each.body)["messages"][0]["content"]
