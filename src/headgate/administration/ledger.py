"""The ledger: reading it, what it adds up to, and correcting it by the vendors' own accounts."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, Literal, Optional

import msgspec
from msgspec.structs import replace

from headgate.administration import keyring, subjects, teams
from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import Invalid, Problem, invalid, problem
from headgate.administration.requests import (
    Correction,
    LedgerAsked,
    LedgerExport,
    LedgerListing,
    NewCorrections,
    TotalsAsked,
    UsageAsked,
)
from headgate.administration.standing import Standings
from headgate.administration.values import Usd, microseconds, moment, usd_of
from headgate.administration.views import Page, UsageView
from headgate.catalog import Catalog, Price
from headgate.config import Config
from headgate.config.price_lists import catalog_of
from headgate.errors import BadRequest, NotFound
from headgate.ids import end_user_id
from headgate.ledger.exports import COLUMNS, FORMATS, Encoder, Focus, encoded_batches, plain
from headgate.ledger.exports.columns import Kind
from headgate.ledger.queries import Filters, LedgerQueries
from headgate.ledger.statement import Statement, Tally, month_bounds
from headgate.ledger.table import LISTED, encode, unflatten
from headgate.limits.calendar import Calendar
from headgate.money import format_usd, from_decimal
from headgate.storage.database import Transaction
from headgate.storage.records import Key, LedgerRow
from headgate.storage.tables import BUDGETS
from headgate.types import Usage

WHOLE = "*"
"""In place of a team, for the statement of a whole organisation."""

PAGE_ROWS = 500
"""Rows of an export worked on at once: calls that are served beside it do not wait long."""

TOKENS = Usage.__struct_fields__

_HASHED = re.compile(r"[0-9a-f]{32}")

_TYPES: dict[Kind, Any] = {
    "text": str | None,
    "count": int | None,
    "money": Optional[Usd],  # noqa: UP045 - what is annotated is no type
    "time": str | None,
    "truth": bool,
    "tags": dict[str, str],
    "list": list[str],
}

LedgerView = msgspec.defstruct("LedgerView", [(column.name, _TYPES[column.kind]) for column in COLUMNS])
"""One attempt, as lists and exports tell it."""


class TotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """What some attempts add up to."""

    group: dict[str, str | None]
    """What they have in common."""
    calls: int
    attempts: int
    """Upstream calls: not answers from the cache, and not corrections."""
    tokens: dict[str, int]
    cost_usd: Usd
    """Of those whose cost is known."""
    saving_usd: Usd
    """What answers from the cache would have cost."""
    unpriced: int
    """Attempts whose cost is not known."""
    estimated: int
    """Attempts whose vendor did not report what they used."""


class CorrectionsMade(msgspec.Struct, frozen=True, kw_only=True):
    recorded: int
    known: int
    """Those that were there already."""
    cost_usd: Usd
    """What the recorded ones come to."""


class Ledger:
    def __init__(self, ports: Ports, acts: Acts, standings: Standings, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._database = ports.database
        self._acts = acts
        self._standings = standings
        self._config = config
        self._queries = LedgerQueries(ports.database)
        self._calendar = Calendar(ports.clock)

    # ── reading ──

    async def list(self, actor: Actor, request: LedgerListing) -> Page[dict[str, Any]]:
        filters = await self._filters(actor, request)
        try:
            rows, cursor = await self._queries.page(filters, request.cursor, request.limit)
        except BadRequest:
            raise invalid("cursor", "is none that a list gave; begin without one") from None
        return Page([plain(row) for row in rows], cursor)

    async def totals(self, actor: Actor, request: TotalsAsked) -> Page[TotalsView]:
        by = [name for each in request.by for name in each.split(",")]
        if len(set(by)) != len(by):
            raise invalid("by", "names the same twice")
        filters = await self._filters(actor, request)
        try:
            found = await self._queries.totals(filters, by)
        except BadRequest as error:
            raise Invalid([Problem("by", "invalid_value", error.message)]) from None
        return Page(
            [
                TotalsView(
                    group=each.group,
                    calls=each.calls,
                    attempts=each.attempts,
                    tokens=_tokens(each.usage),
                    cost_usd=format_usd(each.cost_picodollars),
                    saving_usd=format_usd(each.saving_picodollars),
                    unpriced=each.unpriced,
                    estimated=each.estimated,
                )
                for each in found
            ],
            None,
        )

    async def export(self, actor: Actor, request: LedgerExport) -> tuple[str, str, AsyncGenerator[bytes, None]]:
        """A file's name, its media type and its pieces.

        Raises:
            Invalid: this process cannot write that format.
        """
        filters = await self._filters(actor, request)
        encoder = await self._encoder(actor, request.format)
        name = f"ledger.{encoder.suffix}"
        return name, encoder.media_type, self._encoded(filters, encoder)

    async def _encoded(self, filters: Filters, encoder: Encoder) -> AsyncGenerator[bytes, None]:
        async for piece in encoded_batches(self._pages(filters), encoder):
            yield piece

    async def statement(self, actor: Actor, team: str, month: str) -> Statement:
        """What a team used in a month of its own calendar, or with `*` the whole organisation.

        Raises:
            Invalid: that is no month.
            NotFound: there is no such team.
        """
        team_id, timezone = None, "UTC"
        if team == WHOLE:
            within_organisation(actor, "the organisation's statement")
        else:
            try:
                row = await teams.register.get(self._database, actor, team)
            except NotFound:
                row = await teams.register.resolve(self._database, actor, team, "team")
            team_id, timezone = row.id, row.timezone
        try:
            from_us, to_us = month_bounds(month, timezone)
        except ValueError as error:
            raise invalid("month", f"is wrong: {error}") from None
        tally = Tally(actor.organisation, team_id, month, timezone, await self._names(actor.organisation))
        await self._caught_up()
        filters = Filters(organisation=actor.organisation, team_id=team_id, from_us=from_us, until_us=to_us)
        async for rows in self._pages(filters):
            tally.add(rows)
        return tally.statement()

    async def usage(self, actor: Actor, key_id: str, request: UsageAsked) -> UsageView:
        """What a key used, together with those it was rotated from."""
        key = await keyring.register.get(self._database, actor, key_id)
        line = await keyring.lineage(self._database, key.organisation, key.id)
        rules = await keyring.rules_of(self._database, BUDGETS, key.organisation, [f"key:{each}" for each in line])
        budgets = sorted(
            (row for rows in rules.values() for row in rows), key=lambda row: (not row.hard, row.created_us)
        )
        await self._caught_up()
        standings = await self._standings.of(self._database, budgets)
        to_us = self._ports.clock.now_us() if request.to is None else microseconds(request.to)
        if request.from_ is not None:
            from_us = microseconds(request.from_)
        elif budgets:
            from_us = standings[0].starts_us or await self._first_us(key, line)
        else:
            from_us, _ = self._calendar.bounds("month", await self._timezone(key))
        if from_us > to_us:
            raise invalid("to", "is before the time it begins at", "out_of_range")
        calls = attempts = cost = unpriced = 0
        tokens = dict.fromkeys(TOKENS, 0)
        for each in line:
            filters = Filters(organisation=key.organisation, key_id=each, from_us=from_us, until_us=to_us)
            [whole] = await self._queries.totals(filters)
            [charged] = await self._queries.totals(replace(filters, payer="caller"))
            calls, attempts = calls + whole.calls, attempts + whole.attempts
            cost, unpriced = cost + charged.cost_picodollars, unpriced + charged.unpriced
            for name, count in _tokens(whole.usage).items():
                tokens[name] += count
        reserved = [each.reserved for each in standings if each.reserved is not None]
        return UsageView(
            from_=moment(from_us),
            to=moment(to_us),
            calls=calls,
            attempts=attempts,
            tokens=tokens,
            cost_usd=format_usd(cost),
            unpriced=unpriced,
            reserved_usd=usd_of(max(reserved, default=None)),
            budget_usd=usd_of(budgets[0].amount_picodollars) if budgets else None,
            budget_period=budgets[0].period if budgets else None,
        )

    # ── correcting ──

    async def correct(self, actor: Actor, request: NewCorrections) -> CorrectionsMade:
        """Record what a comparison with a vendor's account found. What was charged to a key and its budgets is given
        back to them; what no attempt accounts for is charged to nobody.

        Raises:
            Invalid: one of them would leave less than nothing.
        """
        within_organisation(actor, "correcting the ledger")
        await self._caught_up()
        async with self._acts.begin(actor) as act:
            known = {row.id for row in await _rows(act.transaction, "id", [each.id for each in request.corrections])}
            fresh = {each.id: each for each in request.corrections if each.id not in known}
            rows = await self._corrections(act, list(fresh.values()))
            total = sum(row.cost_picodollars or 0 for row in rows)
            if rows:
                await self._ports.ledger.store(act.transaction, [encode(row) for row in rows])
                detail = {"rows": len(rows), "cost_usd": format_usd(total)}
                act.record("ledger.correct", f"organisation:{actor.organisation}", detail)
        return CorrectionsMade(
            recorded=len(rows), known=len(request.corrections) - len(rows), cost_usd=format_usd(total)
        )

    async def _corrections(self, act: Act, asked: Sequence[Correction]) -> list[LedgerRow]:
        parents = {
            row.id: row
            for row in await _rows(act.transaction, "id", [each.parent for each in asked])
            if row.organisation == act.actor.organisation and row.cause != "correction"
        }
        left: dict[str, LedgerRow] = dict(parents)
        for row in await _rows(act.transaction, "parent", list(parents)):
            if row.cause == "correction":
                left[row.parent or ""] = _with(left[row.parent or ""], row)
        made: list[LedgerRow] = []
        problems: list[Problem] = []
        for index, each in enumerate(asked):
            parent = parents.get(each.parent)
            if parent is None:
                missing = [name for name in ("model", "target", "started_at") if getattr(each, name) is None]
                path = ("corrections", index)
                problems += [
                    problem((*path, name), "required", "is missing, and 'parent' is no attempt") for name in missing
                ]
                if not missing:
                    made.append(_unattributed(act, each))
                continue
            row = _of_attempt(parent, each)
            left[parent.id] = _with(left[parent.id], row)
            if _below_nothing(left[parent.id]):
                what = "would leave the attempt less than nothing"
                problems.append(problem(("corrections", index), "out_of_range", what))
            made.append(row)
        if problems:
            raise Invalid(problems)
        return made

    # ── parts ──

    async def _filters(self, actor: Actor, request: LedgerAsked) -> Filters:
        """Which rows are asked for, of those the actor may see."""
        named = {"team_id": actor.team_id} | await subjects.owners(self._database, actor, request)
        customer = request.customer
        if customer is not None and not _HASHED.fullmatch(customer):
            customer = end_user_id(actor.organisation, customer)
        name, equals, value = (request.tag or "").partition("=")
        await self._caught_up()
        return Filters(
            organisation=actor.organisation,
            **named,
            call_id=request.call,
            key_id=None if request.key is None else await self._key(actor, request.key),
            end_user=customer,
            model=request.model,
            target=request.target,
            operation=request.operation,
            code=request.code,
            cause=request.cause,
            payer=request.payer,
            tag=(name, value) if equals else None,
            from_us=None if request.from_ is None else microseconds(request.from_),
            until_us=None if request.to is None else microseconds(request.to),
        )

    async def _key(self, actor: Actor, reference: str) -> str:
        """The id that a key, named by its id or name, has in the ledger: also that of who made attempts and is no row,
        such as the key of the environment or somebody with a token.

        Raises:
            Invalid: there is none that the actor may see, or more than one.
        """
        try:
            return (await keyring.register.resolve(self._database, actor, reference, "key")).id
        except Invalid:
            asked = Filters(organisation=actor.organisation, team_id=actor.team_id, key_id=reference)
            rows, _ = await self._queries.page(asked, None, 1)
            if not rows:
                raise
            return reference

    async def _caught_up(self) -> None:
        """Wait until what this process has settled is in the database."""
        if self._ports.caught_up is not None:
            await self._ports.caught_up()

    async def _pages(self, filters: Filters) -> AsyncIterator[Sequence[LedgerRow]]:
        cursor: str | None = None
        while True:
            rows, cursor = await self._queries.page(filters, cursor, PAGE_ROWS, oldest_first=True)
            if rows:
                yield rows
            if cursor is None:
                return

    async def _encoder(self, actor: Actor, format: Literal["csv", "jsonl", "parquet", "focus"]) -> Encoder:
        if format == "focus":
            config = self._config()
            kinds = {name: provider.kind for name, provider in config.providers.items()}
            names = await self._names(actor.organisation)
            return Focus(price_of(catalog_of(config)), providers=kinds, names=names)
        try:
            return FORMATS[format]()
        except ImportError as error:
            raise invalid("format", f"cannot be {format} here: {error}") from None

    async def _names(self, organisation: str) -> dict[str, str]:
        """What everything is called that rows refer to."""
        names: dict[str, str] = {}
        for table in ("organisations", "teams", "projects", "users", "keys"):
            rows = await self._database.fetch(f"SELECT id, name FROM {table} WHERE organisation = $1", organisation)  # noqa: S608
            names |= dict(rows)
        return names

    async def _first_us(self, key: Key, line: Sequence[str]) -> int:
        rows = await keyring.of_ids(self._database, keyring.register.table, key.organisation, line)
        return min(row.created_us for row in rows)

    async def _timezone(self, key: Key) -> str:
        if key.timezone is not None or key.team_id is None:
            return key.timezone or "UTC"
        team = await teams.register.table.get(self._database, key.organisation, key.team_id)
        return "UTC" if team is None else team.timezone


def price_of(catalog: Catalog) -> Callable[[LedgerRow], Price | None]:
    """What finds the price a row was charged by."""
    return lambda row: None if row.price_version is None else catalog.versioned(row.price_version)


def _tokens(usage: Usage) -> dict[str, int]:
    return {name: getattr(usage, name) for name in TOKENS}


async def _rows(transaction: Transaction, column: Literal["id", "parent"], values: Sequence[str]) -> list[LedgerRow]:
    wanted = list(dict.fromkeys(values))
    found: list[LedgerRow] = []
    for start in range(0, len(wanted), PAGE_ROWS):
        some = wanted[start : start + PAGE_ROWS]
        places = ", ".join(f"${number}" for number in range(1, len(some) + 1))
        rows = await transaction.fetch(f"SELECT {LISTED} FROM ledger WHERE {column} IN ({places})", *some)  # noqa: S608
        found += [unflatten(row) for row in rows]
    return found


def _of_attempt(parent: LedgerRow, asked: Correction) -> LedgerRow:
    """A correction of an attempt, for whoever paid for that."""
    return replace(
        parent,
        id=asked.id,
        cause="correction",
        parent=parent.id,
        duration_us=0,
        first_token_us=None,
        status=0,
        code=None,
        usage=_usage(asked),
        usage_source="reported",
        cost_picodollars=None if asked.cost_usd is None else from_decimal(asked.cost_usd),
        saving_picodollars=None,
        reserved_picodollars=None,
        vendor_request_id=None,
    )


def _unattributed(act: Act, asked: Correction) -> LedgerRow:
    """A correction of what no attempt accounts for."""
    assert asked.model is not None
    assert asked.target is not None
    assert asked.started_at is not None
    return LedgerRow(
        id=asked.id,
        call_id=asked.id,
        organisation=act.actor.organisation,
        key_id="reconcile",
        model=asked.model,
        target=asked.target,
        operation="chat",
        cause="correction",
        parent=asked.parent,
        payer="internal",
        started_us=microseconds(asked.started_at),
        duration_us=0,
        status=0,
        code=None,
        usage=_usage(asked),
        usage_source="reported",
        cost_picodollars=None if asked.cost_usd is None else from_decimal(asked.cost_usd),
        price_version=asked.price_version,
        streamed=False,
        vendor_request_id=None,
        tags=(),
    )


def _usage(asked: Correction) -> Usage:
    return Usage(**{name: getattr(asked.usage, name) for name in TOKENS})


def _with(row: LedgerRow, correction: LedgerRow) -> LedgerRow:
    """A row as its correction leaves it."""
    usage = Usage(**{name: getattr(row.usage, name) + getattr(correction.usage, name) for name in TOKENS})
    cost = (row.cost_picodollars or 0) + (correction.cost_picodollars or 0)
    return replace(row, usage=usage, cost_picodollars=cost)


def _below_nothing(row: LedgerRow) -> bool:
    return (row.cost_picodollars or 0) < 0 or any(getattr(row.usage, name) < 0 for name in TOKENS)
