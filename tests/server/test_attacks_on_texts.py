"""Item 13 of the checklist: texts of a caller that end a line, start another one, or do something to a terminal."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from http.client import HTTPMessage, parse_headers
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from attacked import ADMIN, ADMIN_KEY, CALLS, CHAT, Attacked, attacked
from upstream import Exchange

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = [
    "a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx-evil: 1", "a\0b", "\r\n\r\n<html>", "a\x1b[2J\x1b]0;x\x07", "a\x85x-evil: 1",
    "a\x9b2Jb", "a\u2028x-evil", "a\u2029x", "\u202eb", "\u2066a", "\ufeffa", "a\x7fb", "a\tb", "\ud83d", "\u010d\u010ax-evil: 1",
]  # fmt: skip
"""The last one is a line end once half of each character is thrown away (CVE-2026-34514)."""

UNSEEN = [each for each in EVIL if not each.isprintable()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Attacked]:
    async with attacked() as gateway:
        yield gateway


def lines_of(raw: bytes) -> HTTPMessage:
    """The head of the only answer that came on a connection."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    assert separator
    assert b"\r\nHTTP/1.1" not in body
    assert all(each in b"\r\n\t" or each >= 0x20 for each in head)
    assert head.count(b"\r") == head.count(b"\n") == head.count(b"\r\n")
    return parse_headers(BytesIO(head.partition(b"\r\n")[2] + b"\r\n\r\n"))


def request(method: str, path: str, body: Any = None, *more: bytes) -> bytes:
    """A request whose last lines are as they are."""
    raw = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN_KEY}\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n"
    return head.encode() + b"".join(each + b"\r\n" for each in more) + b"\r\n" + raw


# ── in answers ──


@pytest.mark.parametrize("text", EVIL, ids=ascii)
async def test_a_model_that_ends_a_line(gateway: Attacked, text: str):
    for path in (CHAT, "/v1/messages", "/v1/responses"):
        for name in (text, f"any-{text}", f"aws-{text}"):
            raw = await gateway.raw(request("POST", path, {**CALLS[path], "model": name}))
            assert "x-evil" not in lines_of(raw)
            assert int(raw.split(b" ")[1]) in ((400,) if text in UNSEEN else (200, 400, 404))


@pytest.mark.parametrize("text", EVIL, ids=ascii)
async def test_a_member_that_ends_a_line(gateway: Attacked, text: str):
    members: dict[str, Any] = dict.fromkeys(
        ("user", "safety_identifier", "prompt_cache_key", "service_tier", "x"), text
    )
    members |= {"metadata": {text: text}, "stop": [text], "tools": [{"type": text}]}
    for name, value in members.items():
        for model in ("chat", "claude", "gem"):
            raw = await gateway.raw(request("POST", CHAT, {**CALLS[CHAT], "model": model, name: value}))
            assert "x-evil" not in lines_of(raw)


@pytest.mark.parametrize("text", EVIL, ids=ascii)
async def test_a_name_of_a_member_that_ends_a_line(gateway: Attacked, text: str):
    """It stands in the header that says what was left out, and in errors."""
    for model in ("claude", "chat", "lenient"):
        assert "x-evil" not in lines_of(
            await gateway.raw(request("POST", CHAT, {**CALLS[CHAT], "model": model, text: 1}))
        )


HEADERS = (
    b"x-request-id", b"request-id", b"x-headgate-request-id", b"x-headgate-tags", b"x-headgate-session",
    b"x-headgate-timeout-ms", b"idempotency-key", b"openai-organization", b"openai-beta", b"anthropic-version",
    b"anthropic-beta", b"user-agent", b"if-match", b"x-forwarded-for", b"content-type", b"accept", b"traceparent",
)  # fmt: skip


@pytest.mark.parametrize("text", EVIL, ids=ascii)
async def test_a_header_that_ends_a_line(gateway: Attacked, text: str):
    """None of them comes back to the client, and none becomes two on its way to the vendor."""
    gateway.vendor.requests.clear()
    for name in HEADERS:
        for value in (text.encode("utf-8", "surrogatepass"), text.encode("latin-1", "replace")):
            line = name + b": " + (b"t=" if name == b"x-headgate-tags" else b"") + value
            for path in (CHAT, "/v1/messages"):
                headers = lines_of(await gateway.raw(request("POST", path, CALLS[path], line)))
                assert "x-evil" not in headers
                assert (headers["x-headgate-request-id"] or "req_").startswith("req_")
    for each in gateway.vendor.requests:
        assert "x-evil" not in dict(each.headers)
        assert all(character == "\t" or character >= " " for _, value in each.headers for character in value)


@pytest.mark.parametrize("text", EVIL, ids=ascii)
async def test_a_path_or_a_query_that_ends_a_line(gateway: Attacked, text: str):
    asked = quote(text.encode("utf-8", "surrogatepass"), safe="")
    for path in (
        f"/{asked}", f"/v1/models/{asked}", f"/v1/responses/{asked}", f"/admin/{asked}", f"/admin/keys/{asked}",
        f"/admin/keys?organisation={asked}", f"/admin/keys?name={asked}", f"/admin/keys?{asked}=1", f"/admin/audit?actor={asked}",
        f"/admin/ledger/export?format={asked}", f"/admin/statements/{asked}/2026-11?format=csv",
        f"/admin/statements/*/2026-11?timezone={asked}",
    ):  # fmt: skip
        raw = await gateway.raw(request("GET", path))
        assert "x-evil" not in lines_of(raw)
        assert int(raw.split(b" ")[1]) in ((400, 404, 422) if text in UNSEEN else (200, 400, 404, 422)), path


