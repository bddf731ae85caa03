"""What a server is told of a run."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import Result
from headgate.evals.telling import answered_by, told_of


def result(**fields: Any) -> Result:
    return Result(
        **{"suite": "s", "cell": "p", "case": "a", "repeat": 0, "key": "k", "subject": "d", "file": "t", **fields}
    )


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"passed": True, "model": "chat", "target": "openai/gpt-4o", "answered_by": "gpt-4o-2024-08-06"}, "gpt-4o-2024-08-06"),
        ({"passed": True, "model": "chat", "target": "openai/gpt-4o"}, "gpt-4o"),
        ({"passed": False, "model": "chat"}, "chat"),
        ({"error": "timeout", "model": "chat"}, ""),
    ],
)  # fmt: skip
def test_who_answered_is_called_as_its_vendor_does(fields: dict[str, Any], name: str):
    assert answered_by(result(**fields)) == name


def test_what_cannot_be_seen_is_made_visible():
    (told,) = told_of("run", 0, [result(case="a\nb\x1b[31m", error="x\ty \x07")])
    (case,) = told["cases"]
    assert (case["case"], case["reason"], case["tries"]) == ("a b\ufffd[31m", "x y \ufffd", [])
    assert (told["at"], told["answered_by"]) == ("1970-01-01T00:00:00Z", [])


def test_several_versions_are_no_one_test():
    with pytest.raises(CannotEvaluate, match="several versions of p"):
        list(told_of("run", 0, [result(version="1", passed=True), result(case="b", version="2", passed=True)]))
