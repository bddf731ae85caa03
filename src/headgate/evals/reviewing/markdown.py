"""A review as Markdown: a comment on a pull request, and what a terminal shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any, Final

import msgspec

from headgate.evals.reviewing.documents import dollars, status
from headgate.evals.reviewing.results import Tested
from headgate.evals.reviewing.review import PromptReview, Review
from headgate.evals.reviewing.spending import Spending
from headgate.evals.tally import CellSummary
from headgate.stats.intervals import Interval

MOST_CHARACTERS: Final = 60_000
"""GitHub takes 65,536 in a comment."""
MARK: Final = "<!-- headgate prompts diff -->"
"""The first line, by which a comment is found again."""
MOST_PROBLEMS: Final = 50
SHORT: Final = 12

_VERDICTS = {
    "regression": "**worse**",
    "improvement": "better",
    "no_difference": "no difference beyond noise",
    "not_comparable": "nothing to compare",
}


def markdown(found: Review, examples: int) -> str:
    """A review. `examples` is how many rendered cases of each prompt are shown."""
    mistakes = "\n".join(f"- {_code(each)}" for each in found.problems[:MOST_PROBLEMS])
    blocks = [
        _head(found),
        *([f"**Mistakes:**\n\n{mistakes}"] if mistakes else []),
        *_texts(found),
        *(block for each in found.prompts for block in _prompt(each, examples)),
    ]
    kept: list[str] = []
    size = 0
    for block in blocks:
        if size + len(block) + 2 <= MOST_CHARACTERS:
            kept.append(block)
            size += len(block) + 2
    if left := len(blocks) - len(kept):
        kept.append(f"_Too long for a comment: {left} of {len(blocks)} parts, which `headgate prompts diff` shows._")
    return "\n\n".join(kept) + "\n"


def _head(found: Review) -> str:
    counts = [sum(status(each) == what for each in found.prompts) for what in ("changed", "added", "removed")]
    told = [f"{count} {what}" for count, what in zip(counts, ("changed", "added", "removed"), strict=True) if count]
    told += [f"{found.unchanged} unchanged"] if found.unchanged or not told else []
    verdict = "**Callers would break.**" if found.breaks else "Callers can stay as they are."
    return f"{MARK}\n### Prompts: {', '.join(told)}\n\n{_code(found.before)} → {_code(found.after)}. {verdict}"


def _texts(found: Review) -> Iterator[str]:
    for text, names in found.texts:
        yield _folded(f"{_html(text.file)}, of {_html(', '.join(names))}", text.lines)


def _prompt(each: PromptReview, examples: int) -> Iterator[str]:
    versions = f"{_short(each.before)} → {_short(each.after)}"
    head = [f"#### {_code(each.name)} {status(each)}", versions]
    if each.difference.breaks:
        head.append(
            "**Callers would break:**\n\n" + "\n".join(f"- {_code(str(one))}" for one in each.difference.breaks)
        )
    if each.difference.changes:
        rows = [[_code(one.what), _value(one.before), _value(one.after)] for one in each.difference.changes]
        head.append(_table(("", "before", "after"), rows))
    if figures := _figures(each):
        head.append(_table(("", "before", "after", ""), figures))
    yield "\n\n".join(head)
    same = each.cases - len(each.examples)
    for one in each.examples[:examples]:
        yield _folded(f"Rendered for the test case {_html(one.case)}", one.lines)
    if each.cases:
        more = len(each.examples) - examples
        told = [f"{same} of {each.cases} test cases are rendered as before."]
        told += [f"{more} more are rendered otherwise."] if more > 0 else []
        yield " ".join(told)


def _figures(each: PromptReview) -> list[list[str]]:
    rows = [] if each.spending is None else _spent(each.spending)
    return rows if each.tested is None else [*rows, *_tested(each.tested)]


def _spent(found: Spending) -> list[list[str]]:
    change = (found.after_tokens / found.before_tokens - 1) if found.before_tokens else 0.0
    counts = [f"{each:,.0f}" for each in (found.before_tokens, found.after_tokens)]
    rows = [[f"tokens of the prompt, mean of {found.cases}", *counts, f"{change:+.1%}"]]
    before, after = dollars(found.before_picodollars), dollars(found.after_picodollars)
    unknown = "unknown"
    rows.append(["US dollars for the prompts of 1,000 calls", before or unknown, after or unknown, ""])
    if found.before_target != found.after_target:
        rows.append(["target", _code(found.before_target), _code(found.after_target), ""])
    return rows


def _tested(found: Tested) -> list[list[str]]:
    befores = {(each.suite, each.cell): each for each in found.before}
    rows: list[list[str]] = []
    for now in found.after:
        verdict = next(
            (each for each in found.comparison.cells if (each.suite, each.cell) == (now.suite, now.cell)), None
        )
        was = None if verdict is None else befores.get((now.suite, verdict.before_cell))
        told = "" if verdict is None else _VERDICTS[verdict.verdict]
        name = f"{_code(now.cell)}: "
        rows.append([f"{name}cases passed", _passed(was), _passed(now), told])
        rows.append([f"{name}answers that pass", _rate(was), _rate(now), ""])
        rows.append([f"{name}US dollars of the run", *(_cost(each) for each in (was, now)), ""])
        rows.append([f"{name}95th percentile, ms", *(_late(each) for each in (was, now)), ""])
    return rows


def _passed(each: CellSummary | None) -> str:
    return "" if each is None else f"{each.passed} of {each.cases}"


def _rate(each: CellSummary | None) -> str:
    return "" if each is None else _interval(each.pass_rate)


def _interval(rate: Interval) -> str:
    return "" if isnan(rate.estimate) else f"{rate.estimate:.0%} ({rate.low:.0%} to {rate.high:.0%})"


def _cost(each: CellSummary | None) -> str:
    return "" if each is None else dollars(each.cost_picodollars) or "unknown"


def _late(each: CellSummary | None) -> str:
    return "" if each is None or not each.latency_ms else f"{each.latency_ms['p95']:,.0f}"


# ── marks ──


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(title: str, lines: Sequence[str]) -> str:
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    body = "\n".join(lines)
    return f"<details><summary>{title}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>"


def _short(version: str | None) -> str:
    return "nothing" if version is None else f"`{version[:SHORT]}`"


def _value(value: Any) -> str:
    if value is None:
        return ""
    return _code(value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=dict).decode(), 300)


def _code(text: str, most: int = 500) -> str:
    """A text as it stands, within a line and a table's cell."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    plain = plain if len(plain) <= most else f"{plain[:most]}…"
    fence = "`" * (1 + max(map(len, re.findall("`+", plain)), default=0))
    space = " " if "`" in plain or not plain.strip() else ""
    plain = re.sub(r"\\(?=\|)", "\\\\ ", plain)  # of two backslashes before it the bar would end the cell
    return f"{fence}{space}{plain}{space}{fence}".replace("|", "\\|")


def _html(text: str) -> str:
    """A text as it stands, in a heading: as code, in which GitHub sees neither marks nor people to tell."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    safe = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<code>{safe}</code>"
