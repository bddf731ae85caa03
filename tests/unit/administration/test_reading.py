"""Requests are read strictly, and every mistake is told at once by the name of its field."""

from __future__ import annotations

import contextlib
import json
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.administration import Invalid
from headgate.administration.reading import MAX_PROBLEMS, parse, read, read_query
from headgate.administration.requests import (
    BudgetChange,
    CallListing,
    KeyListing,
    LimitBody,
    NewBudget,
    NewKey,
    NewProviderKey,
    NewTeam,
    NewUser,
    Request,
)
from headgate.errors import BadRequest


def wrong(kind: type[Request], body: str | dict[str, Any]) -> dict[str, str]:
    """The problems of a body by field."""
    raw = body if isinstance(body, str) else json.dumps(body)
    with pytest.raises(Invalid) as raised:
        read(kind, parse(raw.encode()))
    return {each.param: each.message for each in raised.value.problems}


def test_all_mistakes_are_told_at_once():
    body = """{"name": "", "roles": [], "limits": [{"per": "minute", "requests": -1}, {"tokens": 1.5, "per": "year"}, {}],
        "budget_usd": NaN, "networks": ["10.0.0.1/8"], "timezone": "Mars", "models": ["a*b"], "nmae": 1,
        "expires_at": "soon", "tags": {"a=b": "c"}, "endpoints": ["dance"]}"""
    assert set(wrong(NewKey, body)) == {
        "name", "roles", "limits[0].requests", "limits[1].tokens", "limits[1].per", "limits[2]", "budget_usd",
        "networks[0]", "timezone", "models[0]", "nmae", "expires_at", "tags.a=b", "endpoints[0]",
    }  # fmt: skip


def test_an_error_names_its_field_and_says_what_to_write():
    with pytest.raises(Invalid) as raised:
        read(NewKey, parse(b'{"name": "k", "limits": [{"per": "minute", "requests": -5}]}'))
    assert raised.value.param == "limits[0].requests"
    assert raised.value.message == (
        "limits[0].requests must be a whole number from 0 to 1,000,000,000,000,000, not -5."
    )


@pytest.mark.parametrize("field", ["requests", "tokens", "input_tokens", "output_tokens", "concurrent"])
@pytest.mark.parametrize(
    "number", ["-1", "1.5", "1e30", "NaN", "Infinity", "-Infinity", '"7"', "true", "null_", "9" * 30, "1e400", "1.0"]
)
def test_numbers_that_are_none_are_refused_by_field(field: str, number: str):
    if number == "null_":
        number = "[]"
    assert field in wrong(LimitBody, f'{{"per": "minute", "{field}": {number}}}')


@pytest.mark.parametrize(
    "amount", ["-1", "0", "NaN", "Infinity", '"NaN"', "1e30", "1e-30", "true", "[]", '"1.0000000000001"', "9000001"]
)
def test_amounts_that_are_none_are_refused_by_field(amount: str):
    assert set(wrong(NewBudget, f'{{"subject": "team:*", "amount_usd": {amount}}}')) == {"amount_usd"}


def test_a_json_number_of_money_loses_nothing():
    read_one = read(NewBudget, parse(b'{"subject": "team:*", "amount_usd": 0.100000000001}'))
    assert str(read_one.amount_usd) == "0.100000000001"


@pytest.mark.parametrize(
    "name", ["a\nb", "\u001b[31mred", "a\u0000", "a\u2028b", "\u202eabc", " a", "a ", "", "x" * 201, "\u200b"]
)
def test_names_that_cannot_be_seen_are_refused(name: str):
    assert set(wrong(NewTeam, {"name": name})) == {"name"}


def test_what_is_unknown_is_refused_with_what_was_meant():
    problems = wrong(NewTeam, {"name": "a", "timezon": "UTC", "id": "team_1", "version": 3, "organisation": "other"})
    assert set(problems) == {"timezon", "id", "version", "organisation"}
    assert "did you mean 'timezone'?" in problems["timezon"]


def test_what_is_missing_is_told():
    assert wrong(NewTeam, {}) == {"name": "name is missing."}


def test_a_body_full_of_mistakes_takes_no_time():
    tree = parse(json.dumps({f"field{number}": 1 for number in range(60_000)}).encode())
    begun = perf_counter()
    with pytest.raises(Invalid) as raised:
        read(NewKey, tree)
    assert perf_counter() - begun < 0.5
    assert len(raised.value.problems) <= MAX_PROBLEMS


