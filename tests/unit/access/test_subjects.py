"""Which limits and budgets apply to a call, and whose use they count."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from place import Place, key_row

from headgate.access.subjects import Rules, SubjectError, check_subject
from headgate.ids import end_user_id
from headgate.storage.records import Budget, Limit, Organisation
from headgate.types import Identity

WHO = Identity(key_id="k", team_id="t", project_id="p", user_id="u")


def limit(subject: str, id: str = "", **changes: Any) -> Limit:
    return Limit(**{"id": id or subject, "organisation": "default", "subject": subject, "per": "minute", **changes})


def budget(subject: str) -> Budget:
    return Budget(id=subject, organisation="default", subject=subject, amount_picodollars=1, period="day")


async def found(place: Place, who: Identity = WHO, model: str = "m", tags: Any = (), end_user: str | None = None):
    limits, budgets = place.directory.applying(who, model, tags, end_user) or ((), ())
    assert [rule.subject for rule, _ in limits] == [rule.subject for rule, _ in budgets], "both are found alike"
    return [(rule.subject, subject) for rule, subject in limits]


async def put(place: Place, *subjects: str) -> None:
    await place.put(*map(limit, subjects), *map(budget, subjects))


async def test_without_any_there_are_none(place: Place):
    assert await found(place) == []


async def test_the_callers_own(place: Place):
    subjects = ["organisation:default", "team:t", "project:p", "user:u", "key:k"]
    await put(place, *subjects, "team:other", "user:k", "key:u")
    assert await found(place) == [(each, each) for each in subjects]
    assert await found(place, Identity(key_id="other")) == [("organisation:default", "organisation:default")]


async def test_a_star_gives_each_its_own(place: Place):
    await put(place, "team:*", "user:*", "key:*", "model:*", "tag:*", "customer:*")
    assert await found(place, tags=[("a", "1"), ("b", "2"), ("a", "1")], end_user="jo") == [
        ("team:*", "team:t"),
        ("user:*", "user:u"),
        ("key:*", "key:k"),
        ("model:*", "model:m"),
        ("tag:*", "tag:a=1"),
        ("tag:*", "tag:b=2"),
        ("customer:*", "customer:jo"),
    ]
    assert await found(place, Identity(key_id="x"), model="") == [("key:*", "key:x")]


async def test_models_by_name_and_by_pattern(place: Place):
    await put(place, "model:gpt-4o", "model:gpt-*", "model:claude-*")
    assert await found(place, model="gpt-4o") == [("model:gpt-4o", "model:gpt-4o"), ("model:gpt-*", "model:gpt-*")]
    assert await found(place, model="gpt-5") == [("model:gpt-*", "model:gpt-*")]
    assert await found(place, model="gpt-*") == [("model:gpt-*", "model:gpt-*")]
    assert await found(place, model="other") == []


async def test_tags_by_value_and_by_name(place: Place):
    await put(place, "tag:feature=search", "tag:feature=*")
    assert await found(place, tags=[("feature", "search")]) == [
        ("tag:feature=search", "tag:feature=search"),
        ("tag:feature=*", "tag:feature=search"),
    ]
    assert await found(place, tags=[("feature", "ads")]) == [("tag:feature=*", "tag:feature=ads")]
    assert await found(place, tags=[("feature", "*")]) == [("tag:feature=*", "tag:feature=*")]
    assert await found(place, tags=[("app", "search")]) == []


async def test_customers_by_name(place: Place):
    await put(place, "customer:jo")
    jo = end_user_id("default", "jo")
    assert await found(place, end_user=jo) == [("customer:jo", f"customer:{jo}")]
    assert await found(place, end_user=end_user_id("default", "ann")) == []
    assert await found(place, end_user="jo") == [], "who it is is not told, only its digest"
    assert await found(place) == []


async def test_another_organisations_rules_are_not_ours(place: Place):
    await place.put(
        Organisation(id="acme", organisation="acme", name="Acme"),
        limit("key:*", organisation="acme"),
        budget("key:*"),
    )
    assert limits_of(place, WHO) == []
    assert len(limits_of(place, replace(WHO, organisation="acme"))) == 1


async def test_several_of_one_subject(place: Place):
    await place.put(limit("key:k", "l1"), limit("key:k", "l2", per="day"))
    assert [rule.id for rule in limits_of(place)] == ["l1", "l2"]


async def test_a_change_is_in_force_at_once(place: Place):
    first = limit("key:k", requests=1)
    await place.put(first)
    found_limits(place, 1)
    await place.put(replace(first, requests=2))
    found_limits(place, 2)
    await place.put(replace(first, subject="key:other"))
    found_limits(place)
    await place.put(first)
    await place.put(replace(first, archived_us=1))
    found_limits(place)
    await place.put(first)
    found_limits(place, 1)


def found_limits(place: Place, *requests: int) -> None:
    assert [rule.requests for rule in limits_of(place)] == list(requests)


def limits_of(place: Place, who: Identity = WHO) -> Sequence[Limit]:
    applying = place.directory.applying(who, "m", (), None)
    return [] if applying is None else [limit for limit, _ in applying[0]]


async def test_a_rotated_key_stays_under_the_same_limits_on_the_same_counter(place: Place):
    """Otherwise a rotation, or its overlap, would double what a key may spend."""
    await put(place, "key:key_1", "key:*", "key:key_2")
    await place.put(key_row("1"), key_row("2", replaces="key_1"), key_row("3", replaces="key_2"))
    await place.put(key_row("9", replaces="key_9"))
    assert await found(place, Identity(key_id="key_3")) == [
        ("key:key_2", "key:key_2"),
        ("key:key_1", "key:key_1"),
        ("key:*", "key:key_1"),
    ]
    assert await found(place, Identity(key_id="key_1")) == [("key:key_1", "key:key_1"), ("key:*", "key:key_1")]
    assert await found(place, Identity(key_id="key_9")) == [("key:*", "key:key_9")], "a ring ends the line"


async def test_a_rotation_is_seen_where_the_callers_rules_were_looked_up_before(place: Place):
    await put(place, "key:key_1")
    assert await found(place, Identity(key_id="key_2")) == []
    await place.put(key_row("1"), key_row("2", replaces="key_1"))
    assert await found(place, Identity(key_id="key_2")) == [("key:key_1", "key:key_1")]


async def test_callers_are_not_remembered_without_bound(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.access.subjects._REMEMBERED", 10)
    await put(place, "key:*")
    for number in range(100):
        await found(place, Identity(key_id=f"jwt:issuer#{number}"))
    assert len(place.directory._snapshot.rules["default"]._of_callers) <= 10


@pytest.mark.parametrize(
    "subject",
    [
        "team:t",
        "team:*",
        "model:gpt-*",
        "model:*",
        "tag:a=b",
        "tag:a=*",
        "tag:*",
        "customer:*",
        "customer:jo@x",
        "key:jwt:https://x#y",
        "tag:a=b=c",
    ],
)
def test_subjects(subject: str):
    check_subject(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "team",
        "team:",
        "teams:t",
        ":t",
        "team:t*",
        "customer:a*",
        "model:*-mini",
        "model:a*b*",
        "tag:a",
        "tag:=b",
        "tag:a=b*",
        "key:a\nb",
        "key:" + "a" * 513,
        "Team:t",
    ],
)
def test_what_is_no_subject_is_refused(subject: str):
    with pytest.raises(SubjectError):
        check_subject(subject)


def test_many_rules_come_and_go_in_a_time_that_grows_with_them():
    """A process begins with all of them as changes: with their square it would take minutes."""
    rules = Rules(lambda key_id: [key_id])
    every = [limit(f"key:k{at}") for at in range(20_000)] + [limit("model:m*"), limit("tag:a=b")]
    start = time.perf_counter()
    for each in every:
        rules.change(None, each)
    applying = rules.applying(Identity(key_id="k7"), "m1", [("a", "b")], None)
    assert applying is not None
    assert [rule.subject for rule, _ in applying[0]] == ["key:k7", "model:m*", "tag:a=b"]
    for each in every:
        rules.change(each, None)
    assert time.perf_counter() - start < 10
    assert rules.applying(Identity(key_id="k7"), "m1", [("a", "b")], None) is None
    assert not rules
