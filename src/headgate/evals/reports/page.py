"""A run as one page of HTML that needs nothing beside it: no script, no picture, nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from math import isnan

from headgate.evals.comparison import CellComparison, Comparison
from headgate.evals.runs import End, Header
from headgate.evals.tally import CaseTally, CellSummary, Place, Sums
from headgate.money import format_usd
from headgate.stats.intervals import Interval

MOST_CASES = 2_000

_STYLE = """\
:root{color-scheme:light dark;--ink:#1c2530;--paper:#fff;--line:#d9dee3;--bad:#a11;--good:#176b35;--odd:#7a5200}
@media(prefers-color-scheme:dark){:root{--ink:#dde3ea;--paper:#12171d;--line:#303a45;--bad:#ff8a8a;--good:#7fd49a;
--odd:#e6b45c}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:var(--ink);
background:var(--paper);overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
.wide th,.wide td,.n{white-space:nowrap;font-variant-numeric:tabular-nums}
.fail,.regression{color:var(--bad)}.pass,.improvement{color:var(--good)}.error,.unfinished{color:var(--odd)}
pre{white-space:pre-wrap;margin:0;font:13px/1.4 ui-monospace,monospace}
@media(max-width:45rem){.cases thead{display:none}.cases tr{display:block;border-bottom:1px solid var(--line);
padding:.5rem 0}.cases td{display:block;border:0;padding:.1rem 0}}"""

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Evaluation {name}</title>
<style>{style}</style>
</head>
<body>
<h1>Evaluation {name}</h1>
<p>{told}</p>
"""

_VERDICTS = {
    "regression": "worse",
    "improvement": "better",
    "no_difference": "no difference beyond noise",
    "not_comparable": "nothing to compare",
}


def page(header: Header, ends: Sequence[End], sums: Sums, found: Comparison | None = None) -> Iterator[str]:
    """The page, piece by piece. `found` is what the run was held against."""
    yield _HEAD.format(name=_text(header.id), style=_STYLE, told=_told(header, ends))
    yield _table(
        "suite", "tested", "cases", "passed", "failed", "no verdict", "answers that pass", "score", "p95", "cost"
    )
    yield from map(_cell, sums.summaries())
    yield "</tbody></table></div>\n"
    if found is not None:
        yield "<h2>Before and after</h2>\n"
        yield _table("suite", "tested", "verdict", "before", "after", "difference", "by chance", "cases")
        yield from map(_compared, found.cells)
        yield "</tbody></table></div>\n"
    yield from _cases(sums)
    yield "</body>\n</html>\n"


def _told(header: Header, ends: Sequence[End]) -> str:
    """When it was, why it ended, and what it cost."""
    began = f"{datetime.fromtimestamp(header.began_us / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
    why = ends[-1].why if ends else "killed"
    more = f": {ends[-1].told}" if ends and ends[-1].told else ""
    spent = format_usd(sum(each.spent_picodollars for each in ends))
    return _text(f"{began}, {why}{more}. ${spent} spent, with headgate {header.headgate}.")


def _table(*columns: str) -> str:
    heads = "".join(f"<th>{each}</th>" for each in columns)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>\n'


def _cell(each: CellSummary) -> str:
    cost = "unknown" if each.cost_picodollars is None else f"${format_usd(each.cost_picodollars)}"
    p95 = f"{each.latency_ms['p95']:,.0f} ms" if each.latency_ms else ""
    columns = [
        ("", _text(each.suite)), ("", _text(each.cell)), ("", str(each.cases)), ("pass", str(each.passed)),
        ("fail" if each.failed else "", str(each.failed)), ("", str(each.errors + each.unfinished)),
        ("", _share(each.pass_rate)), ("", _share(each.score)), ("", p95), ("", cost),
    ]  # fmt: skip
    return _row(columns)


def _compared(each: CellComparison) -> str:
    drop = each.difference
    told = "" if drop is None else f"{100 * drop.estimate:+.1f} ({100 * drop.low:+.1f} to {100 * drop.high:+.1f})"
    columns = [
        ("", _text(each.suite)), ("", _text(each.cell)), (each.verdict, _VERDICTS[each.verdict]),
        ("", _percent(each.before)), ("", _percent(each.after)), ("", told), ("", f"{each.chance:.2%}"),
        ("", str(each.pairs)),
    ]  # fmt: skip
    return _row(columns)


def _cases(sums: Sums) -> Iterator[str]:
    """Those that did not pass."""
    troubled = [(place, each) for place, each in sums.cases.items() if each.verdict != "pass"]
    yield "<h2>Cases that did not pass</h2>\n"
    if not troubled:
        yield '<p class="pass">Every case passed.</p>\n' if sums.cases else "<p>No case was asked.</p>\n"
        return
    heads = "".join(f"<th>{each}</th>" for each in ("case", "verdict", "passes", "why", "answer"))
    yield f'<table class="cases"><thead><tr>{heads}</tr></thead><tbody>\n'
    for place, each in troubled[:MOST_CASES]:
        yield _case(place, each)
    yield "</tbody></table>\n"
    if len(troubled) > MOST_CASES:
        yield f"<p>… and {len(troubled) - MOST_CASES:,} more</p>\n"


def _case(place: Place, each: CaseTally) -> str:
    suite, cell, case = map(_text, place)
    why = "<br>".join(map(_text, [*each.reasons, *sorted(set(each.errors.values()))]))
    columns = [
        ("", f"{suite} · {cell}<br><b>{case}</b><br>{_text(each.file)}:{each.line}"), (each.verdict, each.verdict),
        ("n", f"{each.passes} of {each.tries}, {each.needed} needed"), ("", why),
        ("", f"<pre>{_text(each.text)}</pre>" if each.text else ""),
    ]  # fmt: skip
    return _row(columns)


def _row(columns: Sequence[tuple[str, str]]) -> str:
    """Cells by their class and what is in them."""
    cells = [f'<td class="{kind}">{inside}</td>' if kind else f"<td>{inside}</td>" for kind, inside in columns]
    return f"<tr>{''.join(cells)}</tr>\n"


def _text(text: str) -> str:
    """A text as it stands; HTML has no control characters."""
    plain = "".join(each if each >= " " or each in "\t\n" else "\ufffd" for each in text)
    return escape("".join("\ufffd" if "\x7f" <= each <= "\x9f" else each for each in plain))


def _share(found: Interval) -> str:
    return "" if isnan(found.estimate) else f"{found.estimate:.1%} <small>({found.low:.1%} to {found.high:.1%})</small>"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
