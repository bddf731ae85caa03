"""The fault matrix: every fault, whole and streamed, in the three client dialects, in three routes, over real sockets.

.venv/bin/python tests/fault_matrix.py    # runs it and writes docs/fault-matrix.md
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from certificates import Authority
from faults import FAULTS, Fault, healthy, is_stream
from headgate.types import Account, Call, Reply
from serving import Response, Serving
from upstream import Exchange, Upstream, unused_port

PAGE = Path(__file__).parents[1] / "docs" / "fault-matrix.md"

ROUTES = {
    "alone": "One target, nothing else",
    "second": "A second, healthy target",
    "fallback": "A healthy fallback for `any` cause",
}

SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "user", "content": "Say hello in JSON."}]
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat completions": (
        "/v1/chat/completions",
        {
            "messages": MESSAGES,
            "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA}},
        },
    ),
    "responses": (
        "/v1/responses",
        {"input": "Say hello in JSON.", "text": {"format": {"type": "json_schema", "name": "w", "schema": SCHEMA}}},
    ),
    "messages": (
        "/v1/messages",
        {
            "max_tokens": 100,
            "messages": MESSAGES,
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        },
    ),
}

CONFIG = """
prices: {{gpt-4o-mini: {{input: 0.15, output: 0.6}}}}
providers:
  bad: {{kind: openai_compatible, base_url: "{bad}", api_key: sk-bad-secret}}
  good: {{kind: openai_compatible, base_url: "{good}/v1", api_key: sk-good-secret}}
models:
  alone: &model
    targets: [bad/gpt-4o-mini]
    timeout: {{connect_s: 2, total_s: 20, attempt_s: {limit_s}, first_token_s: {limit_s}, stall_s: 0.3}}
    retry: {{base_s: 0.001}}
    breaker: {{min_calls: 1000}}
  second:
    <<: *model
    targets: [bad/gpt-4o-mini, {{target: good/gpt-4o-mini, priority: 2}}]
  fallback:
    <<: *model
    fallback: [good/gpt-4o-mini]
"""


@dataclass(frozen=True)
class Seen:
    """What one call came to."""

    client: str
    """What its client got."""
    attempts: tuple[str, ...]
    """By their rows in the ledger, each as `vendor: how it ended`."""
    events: tuple[str, ...]


def cells() -> Iterator[tuple[Fault, bool]]:
    """Every fault, whole and streamed, where it exists."""
    for fault in FAULTS:
        for stream in (False, True):
            if (fault.stream if stream else fault.whole) is not None or fault.reach != "port":
                yield fault, stream


@asynccontextmanager
async def served(fault: Fault, folder: Path, begun: asyncio.Event) -> AsyncIterator[Serving]:
    """Headgate between a vendor with a fault and a healthy one."""

    async def script(exchange: Exchange) -> None:
        faulty = fault.stream if is_stream(exchange) else fault.whole
        assert faulty is not None
        await faulty(exchange, begun)

    limit_s = 0.5 if fault.hangs else 5  # what does not hang is not to be taken for hanging on a busy machine
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(Upstream(lambda exchange: healthy(exchange, begun)))
        match fault.reach:
            case "closed port":
                url = f"http://127.0.0.1:{unused_port()}"
            case "no such host":
                url = "http://nobody.invalid"
            case "unknown authority":
                tls = Authority(folder).server()
                url = (await stack.enter_async_context(Upstream(script, tls=tls))).url
            case "port":
                url = (await stack.enter_async_context(Upstream(script))).url
        yield await stack.enter_async_context(Serving(CONFIG.format(bad=f"{url}/v1", good=good.url, limit_s=limit_s)))


async def seen(fault: Fault, folder: Path, route: str, dialect: str, stream: bool) -> Seen:
    """Make one call, and see what comes of it."""
    path, body = DIALECTS[dialect]
    begun = asyncio.Event()
    accounts: list[Account] = []
    async with served(fault, folder, begun) as serving:
        handle = serving.gateway.handle

        async def watched(call: Call) -> Reply:
            accounts.append(call.account)
            return await handle(call)

        serving.gateway.handle = watched
        asked = {**body, "model": route, "stream": stream}
        response = await asyncio.wait_for(serving.post(path, asked, begun=begun), 30)
        rows = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    assert b"secret" not in response.body
    [account] = accounts
    events = tuple(type(event).__name__ for event in account.events)
    attempts = tuple(f"{row.target.partition('/')[0]}: {row.code or 'ok'}" for row in rows)
    return Seen(outcome(path, response), attempts, tuple(dict.fromkeys(events)))


def outcome(path: str, response: Response) -> str:
    """What the client has: an answer, an error with its status, or a beginning and an error."""
    if response.status != 200:
        document = response.json["error"]
        code = (
            document["details"]["error_code"]
            if path == "/v1/messages" and "details" in document
            else document.get("code")
        )
        return f"{response.status} {code or document['type']}"
    if response.headers["content-type"] == "application/json":
        assert b"hello" in response.body
        return "answer"
    last = json.loads([data for _, data in response.events if data != "[DONE]"][-1])
    failed = last.get("error") or (last.get("response") or {}).get("error")
    if failed:
        code = failed["details"]["error_code"] if "details" in failed else failed["code"]
        return f"a beginning, then {code}"
    return "answer"


async def cell(fault: Fault, stream: bool, route: str, folder: Path) -> Seen:
    """What comes of a fault in a route: the same in every client dialect."""
    found = await asyncio.gather(*(seen(fault, folder, route, dialect, stream) for dialect in DIALECTS))
    by_dialect = dict(zip(DIALECTS, found, strict=True))
    assert len(set(found)) == 1, f"{fault.name}, {route}: {by_dialect}"
    return found[0]


async def write(folder: Path) -> str:
    """The matrix as a page."""
    lines = [INTRODUCTION]
    for route, title in ROUTES.items():
        lines += ["", f"## {title}", "", "| fault | | the client gets | attempts | events |", "|---|---|---|---|---|"]
        for fault, stream in cells():
            each = await cell(fault, stream, route, folder)
            kind = "stream" if stream else "whole"
            columns = [fault.name, kind, each.client, shortened(each.attempts), ", ".join(each.events)]
            lines.append(f"| {' | '.join(columns)} |")
            print(f"\r\033[K  {route}: {fault.name}, {kind}", end="", file=sys.stderr, flush=True)
    return "\n".join(lines) + "\n"


def shortened(attempts: tuple[str, ...]) -> str:
    """Attempts in a row that ended alike as one."""
    return ", ".join(
        f"{each} ({count} times)" if (count := len(list(group))) > 1 else each for each, group in groupby(attempts)
    )


INTRODUCTION = """# What happens when something goes wrong

Made by `make fault-matrix`: every fault, over real sockets, between a client and a vendor (`bad`) that shows it each
time; `good` is a healthy one. Each row was the same in chat completions, responses and messages, the error in the
dialect's own form. Every attempt has its row in the ledger. `tests/server/test_fault_matrix.py` holds each row against
what it should be.

Retries are those of the defaults (three attempts per target). A *beginning* is content the client has got already: from
there on there is no second attempt, only an error event."""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        PAGE.write_text(asyncio.run(write(Path(temporary))))
    print(f"\n{PAGE.name} is written", file=sys.stderr)
