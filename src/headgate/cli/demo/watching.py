"""What there is to see of a demonstration: asked of the gateway's own API, counters and breakers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from time import monotonic
from typing import Any

import msgspec

from headgate.cli.demo.plot import ALARMING_FAILURES, ALARMING_SPENT, Act
from headgate.cli.demo.traffic import RECENT_S, Caller, Client
from headgate.gateway import Gateway

NOTES = 200


class Note(msgspec.Struct, frozen=True):
    """Something that happened."""

    at_s: float
    text: str
    tone: str = ""
    """How it is meant: `bad`, `good`, or nothing."""


class TeamSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A team, now."""

    name: str
    calls: int
    refused: int
    failed: int
    cost_usd: Decimal
    spent: float
    """Share of the budget."""


class TargetSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A target, now."""

    name: str
    state: str
    """`closed` is in use, `open` is resting, `half_open` is being tried."""
    failing: float
    """Share of its attempts that fail lately."""
    attempts: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, now."""

    elapsed_s: float
    act: Act
    calls_per_s: float
    success: float | None
    """Share of the calls that ended lately and were not refused; None where there were none."""
    median_ms: float
    teams: Sequence[TeamSeen]
    targets: Sequence[TargetSeen]
    alerts: Sequence[str]
    notes: Sequence[Note]


_TOLD = {
    "Retried": ("{count} × tried again at {subject}", "", False),
    "FellBack": ("{count} × fell back to {subject}", "", False),
    "Refused": ("{count} × refused: it does not fit in the budget of {subject}", "bad", False),
    "BreakerOpened": ("breaker of {subject} opens: it is left alone", "bad", True),
    "BreakerProbed": ("breaker of {subject} lets a call through to see", "", True),
    "BreakerClosed": ("breaker of {subject} closes: it is back", "good", True),
}
"""What is told, how, and whether at once."""

TELL_EVERY_S = 5.0
"""What goes on happening is told together, so often and when an act is over."""

COUNT_EVERY_S = 1.0
COUNT_AT_MOST = 20.0
"""Adding up may take one part in so many of the time."""


