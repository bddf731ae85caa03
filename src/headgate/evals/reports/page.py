"""A run as one page of HTML that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import isnan

from headgate.evals.runs import Header
from headgate.evals.tally import CellSummary, Sums
from headgate.money import format_usd
from headgate.stats.intervals import Interval

MOST_CASES = 2_000

_STYLE = """\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2530;background:#fff}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #d9dee3;vertical-align:top}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}
.fail{color:#a11}.pass{color:#176b35}.error,.unfinished{color:#7a5200}
pre{white-space:pre-wrap;margin:0;font:13px/1.4 ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{color:#dde3ea;background:#12171d}th,td{border-color:#303a45}
.fail{color:#ff8a8a}.pass{color:#7fd49a}.error,.unfinished{color:#e6b45c}}"""

_HEAD = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Evaluation {name}</title>
<meta name="viewport" content="width=device-width">
<style>{style}</style>
<h1>Evaluation {name}</h1>
<table><thead><tr><th>suite<th>what<th>cases<th>passed<th>failed<th>no verdict<th>answers that pass<th>score
<th>p95<th>cost</thead>
"""


def page(header: Header, sums: Sums) -> Iterator[str]:
    """The page, piece by piece."""
    yield _HEAD.format(name=escape(header.id), style=_STYLE)
    for each in sums.summaries():
        yield _cell(each)
    yield "</table>\n<h2>Cases</h2>\n<table><thead><tr><th>case<th>verdict<th>passes<th>why<th>answer</thead>\n"
    troubled = [(place, each) for place, each in sums.cases.items() if each.verdict != "pass"]
    for (suite, cell, case), each in troubled[:MOST_CASES]:
        why = [*each.reasons, *sorted(set(each.errors.values()))]
        yield (
            f"<tr><td>{escape(suite)} · {escape(cell)}<br><b>{escape(case)}</b>"
            f"<br>{escape(each.file)}:{each.line}"
            f'<td class="{each.verdict}">{each.verdict}'
            f'<td class="n">{each.passes} of {each.tries}, {each.needed} needed'
            f"<td>{'<br>'.join(map(escape, why))}<td><pre>{escape(each.text)}</pre>\n"
        )
    if not troubled:
        yield '<tr><td colspan="5" class="pass">Every case passed.\n'
    if len(troubled) > MOST_CASES:
        yield f'<tr><td colspan="5">… and {len(troubled) - MOST_CASES:,} more\n'
    yield "</table></html>\n"


def _cell(each: CellSummary) -> str:
    cost = "unknown" if each.cost_picodollars is None else f"${format_usd(each.cost_picodollars)}"
    p95 = f"{each.latency_ms['p95']:,.0f} ms" if each.latency_ms else ""
    return (
        f'<tr><td>{escape(each.suite)}<td>{escape(each.cell)}<td class="n">{each.cases}<td class="n pass">{each.passed}'
        f'<td class="n{" fail" if each.failed else ""}">{each.failed}<td class="n">{each.errors + each.unfinished}'
        f'<td class="n">{_share(each.pass_rate)}<td class="n">{_share(each.score)}<td class="n">{p95}'
        f'<td class="n">{cost}\n'
    )


def _share(found: Interval) -> str:
    return "" if isnan(found.estimate) else f"{found.estimate:.1%} <small>({found.low:.1%} to {found.high:.1%})</small>"
