"""The dashboard's pages: every chart, table and tile, as the page shows it and as its CSV files have it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import unescape
from math import isclose
from urllib.parse import quote, urlencode

from accuracy.figures import SHARES, Figure, Quantiles, same
from accuracy.run import Truth
from accuracy.sums import STEPS, Sum
from accuracy.traffic import Expected, time
from cluster import ADMIN_KEY, Replica
from headgate.dashboard import formats
from headgate.dashboard.figures import OTHERS
from resilience.client import Outcome, Request

BY = ("model", "target", "key", "team", "project", "operation", "tag")

Lines = list[dict[str, str]]


class Visitor:
    """Somebody who is signed in and looks at pages."""

    def __init__(self, replica: Replica, truth: Truth) -> None:
        self.replica = replica
        self._cookie = ""
        self._time = {"range": "custom", "from": time(truth.from_s), "to": time(truth.until_s + 60)}

    async def sign_in(self) -> None:
        form = f"key={quote(ADMIN_KEY)}".encode()
        origin = f"http://127.0.0.1:{self.replica.port}"
        lines = (
            f"origin: {origin}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n"
        )
        outcome = await self._send(f"POST /dashboard/sign-in HTTP/1.1\r\n{lines}", form)
        assert outcome.status == 303, outcome.body[-500:]
        self._cookie = outcome.headers["set-cookie"].partition(";")[0]

    async def get(self, path: str, **fields: str) -> str:
        outcome = await self._send(f"GET {path}?{urlencode({**self._time, **fields})} HTTP/1.1\r\n")
        assert outcome.status == 200, (path, fields, outcome.status, outcome.body[-500:])
        return outcome.body.decode()

    async def file(self, path: str, name: str, **fields: str) -> Lines:
        """A CSV file of a page."""
        return list(csv.DictReader(io.StringIO(await self.get(path, csv=name, **fields))))

    async def _send(self, head: str, body: bytes = b"") -> Outcome:
        host = f"host: 127.0.0.1:{self.replica.port}\r\naccept: text/html\r\n"
        cookie = f"cookie: {self._cookie}\r\n" if self._cookie else ""
        raw = f"{head}{host}{cookie}\r\n".encode() + body
        return await self.replica.client.call(Request(raw), leave_s=60)


class Looked:
    """What was seen on the pages, and what was not as it should be."""

    def __init__(self) -> None:
        self.compared = 0
        self.amiss: list[str] = []
        self.quantiles = Quantiles()

    def counts(self, what: str, told: Mapping[str, object], known: Mapping[str, object]) -> None:
        names = told.keys() | known.keys()
        self.compared += len(names)
        for name in names:
            if (told.get(name) or 0) != (known.get(name) or 0):
                self.amiss.append(f"{what} {name}: {told.get(name)}, not {known.get(name)}")

    def durations(self, what: str, name: str, values: Sequence[float], told: Mapping[str, str]) -> None:
        """Quantiles as a file has them: empty where there is nothing."""
        if values:
            self.quantiles.compare(what, values, {label: float(each) if each else None for label, each in told.items()})
        else:
            self.counts(f"{what} {name}", dict(told), dict.fromkeys(told, ""))


async def checked(replica: Replica, truth: Truth, expected: Expected, steps: Iterable[str]) -> list[Figure]:
    """All pages of one process."""
    visitor, looked = Visitor(replica, truth), Looked()
    await visitor.sign_in()
    for step in steps:
        await _charts(visitor, looked, truth, expected, step)
        for by in BY:
            await _table(visitor, looked, truth, expected, by, step)
        await _latencies(visitor, looked, truth, expected, step)
    await _overview(visitor, looked, expected)
    await _models(visitor, looked, expected)
    await _cost(visitor, looked, truth, expected)
    await _keys(visitor, looked, truth, expected)
    await _calls(visitor, looked, expected)
    what = f"dashboard of {replica.name}"
    return [
        same(f"{what}: counts, tokens, errors and cost of pages and files", looked.compared, looked.amiss),
        *looked.quantiles.figures(what),
    ]


# ── charts ──


def _steps(truth: Truth, known: Mapping[int, Sum], step: str) -> dict[int, Sum]:
    """Every step of the time asked for, those without calls too."""
    step_s = STEPS[step]
    from_s, until_s = truth.from_s // step_s * step_s, -(-(truth.until_s + 60) // step_s) * step_s
    return {at: known.get(at, Sum()) for at in range(from_s, until_s, step_s)}


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def picodollars(text: str) -> int:
    return int(Decimal(text or 0) * 10**12)


async def _charts(visitor: Visitor, looked: Looked, truth: Truth, expected: Expected, step: str) -> None:
    """The charts of the overview, as files; and the tables they are drawn from in the page."""
    known = _steps(truth, expected.series(step=step).get("", {}), step)
    page = await visitor.get("/", step=step)
    codes = sorted({name for each in known.values() for name in each.counts if name.startswith("errors.")})
    for chart in ("traffic", "latency", "cost", "errors", "first-token", "tokens"):
        lines = await visitor.file("/", chart, step=step)
        looked.counts(f"{chart} by {step}", {str(_at(line["from"])): 1 for line in lines}, {str(at): 1 for at in known})
        _as_drawn(looked, f"{chart} by {step}", _drawn(page, chart), lines)
        for line in lines:
            sum_ = known[_at(line["from"])]
            counts, what = sum_.counts, f"{chart} of {line['from']}"
            if chart == "traffic":
                answered = {"answered": counts["calls"] - counts["failed"], "failed": counts["failed"]}
                looked.counts(what, {name: int(line[name]) for name in answered}, answered)
            elif chart == "cost":
                looked.counts(what, {"cost": picodollars(line["cost (USD)"])}, {"cost": counts["cost_picodollars"]})
            elif chart == "errors":
                told = {name: int(count) for name, count in line.items() if name != "from"}
                listed = {code: counts[f"errors.{code}"] for code in told if code != OTHERS}
                rest = {OTHERS: counts["failed"] - sum(listed.values())}
                looked.counts(what, told, listed | rest)
                looked.counts(f"{what}: codes", {str(len(told)): 1}, {str(min(len(codes), 7)): 1})
            elif chart == "tokens":
                told = {name: int(line[name]) for name in ("in", "out")}
                looked.counts(what, told, {"in": counts["tokens.input_tokens"], "out": counts["tokens.output_tokens"]})
            else:
                name = "duration" if chart == "latency" else "first_token"
                told = {label: line[f"{label} (ms)"] for label, _ in SHARES if f"{label} (ms)" in line}
                looked.durations(chart, line["from"], sum_.samples.get(name, []), told)


def _drawn(page: str, chart: str) -> dict[str, str]:
    """What a chart of a page is drawn from, by second and column."""
    figure = page.partition(f'id="c-{chart}"')[2].partition("</figure>")[0]
    found: dict[str, str] = {}
    for at, cells in re.findall(r'<tr data-t="(\d+)">(.*?)</tr>', figure):
        for number, value in enumerate(re.findall(r'<td(?: data-v="([^"]*)")?>', cells)):
            found[f"{at} {number}"] = value
    return found


def _as_drawn(looked: Looked, what: str, drawn: Mapping[str, str], lines: Lines) -> None:
    """Whether a chart is drawn from what its file has: six digits of it."""
    known: dict[str, str] = {}
    for line in lines:
        at, *values = line.values()
        known |= {f"{_at(at)} {number}": value for number, value in enumerate(values)}
    far = {
        place: drawn.get(place)
        for place, value in known.items()
        if (drawn.get(place) or "") != value
        and not isclose(float(drawn.get(place) or "nan"), float(value or "nan"), rel_tol=1e-5, abs_tol=6e-4)
    }
    looked.compared += len(known)
    looked.amiss += [f"{what} is drawn at {place} as {value}, not {known[place]}" for place, value in far.items()]
    looked.counts(f"{what}: points drawn", dict.fromkeys(drawn, 1), dict.fromkeys(known, 1))


async def _table(visitor: Visitor, looked: Looked, truth: Truth, expected: Expected, by: str, step: str) -> None:
    """The table by a dimension, and the charts of its largest names."""
    known = expected.totals(by)
    for path in ("/", "/dashboard/cost"):
        lines = await visitor.file(path, f"by-{by}", by=by, step=step)
        looked.counts(f"{path} by {by}: names", Counter(line[by] for line in lines), dict.fromkeys(known, 1))
        for line in lines:
            sum_ = known.get(line[by], Sum())
            what = f"{path} by {by} {line[by]}"
            looked.counts(what, _told(line), _known(sum_))
            told = {label: line[f"{label}_ms"] for label, _ in SHARES}
            looked.durations(f"duration by {by}", line[by], sum_.samples.get("duration", []), told)
    names = {line[by]: line["name"] for line in lines}
    series = expected.series(by, None, step)
    for kind, figure in (("calls", "calls"), ("cost", "cost_picodollars")):
        for line in await visitor.file("/", f"{by}-{kind}", by=by, step=step):
            at = _at(line.pop("from"))
            told = {
                name.removesuffix(" (USD)"): picodollars(v) if kind == "cost" else int(v) for name, v in line.items()
            }
            shown = {names[each]: steps.get(at, Sum()).counts[figure] for each, steps in series.items()}
            listed = {name: number for name, number in shown.items() if name in told}
            if OTHERS in told:  # those without a name are among them
                listed[OTHERS] = expected.series(step=step)[""].get(at, Sum()).counts[figure] - sum(listed.values())
            looked.counts(f"{by}-{kind} of {at}", told, listed)


def _told(line: Mapping[str, str]) -> dict[str, int]:
    counts = {name: int(line[name]) for name in ("calls", "failed", "tokens_in", "tokens_out", "unpriced")}
    return counts | {"cost": picodollars(line["cost_usd"])}


def _known(sum_: Sum) -> dict[str, int]:
    counts = sum_.counts
    return {
        "calls": counts["calls"],
        "failed": counts["failed"],
        "tokens_in": counts["tokens.input_tokens"],
        "tokens_out": counts["tokens.output_tokens"],
        "unpriced": counts["unpriced"],
        "cost": counts["cost_picodollars"],
    }


async def _latencies(visitor: Visitor, looked: Looked, truth: Truth, expected: Expected, step: str) -> None:
    """p95 of each target, step by step, on the page of models and targets."""
    known = {name: _steps(truth, steps, step) for name, steps in expected.series("target", None, step).items()}
    for line in await visitor.file("/dashboard/models", "target-latency", step=step):
        at = _at(line.pop("from"))
        for column, value in line.items():
            values = known[column.removesuffix(" (ms)")][at].samples.get("duration", [])
            looked.durations("duration of a target", f"{column} {at}", values, {"p95": value})


# ── what pages say in words ──


def _texts(page: str) -> str:
    """A page's words, one space between them."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def _rows(page: str, heading: str) -> dict[str, list[str]]:
    """The table below a heading: what stands in each row, by its name."""
    table = page.partition(f'id="{heading}"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    found: dict[str, list[str]] = {}
    for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL):
        name = _texts(re.findall(r"<th.*?</th>", row, re.DOTALL)[0].partition('<span class="line">')[0]).strip()
        found[name] = [_texts(cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
    return found


def _tiles(page: str) -> dict[str, tuple[str, str]]:
    """Each tile's figure and the note below it."""
    tiles = re.findall(r"<dt>(.*?)</dt><dd><strong>(.*?)</strong>\s*(?:<span>(.*?)</span>)?", page, re.DOTALL)
    return {unescape(name): (unescape(value), unescape(note)) for name, value, note in tiles}


def _between(looked: Looked, what: str, text: str, values: Sequence[float], share: float) -> None:
    """Whether a duration in words is what a figure right to one per cent looks like in them."""
    exact_ms = sorted(values)[int(share * (len(values) - 1))] / 1000
    near = {formats.duration(exact_ms * (0.99 + 0.02 * part / 2000)) for part in range(2001)}
    looked.counts(what, {"shown": text if text not in near else ""}, {})


def _durations(looked: Looked, what: str, texts: Sequence[str], values: Sequence[float]) -> None:
    for text, (label, share) in zip(texts, SHARES, strict=True):
        _between(looked, f"{what} {label}", text, values, share)


async def _overview(visitor: Visitor, looked: Looked, expected: Expected) -> None:
    """The tiles, and the table below the charts."""
    page = await visitor.get("/")
    sum_ = expected.total()
    counts, tiles = sum_.counts, _tiles(page)
    told = {name: tiles[name][0] for name in ("Calls", "Failed", "Cost")}
    looked.counts(
        "tile",
        {**told, "failed calls": tiles["Failed"][1]},
        {
            "Calls": formats.count(counts["calls"]),
            "Failed": formats.share(counts["failed"] / counts["calls"]),
            "Cost": formats.money(counts["cost_picodollars"]),
            "failed calls": f"{formats.count(counts['failed'])} calls",
        },
    )
    texts = [tiles[f"Latency {label}"][0] for label, _ in SHARES]
    _durations(looked, "tile", texts, sum_.samples["duration"])
    _between(looked, "tile first token", tiles["First token p95"][0], sum_.samples["first_token"], 0.95)
    for name, each in expected.totals("model").items():
        row = _rows(page, "h-by-model")[name]
        looked.counts(
            f"row {name}",
            dict(zip(("calls", "failed", "in", "out", "cost"), (*row[:2], *row[-4:-1]), strict=True)),
            {
                "calls": formats.exact(each.counts["calls"]),
                "failed": formats.share(each.counts["failed"] / each.counts["calls"]),
                "in": formats.count(each.counts["tokens.input_tokens"]),
                "out": formats.count(each.counts["tokens.output_tokens"]),
                "cost": formats.money(each.counts["cost_picodollars"]),
            },
        )
        _durations(looked, f"row {name}", row[2:5], each.samples["duration"])


async def _models(visitor: Visitor, looked: Looked, expected: Expected) -> None:
    page = await visitor.get("/dashboard/models")
    for by, first in (("target", 5), ("model", 2)):
        rows = _rows(page, f"h-{by}s")
        for name, each in expected.totals(by).items():
            if by == "target" and not each.counts["attempts"]:
                continue
            calls, share, *durations, cost = rows[name][first:]
            failed = (
                each.counts["attempts_failed"] / each.counts["attempts"]
                if by == "target"
                else each.counts["failed"] / each.counts["calls"]
            )
            looked.counts(
                f"{by} {name}",
                {"calls": calls, "failed": share, "cost": cost},
                {
                    "calls": formats.exact(each.counts["calls"]),
                    "failed": formats.share(failed),
                    "cost": formats.money(each.counts["cost_picodollars"]),
                },
            )
            _durations(looked, f"{by} {name}", durations, each.samples["duration"])


async def _cost(visitor: Visitor, looked: Looked, truth: Truth, expected: Expected) -> None:
    """Tiles, shares and the budget."""
    page = await visitor.get("/dashboard/cost")
    whole = expected.total().counts
    tiles = _tiles(page)
    [shown] = [value for name, (value, _) in tiles.items() if name.startswith("Cost")]
    looked.counts("tile", {"cost": shown}, {"cost": formats.money(whole["cost_picodollars"])})
    for name, each in expected.totals("key").items():
        key = f"k{[key.id for key in truth.keys].index(name)}"
        row = _rows(await visitor.get("/dashboard/cost", by="key"), "h-by-key")[key]
        looked.counts(
            f"cost of {key}",
            {"cost": row[0], "share": row[1], "calls": row[3]},
            {
                "cost": formats.money(each.counts["cost_picodollars"]),
                "share": formats.share(each.counts["cost_picodollars"] / whole["cost_picodollars"]),
                "calls": formats.exact(each.counts["calls"]),
            },
        )
    [budget] = await visitor.file("/dashboard/cost", "budgets")
    spent = expected.totals("key")[truth.keys[0].id].counts["cost_picodollars"]
    told = {"spent": picodollars(budget["spent_usd"]), "reserved": picodollars(budget["reserved_usd"])}
    looked.counts("budget", told, {"spent": spent, "reserved": 0})


async def _keys(visitor: Visitor, looked: Looked, truth: Truth, expected: Expected) -> None:
    known = expected.totals("key")
    lines = {line["id"]: line for line in await visitor.file("/dashboard/keys", "keys")}
    for key in truth.keys:
        counts, line = known[key.id].counts, lines[key.id]
        looked.counts(
            f"key {key.id}",
            {"calls": int(line["calls_30d"]), "cost": picodollars(line["cost_30d_usd"])},
            {"calls": counts["calls"], "cost": counts["cost_picodollars"]},
        )


async def _calls(visitor: Visitor, looked: Looked, expected: Expected) -> None:
    """The newest calls and failed ones, as the page's file has them."""
    known = {c["id"]: c for c in expected.calls}
    for failed in ("", "true"):
        lines = await visitor.file("/dashboard/calls", "calls", failed=failed)
        wanted = min(500, sum(bool(c["code"]) for c in expected.calls) if failed else len(known))
        looked.counts("/dashboard/calls", {"lines": len(lines)}, {"lines": wanted})
        for line in lines:
            call = known[line["id"]]
            looked.counts(
                f"call {line['id']}",
                {
                    name: line[name]
                    for name in ("model", "target", "code", "key_id", "attempts", "duration_ms", "cost_usd")
                },
                {
                    **{name: call[name] or "" for name in ("model", "target", "code", "key_id")},
                    "attempts": str(call["attempts"]),
                    "duration_ms": str(call["duration_us"] / 1000),
                    "cost_usd": formats.dollars(call["cost_picodollars"]),
                },
            )