def test_a_secret_is_never_repeated():
    for body in ({"credential": 12345678}, {"credential": ["sk-secret"]}, {"credential": "sk-secret\n"}):
        told = " ".join(wrong(NewProviderKey, body).values())
        assert "secret" not in told.replace("a secret", "")
        assert "12345678" not in told


def test_issuer_and_subject_belong_together():
    assert set(wrong(NewUser, {"name": "a", "issuer": "https://x"})) == {"subject"}
    assert set(wrong(NewUser, {"name": "a", "subject": "1"})) == {"issuer"}


def test_a_limit_limits_something_in_some_time():
    assert set(wrong(LimitBody, {"per": "minute"})) == {""}
    assert set(wrong(LimitBody, {"requests": 1})) == {"per"}
    assert set(wrong(LimitBody, {"requests": 1, "per": "total"})) == {"per"}
    assert read(LimitBody, {"concurrent": 1}).concurrent == 1


def test_one_window_has_one_limit():
    limits = [{"per": "minute", "requests": 1}, {"per": "minute", "tokens": 1}]
    assert set(wrong(NewKey, {"name": "k", "limits": limits})) == {"limits[1].per"}


def test_a_period_needs_a_budget():
    assert set(wrong(NewKey, {"name": "k", "budget_period": "day"})) == {"budget_usd"}


def test_what_is_left_out_of_a_change_is_not_null():
    assert set(wrong(BudgetChange, {"amount_usd": None})) == {"amount_usd"}
    read(BudgetChange, {})


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"1", b"{", b'{"a": 1, "a": 2}', b'{"a": {"b": 1, "b": 2}}', b'{"a": "\xff"}', b'{"a": "\\ud800"}',
        b'{"a": ' + b"1" * 5000 + b"}", b'{"a":' + b"[" * 13 + b"]" * 13 + b"}", b'{"a":' * 5000, b"{'a': 1}",
    ],
)  # fmt: skip
def test_what_two_could_read_in_two_ways_is_no_body(raw: bytes):
    with pytest.raises(BadRequest):
        parse(raw)


def test_a_query_has_numbers_as_digits():
    listing = read_query(KeyListing, {"limit": ["20"], "archived": ["true"], "team": ["a"]})
    assert (listing.limit, listing.archived, listing.team) == (20, True, "a")


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "501"), ("limit", "-1"), ("limit", "x"), ("archived", "yes"),
    ("status", "dead"), ("cursor", ""), ("colour", "red"), ("limit", "٣")]
)  # fmt: skip
def test_a_query_is_strict_too(name: str, value: str):
    with pytest.raises(Invalid) as raised:
        read_query(KeyListing, {name: [value]})
    assert raised.value.param == name


def test_a_query_says_a_thing_once():
    with pytest.raises(Invalid, match="more than once"):
        read_query(KeyListing, {"limit": ["1", "2"]})


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(
    ["name", "roles", "models", "limits", "budget_usd", "expires_at", "tags", "networks", "timezone"]
)


@given(st.dictionaries(names | st.text(max_size=5), trees, max_size=5))
def test_no_body_causes_another_error(tree: dict[str, Any]):
    with contextlib.suppress(BadRequest, Invalid):
        read(NewKey, parse(json.dumps(tree).encode()))


@given(st.text(max_size=300))
def test_no_error_holds_what_cannot_be_seen(text: str):
    raw = json.dumps({text: text, "name": text, "team": [text], "budget_usd": text, "timezone": text}).encode()
    with pytest.raises((BadRequest, Invalid)) as raised:
        read(NewKey, parse(raw))
    problems = getattr(raised.value, "problems", [])
    assert all(each.message.isprintable() and each.param.isprintable() for each in problems)


@pytest.mark.parametrize(("text", "number"), [("0", 0.0), ("250", 250.0), ("1.5", 1.5)])
def test_a_number_of_a_query(text: str, number: float):
    assert read_query(CallListing, {"slower_ms": [text]}).slower_ms == number


@pytest.mark.parametrize("text", ["-1", "x", "nan", "inf", "1e3", "' OR 1=1 --", "9" * 40, "٣"])
def test_what_is_no_number_of_a_query(text: str):
    with pytest.raises(Invalid):
        read_query(CallListing, {"slower_ms": [text]})
