"""What a vendor took and never answered is paid for as far as its budget had set aside; what never reached it is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from certificates import Authority
from headgate.money import format_usd
from serving import Serving
from upstream import Exchange, Upstream, unused_port

CONFIG = """
storage: {{database: "sqlite:///:memory:"}}
providers: {{vendor: {{kind: openai_compatible, base_url: "{url}/v1", api_key: k}}}}
models:
  chat:
    targets: [vendor/gpt-4o-mini]
    timeout: {{total_s: 10, attempt_s: {limit_s}, first_token_s: {limit_s}}}
    retry: {{attempts: 1}}
prices: {{gpt-4o-mini: {{input: 0.15, output: 0.6}}}}
"""
ADMIN = {"authorization": "Bearer admin"}
MESSAGES = [{"role": "user", "content": "Hello"}]
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat completions": ("/v1/chat/completions", {"messages": MESSAGES, "max_tokens": 50}),
    "messages": ("/v1/messages", {"messages": MESSAGES, "max_tokens": 50}),
}
OUTPUT_PICODOLLARS = 50 * 600_000
"""Of all the tokens such a call may make."""


async def garbage(exchange: Exchange) -> None:
    await exchange.send(b"\x00\x01\x02 nonsense\r\n\r\n")
    await exchange.cut()


async def half_a_head(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\nx-request-")
    await exchange.reset()


async def unreadable(exchange: Exchange) -> None:
    await exchange.reply(200, b"?", ("content-encoding", "br"))


UNANSWERED: dict[str, Callable[[Exchange], Awaitable[None]]] = {
    "closed": Exchange.cut,
    "reset": Exchange.reset,
    "garbage": garbage,
    "half a head": half_a_head,
    "unreadable": unreadable,
    "silence": Exchange.gone,
}
UNTOUCHED = ["closed port", "no such host", "unknown authority"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class Booked:
    """What one call under a hard budget came to."""

    def __init__(self, row: Any, usage: Any) -> None:
        self.row = row
        self.spent_usd: str = usage["cost_usd"]
        self.reserved_usd: str = usage["reserved_usd"]


async def booked(url: str, call: str, stream: bool, limit_s: float) -> Booked:
    config = CONFIG.format(url=url, limit_s=limit_s)
    async with Serving(config, {"HEADGATE_ADMIN_KEY": "admin"}, "auth: keys") as serving:
        key = (await serving.post("/admin/keys", {"name": "k", "budget_usd": "1"}, ADMIN)).json
        path, body = CALLS[call]
        headers = {"authorization": f"Bearer {key['key']}"}
        response = await serving.post(path, {**body, "model": "chat", "stream": stream}, headers)
        assert response.status in (502, 504), response.body
        [row] = await serving.rows(response)
        usage = await serving.request("GET", f"/admin/keys/{key['id']}/usage", headers=ADMIN)
        return Booked(row, usage.json)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", UNANSWERED)
async def test_a_vendor_that_took_a_request_is_taken_to_have_done_it(fault: str, call: str, stream: bool):
    async with Upstream(UNANSWERED[fault]) as upstream:
        came = await booked(upstream.url, call, stream, 0.3 if fault == "silence" else 5)
    row = came.row
    assert len(upstream.requests) == 1
    assert (row.status, row.usage_source, row.code is not None) == (0, "estimated", True)
    assert row.usage.output_tokens == 50, "all it was allowed to make"
    assert OUTPUT_PICODOLLARS < row.cost_picodollars <= row.reserved_picodollars
    assert (came.spent_usd, came.reserved_usd) == (format_usd(row.cost_picodollars), "0")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("where", UNTOUCHED)
async def test_a_vendor_that_was_never_reached_costs_nothing(authority: Authority, where: str, call: str, stream: bool):
    async with AsyncExitStack() as stack:
        match where:
            case "closed port":
                url = f"http://127.0.0.1:{unused_port()}"
            case "no such host":
                url = "http://nobody.invalid"
            case _:
                url = (await stack.enter_async_context(Upstream(tls=authority.server()))).url
        came = await booked(url, call, stream, 5)
    row = came.row
    assert (row.status, row.usage_source, row.cost_picodollars) == (0, "reported", 0)
    assert row.reserved_picodollars > OUTPUT_PICODOLLARS
    assert (came.spent_usd, came.reserved_usd) == ("0", "0")


async def test_a_vendor_that_says_no_costs_nothing_however_broken_its_words(stream: bool):
    async def script(exchange: Exchange) -> None:
        await exchange.reply(500, b"?", ("content-encoding", "br"))

    async with Upstream(script) as upstream:
        came = await booked(upstream.url, "chat completions", stream, 5)
    assert (came.row.usage_source, came.row.cost_picodollars, came.spent_usd) == ("reported", 0, "0")


async def test_every_attempt_that_was_given_up_is_paid_for():
    config = CONFIG.replace("attempts: 1", "attempts: 3, base_s: 0.001")
    async with (
        Upstream(Exchange.cut) as upstream,
        Serving(config.format(url=upstream.url, limit_s=5)) as serving,
    ):
        path, body = CALLS["chat completions"]
        response = await serving.post(path, {**body, "model": "chat"})  # there is no budget, either
        rows = await serving.rows(response)
    assert len(upstream.requests) == len(rows) == 3
    assert all(row.usage_source == "estimated" and (row.cost_picodollars or 0) > OUTPUT_PICODOLLARS for row in rows)
