"""What holds of the simulator whatever it is asked: it repeats itself, its JSON fits, its counts add up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import warnings
from typing import Any

import jsonschema_rs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversation import DIALECTS, WEATHER, ask, chat, new, send, user
from headgate.dialects.hub import Reasoning, Text, Thinking, ToolCall, ToolChoice
from headgate.errors import BadRequest
from headgate.providers.simulator import Simulator
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances import instance
from headgate.providers.simulator.instances.pattern import Unreadable, match
from headgate.providers.simulator.response import Cut, body_of
from headgate.providers.simulator.tokens import count, pieces

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(max_size=200)
dialects = st.sampled_from(DIALECTS)
seeds = st.integers(min_value=0, max_value=2**64)


@given(texts)
def test_a_texts_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert count(text) == len(pieces(text))


@quick
@given(dialects, seeds, texts.filter(bool), st.booleans(), st.integers(1, 4))
def test_history_and_seed_decide_every_byte(dialect: str, seed: int, text: str, stream: bool, turns: int) -> None:
    request = chat(user(text), stream=stream)
    first, second = new(seed=seed), new(seed=seed)
    for _ in range(turns):
        one, two = (send(simulator, dialect, request) for simulator in (first, second))
        assert (one.status, one.headers, one.body) == (two.status, two.headers, two.body)
        assert list(one.pieces or ()) == list(two.pieces or ())
    assert first.record.shown() == second.record.shown()


tool_names = st.sampled_from(["look_up", "sum", "send_mail"])


@quick
@given(
    dialects,
    seeds,
    st.booleans(),
    st.integers(16, 300),
    st.none() | st.integers(1024, 3000),
    st.none() | st.builds(ToolChoice, mode=st.sampled_from(["auto", "required", "none"])),
    st.lists(st.sampled_from([".", " a", "simulated", "the"]), max_size=2, unique=True),
)
def test_counts_add_up(
    dialect: str,
    seed: int,
    stream: bool,
    limit: int,
    budget: int | None,
    choice: ToolChoice | None,
    stops: list[str],
) -> None:
    members: dict[str, Any] = {"max_output_tokens": limit, "stream": stream, "include_usage": stream}
    if budget is not None:
        members["max_output_tokens"] = limit + 4000
        by_effort = dialect != "anthropic_messages"
        members["thinking"] = Thinking(effort="low") if by_effort else Thinking(enabled=True, budget_tokens=budget)
    elif choice is not None:
        members["tools"] = (WEATHER,)
        members["tool_choice"] = choice
    if stops and dialect != "openai_responses":
        members["stop"] = tuple(stops)
    simulator = new(seed=seed)
    answer = ask(simulator, dialect, chat(**members))
    usage = answer.usage
    assert usage is not None
    (row,) = simulator.record.shown()["requests"]
    shown = sum(_tokens(part) for choice in answer.choices for part in choice.parts)
    hidden = 0 if dialect == "anthropic_messages" else usage.reasoning_tokens
    assert usage.output_tokens == row["usage"]["output_tokens"] == shown + hidden
    assert usage.output_tokens <= members["max_output_tokens"]
    assert usage.total_input_tokens == row["usage"]["input_tokens"]
    if answer.choices[0].stop == "length":
        assert usage.output_tokens == members["max_output_tokens"]


def _tokens(part: object) -> int:
    match part:
        case Text() | Reasoning():
            return len(pieces(part.text))
        case ToolCall():
            return len(pieces(part.name)) + len(pieces(part.arguments))
        case _:
            raise AssertionError(part)


@quick
@given(dialects, seeds, st.booleans(), st.sampled_from(["cut", "truncated", "malformed_json"]), st.integers(0, 60))
def test_what_is_delivered_is_what_is_billed(dialect: str, seed: int, stream: bool, fault: str, after: int) -> None:
    simulator = new(seed=seed)
    response = send(simulator, dialect, chat(stream=stream), x_sim_fault=f"{fault}; after_tokens={after}")

    async def read() -> None:
        try:
            async for _ in body_of(response):
                pass
        except Cut:
            pass

    asyncio.run(read())
    (row,) = simulator.record.shown()["requests"]
    assert row["outcome"] == fault
    assert row["delivered_tokens"] == row["usage"]["output_tokens"]
    if fault != "malformed_json" or not stream:
        assert row["delivered_tokens"] <= max(after, 0)


# ── JSON to a schema ──

names = st.sampled_from(["a", "b", "city", "email", "items", "$ref", "type"])
numbers = st.integers(-1000, 1000)


def _integers() -> st.SearchStrategy[Any]:
    def made(low: int, width: int, step: int) -> Any:
        return {"type": "integer", "minimum": low, "maximum": low + width + step, "multipleOf": step}

    return st.builds(made, numbers, st.integers(0, 50), st.integers(1, 9))


def _numbers() -> st.SearchStrategy[Any]:
    def made(low: int, width: float, exclusive: bool) -> Any:
        ends = ("exclusiveMinimum", "exclusiveMaximum") if exclusive else ("minimum", "maximum")
        return {"type": "number", ends[0]: low, ends[1]: low + width}

    return st.builds(made, numbers, st.floats(0.001, 1000), st.booleans())


def _strings() -> st.SearchStrategy[Any]:
    formats = st.sampled_from(["date-time", "date", "email", "uuid", "uri", "ipv4", "made-up"])
    patterns = st.sampled_from([r"^[a-f0-9]{8}$", r"^\d+(\.\d{1,2})?$", "^(yes|no)$", "^[^x]+$"])
    return st.one_of(
        st.builds(
            lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
            st.integers(0, 99),
            st.integers(0, 99),
        ),
        st.builds(lambda form: {"type": "string", "format": form}, formats),
        st.builds(lambda pattern: {"type": "string", "pattern": pattern}, patterns),
        st.just({"type": "string"}),
    )


def _leaves() -> st.SearchStrategy[Any]:
    return st.one_of(
        _integers(),
        _numbers(),
        _strings(),
        st.sampled_from(
            [{"type": "boolean"}, {"type": "null"}, {"$ref": "#/$defs/shared"}, {"type": ["integer", "null"]}]
        ),
        st.lists(st.sampled_from(["red", 1, None, True, 2.5]), min_size=1, unique_by=repr).map(
            lambda each: {"enum": each}
        ),
        st.sampled_from([{"const": "x"}, {"const": {"deep": [1]}}]),
    )


def _branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def made(properties: dict[str, Any], required: list[str], closed: bool) -> Any:
        wanted = [name for name in required if name in properties]
        return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": not closed}

    objects = st.builds(made, st.dictionaries(names, inner, max_size=4), st.lists(names, unique=True), st.booleans())
    arrays = st.builds(
        lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
        inner,
        st.integers(0, 4),
        st.integers(0, 4),
    )
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
    extended = st.builds(lambda each: {"allOf": [each, {"description": "more"}]}, inner)
    return st.one_of(objects, arrays, unions, extended)


SHARED = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/shared"}, {"type": "null"}]}},
    "required": ["next"],
}

schemas = st.recursive(_leaves(), _branches, max_leaves=12).map(lambda each: {**each, "$defs": {"shared": SHARED}})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas, seeds)
def test_json_made_for_any_schema_fits_it(schema: Any, seed: int) -> None:
    value = instance(schema, Dice(seed.to_bytes(16)), "schema")
    assert jsonschema_rs.validator_for(schema).is_valid(value), (schema, value)
    assert json.loads(json.dumps(value)) == value


keywords = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "$ref",
        "$defs",
        "anyOf",
        "oneOf",
        "allOf",
        "enum",
        "const",
        "minimum",
        "maximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "prefixItems",
        "uniqueItems",
        "additionalProperties",
        "minProperties",
    ]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords | st.text(max_size=3), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keywords, json_values, max_size=5))
def test_whatever_stands_where_a_schema_should_is_answered_or_refused(schema: Any) -> None:
    with contextlib.suppress(BadRequest):
        instance(schema, Dice(b"a"), "schema")


@given(st.text(alphabet=r"ab\d[]^-(){}|?*+.,23$:=!<\\", max_size=12))
def test_a_made_string_matches_whatever_pattern_can_be_read(pattern: str) -> None:
    try:
        text = match(pattern, Dice(b"a"))
    except Unreadable:
        return
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of sets in sets, some day
            expression = re.compile(pattern)
    except re.error:
        return  # more lenient than Python in what it takes
    if "^" not in pattern.lstrip("^") and "$" not in pattern.rstrip("$"):
        assert expression.search(text), (pattern, text)


paths = st.sampled_from(
    [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/completions",
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/moderations",
        "/v1/images/generations",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
        "/v1/messages/count_tokens",
        "/_sim/script",
        "/",
    ]
)
members = st.sampled_from(
    [
        "model",
        "messages",
        "input",
        "prompt",
        "max_tokens",
        "role",
        "content",
        "n",
        "tools",
        "query",
        "documents",
        "type",
        "text",
    ]
)
bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.text(max_size=5) | st.sampled_from(["user", "text", "m"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    paths,
    st.binary(max_size=30) | bodies.map(lambda body: json.dumps(body).encode()),
)
def test_any_request_is_answered(method: str, path: str, raw: bytes) -> None:
    response = Simulator().respond(method, path, {}, raw)
    for _ in response.pieces or ():
        pass
    assert response.status in (200, 204, 400, 404, 405)
