"""What becomes of feedback in the database: once, whatever the order, whoever drains it, however often."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call_rows import call_row
from headgate.clock import ManualClock
from headgate.quality.aging import DAY_US, Aging
from headgate.quality.called import find
from headgate.quality.evaluations import EvaluationSink
from headgate.quality.evaluations import encode as encode_evaluation
from headgate.quality.feedback import FeedbackSink, Opinion, encode, opinion
from headgate.quality.listing import page
from headgate.storage.migrating import MigratedDatabase
from headgate.storage.records import CallRow, Evaluation, Feedback
from headgate.telemetry.calls import UNKNOWN
from headgate.telemetry.calls import encode as encode_call
from headgate.telemetry.config import TelemetryConfig
from headgate.telemetry.rollups.merging import Merger
from headgate.telemetry.rollups.reading import Query, series, total
from headgate.telemetry.rollups.sink import CallSink
from ledger_rows import NOVEMBER_US


def word(number: int, **changes: Any) -> Feedback:
    """What a user says of the first call, a second after another."""
    fields: dict[str, Any] = {
        "id": f"fb_{number:03}", "at_us": NOVEMBER_US + DAY_US + number * 1_000_000, "organisation": "default",
        "call_id": "req_1", "rater": "user:ann", "given_by": "key:key_1", "started_us": NOVEMBER_US, "model": "chat",
        "target": "openai/gpt-4o-mini", "key_id": "key_1",
    }  # fmt: skip
    return Feedback(**{**fields, **changes})


class Kept:
    """A database that calls, feedback and evaluations are drained into."""

    def __init__(self, database: MigratedDatabase, keep_days: int = 400) -> None:
        self.database = database
        self.clock = ManualClock(NOVEMBER_US + 3 * DAY_US)
        self.calls = CallSink(self.clock)
        self.feedback = FeedbackSink(self.calls.count, Aging(lambda: keep_days))
        self.evaluations = EvaluationSink(self.calls.count, Aging(lambda: keep_days))
        self.merger = Merger(database, TelemetryConfig(), self.clock)

    async def call(self, *rows: CallRow) -> None:
        async with self.database.transaction() as transaction:
            await self.calls.store(transaction, [encode_call(rows)])

    async def said(self, *words: Feedback) -> None:
        async with self.database.transaction() as transaction:
            await self.feedback.store(transaction, [encode(each) for each in words])

    async def counts(self, **query: Any) -> dict[str, int]:
        """What is counted and is not nothing."""
        await self.merger.merge()
        asked = Query("default", NOVEMBER_US // 1_000_000 - 60, NOVEMBER_US // 1_000_000 + 60, 60, **query)
        found = await series(self.database, asked)
        whole: dict[str, int] = {}
        for steps in found.values():
            for name, number in total(steps).counts.items():
                if number and name.partition(".")[0] in ("rated", "feedback", "feedback_label", "evaluation", "calls"):
                    whole[name] = whole.get(name, 0) + number
        return whole


async def test_whatever_order_words_are_drained_in_the_sums_are_those_of_their_order(database: MigratedDatabase):
    words = [
        word(1, thumb="up", label="accurate"), word(2, score=2), word(3, comment="hm"), word(4, thumb="down"),
    ]  # fmt: skip
    for number, order in enumerate(permutations(words)):
        kept = Kept(database)
        call = f"req_{number}"
        for each in order:
            again = Feedback(**{**{name: getattr(each, name) for name in each.__struct_fields__},
                                "id": f"{each.id}_{number}", "call_id": call, "model": f"m{number}"})  # fmt: skip
            await kept.said(again)
            await kept.said(again)  # drained again, after a crash
        found = await kept.counts(fixed="model", name=f"m{number}")
        assert found == {"rated": 1, "feedback.down": 1, "feedback_label.accurate": 1, "feedback.comments": 1}, order
        rows, _ = await page(database, Feedback, {"organisation": "default", "call_id": call})
        assert [(row.id.partition("_")[2][:3], row.replaced) for row in rows] == [
            ("004", 0), ("003", 1), ("002", 1), ("001", 1),
        ]  # fmt: skip


async def test_a_call_is_rated_once_however_many_users_rate_it(database: MigratedDatabase):
    kept = Kept(database)
    await kept.call(call_row(1), call_row(2))
    await kept.said(word(1, thumb="up"), word(2, thumb="down", rater="user:bob"), word(3, comment="x", rater="user:cy"))
    expected = {"calls": 2, "rated": 1, "feedback.up": 1, "feedback.down": 1, "feedback.comments": 1}
    assert await kept.counts() == expected
    assert await kept.counts(group="key") == expected
    await kept.said(word(4, thumb="up", rater="user:bob"))
    assert await kept.counts() == {"calls": 2, "rated": 1, "feedback.up": 2, "feedback.comments": 1}


async def test_feedback_on_a_call_nobody_knew_joins_it_if_it_is_the_givers_own(database: MigratedDatabase):
    kept = Kept(database)
    unknown = {"model": UNKNOWN, "target": "", "started_us": NOVEMBER_US + 30_000_000}
    await kept.call(call_row(1, arm="b", tags=(("app", "x"),)))
    await kept.said(
        word(1, thumb="up", **unknown), word(2, thumb="up", rater="user:eve", **{**unknown, "key_id": "other"})
    )
    assert await kept.counts(group="arm") == {"calls": 1, "rated": 1, "feedback.up": 1}
    assert await kept.counts(fixed="model", name=UNKNOWN) == {"feedback.up": 1}


async def test_a_call_is_found_where_it_is_listed_and_by_its_organisation_alone(database: MigratedDatabase):
    kept = Kept(database)
    await kept.call(call_row(1, tags=(("app", "x"),), end_user="u"))
    found = await find(database, "default", "req_1")
    assert found is not None
    assert (found.at.model, found.at.tags, found.end_user) == ("chat", (("app", "x"),), "u")
    assert await find(database, "other", "req_1") is None
    assert await find(database, "default", "req_2") is None


async def test_what_is_too_old_is_deleted_and_a_null_character_is_no_poison(database: MigratedDatabase):
    kept = Kept(database, keep_days=1)
    await kept.said(word(1, thumb="up", comment="\0 <script>"))
    rows, _ = await page(database, Feedback, {"organisation": "default"})
    assert rows[0].comment == "\N{REPLACEMENT CHARACTER} <script>"
    await kept.said(word(2, thumb="up", call_id="req_2", at_us=NOVEMBER_US + 4 * DAY_US))
    rows, _ = await page(database, Feedback, {"organisation": "default"})
    assert [row.id for row in rows] == ["fb_002"]


async def test_pages_follow_each_other(database: MigratedDatabase):
    await Kept(database).said(*(word(number, score=3, call_id=f"req_{number}") for number in range(7)))
    found: list[str] = []
    cursor: str | None = None
    while True:
        rows, cursor = await page(database, Feedback, {"organisation": "default"}, cursor=cursor, limit=3)
        found += [row.id for row in rows]
        if cursor is None:
            break
    assert found == [f"fb_{number:03}" for number in reversed(range(7))]


async def test_what_an_evaluator_found_is_counted_once(database: MigratedDatabase):
    kept = Kept(database)
    rows = [
        Evaluation(id=f"req_1.{name}", at_us=NOVEMBER_US, organisation="default", call_id="req_1", evaluator=name,
                   outcome=outcome, score=score, started_us=NOVEMBER_US, model="chat")
        for name, outcome, score in (("judge.a", "fail", 2.0), ("schema", "pass", None), ("language", "skip", None))
    ]  # fmt: skip
    for _ in range(2):
        async with database.transaction() as transaction:
            await kept.evaluations.store(transaction, [encode_evaluation(row) for row in [*rows, rows[0]]])
    assert await kept.counts() == {
        "evaluation.judge.a.fail": 1, "evaluation.judge.a.scored": 1, "evaluation.judge.a.thousandths": 2000,
        "evaluation.schema.pass": 1, "evaluation.language.skip": 1,
    }  # fmt: skip


async def test_what_an_evaluator_found_is_counted_where_its_call_is(database: MigratedDatabase):
    kept = Kept(database)
    await kept.call(call_row(1, arm="b", prompt_version="greet@3"), call_row(2, arm="b", kept=""))
    rows = [
        Evaluation(id=f"req_{number}.empty", at_us=NOVEMBER_US, organisation="default", call_id=f"req_{number}",
                   evaluator="empty", outcome="pass", started_us=NOVEMBER_US + 30_000_000, model="chat", arm="c")
        for number in (1, 2)
    ]  # fmt: skip
    async with database.transaction() as transaction:
        await kept.evaluations.store(transaction, [encode_evaluation(row) for row in rows])
    assert await kept.counts(fixed="arm", name="b") == {"calls": 2, "evaluation.empty.pass": 1}
    assert await kept.counts(fixed="prompt", name="greet@3") == {"calls": 1, "evaluation.empty.pass": 1}
    assert await kept.counts(fixed="arm", name="c") == {"evaluation.empty.pass": 1}


@pytest.mark.parametrize("member", ["thumb", "score"])
def test_a_thumb_takes_a_scores_place_and_the_other_way_round(member: str):
    other = {"thumb": {"score": 1}, "score": {"thumb": "up"}}[member]
    whole = opinion([word(2, **{member: {"thumb": "down", "score": 5}[member]}), word(1, label="unsafe", **other)])
    assert (whole.thumb, whole.score, whole.label) == (("down", None) if member == "thumb" else (None, 5)) + ("unsafe",)


@given(
    st.permutations(range(6)),
    st.lists(
        st.sampled_from([{"thumb": "up"}, {"score": 3}, {"label": "unsafe"}, {"comment": "c"}]), min_size=6, max_size=6
    ),
)
def test_an_opinion_does_not_depend_on_the_order_its_words_come_in(order: list[int], said: list[dict[str, Any]]):
    words = [word(number, **each) for number, each in enumerate(said)]
    assert opinion(words[at] for at in order) == opinion(words)


async def test_hundreds_of_words_over_two_replicas_add_up_to_what_their_order_says(database: MigratedDatabase):
    """Batches of any size come in any order, some of them twice, by two sinks that know nothing of each other."""
    dice = random.Random(7)
    sinks = [Kept(database), Kept(database)]
    words = [
        word(number, call_id=f"req_{dice.randrange(12)}", rater=f"user:{dice.randrange(4)}", **dice.choice(SAID))
        for number in range(300)
    ]
    left = words[:]
    dice.shuffle(left)
    while left:
        batch, left = left[: dice.randrange(1, 40)], left[dice.randrange(1, 20) :]
        await dice.choice(sinks).said(*batch)
    await sinks[0].said(*words)
    opinions: dict[str, list[Opinion]] = {}
    for call, rater in sorted({(each.call_id, each.rater) for each in words}):
        own = [each for each in words if (each.call_id, each.rater) == (call, rater)]
        opinions.setdefault(call, []).append(opinion(own))
    every = [each for those in opinions.values() for each in those]
    expected = {
        "rated": sum(any(each.rates for each in those) for those in opinions.values()),
        **{f"feedback.{thumb}": sum(each.thumb == thumb for each in every) for thumb in ("up", "down")},
        **{f"feedback.score_{score}": sum(each.score == score for each in every) for score in (1, 5)},
        "feedback_label.unsafe": sum(each.label == "unsafe" for each in every),
        "feedback.corrections": sum(each.correction is not None for each in every),
    }
    assert await sinks[1].counts() == expected


SAID: list[dict[str, Any]] = [
    {"thumb": "up"}, {"thumb": "down"}, {"score": 1}, {"score": 5}, {"label": "unsafe"}, {"correction": "so"},
]  # fmt: skip
