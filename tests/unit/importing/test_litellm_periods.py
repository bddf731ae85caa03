"""LiteLLM's durations of budgets, as periods of the calendar."""

from __future__ import annotations

import re

import pytest

from headgate.importing.litellm.names import allowed, both, tag_name, tag_value
from headgate.importing.litellm.periods import fit
from headgate.importing.litellm.routes import operations
from headgate.importing.names import name_of, plain_id, unique


@pytest.mark.parametrize(
    ("duration", "period", "exact"),
    [
        (None, "total", True),
        ("1d", "day", True),
        ("24h", "day", True),
        ("7d", "week", True),
        ("1w", "week", True),
        ("30d", "month", True),
        ("1mo", "month", True),
        ("none", "total", True),
        ("168h", "week", False),
        ("monthly", "total", False),
        ("30s", "day", False),
        ("12h", "day", False),
        ("2d", "week", False),
        ("14d", "month", False),
        ("31d", "total", False),
        ("3mo", "total", False),
        ("1y", "total", False),
        ("0d", "total", False),
        ("soon", "total", False),
    ],
)
def test_a_duration_becomes_a_period_that_lets_nobody_spend_more(duration: str, period: str, exact: bool) -> None:
    assert fit(duration) == (period, exact)


@pytest.mark.parametrize(
    ("models", "found"),
    [
        ([], None),
        (["all-proxy-models"], None),
        (["no-default-models"], []),
        (["all-team-models"], ["a", "b*"]),
        (["beta", "c"], ["x", "y", "c"]),
        (["openai/*"], ["openai/*"]),
    ],
)
def test_lists_of_models(models: list[str], found: list[str] | None) -> None:
    assert allowed(models, {"beta": ["x", "y"]}, ["a", "b*"]) == (found, [])


def test_a_pattern_that_cannot_be_written_here_is_told() -> None:
    assert allowed(["a*b", "c"], {}, None) == (["c"], ["a*b"])


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (None, None, None),
        (None, ["a"], ["a"]),
        (["a"], None, ["a"]),
        (["a", "b"], ["b", "c"], ["b"]),
        (["gpt-*"], ["gpt-4o", "o3"], ["gpt-4o"]),
        (["gpt-4*"], ["gpt-*"], ["gpt-4*"]),
        (["a"], [], []),
    ],
)
def test_two_lists_together(first: list[str] | None, second: list[str] | None, found: list[str] | None) -> None:
    assert both(first, second) == found


def test_routes_become_operations() -> None:
    assert operations(["/v1/chat/completions", "/embeddings", "/key/info"]) == (["chat", "embed"], [])
    assert operations(["llm_api_routes"]) == (None, [])
    assert operations(["management_routes"]) == ([], ["management_routes"])


def test_names_are_made_fit_for_us() -> None:
    taken: set[str] = set()
    assert name_of(None, "  \n ", " a\tb ") == "a b"
    assert unique("ci", "0123", taken) == "ci"
    assert unique("ci", "0123", taken) == "ci 0123"
    found = {unique(name_of("x" * 300), f"the same beginning of ids {number}", taken) for number in range(9)}
    assert len(found) == 9
    assert max(map(len, found)) <= 200


def test_each_text_has_a_tag_of_its_own() -> None:
    texts = ["Acme", "a b", "a,b", "a=b", "a_b", "é", "è", "", " ", "x" * 200, "x" * 201, "litellm-user"]
    for make, longest in ((tag_value, 190), (tag_name, 64)):
        tags = [make(each) for each in texts]
        assert len(set(tags)) == len(texts)
        assert tags[:2] == texts[:2]
        assert all(0 < len(each) <= longest and each != "litellm-user" for each in tags)


@pytest.mark.parametrize("id", ["", " a", "a\n", "a*", "x" * 400])
def test_an_id_that_no_subject_can_name_becomes_a_digest(id: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", plain_id(id))
    assert plain_id("ada@example.com") == "ada@example.com"
