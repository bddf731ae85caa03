"""Test files with the data they name, gathered to be published, and read again from their texts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.evals.problems import BadTests
from headgate.evals.publishing import Published, gathered
from headgate.evals.trusting import all_examined

TESTS = "assert: [not-is-refusal]\ntests: [{inputs: {q: a}}]\n"
LABELS = '{"messages": "q", "answer": "a", "rubric": "r", "pass": true}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts" / "support").mkdir(parents=True)
    (tmp_path / "prompts" / "support" / "triage.prompt").write_text("{{q}}")
    return tmp_path


def write(name: str, text: str) -> Path:
    file = Path("prompts", "support", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def problems(*paths: Path) -> list[str]:
    with pytest.raises(BadTests) as caught:
        gathered(paths or [Path()])
    return [each.told() for each in caught.value.problems]


def test_a_suite_is_the_same_from_its_texts(here: Path):
    (here / "data").mkdir()
    (here / "data" / "more.jsonl").write_text('{"q": "c"}\n')
    (here / "data" / "labels.jsonl").write_text(LABELS)
    write("cases.csv", "q,__expected\nb,contains: b\n")
    write(
        "triage.test.yaml",
        f"judge: {{model: gpt-4o, labels: ../../data/labels.jsonl}}\ndataset: [cases.csv, ../../data/more.jsonl]\n{TESTS}",
    )
    (one,) = gathered([Path()])
    assert (one.name, one.file, one.prompts) == ("support/triage", "support/triage.test.yaml", ["support/triage"])
    places = ["support/triage.test.yaml", "../data/labels.jsonl", "support/cases.csv", "../data/more.jsonl"]
    assert sorted(one.sources) == sorted(places)

    for file in (here / "prompts").rglob("*.*"):
        file.unlink()
    suite = one.suite()
    assert [case.inputs for case in suite.cases] == [{"q": "a"}, {"q": "b"}, {"q": "c"}]
    assert [cell.name for cell in suite.cells] == ["support/triage"]
    assert suite.cases[1].place.file == "support/cases.csv"


async def test_labels_are_read_from_texts_too():
    tests = (
        f"judge: {{model: gpt-4o, labels: labels.jsonl}}\nmodel: chat\n{TESTS.replace('inputs: {q: a}', 'messages: a')}"
    )
    made = Published(name="s", file="s.test.yaml", sources={"s.test.yaml": tests, "labels.jsonl": "[]\n"})
    with pytest.raises(BadTests, match=r"labels.jsonl:1:1"):
        await all_examined([made.suite()], None, made.held)  # type: ignore[arg-type]  # nobody is asked


def test_what_runs_code_is_refused_with_its_line(here: Path):
    write("checks.py", "raise SystemExit('it ran')")
    write("triage.test.py", "raise SystemExit('it ran')")
    write("other.test.yaml", "prompt: support/triage\nassert:\n  - is-json\n  - python: checks.py:fine\ntests: [{}]\n")
    write("rows.csv", "q,__expected\na,contains: a\nb,python: checks.py:fine\n")
    write("rows.test.yaml", f"prompt: support/triage\ndataset: rows.csv\n{TESTS}")
    found = problems()
    assert len(found) == 3
    assert "other.test.yaml:4:5: runs a function, and nothing that is published runs code on a server" in found[0]
    assert "rows.csv:3:1: runs a function" in found[1]
    assert "triage.test.py:1:1: is a program, and nothing that is published runs code on a server" in found[2]


def test_what_is_too_much_is_refused(here: Path):
    write("triage.test.yaml", f"{TESTS}#{'x' * 720_000}")
    assert "comes with 720," in problems()[0]
    write("cases.csv", "q\n" + "\n".join(str(number) for number in range(5_001)))
    write("triage.test.yaml", "assert: [not-is-refusal]\ndataset: cases.csv\n")
    assert "has 5,001 cases, and a server keeps 5,000" in problems()[0]


def test_a_file_of_this_machine_is_no_data_of_a_suite(here: Path):
    secret = here / "secret.jsonl"
    secret.write_text('{"q": "secret"}\n')
    for name in (str(secret), f"../../../../../../../../..{secret}"):
        made = Published(
            name="s",
            file="s.test.yaml",
            prompts=["s"],
            sources={"s.test.yaml": f"assert: [is-json]\ndataset: {name}\n"},
        )
        with pytest.raises(BadTests, match="names a file that is not there"):
            made.suite()


def test_another_text_is_another_suite(here: Path):
    write("triage.test.yaml", TESTS)
    (one,) = gathered([Path()])
    (same,) = gathered([Path("prompts", "support", "triage.test.yaml")])
    assert one.digest == same.digest
    write("triage.test.yaml", f"{TESTS}# a word\n")
    assert gathered([Path()])[0].digest != one.digest


def test_a_suite_is_of_the_prompts_that_name_it(here: Path):
    write("common.test.yaml", TESTS)
    for name in ("triage", "triage.brief"):
        write(f"{name}.prompt", "---\nheadgate.tests: common.test.yaml\n---\n{{q}}")
    (one,) = gathered([Path()])
    assert one.prompts == ["support/triage", "support/triage.brief"]
    assert [cell.name for cell in one.suite().cells] == one.prompts
    (brief,) = gathered([Path("prompts", "support", "triage.brief.prompt")])
    assert brief.prompts == ["support/triage.brief"]


def test_names_that_would_not_be_found_again_are_refused(here: Path):
    write("triage.test.yaml", f"name: 'a  b'\nmodel: 'c\\td'\n{TESTS}")
    assert "names something 'a b…' that is too long, or has blanks or characters no name has" in problems()[0]
    write(
        "triage.test.yaml",
        f"repeat: 1000\ntests: [{', '.join(f'{{inputs: {{q: {n}}}}}' for n in range(51))}]\nassert: [is-json]",
    )
    assert "asks 51,000 times at each model, and a server 50,000 times" in problems()[0]