class Watch:
    """Looks at the gateway, and remembers what happened."""

    def __init__(self, gateway: Gateway, client: Client, admin_key: str, callers: Sequence[Caller]) -> None:
        self.notes: deque[Note] = deque(maxlen=NOTES)
        self.told = 0
        """Notes so far, those forgotten included."""
        self._gateway = gateway
        self._client = client
        self._key = admin_key
        self._callers = callers
        self._began = monotonic()
        self._alerts: dict[str, str] = {}
        """By what is the case when one is over."""
        self._counts: dict[tuple[str, str], int] = {}
        """How often each thing had happened when it was told last."""
        self._tell_at_s = 0.0
        self._names: dict[str, str] = {}
        self._costs: dict[str | None, Decimal] = {}
        self._count_at_s = 0.0

    @property
    def elapsed_s(self) -> float:
        return monotonic() - self._began

    def note(self, text: str, tone: str = "") -> None:
        """Write down that something happened."""
        self.notes.append(Note(self.elapsed_s, text, tone))
        self.told += 1

    def tell(self, *, everything: bool = False) -> None:
        """Write down what has happened and was not told; of what goes on happening only what is due, or everything."""
        everything = everything or self.elapsed_s >= self._tell_at_s
        counts = {(kind, target): count for (kind, target), count in self._gateway.metrics.events.items()}
        counts |= {("Refused", each.team.name): each.tally.outcomes["refused"] for each in self._callers}
        for (kind, subject), count in counts.items():
            fresh = count - self._counts.get((kind, subject), 0)
            text, tone, at_once = _TOLD.get(kind, ("", "", False))
            if not fresh or not text or not (at_once or everything):
                continue
            self._counts[kind, subject] = count
            self.note(text.format(count=fresh, subject=subject), tone)
            if not at_once:
                self._tell_at_s = self.elapsed_s + TELL_EVERY_S

    async def look(self, act: Act) -> Seen:
        """What there is to see now."""
        teams = await self._teams()
        targets = self._targets()
        self.tell()
        self._judge(teams, targets)
        recent = [each for caller in self._callers for each in caller.tally.recent()]
        tried = [each for each in recent if each[0] != "refused"]
        seconds = sorted(each[1] for each in tried)
        return Seen(
            elapsed_s=self.elapsed_s,
            act=act,
            calls_per_s=len(recent) / min(RECENT_S, max(self.elapsed_s, 1.0)),
            success=sum(each[0] == "ok" for each in tried) / len(tried) if tried else None,
            median_ms=seconds[len(seconds) // 2] * 1000 if seconds else 0.0,
            teams=teams,
            targets=targets,
            alerts=list(self._alerts.values()),
            notes=list(self.notes),
        )

    async def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """What the admin API answers."""
        status, answer = await self._client.ask(method, f"/admin{path}", self._key, body, headers or {})
        if status >= 300:
            raise RuntimeError(f"{method} /admin{path} was answered {status}: {answer[:500].decode(errors='replace')}")
        return msgspec.json.decode(answer)

    async def _teams(self) -> list[TeamSeen]:
        if self.elapsed_s >= self._count_at_s:
            await self._count()
        budgets = await self.ask("GET", "/budgets?limit=100")
        of_team = {self._names.get(each["subject"].partition(":")[2]): each for each in budgets["data"]}
        return [_team(caller, self._costs, of_team) for caller in self._callers]

    async def _count(self) -> None:
        """Have the ledger added up: seldom, since it grows for as long as this is left running."""
        began_s = self.elapsed_s
        self._names = {each["id"]: each["name"] for each in (await self.ask("GET", "/teams?limit=100"))["data"]}
        totals = await self.ask("GET", "/ledger/totals?by=team")
        self._costs = {self._names.get(each["group"]["team"]): Decimal(each["cost_usd"]) for each in totals["data"]}
        self._count_at_s = self.elapsed_s + max(COUNT_EVERY_S, COUNT_AT_MOST * (self.elapsed_s - began_s))

    def _targets(self) -> list[TargetSeen]:
        attempts: dict[str, int] = {}
        for (target, *_), count in self._gateway.metrics.attempts.items():
            attempts[target] = attempts.get(target, 0) + count
        return [
            TargetSeen(
                name=each.target,
                state=each.breaker,
                failing=each.failure_rate,
                attempts=attempts.get(each.target, 0),
            )
            for each in sorted(self._gateway.targets(), key=lambda each: each.target)
        ]

    def _judge(self, teams: Sequence[TeamSeen], targets: Sequence[TargetSeen]) -> None:
        """Raise and end alerts."""
        found = {
            f"{each.name} answers": f"{each.name}: {each.failing:.0%} of attempts fail"
            for each in targets
            if each.failing >= ALARMING_FAILURES or each.state == "open"
        }
        found |= {
            f"team {each.name} may spend": f"team {each.name}: {each.spent:.0%} of its budget is spent"
            for each in teams
            if each.spent >= ALARMING_SPENT
        }
        for good in found.keys() - self._alerts.keys():
            self.note(f"ALERT {found[good]}", "bad")
        for good in self._alerts.keys() - found.keys():
            self.note(f"alert is over: {good} again", "good")
        self._alerts = found


def _team(caller: Caller, costs: dict[str | None, Decimal], budgets: dict[str | None, Any]) -> TeamSeen:
    name, tally = caller.team.name, caller.tally
    budget = budgets[name]
    amount = Decimal(budget["amount_usd"])
    return TeamSeen(
        name=name,
        calls=tally.calls,
        refused=tally.outcomes["refused"],
        failed=tally.outcomes["failed"],
        cost_usd=costs.get(name, Decimal(0)),
        spent=float(Decimal(budget["spent_usd"] or 0) / amount),
    )
