"""Counters in Redis, shared by all replicas: each reservation is one script, and one round trip.

A sliding window is a hash, a period's counter a text, the leases of a counter a sorted set by their ends. Time is the
Redis server's, one clock for all. A reservation that claims of periods is recorded under its owner until it is settled:
so it is settled once, and by others where its owner has died.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from math import inf, isinf
from typing import Any

import msgspec

from headgate.clock import Clock
from headgate.errors import StoreUnavailable
from headgate.storage.counters import (
    KEPT_US,
    LEASE_S,
    SLOTS,
    Claim,
    Granted,
    Outcome,
    Refused,
    Unseeded,
    slot_us,
    wait_s,
)
from headgate.storage.redis_link import (
    ABANDON,
    CARRY,
    JOIN,
    KEEP,
    RENEW,
    RESERVE,
    SEED,
    SETTLE,
    RedisLink,
    Script,
    Space,
    Word,
)

log = logging.getLogger("headgate.storage")

MOST = 2**63 - 1
"""What a counter of Redis can hold."""

RENEWED = 1_000
"""Leases renewed by one command, during which Redis does nothing else."""

NOTHING = Granted([], [])
"""What a reservation has as long as it is not granted."""

Record = list[tuple[str, int]]
"""What a reservation has of each period's counter."""


