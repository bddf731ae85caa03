"""What runs look like elsewhere: nothing a model says becomes markup, a command or an attribute."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from headgate.evals.comparison import compare
from headgate.evals.marks import Mark
from headgate.evals.reports.annotations import failures, regressions
from headgate.evals.reports.documents import comparison_document, document
from headgate.evals.reports.junit import junit
from headgate.evals.reports.page import page
from headgate.evals.runs import End, Header, Result
from headgate.evals.tally import Sums

HOSTILE = "</failure><script>alert(1)</script>\x00\x1b[31m\"'&\n::error file=other::x%0A"
HEADER = Header(id="r", began_us=0, headgate="0", files=["x.test.yaml"], planned=3)


def result(case: str, *, passed: bool | None, repeat: int = 0, error: str = "") -> Result:
    return Result(
        suite="s", cell="chat", case=case, repeat=repeat, key="", subject="", passed=passed, text=HOSTILE, error=error,
        marks=[Mark(kind="contains", passed=bool(passed), reason=HOSTILE)], file="x.test.yaml", line_number=7,
        prompt_file="x,y.prompt", prompt_line=5, cost_picodollars=None if error else 1_000_000,
    )  # fmt: skip


def sums() -> Sums:
    return Sums.of(
        [result("a", passed=True), result(f"b{HOSTILE}", passed=False), result("c", passed=None, error=HOSTILE)]
    )


def test_junit_is_xml_whatever_was_said() -> None:
    suite = ET.fromstring("".join(junit(sums())))[0]
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "1", "0"]
    assert [each.tag for case in suite for each in case] == ["failure", "error"]
    assert "<script>" in (suite[1][0].text or "")


def test_a_page_has_no_script_of_a_models() -> None:
    text = "".join(page(HEADER, [], sums()))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_annotations_are_one_command_each() -> None:
    lines = list(failures(sums().cases))
    assert len(lines) == 1
    assert lines[0].startswith("::error file=x%2Cy.prompt,line=5,title=cases that failed%3A 2::")
    assert "\n" not in lines[0]
    assert "x%250A" in lines[0]


def test_what_is_not_known_is_null() -> None:
    found = document(HEADER, [End(ended_us=1, spent_picodollars=5_000_000)], sums())
    assert found["cells"][0]["cost_usd"] is None
    assert found["spent_usd"] == "0.000005"
    assert [each["verdict"] for each in found["cases"]] == ["fail", "error"]
    nothing = comparison_document(compare(sums(), Sums.of([result("z", passed=True)])))
    assert (nothing["cells"][0]["verdict"], nothing["cells"][0]["before"]) == ("not_comparable", None)


def test_a_regression_is_told_on_the_prompts_line() -> None:
    good = Sums.of(result(str(at), passed=True) for at in range(8))
    bad = Sums.of(result(str(at), passed=False) for at in range(8))
    lines = list(regressions(compare(good, bad)))
    assert len(lines) == 1
    assert lines[0].startswith(
        "::error file=x%2Cy.prompt,line=5,title=Regression::s (chat): 100.0%25 to 0.0%25 over 8 cases"
    )
    assert list(regressions(compare(bad, good))) == []
