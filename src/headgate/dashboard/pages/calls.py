"""`/dashboard/calls`: calls one by one, as they come, and what became of each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from headgate.administration.acting import Actor
from headgate.administration.reading import read_query
from headgate.administration.requests import CallListing
from headgate.administration.traffic import CallView
from headgate.administration.values import moment
from headgate.dashboard import formats
from headgate.dashboard.asking import Asked
from headgate.dashboard.charts import Grid
from headgate.dashboard.followed import event
from headgate.dashboard.looking import Csv, Look, Shown, Template
from headgate.dashboard.writing import written
from headgate.dialects.view import TextNode
from headgate.money import from_decimal
from headgate.storage.records import Content
from headgate.telemetry.capture.reading import output_of, texts_of
from headgate.types import Operation

PATH = "/dashboard/calls"
LIVE = f"{PATH}/live"

LISTED = 50
"""Calls of a page."""

EXPORTED = 500
"""Calls of a file."""

TOLD = 100
"""Most calls told at once: of more, those that began last."""

WINDOW_US = 900_000_000
"""Calls that began longer ago than that are not told when they end."""

FILTERS = ("model", "target", "key", "team", "operation", "code", "trace", "slower_ms")


async def page(look: Look) -> Template | Csv | Shown:
    look.need("ledger.read")
    if wanted := look.asked.get("id"):
        return Shown(
            body=b"",
            status=303,
            headers=((b"location", look.asked.elsewhere(f"{PATH}/{quote(wanted[:256], safe='')}").encode()),),
        )
    csv = bool(look.asked.get("csv"))
    found = await look.administration.traffic.list(
        await look.actor(),
        listing(look.asked, limit=EXPORTED if csv else LISTED, cursor=look.asked.get("cursor") or None),
    )
    if csv:
        return Csv(name="calls.csv", body=grid(found.data).csv())
    values = {
        "calls": [row(look, each) for each in found.data],
        "next": found.next,
        "operations": get_args(Operation),
        "live": look.asked.url(LIVE),
        "filtered": any(look.asked.get(each) for each in (*FILTERS, "failed")),
    }
    return Template(name="calls.html", title="Calls", values=values)


def listing(asked: Asked, *, limit: int, cursor: str | None = None, live: bool = False) -> CallListing:
    """What administration is asked for.

    Raises:
        Invalid: a filter makes no sense.
    """
    query: dict[str, Sequence[str]] = {name: [asked.get(name)] for name in FILTERS if asked.get(name)}
    if asked.get("failed") in ("true", "false"):
        query["failed"] = [asked.get("failed")]
    query["limit"] = [str(limit)]
    if cursor is not None:
        query["cursor"] = [cursor]
    if not live:
        query["from"] = [f"{asked.from_:%Y-%m-%dT%H:%M:%SZ}"]
        if asked.get("to"):
            query["to"] = [f"{asked.to:%Y-%m-%dT%H:%M:%SZ}"]
    return read_query(CallListing, query)


def row(look: Look, call: CallView) -> Mapping[str, Any]:
    """A call as the list shows it."""
    return {
        "call": call,
        "url": look.asked.elsewhere(f"{PATH}/{call.id}"),
        "key": look.house.named("key", call.key_id),
        "cost": picodollars(call.cost_usd),
    }


def row_html(look: Look, call: CallView) -> bytes:
    """The same, for a list that is there already."""
    return written("call_row.html", {"each": row(look, call)})


async def follow(look: Look) -> AsyncGenerator[Sequence[bytes]]:
    """Rows of calls, each as it ends.

    Raises:
        Forbidden, Invalid: they may not be told, or the filters make no sense.
    """
    look.need("ledger.read")
    traffic, actor = look.administration.traffic, await look.actor()
    request = listing(look.asked, limit=TOLD, live=True)
    seen: dict[str, None] = {each.id: None for each in (await traffic.list(actor, request)).data}
    new: list[CallView] = []
    while True:
        yield [event("call", row_html(look, each)) for each in reversed(new)]
        since = replace(request, from_=moment(look.house.now_us() - WINDOW_US))
        new = [each for each in (await traffic.list(actor, since)).data if each.id not in seen]
        seen.update({each.id: None for each in new})
        while len(seen) > 50 * TOLD:
            del seen[next(iter(seen))]


def picodollars(usd: str | None) -> int | None:
    """An answer's money as a whole number."""
    return None if usd is None else from_decimal(Decimal(usd))


def grid(calls: Sequence[CallView]) -> Grid:
    names = [name for name in CallView.__struct_fields__ if name not in ("tags", "events")]
    rows = [[_cell(getattr(each, name)) for name in names] for each in calls]
    return Grid(id="calls", heads=names, rows=rows)


def _cell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


# ── one call ──


