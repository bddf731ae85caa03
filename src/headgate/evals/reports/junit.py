"""Runs as JUnit XML, by the schema that Jenkins, GitLab and GitHub's actions read."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from headgate.evals.tally import CaseTally, Sums


def junit(sums: Sums) -> Iterator[str]:
    """The document, piece by piece: a suite for each suite and cell."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="headgate eval">\n'
    grouped: dict[tuple[str, str], list[tuple[str, CaseTally]]] = {}
    for (suite, cell, case), tally in sums.cases.items():
        grouped.setdefault((suite, cell), []).append((case, tally))
    for (suite, cell), cases in grouped.items():
        verdicts = [tally.verdict for _, tally in cases]
        yield (
            f'  <testsuite name={_quoted(f"{suite} ({cell})")} tests="{len(cases)}" failures="{verdicts.count("fail")}"'
            f' errors="{verdicts.count("error")}" skipped="{verdicts.count("unfinished")}">\n'
        )
        for case, tally in cases:
            yield _case(f"{suite}.{cell}", case, tally)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _case(holder: str, case: str, tally: CaseTally) -> str:
    begun = (
        f'    <testcase classname={_quoted(holder)} name={_quoted(case)} file={_quoted(tally.file)} line="{tally.line}"'
    )
    verdict = tally.verdict
    if verdict == "pass":
        return f"{begun}/>\n"
    told = f"{tally.passes} of {tally.tries} answers passed, {tally.needed} needed"
    if verdict == "unfinished":
        return f"{begun}><skipped message={_quoted(told)}/></testcase>\n"
    if verdict == "error":
        why = "; ".join(sorted(set(tally.errors.values())))
        return f"{begun}><error message={_quoted(why)}/></testcase>\n"
    reasons = "\n".join([*tally.reasons, *([f"answer: {tally.text}"] if tally.text else [])])
    return f"{begun}><failure message={_quoted(told)}>{escape(_clean(reasons))}</failure></testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold (section 2.2)."""
    return "".join(
        each
        if each in "\t\n\r" or " " <= each <= "\ud7ff" or "\ue000" <= each <= "\ufffd" or each >= "\U00010000"
        else "\ufffd"
        for each in text
    )
