"""Putting the plot on: a gateway in a temporary folder, its teams, keys and budgets, and one act after the other."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from headgate.cli.demo.plot import (
    SPENDING,
    STEP_USD,
    TEAMS,
    Act,
    Team,
    act_at,
    configuration,
    next_act,
    report_every_s,
    rules,
)
from headgate.cli.demo.traffic import Caller, Client
from headgate.cli.demo.watching import Seen, Watch
from headgate.config import load
from headgate.config.places import placed
from headgate.errors import ConnectionFailed
from headgate.gateway import Gateway
from headgate.providers.simulator import SimulatorTransport
from headgate.providers.simulator.script import Script
from headgate.server.embedded import Embedded

HOST = "127.0.0.1"
START_S = 20.0
VENDORS = ("sim-east", "sim-west")
VISITOR_USD = "1"
"""What may be spent with the key that is shown, to try."""


class Stage:
    """A demonstration under way."""

    def __init__(self, gateway: Gateway, url: str, admin_key: str, cycle_s: float) -> None:
        self.url = url
        self.admin_key = admin_key
        self.visitor_key = ""
        self.cycle_s = cycle_s
        self.clean = True
        """Whether all connections were closed in the end."""
        self._gateway = gateway
        self._client = Client(url)
        self._callers: list[Caller] = []
        self._act: Act | None = None
        self._budget: dict[str, Any] = {}
        self._report_at_s = 0.0
        self.watch = Watch(gateway, self._client, admin_key, self._callers)
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Wait for the gateway, make teams, keys and budgets, and let the teams call."""
        await self._answers()
        for team in TEAMS:
            self._callers.append(Caller(team, await self._key(team), self._client))
        visitor = {"name": "visitor", "models": ["chat"], "budget_usd": VISITOR_USD}
        self.visitor_key = (await self.watch.ask("POST", "/keys", visitor))["key"]
        self._tasks = [asyncio.ensure_future(each.run()) for each in self._callers if each.team.per_s]

    async def look(self) -> Seen:
        """Go on with the plot, and see how things are."""
        act = next_act(self._act, act_at(self.watch.elapsed_s, self.cycle_s))
        if act is not self._act:
            await self._begin(act)
        every_s = report_every_s(act, self.cycle_s)
        while every_s is not None and self._report_at_s <= self.watch.elapsed_s:
            self._report_at_s += every_s
            next(each for each in self._callers if each.team.name == SPENDING).call()
        return await self.watch.look(act)

    async def end(self) -> None:
        """Let nobody call any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(each.close() for each in self._callers), return_exceptions=True)
        await self._client.close()

    async def _begin(self, act: Act) -> None:
        """What changes when an act begins."""
        self._act = act
        self._report_at_s = self.watch.elapsed_s
        self.watch.tell(everything=True)
        self.watch.note(f"{act.name}: {act.caption}", "bad" if act.name in ("incident", "budget") else "good")
        for name in VENDORS:
            transport = self._gateway.provider(name).transport
            assert isinstance(transport, SimulatorTransport)
            transport.simulator.script = Script(rules(name, act))
        if act.name == "calm":
            await self._new_budget()
        if act.name == "raised":
            await self._raise_budget()

    async def _new_budget(self) -> None:
        """Give the team that spends its budget a new one for this round: it counts from now on."""
        if self._budget:
            match = {"if-match": f'"{self._budget["version"]}"'}
            await self.watch.ask("DELETE", f"/budgets/{self._budget['id']}", None, match)
        team = next(each for each in TEAMS if each.name == SPENDING)
        self._budget = await self.watch.ask("POST", "/budgets", _budget(team))

    async def _raise_budget(self) -> None:
        """Give the team that has spent its budget as much again."""
        amount = f"{float(self._budget['amount_usd']) + STEP_USD:.4f}"
        match = {"if-match": f'"{self._budget["version"]}"'}
        self._budget = await self.watch.ask("PATCH", f"/budgets/{self._budget['id']}", {"amount_usd": amount}, match)
        self.watch.note(f"the budget of {SPENDING} is raised to ${amount}", "good")

    async def _key(self, team: Team) -> str:
        """Make a team with a budget, and a key of its own."""
        await self.watch.ask("POST", "/teams", {"name": team.name})
        if team.name != SPENDING:
            await self.watch.ask("POST", "/budgets", _budget(team))
        key = {"name": f"simulated {team.name.lower()}", "team": team.name, "tags": team.tags}
        return (await self.watch.ask("POST", "/keys", key))["key"]

    async def _answers(self) -> None:
        """Wait until the gateway does.

        Raises:
            TimeoutError: it does not.
        """
        async with asyncio.timeout(START_S):
            while True:
                with suppress(ConnectionFailed):
                    await self._client.ask("GET", "/readyz", self.admin_key)
                    return
                await asyncio.sleep(0.01)


def _budget(team: Team) -> dict[str, Any]:
    return {"subject": f"team:{team.name}", "amount_usd": team.budget_usd, "period": "total", "hard": team.hard}


@asynccontextmanager
async def played(port: int, cycle_s: float) -> AsyncGenerator[Stage]:
    """A demonstration, for as long as the block lasts. Its folder is gone afterwards."""
    admin_key = f"hg-demo-{secrets.token_urlsafe(24)}"
    with tempfile.TemporaryDirectory(prefix="headgate-demo-") as there:
        file = Path(there) / "headgate.yaml"
        file.write_text(configuration(HOST, port, cycle_s), "utf-8")
        environ = {"HEADGATE_ADMIN_KEY": admin_key}
        gateway = Gateway(placed(load(file, environ), file.parent), environ=environ)
        await gateway.open()
        server = Embedded(gateway, HOST, port)
        server.start()
        stage = Stage(gateway, f"http://{HOST}:{port}", admin_key, cycle_s)
        try:
            await stage.begin()
            yield stage
        finally:
            await stage.end()
            stage.clean = await server.stop()
