"""What the admin API tells of calls and the ledger: lists, exports, totals, usage, statements and budgets."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from accuracy.figures import Figure, exact, same
from accuracy.run import Truth
from accuracy.sums import TOKENS, Record
from cluster import ADMIN_KEY, Key, Replica, request

LONG_S = 300.0
"""Longest a file of everything may take."""

BY = ("key", "team", "project", "model", "target", "operation", "cause", "day", "tag:feature", "tag:tier")
TOGETHER = ("team,key", "model,target", "key,tag:feature", "day,model")

Group = tuple[str | None, ...]
Sums = Counter[tuple[Group, str]]
"""By group and figure."""


def picodollars(usd: str | None) -> int | None:
    return None if usd is None else int(Decimal(usd) * 10**12)


async def checked(replica: Replica, truth: Truth, calls: Sequence[Record], attempts: Sequence[Record]) -> list[Figure]:
    return [
        await listing(replica, calls),
        await listing(replica, calls, failed=True),
        *[await totals(replica, attempts, by) for by in ("", *BY, *TOGETHER)],
        *[each async for each in exports(replica, attempts)],
        await usage(replica, truth, attempts),
        await own_usage(replica, truth, attempts),
        *[each async for each in statements(replica, attempts)],
        await budget(replica, truth, attempts),
    ]


async def ask(replica: Replica, path: str, **more: Any) -> Any:
    outcome = await replica.ask("GET", path, **more)
    assert outcome.status == 200, (path, outcome.status, outcome.body[-500:])
    return json.loads(outcome.body)


async def listing(replica: Replica, calls: Sequence[Record], *, failed: bool = False) -> Figure:
    """Every page of the list of calls, or of those that failed, field by field."""
    wanted = {c["id"]: c for c in calls if not failed or c["code"] is not None}
    only = "&failed=true" if failed else ""
    seen = set[str]()
    amiss: list[str] = []
    cursor = ""
    before = ""
    while True:
        page = await ask(replica, f"/admin/calls?limit=500{only}{cursor}")
        for each in page["data"]:
            call = wanted.get(each["id"])
            if each["id"] in seen or (before and each["started"] > before) or call is None or not _told(call, each):
                amiss.append(each["id"])
            seen.add(each["id"])
            before = each["started"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    amiss += [f"{name} is on no page" for name in wanted.keys() - seen]
    return same(f"/admin/calls, {'those that failed' if failed else 'all'}: page by page", len(wanted), amiss)


PLAIN = ("model", "target", "operation", "code", "attempts", "key_id", "team_id", "project_id", "input_tokens",
         "output_tokens", "tags", "events")  # fmt: skip
"""What the list tells as the database has it."""


def _told(call: Record, view: Mapping[str, Any]) -> bool:
    first = view["first_token_ms"]
    return (
        all(view[name] == call[name] for name in PLAIN)
        and view["streamed"] == bool(call["streamed"])
        and all(round(view[f"{name}_ms"] * 1000) == call[f"{name}_us"] for name in ("duration", "overhead", "queued"))
        and (None if first is None else round(first * 1000)) == call["first_token_us"]
        and picodollars(view["cost_usd"]) == call["cost_picodollars"]
        and _us(view["started"]) == call["started_us"]
    )


def _us(text: str) -> int:
    return round((datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


# ── what rows add up to ──


def added(attempts: Sequence[Record], names: Sequence[str], *, once: bool = False) -> Sums:
    """What rows add up to by group. A call is one of every group it has an attempt in; with `once`, of its first
    attempt's alone, so that groups add up to the whole.
    """
    sums = Sums()
    calls: dict[Group, set[str]] = {}
    seen = set[str]()
    for a in sorted(attempts, key=lambda a: (a["started_us"], a["id"])) if once else attempts:
        group = tuple(_named(a, name) for name in names)
        if not once or a["call_id"] not in seen:
            calls.setdefault(group, set()).add(a["call_id"])
        seen.add(a["call_id"])
        sums[group, "attempts"] += 1
        sums[group, "unpriced"] += a["cost_picodollars"] is None
        sums[group, "estimated"] += a["usage_source"] == "estimated"
        sums[group, "cost"] += a["cost_picodollars"] or 0
        for name in TOKENS:
            sums[group, name] += a[name]
    for group, its in calls.items():
        sums[group, "calls"] = len(its)
    return +sums


def _named(a: Record, name: str) -> str | None:
    if name == "day":
        return f"{datetime.fromtimestamp(a['started_us'] // 1_000_000, UTC):%Y-%m-%d}"
    if name.startswith("tag:"):
        return a["tags"].get(name.removeprefix("tag:"))
    return a[f"{name}_id" if name in ("key", "team", "project") else name]


async def totals(replica: Replica, attempts: Sequence[Record], by: str) -> Figure:
    names = by.split(",") if by else []
    page = await ask(replica, f"/admin/ledger/totals{'?' if by else ''}{'&'.join(f'by={name}' for name in names)}")
    told = Sums()
    for each in page["data"]:
        group = tuple(each["group"][name] for name in names)
        told.update({(group, name): each[name] for name in ("calls", "attempts", "unpriced", "estimated")})
        told[group, "cost"] += picodollars(each["cost_usd"]) or 0
        told[group, "saving"] += picodollars(each["saving_usd"]) or 0
        told.update({(group, name): number for name, number in each["tokens"].items()})
    return exact(f"/admin/ledger/totals by {by or 'nothing'}", +told, added(attempts, names))


async def exports(replica: Replica, attempts: Sequence[Record]) -> AsyncIterator[Figure]:
    rows = {a["id"]: a for a in attempts}
    for kind in ("jsonl", "csv"):
        sent = request(replica.port, "GET", f"/admin/ledger/export?format={kind}", None, ADMIN_KEY)
        outcome = await replica.client.call(sent, leave_s=LONG_S)
        assert outcome.status == 200, outcome.body[-500:]
        text = outcome.body.decode("utf-8-sig")
        lines = (
            [json.loads(line) for line in text.splitlines()] if kind == "jsonl" else csv.DictReader(io.StringIO(text))
        )
        seen = Counter[str]()
        amiss: list[str] = []
        for line in lines:
            seen[line["id"]] += 1
            row = rows.get(line["id"])
            if row is None or seen[line["id"]] > 1 or not _exported(row, line):
                amiss.append(line["id"])
        amiss += [f"{name} is not in it" for name in rows.keys() - seen.keys()]
        yield same(f"/admin/ledger/export as {kind}: row by row", len(rows), amiss)


def _exported(row: Record, line: Mapping[str, Any]) -> bool:
    texts = ("call_id", "model", "target", "operation", "cause", "code", "key_id", "team_id", "project_id",
             "vendor_request_id")  # fmt: skip
    return (
        all((line[name] or None) == (row[name] or None) for name in texts)
        and all(int(line[name] or 0) == row[name] for name in (*TOKENS, "duration_us"))
        and picodollars(line["cost_usd"] or None) == row["cost_picodollars"]
    )


# ── of keys, teams and budgets ──


async def usage(replica: Replica, truth: Truth, attempts: Sequence[Record]) -> Figure:
    told, known = Sums(), Sums()
    all_ = added(attempts, ["key"])
    for key in truth.keys:
        view = await ask(replica, f"/admin/keys/{key.id}/usage?from={day_of(truth)}")
        group = (key.id,)
        told.update({(group, name): view[name] for name in ("calls", "attempts", "unpriced")})
        told[group, "cost"] += picodollars(view["cost_usd"]) or 0
        told.update({(group, name): number for name, number in view["tokens"].items()})
        names = ("calls", "attempts", "unpriced", "cost", *TOKENS)
        known.update({(group, name): all_[group, name] for name in names})
    return exact("/admin/keys/…/usage of every key", +told, +known)


def day_of(truth: Truth) -> str:
    """The day before a run began."""
    return f"{datetime.fromtimestamp(truth.from_s - 86_400, UTC):%Y-%m-%dT%H:%M:%SZ}"


async def own_usage(replica: Replica, truth: Truth, attempts: Sequence[Record]) -> Figure:
    """`/usage`, as the owner of each key sees it."""
    told, known = Sums(), Sums()
    all_, by_model = added(attempts, ["key"]), added(attempts, ["key", "model"])
    for key in truth.keys:
        view = await _usage(replica, key)
        for group, line, sums in [
            ((key.id,), view, all_),
            *(((key.id, each["name"]), each, by_model) for each in view["by_model"]),
        ]:
            told.update({(group, name): line[name] for name in ("calls", "input_tokens", "output_tokens")})
            told[group, "cost"] += picodollars(line["cost_usd"]) or 0
            known.update(
                {(group, name): sums[group, name] for name in ("calls", "input_tokens", "output_tokens", "cost")}
            )
    return exact("/usage of every key, in total and by model", +told, +known)


async def _usage(replica: Replica, key: Key) -> Any:
    sent = request(replica.port, "GET", "/usage", None, key.key, {"accept": "application/json"})
    outcome = await replica.client.call(sent, leave_s=60)
    assert outcome.status == 200, outcome.body[-500:]
    return json.loads(outcome.body)


async def statements(replica: Replica, attempts: Sequence[Record]) -> AsyncIterator[Figure]:
    """A month's statement of every team and of the organisation, group by group."""
    months = {f"{datetime.fromtimestamp(a['started_us'] // 1_000_000, UTC):%Y-%m}" for a in attempts}
    for team in ("*", *sorted({a["team_id"] for a in attempts if a["team_id"]})):
        own = [a for a in attempts if team in ("*", a["team_id"])]
        told, known = Sums(), Sums()
        for month in sorted(months):
            sent = request(
                replica.port, "GET", f"/admin/statements/{team.replace('*', '%2A')}/{month}", None, ADMIN_KEY
            )
            outcome = await replica.client.call(sent, leave_s=LONG_S)
            assert outcome.status == 200, (outcome.status, outcome.body[-500:])
            view = json.loads(outcome.body)
            _state(told, (), view["total"])
            for by in GROUPS:
                for each in view["by"].get(by, ()):
                    _state(told, (by, each["id"]), each)
        for names in ([], *([by] for by in GROUPS)):
            for (group, name), number in added(own, names, once=True).items():
                known[(*names, *(each or "" for each in group)), name] += number
        yield exact(f"statement of {'the organisation' if team == '*' else 'a team'}", +told, +known)


GROUPS = ("key", "model", "day", "cause", "project")
"""Of a statement."""


def _state(told: Sums, group: Group, view: Mapping[str, Any]) -> None:
    told.update({(group, name): view[name] for name in ("calls", "attempts", "estimated", "unpriced")})
    told.update({(group, name): number for name, number in view["tokens"].items()})
    told[group, "cost"] += picodollars(view["cost_usd"]) or 0


async def budget(replica: Replica, truth: Truth, attempts: Sequence[Record]) -> Figure:
    """What the counters have of the key with a budget: all that was settled, and nothing that is set aside."""
    key = truth.keys[0]
    view = await ask(replica, f"/admin/keys/{key.id}")
    [standing] = view["budgets"]
    spent = sum(a["cost_picodollars"] or 0 for a in attempts if a["key_id"] == key.id)
    told = {"spent": picodollars(standing["spent_usd"]), "reserved": picodollars(standing["reserved_usd"]) or 0}
    return exact("a key's budget: spent and set aside", told, {"spent": spent, "reserved": 0})
