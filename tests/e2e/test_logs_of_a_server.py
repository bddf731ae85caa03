"""What a server says on standard error: JSON by line, each with its request, and nothing secret, whoever logs it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster import ADMIN_KEY, Replica, chat
from resilience.client import Client, Request

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts servers as on Linux")

VENDOR_KEY = "a-vendor's key of no known form"
PASSWORD = "p4ss%2Fw%20rd"

STAGE = '''
import logging, threading, warnings
from headgate.stage import EVERY_OPERATION

log = logging.getLogger("somebody.else")

class Careless:
    """Says all it knows."""

    operations = EVERY_OPERATION

    def __init__(self, **known):
        self.known = known

    async def __call__(self, call, next):
        said = f"{self.known} {dict(call.headers)} sk-proj-0123456789abcdefghij"
        log.warning("careless %s", said)
        warnings.warn(said)
        threading.Thread(target=self.fail, args=(said,)).start()
        if call.headers.get("x-fail"):
            raise RuntimeError(said)
        return await next(call)

    def fail(self, said):
        raise ValueError(said)
'''

CONFIG = f"""
storage: {{database: "sqlite:///h.db", journal: {{folder: JOURNAL}}}}
telemetry: {{logs: {{format: json, calls: true}}}}
providers: {{sim: {{kind: simulator, api_key: "{VENDOR_KEY}", proxy: "http://me:{PASSWORD}@proxy:3128"}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
stages: [{{use: "careless:Careless", after: access, with: {{key: "{VENDOR_KEY}", proxy: "http://me:{PASSWORD}@proxy:3128"}}}}]
"""


async def ask(replica: Replica, number: int, **headers: str) -> str:
    """A call of its own trace; the request's id."""
    client = Client(replica.port)
    sent = chat(replica.port, "chat", f"m{number}", ADMIN_KEY)
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"traceparent": trace(number), **headers}.items())
    head, _, body = sent.raw.partition(b"\r\n\r\n")
    outcome = await client.call(Request(head + b"\r\n" + lines.encode() + b"\r\n" + body, sent.stream))
    await client.close()
    return outcome.headers["x-headgate-request-id"]


async def eventually(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happens():
            await asyncio.sleep(0.02)


def trace(number: int) -> str:
    return f"00-{number + 1:032x}-00f067aa0ba902b7-01"


async def test_every_line_is_an_object_of_its_own_request_and_nothing_secret_is_in_any(tmp_path: Path):
    replica = Replica("one", tmp_path, CONFIG)
    (replica.folder / "careless.py").write_text(STAGE)
    try:
        await replica.start()
        ids = await asyncio.gather(*(ask(replica, number) for number in range(20)))
        failed = await ask(replica, 20, **{"x-fail": "1"})
        lines: list[dict[str, Any]] = []

        def said() -> bool:
            lines[:] = map(json.loads, replica.log.rpartition("\n")[0].splitlines())
            return sum(each["logger"] == "headgate.calls" for each in lines) == 21

        await eventually(said)
        for number, request_id in enumerate([*ids, failed]):
            mine = [each for each in lines if each.get("request_id") == request_id]
            assert {each["trace_id"] for each in mine} == {f"{number + 1:032x}"}
            assert {"somebody.else", "headgate.calls", "py.warnings"} <= {each["logger"] for each in mine}
        [call] = [each for each in lines if each["logger"] == "headgate.calls" and each["request_id"] == failed]
        assert (call["model"], call["outcome"], call["attempts"]) == ("chat", "internal_error", 0)
        [error] = [each for each in lines if each.get("error", {}).get("type") == "RuntimeError"]
        assert "Traceback" in error["stack"]
        assert any(each.get("error", {}).get("type") == "ValueError" for each in lines), "of a thread"

        replica.config.write_text(replica.config.read_text().replace("format: json, calls: true", "format: text"))
        await eventually(lambda: "INFO headgate.server" in replica.log)
        await ask(replica, 21, **{"x-fail": "1"})
        await eventually(lambda: "RuntimeError: " in replica.log.rpartition("reloaded")[2])
        assert await replica.stop() == 0
    finally:
        await replica.kill()
    text = replica.log
    for secret in (VENDOR_KEY, json.dumps(VENDOR_KEY), PASSWORD, "p4ss/w rd", ADMIN_KEY, "0123456789abcdefghij"):
        assert secret not in text
    for line in text.rpartition("reloaded")[2].splitlines()[1:]:
        assert line.startswith(("20", "    ")), line