class RedisCounters:
    """Counters in one Redis, for one process."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        owner: str,
        *,
        namespace: str = "headgate",
        time_us: Callable[[], int] | None = None,
    ) -> None:
        """`owner` is an id of this process that no other has, before or after. `time_us` takes the place of the
        server's clock: for tests.

        Raises:
            ConfigError: the URL is not one of a Redis, or the extra is not installed.
        """
        self.link = RedisLink(url, namespace=namespace, time_us=time_us)
        self.owner = owner
        self.on_new_space: Callable[[], None] | None = None
        """Called when Redis is found to hold nothing of before, the first time included."""
        self._clock = clock
        self._open: dict[str, _Reservation] = {}
        """By holder: what is reserved and not settled."""
        self._leases: dict[str, set[str]] = {}
        """Who of this process holds them, by counter."""
        self._missing: dict[str, str] = {}
        """In which space a counter was not there: what it would begin with is known for that one only."""
        self._debts: set[_Debt] = set()
        """What is done without a reservation, and not over."""
        self._due: dict[tuple[str, bool], int] = {}
        """What is to be counted when Redis is back, by period counter, and whether it was carried over."""
        self._forgone = False
        """Whether any of it was left to the ledger."""
        self._timer: asyncio.TimerHandle | None = None
        self.link.entered.append(self._entered)

    async def reserve(self, holder: str, claims: Sequence[Claim]) -> Outcome:
        reservation = _Reservation(self, holder, claims)
        self.link.send(reservation)
        try:
            return await reservation.future
        except asyncio.CancelledError:
            reservation.give_back()
            raise

    def settle(self, holder: str, claims: Sequence[Claim], granted: Granted, amounts: Sequence[int]) -> None:
        reservation = self._open.pop(holder, None)
        if reservation is not None:
            if reservation.leases:
                self._release(reservation)
            self.link.send(_Settlement(self, reservation, amounts))

    def owe(self, claims: Sequence[Claim]) -> Callable[[int], None]:
        debt = _Debt({claim.counter: claim.ends_us for claim in claims if claim.kind == "period"}, self.link.space)
        self._debts.add(debt)

        def came_to(amount: int) -> None:
            self._debts.discard(debt)
            if debt.space == self.link.space:  # else counters have been begun from a ledger that has it
                for counter in debt.counters:
                    place = counter, debt.moved
                    self._due[place] = self._due.get(place, 0) + amount
                self._pay()

        return came_to

    async def seed(self, counter: str, value: int, ends_us: int, *, space: str | None = None) -> None:
        """Let a period's counter begin at `value` and what was carried, if it is not there: in no space but `space`, or
        the one in which it was first found missing.

        Raises:
            StoreUnavailable: Redis is away, or its space is another by now.
        """
        if space is None:
            space = self._missing.pop(counter, None)
        lasts_ms = (max(0, ends_us - self._clock.now_us()) + KEPT_US) // 1000 if ends_us else 0
        await self._run(
            lambda here: (
                *self.script(SEED, here, f"{here.prefix}p:{counter}", f"{here.prefix}c:{counter}"),
                max(0, value),
                lasts_ms,
            ),
            space,
        )

    async def read(self, counters: Sequence[str]) -> list[int | None]:
        if not counters:
            return []
        values = await self.link.call(lambda here: ("MGET", *(f"{here.prefix}p:{each}" for each in counters)))
        return [None if value is None else int(value) for value in values]

    async def flush(self) -> None:
        await self.link.flush()

    async def close(self) -> None:
        await self.link.close()
        if self._timer is not None:
            self._timer.cancel()

    @property
    def unsent(self) -> int:
        """How much of what was settled waits for Redis to come back."""
        return self.link.unsent

    @property
    def owes(self) -> bool:
        """Whether something was done without a reservation, before Redis was first there, that only counters begun anew
        will have.
        """
        return self._forgone or bool(self._debts)

    # ── after a restart of Redis, or of another replica ──

    @property
    def space(self) -> str:
        """Which Redis is written to, and which life of it; empty before the first connection."""
        return "" if self.link.space is None else self.link.space.id

    def held(self) -> dict[str, int]:
        """What this process has reserved of each period's counter, and not settled."""
        held: dict[str, int] = {}
        for reservation in self._open.values():
            for claim in reservation.claims:
                if claim.kind == "period":
                    held[claim.counter] = held.get(claim.counter, 0) + claim.amount
        return held

    def carry_held(self) -> dict[str, int]:
        """Take all that `held` tells of into this space, so that it counts here, and what it is settled at later. It is
        sent in order with what is settled: see `flush`. The counters it is for, with the ends of their periods: to be
        seeded before what is settled from now on may be among what they are seeded with.
        """
        space = self.link.space
        counters: dict[str, int] = {}
        for reservation in self._open.values():
            if space is not None and reservation.space != space and reservation.recorded:
                reservation.space = space
                reservation.moved = True
                self.link.send(_Carried(self, reservation, space))
                counters |= {claim.counter: claim.ends_us for claim in reservation.claims if claim.kind == "period"}
        for debt in self._debts:
            debt.space, debt.moved = space, True
            counters |= debt.counters
        return counters

    async def carry(self, counter: str, amount: int, *, space: str | None = None) -> None:
        """Count an amount for a period's counter: in it, or beside it until it is seeded."""

        def words(here: Space) -> Sequence[Word]:
            keys = _records(here, self.owner), f"{here.prefix}p:{counter}", f"{here.prefix}c:{counter}"
            return (*self.script(CARRY, here, *keys), "", "", amount)

        await self._run(words, space)

    async def join(self, owner: str, *, space: str | None = None) -> bool:
        """Say that an owner has carried over what it has; whether that was before counters could be begun."""
        names = "acknowledged", "ready"
        return await self._run(
            lambda here: (*self.script(JOIN, here, *(f"{here.prefix}{name}" for name in names)), owner), space
        )

    async def acknowledge(self, owner: str, *, space: str | None = None) -> None:
        """Say that an owner has nothing to carry over."""
        await self.link.call(lambda here: ("SADD", f"{here.prefix}acknowledged", owner), space)

    async def acknowledged(self) -> set[str]:
        """The owners who have."""
        return await self._members("acknowledged")

    async def abandon(self, *, space: str | None = None) -> None:
        """Give a space up, for all processes: what it holds is not all there is. They begin anew in another one."""
        await self._run(lambda here: self.script(ABANDON, here, f"{here.prefix}ready"), space)
        self.emptied()

    async def is_ready(self, *, space: str | None = None) -> bool:
        """Whether everything has been carried over, so that counters can be begun."""
        return bool(await self.link.call(lambda here: ("EXISTS", f"{here.prefix}ready"), space))

    async def set_ready(self, *, space: str | None = None) -> None:
        await self.link.call(lambda here: ("SET", f"{here.prefix}ready", "1"), space)

    async def owners(self) -> set[str]:
        """Every process there was in this space."""
        return await self._members("owners")

    async def holders(self, owner: str) -> list[str]:
        """Whose reservations of periods an owner has not settled."""
        found = await self.link.call(lambda here: ("HKEYS", _records(here, owner)))
        return sorted(each.decode() for each in found)

    async def adopt(self, holder: str, owner: str | None, amount: int | None) -> bool:
        """Settle what a dead owner's holder still has of period counters: at an amount, or, if that is None, as it was
        reserved. Without an owner all are asked for it. Whether there was anything.
        """
        for each in [owner] if owner is not None else sorted(await self.owners()):
            if await self._adopt(holder, each, amount):
                return True
        return False

    async def _adopt(self, holder: str, owner: str, amount: int | None) -> bool:
        found = await self.link.call(lambda here: ("HGET", _records(here, owner), holder))
        if found is None:
            return False
        record = msgspec.json.decode(found, type=Record)
        changed = [] if amount is None else [(counter, amount - had) for counter, had in record if amount != had]

        def words(here: Space) -> Sequence[Word]:
            keys = [_records(here, owner)]
            arguments: list[Word] = [holder, "1"]
            for counter, more in changed:
                for kind in "pc":  # the one of the two that is there
                    keys.append(f"{here.prefix}{kind}:{counter}")
                    arguments += ("p", more, 0, 0)
            return (*self.script(SETTLE, here, *keys), *arguments)

        return await self._run(words, None)

    async def _run(self, words: Callable[[Space], Sequence[Word]], space: str | None) -> bool:
        """Run a script; its answer, yes or no.

        Raises:
            StoreUnavailable: there was none, or Redis has been emptied.
        """
        (answer,) = await self.link.call(words, space)
        if answer < 0:
            raise self.emptied()
        return answer == 1

    async def _members(self, name: str) -> set[str]:
        found = await self.link.call(lambda here: ("SMEMBERS", f"{here.prefix}{name}"))
        return {each.decode() for each in found}

    def script(self, script: Script, space: Space, *keys: str) -> tuple[Word, ...]:
        """The first words of a call of a script."""
        return ("EVALSHA", script.digest, len(keys) + 1, space.key, *keys, space.value, self.link.time)

    # ── called by commands ──

    def granted(self, reservation: _Reservation) -> None:
        """Remember what has to be settled."""
        self._open[reservation.holder] = reservation
        for counter in reservation.leases:
            self._leases.setdefault(counter, set()).add(reservation.holder)

    def missing(self, reservation: _Reservation, counters: Sequence[str]) -> None:
        """Remember where they were not there."""
        if reservation.space is not None:
            for counter in counters:
                self._missing.setdefault(counter, reservation.space.id)

    def emptied(self) -> StoreUnavailable:
        """The space has gone while it was written to."""
        self.link.renew("it was emptied")
        return StoreUnavailable("Redis was emptied")

    def _pay(self) -> None:
        """Have Redis count what is due, if it is there."""
        if self._due and self.link.space is not None and not self.link.away:
            due, self._due = self._due, {}
            for (counter, moved), amount in due.items():
                self.link.send(_Payment(self, counter, amount, self.link.space, moved=moved))

    # ── leases, and keys that have to last ──

    def _release(self, reservation: _Reservation) -> None:
        for counter in reservation.leases:
            holders = self._leases.get(counter)
            if holders is not None:
                holders.discard(reservation.holder)
                if not holders:
                    del self._leases[counter]

    def _entered(self, new: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if new:
            self._forgone = self._forgone or bool(self._due)
            self._due.clear()  # the ledger has it
            if self.on_new_space is not None:
                self.link.loop.call_soon(self.on_new_space)
        self._pay()
        self._keep()

    def _keep(self) -> None:
        """Renew what this process has in Redis, now and again."""
        self._timer = self.link.loop.call_later(LEASE_S / 3, self._keep)
        if self.link.away:
            return
        self.link.send(_Background(self, self._lasting))
        for counter, holders in self._leases.items():
            names = sorted(holders)
            for at in range(0, len(names), RENEWED):
                self.link.send(_Background(self, partial(self._renewal, counter, names[at : at + RENEWED])))

    def _lasting(self, space: Space) -> Sequence[Word]:
        names = [f"{space.prefix}{name}" for name in ("owners", "acknowledged", "ready")]
        return (*self.script(KEEP, space, *names, _records(space, self.owner)), self.owner)

    def _renewal(self, counter: str, holders: Sequence[str], space: Space) -> Sequence[Word] | None:
        held = self._leases.get(counter, ())
        names = [holder for holder in holders if holder in held]
        return (*self.script(RENEW, space, f"{space.prefix}l:{counter}"), *names) if names else None


class _Reservation:
    """A reservation from when it is sent until it is settled."""

    __slots__ = (
        "_again", "_counters", "_taken", "claims", "future", "granted", "holder", "leases", "moved", "recorded",
        "space",
    )  # fmt: skip

    keeps = False

    def __init__(self, counters: RedisCounters, holder: str, claims: Sequence[Claim]) -> None:
        self._counters = counters
        self._taken: list[int] = []
        """What earlier claims take of each one's counter, if any do."""
        self.holder = holder
        self.claims = claims
        self.future: asyncio.Future[Outcome] = counters.link.loop.create_future()
        self.granted = NOTHING
        self.leases: list[str] = []
        self.recorded = False
        """Whether it claims of periods."""
        self.space: Space | None = None
        """Where."""
        self.moved = False
        """Whether it was made in another space, and carried over."""
        self._again = False
        """Whether it met a space that was gone, and has been sent to the next."""

    def words(self, space: Space) -> Sequence[Word] | None:
        if self.future.done():
            return None
        self.space, self.leases = space, []
        prefix = space.prefix
        keys = [space.key, _records(space, self._counters.owner)]
        arguments: list[Word] = []
        for claim in self.claims:
            kind, amount, ceiling = claim.kind, claim.amount, claim.ceiling
            room = (MOST if ceiling is None or ceiling > MOST else ceiling) - amount
            if kind == "sliding":
                keys.append(f"{prefix}w:{claim.window_us}:{claim.counter}")
                arguments += ("s", amount, room if room >= 0 else "-", slot_us(claim.window_us))
            elif kind == "period":
                self.recorded = True
                keys.append(f"{prefix}p:{claim.counter}")
                arguments += ("p", amount, room if room >= 0 else "-", 0 if claim.ends_us else 1)
            else:
                self.leases.append(claim.counter)
                keys.append(f"{prefix}l:{claim.counter}")
                arguments += ("l", 1, room if room >= 0 else "-", 0)
        if len({*keys}) < len(keys):
            self._share(keys, arguments)
        record = self.record() if self.recorded else b""
        time = self._counters.link.time
        return ("EVALSHA", RESERVE.digest, len(keys), *keys, space.value, time, self.holder, record, *arguments)

    def record(self) -> bytes:
        """What is written down of it."""
        return msgspec.json.encode([(each.counter, each.amount) for each in self.claims if each.kind == "period"])

    def answered(self, reply: Any) -> None:
        match reply[0]:
            case 1:
                amounts = [claim.amount if claim.kind != "lease" else 1 for claim in self.claims]
                totals = [int(before) + amount for before, amount in zip(reply[1::2], amounts, strict=True)]
                if self._taken:
                    totals = [total + taken for total, taken in zip(totals, self._taken, strict=True)]
                outcome = self.granted = Granted(totals, reply[2::2])
                self._counters.granted(self)
            case 0:
                outcome = self._refusal(reply)
            case 2:
                outcome = Unseeded([*dict.fromkeys(self.claims[position].counter for position in reply[1:])])
                self._counters.missing(self, outcome.counters)
            case _:
                self._gone(self._counters.emptied())
                return
        if not self.future.done():
            self.future.set_result(outcome)
        else:
            self.give_back()

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        if sent and (self.recorded or self.leases):  # it may have been granted
            self._counters.link.send(_Settlement(self._counters, self, [0] * len(self.claims)))
        if not self.future.done():
            self.future.set_exception(error)

    def _gone(self, error: StoreUnavailable) -> None:
        """Try once more in the next space: in the one that is gone nothing was done."""
        try:
            if self._again:
                raise error
            self._again = True
            self._counters.link.send(self)
        except StoreUnavailable as away:
            self.failed(away, sent=False)

    def give_back(self) -> None:
        """Settle it, if it was granted, as nothing: nobody is there any more to do it."""
        if self.granted is not NOTHING:
            self._counters.settle(self.holder, self.claims, self.granted, [0] * len(self.claims))

    def _share(self, keys: Sequence[str], arguments: list[Word]) -> None:
        """Leave what earlier claims take of a counter out of the room of later ones."""
        taken: dict[str, int] = {}
        self._taken = []
        for position, claim in enumerate(self.claims):
            key = keys[position + 2]
            before = taken.get(key, 0)
            self._taken.append(before)
            room = arguments[position * 4 + 2]
            if isinstance(room, int) and before:
                arguments[position * 4 + 2] = room - before if room >= before else "-"
            if claim.kind != "lease":
                taken[key] = before + claim.amount

    def _refusal(self, reply: Sequence[Any]) -> Refused:
        position, total, now_us = int(reply[1]), int(reply[2]), int(reply[3])
        longest = 0.0
        for at, slot, shift, held in reply[4:]:
            wait = self._wait_s(int(at), int(slot), int(shift), held, now_us)
            if not isinf(wait) or at == position:
                longest = max(longest, wait)
        return Refused(position, total, longest if self.claims[position].kind == "sliding" else inf)

    def _wait_s(self, position: int, newest: int, shift: int, held: Sequence[bytes], now_us: int) -> float:
        """When a window has room, going by its hash."""
        claim = self.claims[position]
        same = [each for each in self.claims[: position + 1] if each.counter == claim.counter]
        asked = sum(each.amount for each in same if each.window_us == claim.window_us and each.kind == "sliding")
        fields = dict(zip(held[::2], held[1::2], strict=True))
        slots = [b"%d" % (each % SLOTS) for each in range(newest + 1, newest + 1 + SLOTS)]
        amounts = [int(fields.get(slot, 0)) for slot in slots]
        width = slot_us(claim.window_us)
        ceiling = MOST if claim.ceiling is None else claim.ceiling
        return wait_s(amounts, sum(amounts) + asked - ceiling, (newest + 1 - shift) * width - now_us, width)


class _Settlement:
    """What was really used of a reservation."""

    __slots__ = ("_again", "_amounts", "_counters", "_reservation")

    keeps = True

    def __init__(self, counters: RedisCounters, reservation: _Reservation, amounts: Sequence[int]) -> None:
        self._counters = counters
        self._reservation = reservation
        self._amounts = amounts
        self._again = False
        """Whether it may have been heard before."""

    def words(self, space: Space) -> Sequence[Word] | None:
        counters, reservation = self._counters, self._reservation
        here = reservation.space == space
        recorded = here and reservation.recorded
        prefix = space.prefix
        keys = [space.key, _records(space, counters.owner)]
        arguments: list[Word] = []
        marks = reservation.granted.marks
        for position, claim in enumerate(reservation.claims):
            kind = claim.kind
            more = self._amounts[position] - claim.amount
            if kind == "lease":
                keys.append(f"{prefix}l:{claim.counter}")
                arguments += ("l", 0, 0, 0)
            elif not here or not more:
                continue
            elif kind == "period":
                keys.append(f"{prefix}p:{claim.counter}")
                arguments += ("p", more, 0, 0)
                if reservation.moved:  # the one of the two that is there
                    keys.append(f"{prefix}c:{claim.counter}")
                    arguments += ("p", more, 0, 0)
            elif marks and not reservation.moved and (recorded or more > 0 or not self._again):
                keys.append(f"{prefix}w:{claim.window_us}:{claim.counter}")
                arguments += ("s", more, marks[position], slot_us(claim.window_us))
        if not arguments and not recorded:
            return None
        time, flag = counters.link.time, "1" if recorded else "0"
        return (
            "EVALSHA", SETTLE.digest, len(keys), *keys, space.value, time, reservation.holder, flag, *arguments,
        )  # fmt: skip

    def answered(self, reply: Any) -> None:
        if reply[0] < 0:
            self._counters.emptied()

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        self._again = True
        if not sent:
            log.error("what '%s' used was not counted: %s", self._reservation.holder, error)


class _Carried:
    """A reservation taken over into another space."""

    __slots__ = ("_counters", "_reservation", "_space")

    keeps = True

    def __init__(self, counters: RedisCounters, reservation: _Reservation, space: Space) -> None:
        self._counters = counters
        self._reservation = reservation
        self._space = space

    def words(self, space: Space) -> Sequence[Word] | None:
        if space != self._space:
            return None
        reservation, prefix = self._reservation, space.prefix
        keys = [_records(space, self._counters.owner)]
        amounts: list[int] = []
        for claim in reservation.claims:
            if claim.kind == "period":
                keys += (f"{prefix}p:{claim.counter}", f"{prefix}c:{claim.counter}")
                amounts.append(claim.amount)
        return (*self._counters.script(CARRY, space, *keys), reservation.holder, reservation.record(), *amounts)

    def answered(self, reply: Any) -> None:
        if reply[0] < 0:
            self._counters.emptied()

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        if not sent:
            log.error("what '%s' has reserved was not carried over: %s", self._reservation.holder, error)


class _Debt:
    """Something that is done without a reservation."""

    __slots__ = ("counters", "moved", "space")

    def __init__(self, counters: dict[str, int], space: Space | None) -> None:
        self.counters = counters
        """Those of periods, with their ends."""
        self.space = space
        """Where it is to be counted, if that is still there at its end."""
        self.moved = False
        """Whether it was begun in another space, and carried over."""


class _Payment:
    """What something came to that was done without a reservation."""

    __slots__ = ("_amount", "_counter", "_counters", "_moved", "_space")

    keeps = True

    def __init__(self, counters: RedisCounters, counter: str, amount: int, space: Space, *, moved: bool) -> None:
        self._counters = counters
        self._counter = counter
        self._amount = amount
        self._space = space
        self._moved = moved

    def words(self, space: Space) -> Sequence[Word] | None:
        if space != self._space:
            return None
        counters, prefix = self._counters, space.prefix
        keys = _records(space, counters.owner), f"{prefix}p:{self._counter}"
        if self._moved:
            return (*counters.script(CARRY, space, *keys, f"{prefix}c:{self._counter}"), "", "", self._amount)
        return (*counters.script(SETTLE, space, *keys), "", "0", "p", self._amount, 0, 0)

    def answered(self, reply: Any) -> None:
        if reply[0] < 0:
            self._counters.emptied()

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        if not sent:
            log.error("what was spent without a reservation was not counted for '%s': %s", self._counter, error)


class _Background:
    """A script that nobody waits for."""

    __slots__ = ("_counters", "_words")

    keeps = False

    def __init__(self, counters: RedisCounters, words: Callable[[Space], Sequence[Word] | None]) -> None:
        self._counters = counters
        self._words = words

    def words(self, space: Space) -> Sequence[Word] | None:
        return self._words(space)

    def answered(self, reply: Any) -> None:
        if reply[0] < 0:
            self._counters.emptied()

    def failed(self, error: StoreUnavailable, *, sent: bool) -> None:
        pass  # there is a next time


def _records(space: Space, owner: str) -> str:
    """Where an owner's reservations of periods are written down."""
    return f"{space.prefix}h:{owner}"
