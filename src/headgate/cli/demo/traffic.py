"""Simulated teams that call the gateway as any client does: over HTTP, each with its key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from random import Random
from time import monotonic
from typing import Any, Literal

import msgspec

from headgate.cli.demo.plot import Team
from headgate.errors import HeadgateError
from headgate.providers.http1.transport import Http1Transport
from headgate.providers.transport import HttpRequest, TransportOptions

Outcome = Literal["ok", "refused", "failed"]
"""`refused` is by a budget or a limit: 429."""

RECENT_S = 5.0
LARGEST_BYTES = 16 * 1024 * 1024


class Client:
    """Somebody who calls the gateway, on connections that are kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport = Http1Transport(TransportOptions())

    async def ask(
        self, method: str, path: str, key: str, body: Any = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Status and whole body of the answer.

        Raises:
            HeadgateError: there is none.
        """
        sent = {"authorization": f"Bearer {key}", "accept": "*/*", **headers}
        if body is not None:
            sent["content-type"] = "application/json"
        request = HttpRequest(
            method=method,
            url=f"{self._url}{path}",
            headers=tuple(sent.items()),
            body=b"" if body is None else msgspec.json.encode(body),
        )
        response = await self._transport.send(request)
        try:
            return response.status, await response.read(LARGEST_BYTES)
        finally:
            await response.close()

    async def close(self) -> None:
        await self._transport.close()


class Tally:
    """What came of a team's calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.outcomes: dict[Outcome, int] = {"ok": 0, "refused": 0, "failed": 0}
        self._recent: deque[tuple[float, Outcome, float]] = deque()

    def count(self, outcome: Outcome, seconds: float) -> None:
        self.calls += 1
        self.outcomes[outcome] += 1
        self._recent.append((monotonic(), outcome, seconds))

    def recent(self) -> list[tuple[Outcome, float]]:
        """Outcome and seconds of each call that ended lately."""
        while self._recent and self._recent[0][0] < monotonic() - RECENT_S:
            self._recent.popleft()
        return [(outcome, seconds) for _, outcome, seconds in self._recent]


class Caller:
    """One team that calls."""

    def __init__(self, team: Team, key: str, client: Client) -> None:
        self.team = team
        self.tally = Tally()
        self._key = key
        self._client = client
        self._number = 0
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Call at random times, as many a second as the team does. Until cancelled."""
        dice = Random(self.team.name)  # noqa: S311 - traffic, no secret
        while True:
            await asyncio.sleep(dice.expovariate(self.team.per_s))
            self.call()

    def call(self) -> None:
        """Begin one call."""
        self._number += 1
        self._calls.add(task := asyncio.ensure_future(self._call(self._number)))
        task.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        """End the calls under way."""
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _call(self, number: int) -> None:
        began = monotonic()
        tags = ",".join(f"{name}={value}" for name, value in self.team.tags.items())
        headers = {"x-headgate-tags": tags, "anthropic-version": "2023-06-01"}
        try:
            status, body = await self._client.ask("POST", self.team.path, self._key, self.team.body(number), headers)
        except HeadgateError:
            self.tally.count("failed", monotonic() - began)
            return
        self.tally.count(_outcome(status, body), monotonic() - began)


def _outcome(status: int, body: bytes) -> Outcome:
    if status == 429:
        return "refused"
    broken = b"event: error" in body or b'data: {"error"' in body
    return "ok" if status == 200 and not broken else "failed"