# ── in what is kept ──

FIELDS: list[tuple[str, Any]] = [
    ("/admin/keys", lambda text: {"name": text}),
    ("/admin/keys", lambda text: {"name": "k", "tags": {"t": text}}),
    ("/admin/keys", lambda text: {"name": "k", "tags": {text: "v"}}),
    ("/admin/keys", lambda text: {"name": "k", "models": [text]}),
    ("/admin/keys", lambda text: {"name": "k", "prompt_label": text}),
    ("/admin/keys", lambda text: {"name": "k", "policy": text}),
    ("/admin/keys", lambda text: {"name": "k", "timezone": text}),
    ("/admin/keys", lambda text: {"name": "k", "networks": [text]}),
    ("/admin/keys", lambda text: {"name": "k", "organisation": text}),
    ("/admin/keys", lambda text: {"name": "k", "roles": [text]}),
    ("/admin/teams", lambda text: {"name": text}),
    ("/admin/projects", lambda text: {"name": text}),
    ("/admin/users", lambda text: {"name": text}),
    ("/admin/users", lambda text: {"name": "u", "email": f"{text}@example.com"}),
    ("/admin/users", lambda text: {"name": "u", "issuer": text, "subject": "s"}),
    ("/admin/users", lambda text: {"name": "u", "issuer": "i", "subject": text}),
    ("/admin/organisations", lambda text: {"name": text}),
    ("/admin/organisations", lambda text: {"name": "o", "id": text}),
    ("/admin/limits", lambda text: {"subject": f"tag:t={text}", "per": "hour", "requests": 1}),
    ("/admin/limits", lambda text: {"subject": f"model:{text}", "per": "hour", "requests": 1}),
    ("/admin/budgets", lambda text: {"subject": f"customer:{text}", "amount_usd": 1}),
]


@pytest.mark.parametrize("text", UNSEEN, ids=ascii)
async def test_a_text_of_the_admin_api_that_cannot_be_seen(gateway: Attacked, text: str):
    before = await gateway.snapshot()
    for path, body in FIELDS:
        answer = await gateway.ask("POST", path, body(text))
        assert answer.status in (400, 422), (path, body(text))
        assert "x-evil" not in answer.headers
        assert all(each.isprintable() for each in answer.body.decode())
    assert await gateway.snapshot() == before


async def test_what_calls_say_is_one_line_of_every_log_and_file(gateway: Attacked, caplog: pytest.LogCaptureFixture):
    """In exports, in the audit log and in the log, whoever splits them into lines."""
    caplog.set_level(logging.DEBUG)

    async def signed(exchange: Exchange) -> None:
        body = json.dumps(
            {"id": "c", "choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
        )
        kind = ("content-type", "application/json")
        await exchange.reply(
            200, body.encode(), kind, ("x-request-id", "x\x85\x9b2J"), ("openai-processing-ms", "1\x85x")
        )

    vendor, gateway.vendor.script = gateway.vendor.script, signed
    try:
        for text in EVIL:
            encoded = text.encode("latin-1", "replace")
            tags = b"x-headgate-tags: t=" + encoded
            session = b"x-headgate-session: " + encoded
            key = b"x-api-key: " + encoded
            await gateway.raw(
                request("POST", CHAT, {**CALLS[CHAT], "user": text, "model": f"any-{text}"}, tags, session)
            )
            await gateway.raw(request("POST", CHAT, {**CALLS[CHAT], "user": text, "prompt_cache_key": text}, session))
            await gateway.raw(request("POST", CHAT, {**CALLS[CHAT], "model": "openai", "user": text}, tags))
            await gateway.raw(
                request("GET", "/admin/keys").replace(b"authorization: Bearer " + ADMIN_KEY.encode(), key)
            )
    finally:
        gateway.vendor.script = vendor
    rows = len((await gateway.snapshot())["ledger"])
    assert rows
    for kind, lines in (("csv", rows + 1), ("jsonl", rows)):
        text = (await gateway.ask("GET", "/admin/ledger/export", query={"format": kind})).body.decode()
        assert len(text.splitlines()) == len(text.rstrip("\n").split("\n")) == lines
        assert all(each.isprintable() or each in "\r\n" for each in text)
    await gateway.records()
    text = (await gateway.ask("GET", "/admin/audit/export")).body.decode()
    assert len(text.splitlines()) == text.count("\n") > 0
    assert all(each.isprintable() or each == "\n" for each in text + await gateway.records())
    assert all(record.getMessage().isprintable() for record in caplog.records if record.name.startswith("headgate"))
    for page in ("/metrics", "/targets"):
        text = (await gateway.request("GET", page, headers=ADMIN)).body.decode()
        assert "evil" not in text
        assert all(each.isprintable() or each == "\n" for each in text)