async def detail(look: Look) -> Template:
    look.need("ledger.read")
    actor = await look.actor()
    found = await look.administration.traffic.get(actor, look.params["id"])
    call, attempts = found.call, found.attempts
    call_id = call.id if call is not None else attempts[0]["call_id"]
    begun = begun_us(call, attempts)
    values = {
        "call": call,
        "id": call_id,
        "content": await content(look, actor, call_id),
        "attempts": attempts,
        "cost": None if call is None else picodollars(call.cost_usd),
        "costs": [picodollars(each["cost_usd"]) for each in attempts],
        "spans": spans(call, attempts, begun),
        "key": look.house.named("key", call.key_id) if call is not None else "",
        "team": look.house.named("team", call.team_id) if call is not None and call.team_id else "",
        "back": look.asked.elsewhere(PATH),
        "tokens": [tokens(each) for each in attempts],
    }
    return Template(name="call.html", title="Call", values=values)


SHOWN = 20_000
"""Characters of a text that a page shows."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A text of a call's content."""

    whose: str
    text: str
    more: int
    """Characters that are not shown."""


class Shows(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows of a call's content."""

    kept: bool
    url: str = ""
    """Of the page with the content on it; empty where it is."""
    row: Content | None = None
    pieces: Sequence[Piece] = ()
    raw: Sequence[Piece] = ()
    """Request and answer as they are stored."""
    finish: str | None = None
    redactions: str = ""


async def content(look: Look, actor: Actor, call_id: str) -> Shows | None:
    """What was asked and answered, for those who may read it and only once they ask for it: that is audited."""
    if not look.viewer.may("content.read"):
        return None
    contents = look.administration.contents
    if look.asked.get("content") != "shown":
        return Shows(kept=await contents.kept(actor, call_id), url=look.asked.url(content="shown"))
    row = await contents.row(actor, call_id)
    if row is None:
        return Shows(kept=False)
    output = output_of(row)
    pieces = [piece(_whose(node), node.text) for node in texts_of(row) if _is_read(node)]
    if output is not None:
        said = (("answer: thinking", output.reasoning), ("answer", output.text))
        pieces += [piece(kind, text) for kind, text in said if text]
        pieces += [piece(f"answer: calls {each.name}", each.arguments) for each in output.tool_calls]
    taken: dict[str, int] = msgspec.json.decode(row.redactions)
    return Shows(
        kept=True,
        row=row,
        pieces=pieces,
        raw=[piece(name, _indented(body)) for name, body in (("Request", row.request), ("Answer", row.answer)) if body],
        finish=output.finish_reason if output is not None else None,
        redactions=", ".join(f"{number} {kind}" for kind, number in taken.items()),
    )


def _is_read(node: TextNode) -> bool:
    """Whether a text of a request is one that somebody reads: settings and tools' definitions are below."""
    return node.provenance not in ("parameter", "tool_definition") and bool(node.text.strip())


def _whose(node: TextNode) -> str:
    kind = node.provenance.replace("_", " ")
    return kind if node.role in ("", kind) else f"{node.role}: {kind}"


def piece(whose: str, text: str) -> Piece:
    shown = formats.prose(text[:SHOWN])
    return Piece(whose=whose, text=shown, more=max(0, len(text) - SHOWN))


def _indented(body: str) -> str:
    return msgspec.json.format(body, indent=2)


def begun_us(call: CallView | None, attempts: Sequence[Mapping[str, Any]]) -> int:
    started = call.started if call is not None else _time(attempts[0]["started_at"])
    return round(started.timestamp() * 1e6)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


TOKENS = (
    "input_tokens",
    "cached_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)


def tokens(attempt: Mapping[str, Any]) -> Mapping[str, int]:
    """The kinds of tokens an attempt used."""
    return {name.removesuffix("_tokens").replace("_", " "): attempt[name] for name in TOKENS if attempt.get(name)}


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of the waterfall; places and widths are shares of a hundred of the whole."""

    name: str
    kind: str
    at: float
    width: float
    first: float | None
    """Where its first token is."""
    told: str


def spans(call: CallView | None, attempts: Sequence[Mapping[str, Any]], begun: int) -> list[Span]:
    """The call's time, and that of each attempt in it."""
    parts: list[tuple[str, str, int, int, int | None, str]] = []
    if call is not None:
        first = None if call.first_token_ms is None else round(call.first_token_ms * 1000)
        end = "" if call.code is None else f", {call.code}"
        parts.append(
            ("call", "call", 0, round(call.duration_ms * 1000), first, f"{formats.duration(call.duration_ms)}{end}")
        )
        if call.queued_ms:
            waited = round(call.queued_ms * 1000)
            parts.append(("waited for a place", "queued", 0, waited, None, formats.duration(call.queued_ms)))
    for each in attempts:
        if each["cause"] == "correction":
            continue
        at = round(_time(each["started_at"]).timestamp() * 1e6) - begun
        told = f"{formats.duration(each['duration_us'] / 1000)}, {each['code'] or 'answered'}"
        kind = "bad" if each["code"] else "good"
        parts.append((each["target"], kind, max(0, at), each["duration_us"], each["first_token_us"], told))
    whole = max((at + length for _, _, at, length, _, _ in parts), default=0) or 1
    return [
        Span(
            name=name,
            kind=kind,
            at=at / whole * 100,
            width=max(0.3, length / whole * 100),
            first=None if first is None else (at + first) / whole * 100,
            told=told,
        )
        for name, kind, at, length, first, told in parts
    ]
