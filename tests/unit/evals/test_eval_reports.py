"""What runs look like elsewhere: nothing a model says becomes markup, a command or an attribute."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from headgate.evals.comparison import compare
from headgate.evals.marks import Mark
from headgate.evals.reports.annotations import failures, first, regressions
from headgate.evals.reports.documents import comparison_document, document
from headgate.evals.reports.junit import junit
from headgate.evals.reports.page import page
from headgate.evals.reviewing.markdown import _code
from headgate.evals.reviewing.results import Results
from headgate.evals.runs import End, Header, Result, RunFile
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


def test_a_page_needs_nothing_and_lets_nothing_in() -> None:
    end = End(ended_us=1, why="budget", told=f"no room {HOSTILE}", spent_picodollars=5_000_000)
    text = "".join(page(HEADER, [end], sums(), compare(sums(), Sums.of([result("a", passed=False)]))))
    assert "default-src 'none'" in text
    assert "src=" not in text and "href=" not in text
    assert not {each for each in text if each < " " and each != "\n"}
    assert "1970-01-01 00:00 UTC, budget: no room &lt;/failure&gt;" in text
    assert "no difference beyond noise" in text
    assert "Every case passed." in "".join(page(HEADER, [], Sums.of([result("a", passed=True)])))
    assert "No case was asked." in "".join(page(HEADER, [], Sums()))
    assert "1970-01-01 00:00 UTC, killed." in "".join(page(HEADER, [], Sums()))


def test_what_github_would_not_show_is_counted() -> None:
    lines = [f"::error file={at}.prompt,line=1::x" for at in range(12)]
    shown = first(lines)
    assert shown[:9] == lines[:9]
    assert shown[9:] == [
        "::error title=more failures::3 more prompts have failures; --json, --junit and --html name them all"
    ]
    assert first(lines[:10]) == lines[:10]


def test_a_place_outside_of_the_repository_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "sub")
    found = Sums.of([msgspec.structs.replace(result("a", passed=False), prompt_file=each) for each in ["..x.prompt"]])
    assert next(failures(found.cases)).startswith("::error file=sub/..x.prompt,")
    found = Sums.of([msgspec.structs.replace(result("a", passed=False), prompt_file="../../y.prompt")])
    assert next(failures(found.cases)).startswith("::error file=../../y.prompt,")


@pytest.mark.parametrize(
    "text",
    [
        "a`b",
        "``",
        "```",
        "a```b``",
        "`",
        " ",
        "x\\|y",
        "a|b",
        "\\\\|",
        "<img src=x>",
        "line\nbreak",
        "@team",
        "![x](y)",
    ],
)
def test_a_text_stays_one_code_span_in_one_cell(text: str) -> None:
    made = _code(text)
    fence = made[: len(made) - len(made.lstrip("`"))]
    inside = made[len(fence) : -len(fence)]
    assert made.endswith(fence) and fence
    assert fence not in re.findall("`+", inside)
    assert "\n" not in made
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", made), "a bar that ends the cell"


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


def test_versions_are_held_against_each_other_at_the_same_models(tmp_path: Path) -> None:
    def ran(name: str, version: str, *models: str) -> Path:
        file = RunFile(tmp_path / name)
        file.begin(HEADER)
        for model in models:
            made = result("a", passed=True)
            file.add(msgspec.structs.replace(made, version=version, cell=f"p @ {model}", text="", marks=[]))
        file.close()
        return tmp_path / name

    before = ran("1.jsonl", "one", "small", "large")
    found = Results([before, ran("2.jsonl", "two", "large", "huge")], frozenset({"one", "two"})).tested("one", "two")
    assert found is not None
    assert [[each.cell for each in side] for side in (found.before, found.after)] == [["p @ large"], ["p @ large"]]
    assert Results([before, ran("3.jsonl", "two", "huge")], frozenset({"one", "two"})).tested("one", "two") is None
    assert Results([before], frozenset({"one", "two"})).tested("one", "two") is None
