"""Arbitrary hub answers, for property tests of what joins, splits and encodes them."""

from __future__ import annotations

from hypothesis import strategies as st

from headgate.dialects.hub import (
    Answer,
    Choice,
    Citation,
    Extra,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    TokenLogprob,
    ToolCall,
)
from headgate.types import Usage

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text("abcdefghij_", min_size=1, max_size=8)
COUNTS = st.integers(0, 10_000)
STOPS = st.sampled_from(["end", "length", "tool_calls", "stop_sequence", "content_filter", "refusal", "pause", "error"])

scalars = st.none() | st.booleans() | st.integers(-9, 9) | WORDS
extras: st.SearchStrategy[Extra] = st.dictionaries(
    st.sampled_from(["openai_chat", "anthropic_messages"]), st.dictionaries(NAMES, scalars, max_size=2), max_size=2
)
signatures = st.builds(Signature, st.sampled_from(["anthropic", "openai", "gemini"]), WORDS)
logprobs = st.none() | st.lists(
    st.builds(TokenLogprob, WORDS, st.floats(-10, 0), st.none() | st.just([1, 2])), max_size=3
).map(tuple)
citations = st.lists(
    st.builds(Citation, url=st.none() | WORDS, title=st.none() | WORDS, start=st.none() | COUNTS, extra=extras),
    max_size=3,
).map(tuple)
usages = st.builds(Usage, COUNTS, COUNTS, output_tokens=COUNTS, reasoning_tokens=COUNTS)

texts = st.builds(
    Text, text=WORDS, citations=citations, signature=st.none() | signatures, logprobs=logprobs, extra=extras
)
reasonings = st.builds(
    Reasoning,
    text=WORDS,
    summarised=st.booleans(),
    signature=st.none() | signatures,
    redacted=st.none() | signatures,
    id=st.none() | NAMES,
    extra=extras,
)
tool_calls = st.builds(ToolCall, id=NAMES, name=NAMES, arguments=WORDS, signature=st.none() | signatures, extra=extras)
media = st.builds(
    Media, kind=st.sampled_from(["image", "audio"]), data=st.just("AAAA"), transcript=st.none() | WORDS, extra=extras
)
natives = st.builds(Native, dialect=NAMES, data=st.dictionaries(NAMES, scalars, max_size=2), text=WORDS)
parts: st.SearchStrategy[Part] = st.one_of(
    texts, st.builds(Refusal, text=WORDS, logprobs=logprobs), reasonings, tool_calls, media, natives
)
choices = st.builds(
    Choice,
    parts=st.lists(parts, max_size=4).map(tuple),
    stop=st.none() | STOPS,
    stop_sequence=st.none() | WORDS,
    extra=extras,
)
answers = st.builds(
    Answer,
    id=NAMES,
    model=NAMES,
    choices=st.lists(choices, min_size=1, max_size=3).map(tuple),
    usage=st.none() | usages,
    created=st.none() | COUNTS,
    service_tier=st.none() | NAMES,
    extra=extras,
)
