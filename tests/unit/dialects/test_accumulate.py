"""How a stream's events are joined where a whole answer alone does not show it."""

from __future__ import annotations

from headgate.dialects.accumulate import Accumulator
from headgate.dialects.hub import (
    Answer,
    BlockDelta,
    BlockStarted,
    BlockStopped,
    Choice,
    Citation,
    Ended,
    Failed,
    Media,
    Reasoning,
    Signature,
    Started,
    Stopped,
    StreamEvent,
    Text,
    ToolCall,
    UsageReported,
)
from headgate.types import Usage


def joined(*events: StreamEvent) -> Answer:
    accumulator = Accumulator()
    for event in events:
        accumulator.feed(event)
    return accumulator.answer()


START = Started(id="1", model="m")
CALL = ToolCall(id="a", name="f", arguments="")


def test_interleaved_blocks_are_joined_apart_and_stand_in_the_order_they_began() -> None:
    answer = joined(
        START,
        BlockStarted(index=0, part=CALL),
        BlockStarted(index=1, part=ToolCall(id="b", name="g", arguments="")),
        BlockDelta(index=1, text="{}"),
        BlockDelta(index=0, text="[1"),
        BlockDelta(index=0, text="]"),
        BlockStopped(index=1),
        BlockStopped(index=0),
        Stopped(stop="tool_calls"),
    )
    assert [part.arguments for part in answer.choices[0].parts if isinstance(part, ToolCall)] == ["[1]", "{}"]


def test_blocks_of_several_choices_go_to_their_choice() -> None:
    answer = joined(
        START,
        BlockStarted(index=0, part=Text(text="x"), choice=1),
        BlockStarted(index=1, part=Text(text="y"), choice=0),
        Stopped(stop="end", choice=1),
        Stopped(stop="length", choice=0),
    )
    assert answer.choices == (
        Choice(parts=(Text(text="y"),), stop="length"),
        Choice(parts=(Text(text="x"),), stop="end"),
    )


def test_a_part_given_at_the_end_of_its_block_replaces_what_was_joined() -> None:
    whole = Text(text="whole")
    answer = joined(
        START,
        BlockStarted(index=0, part=Text(text="")),
        BlockDelta(index=0, text="who"),
        BlockStopped(index=0, part=whole),
    )
    assert answer.choices[0].parts == (whole,)


def test_a_block_that_was_cut_off_holds_what_had_come() -> None:
    accumulator = Accumulator()
    for event in (START, BlockStarted(index=0, part=Text(text="")), BlockDelta(index=0, text="who")):
        accumulator.feed(event)
    assert accumulator.answer().choices == (Choice(parts=(Text(text="who"),)),)
    assert not accumulator.ended
    accumulator.feed(BlockDelta(index=0, text="le"))
    assert accumulator.answer().choices == (Choice(parts=(Text(text="whole"),)),)


def test_signatures_citations_and_extras_are_added_to_their_part() -> None:
    signature = Signature("anthropic", "s")
    citation = Citation(url="u")
    answer = joined(
        START,
        BlockStarted(index=0, part=Reasoning(extra={"d": {"a": 1, "b": 1}})),
        BlockDelta(index=0, signature=signature, extra={"d": {"b": 2}}),
        BlockStopped(index=0),
        BlockStarted(index=1, part=Text(text="")),
        BlockDelta(index=1, citation=citation),
        BlockDelta(index=1, signature=signature),
        BlockStopped(index=1),
    )
    assert answer.choices[0].parts == (
        Reasoning(signature=signature, extra={"d": {"a": 1, "b": 2}}),
        Text(text="", citations=(citation,), signature=signature),
    )


def test_audio_in_pieces_is_joined_with_its_transcript() -> None:
    answer = joined(
        START,
        BlockStarted(index=0, part=Media(kind="audio")),
        BlockDelta(index=0, data="AA", text="he"),
        BlockDelta(index=0, data="BB", text="y"),
    )
    assert answer.choices[0].parts == (Media(kind="audio", data="AABB", transcript="hey"),)


def test_the_last_usage_reported_counts() -> None:
    answer = joined(
        Started(id="1", model="m", usage=Usage(input_tokens=1)),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=1)),
        UsageReported(usage=Usage(input_tokens=1, output_tokens=2)),
    )
    assert answer.usage == Usage(input_tokens=1, output_tokens=2)


def test_usage_of_the_first_event_counts_where_no_other_comes() -> None:
    assert joined(Started(id="1", model="m", usage=Usage(input_tokens=1))).usage == Usage(input_tokens=1)


def test_the_extras_of_the_end_are_added_to_those_of_the_start() -> None:
    answer = joined(Started(id="1", model="m", extra={"d": {"a": 1}}), Ended(extra={"d": {"b": 2}, "e": {"c": 3}}))
    assert answer.extra == {"d": {"a": 1, "b": 2}, "e": {"c": 3}}


def test_a_failure_is_kept_and_the_stream_has_not_ended() -> None:
    accumulator = Accumulator()
    failure = Failed(code="overloaded", message="busy")
    for event in (START, failure):
        accumulator.feed(event)
    assert accumulator.failure == failure
    assert not accumulator.ended


def test_a_stream_without_blocks_is_one_choice_without_parts() -> None:
    assert joined(START, Ended()).choices == (Choice(parts=()),)
