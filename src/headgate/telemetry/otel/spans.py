"""Spans of a call and of its attempts, made when it is over, as OTLP has them.

The call is a span of kind server, each attempt one of kind client below it. Usage stands on attempts alone, as
`gen_ai.usage.*`: whoever adds up spans would otherwise count a call's tokens twice. The call's own totals are
`headgate.usage.*`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from headgate.events import Event
from headgate.telemetry.calls import UNKNOWN, Timing, queued_s
from headgate.telemetry.otel import names
from headgate.telemetry.otel.config import OtelContentConfig
from headgate.telemetry.otel.meters import vendor_of, written_tokens
from headgate.telemetry.otel.names import Names
from headgate.telemetry.otel.parameters import parameters, session
from headgate.telemetry.otel.protobuf import (
    SPAN_ATTRIBUTE,
    attributes,
    block,
    field,
    fixed64,
    integer,
    known,
    known_integer,
    known_texts,
    number,
    real,
    text,
    truth,
)
from headgate.telemetry.otel.rhythm import Kept, Rhythm
from headgate.telemetry.otel.vendors import Vendor
from headgate.trace import Trace
from headgate.types import Attempt, Call, Payload, Usage, number_of

MAX_EVENTS = 128
"""Of one span; the SDK's own limit."""

OPENAIS = ("openai", "azure.ai.openai")

_SERVER, _CLIENT = 2, 3
_ERROR = 2
_SAMPLED = 1
_REMOTE = 0x100 | 0x200
"""Flags of a span whose parent is known to be in another process (trace.proto, SpanFlags)."""
_LOCAL = 0x100


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is over, and all that is needed to tell of it."""

    call: Call
    trace: Trace
    code: str | None
    timing: Timing
    zero_ns: int
    """What the wall clock shows at second 0 of the monotonic one."""
    rhythm: Rhythm | None
    """Of its stream; None where there was none."""
    sampled_for: str
    """Why its spans are sent: `share`, `error`, `slow`."""
    vendors: dict[str, Vendor]
    answer: Payload | None = None
    """The whole answer, where content is sent."""

    def ns(self, second: float) -> int:
        """A monotonic second on the wall clock."""
        return self.zero_ns + int(second * 1e9)


class _First(msgspec.Struct):
    """How a stream begins, in any dialect."""

    id: str | None = None
    model: str | None = None
    message: _First | None = None
    """Of Anthropic's messages."""
    response: _First | None = None
    """Of Responses."""
    responseId: str | None = None  # noqa: N815  # Gemini's
    modelVersion: str | None = None  # noqa: N815


_first = msgspec.json.Decoder(_First).decode
MAX_FIRST_BYTES = 64 * 1024


def spans_of(ended: Ended, called: Names, content: OtelContentConfig | None = None) -> list[bytes]:
    """`Span` messages: the call's, and one of each attempt."""
    call, account = ended.call, ended.call.account
    operation = names.OPERATIONS.get(call.operation, call.operation)
    asked = parameters(call.operation, call.request.tree, called)
    if call.stream:
        asked.append(truth(names.REQUEST_STREAM, True))
    answering = account.answering
    answered = _answered(ended, answering)
    told = [*asked, *_prompt(account.prompt), *answered]
    if content is not None:
        from headgate.telemetry.otel.content import content_of  # the hub's types are for who sends content

        kept = ended.rhythm if isinstance(ended.rhythm, Kept) else None
        frames, complete = (None, True) if kept is None else (kept.frames, kept.complete)
        told += content_of(call, ended.answer, frames, content, complete=complete)
    spans = [_call_span(ended, operation, told)]
    for attempt in account.attempts:
        vendor = vendor_of(ended.vendors, attempt)
        told = answered if attempt is answering and attempt.code is None else _own_answer(attempt)
        spans.append(
            _attempt_span(ended, attempt, operation, vendor, [*asked, *_prompt(attempt.prompt), *told], called)
        )
    return spans


def _prompt(used: str | None) -> Sequence[bytes]:
    """The prompt a request was made by: of an attempt its own, since a fallback may be another."""
    if used is None:
        return ()
    name, _, version = used.rpartition("@")
    return known(names.PROMPT_NAME, name), known(names.PROMPT_VERSION, version)


# ── the call ──


def _call_span(ended: Ended, operation: str, told: list[bytes]) -> bytes:
    call, timing, account = ended.call, ended.timing, ended.call.account
    attempt, identity = account.answering, call.identity
    provider, target = vendor_of(ended.vendors, attempt).name, "" if attempt is None else attempt.target
    made = [
        _asking(operation, provider, call.model, call.request.dialect, target),
        _tenant(
            identity.organisation, identity.key_id, identity.team_id, identity.project_id, identity.user_id, call.tags
        ),
        text(names.REQUEST_ID, call.id),
        *told,
        known_integer(names.ATTEMPTS, len(account.attempts)),
        real(names.OVERHEAD_S, timing.overhead_s),
        known(names.SAMPLED_FOR, ended.sampled_for),
    ]
    if account.end_user is not None:
        made.append(text(names.END_USER, account.end_user))
    if attempt is not None:
        made += _cost(account.cost_picodollars)
        made += _totals(account.attempts)
        if attempt.first_token_s is not None:
            made.append(real(names.FIRST_CHUNK, attempt.started + attempt.first_token_s - timing.started))
    if (belongs := session(call.headers)) is not None:
        made.append(belongs)
    if account.events and (waited_s := queued_s(account.events)):
        made.append(real(names.QUEUED_S, waited_s))
    shown = call.label if call.label == UNKNOWN else call.model
    trace = ended.trace
    return _span(
        trace,
        trace.span_id,
        trace.parent,
        f"{operation} {shown}" if shown else operation,
        _SERVER,
        ended.ns(timing.started),
        ended.ns(timing.started + timing.seconds),
        made,
        ended.code,
        _events(ended),
    )


@lru_cache(1_024)
def _asking(operation: str, provider: str, model: str, dialect: str, target: str) -> bytes:
    """Who was asked for what."""
    made = [
        known(names.OPERATION, operation),
        known(names.PROVIDER, provider),
        known(names.REQUEST_MODEL, model),
        known(names.DIALECT, dialect),
    ]
    return block([*made, known(names.TARGET, target)] if target else made)


@lru_cache(512)  # tags may be of any length a header can have
def _tenant(
    organisation: str,
    key: str,
    team: str | None,
    project: str | None,
    user: str | None,
    tags: tuple[tuple[str, str], ...],
) -> bytes:
    """Who asked."""
    who = (
        (names.ORGANISATION, organisation),
        (names.KEY, key),
        (names.TEAM, team),
        (names.PROJECT, project),
        (names.USER, user),
        *((names.TAG + name, value) for name, value in tags),
    )
    return block([text(name, value) for name, value in who if value is not None])


@lru_cache(1_024)
def _cost(picodollars: int | None) -> Sequence[bytes]:
    """Exact, and as most who read it want it."""
    if picodollars is None:
        return ()
    return integer(names.COST_PICODOLLARS, picodollars), real(names.COST_USD, picodollars / 10**12)


def _totals(attempts: Sequence[Attempt]) -> list[bytes]:
    given = made = 0
    for attempt in attempts:
        if attempt.usage is not None:
            given += attempt.usage.total_input_tokens
            made += attempt.usage.total_output_tokens
    return [integer(names.TOTAL_INPUT_TOKENS, given), integer(names.TOTAL_OUTPUT_TOKENS, made)]


def _events(ended: Ended) -> bytes:
    """What happened, as span events, each with its time."""
    events = ended.call.account.events
    if not events:
        return b""
    told = zip(events[:MAX_EVENTS], events.times, strict=False)
    content = b"".join([field(11, _event(event, ended.ns(second))) for event, second in told])
    beyond = len(events) - MAX_EVENTS
    return content + (number(12, beyond) if beyond > 0 else b"")


def _event(event: Event, at_ns: int) -> bytes:
    name, members = _shape(type(event))
    made: list[bytes] = []
    for member, attribute in members:
        value = getattr(event, member)
        match value:
            case str():
                made.append(known(attribute, value))
            case int():
                made.append(integer(attribute, value))
            case float():
                made.append(real(attribute, value))
            case _:
                pass
    return fixed64(1, at_ns) + name + attributes(b"\x1a", made)


@lru_cache
def _shape(kind: type[Event]) -> tuple[bytes, Sequence[tuple[str, str]]]:
    """How a kind of event is told: `RetryDenied` is `headgate.retry_denied`, its members are `headgate.…` too."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__)
    members = [(member, f"{names.EVENT}{member}") for member in kind.__struct_fields__]
    return field(2, f"{names.EVENT}{words.lstrip('_')}".encode()), members


# ── attempts ──


def _attempt_span(
    ended: Ended, attempt: Attempt, operation: str, vendor: Vendor, told: list[bytes], called: Names
) -> bytes:
    model = attempt.target.partition("/")[2]
    index = number_of(attempt)
    made = [
        _attempting(operation, vendor, attempt.target, attempt.cause, index, attempt.status),
        *told,
        *_usage(attempt, called),
        *_cost(attempt.cost_picodollars),
    ]
    if attempt.first_token_s is not None:
        made.append(real(names.FIRST_CHUNK, attempt.first_token_s))
    if attempt.vendor_request_id is not None:
        made.append(text(names.VENDOR_REQUEST_ID, attempt.vendor_request_id))
    if vendor.name in OPENAIS:
        made += _openai(attempt.tier, attempt.vendor_dialect)
    trace = ended.trace
    return _span(
        trace,
        trace.attempt(index),
        f"{trace.span_id:016x}",
        f"{operation} {model}",
        _CLIENT,
        ended.ns(attempt.started),
        ended.ns(attempt.started + attempt.duration_s),
        made,
        attempt.code,
    )


@lru_cache(1_024)
def _attempting(operation: str, vendor: Vendor, target: str, cause: str, index: int, status: int) -> bytes:
    """Who was asked, why, and with what success."""
    made = [
        known(names.OPERATION, operation),
        known(names.PROVIDER, vendor.name),
        known(names.REQUEST_MODEL, target.partition("/")[2]),
        known(names.TARGET, target),
        known(names.ATTEMPT_CAUSE, cause),
        integer(names.ATTEMPT_NUMBER, index),
    ]
    if vendor.address:
        made += [known(names.SERVER_ADDRESS, vendor.address), integer(names.SERVER_PORT, vendor.port)]
    if status:
        made.append(integer(names.STATUS_CODE, status))
    return block(made)


@lru_cache(64)
def _openai(tier: str | None, dialect: str) -> Sequence[bytes]:
    """What the conventions have for OpenAI's API alone."""
    made: list[bytes] = []
    if tier is not None:
        made.append(known(names.OPENAI_TIER, tier))
    if (api := names.APIS.get(dialect)) is not None:
        made.append(known(names.OPENAI_API, api))
    return made


def _usage(attempt: Attempt, called: Names) -> Iterator[bytes]:
    """Tokens. Those read from and written to a cache are among the input's, those of reasoning among the output's."""
    usage: Usage | None = attempt.usage
    if usage is None:
        return
    yield integer(names.INPUT_TOKENS, usage.total_input_tokens)
    yield integer(names.OUTPUT_TOKENS, usage.total_output_tokens)
    if read := usage.cached_tokens + usage.audio_cached_tokens:
        yield integer(names.CACHE_READ_TOKENS, read)
    if written := written_tokens(usage):
        yield integer(called.cache_write_tokens, written)
    if usage.reasoning_tokens:
        yield integer(names.REASONING_TOKENS, usage.reasoning_tokens)
    if attempt.usage_source == "estimated":
        yield truth(names.USAGE_ESTIMATED, True)


def _answered(ended: Ended, attempt: Attempt | None) -> list[bytes]:
    """What the answer says of itself: of a stream, its first frame does."""
    if attempt is None:
        return []
    first = None if ended.rhythm is None else ended.rhythm.first
    if first is None or len(first.data) > MAX_FIRST_BYTES:
        return _own_answer(attempt)
    try:
        told = _first(first.data)
    except msgspec.MsgspecError:
        return _own_answer(attempt)
    inner = told.message or told.response or told
    return _answer(inner.id or inner.responseId, inner.model or inner.modelVersion, attempt.stop)


def _own_answer(attempt: Attempt) -> list[bytes]:
    return _answer(attempt.answer_id, attempt.answer_model, attempt.stop)


def _answer(answer_id: str | None, model: str | None, stop: str | None) -> list[bytes]:
    made: list[bytes] = []
    if answer_id:
        made.append(text(names.RESPONSE_ID, answer_id))
    if model:
        made.append(known(names.RESPONSE_MODEL, model[:256]))
    if stop is not None:
        made.append(known_texts(names.FINISH_REASONS, (names.STOPS.get(stop, stop),)))
    return made


# ── both ──


def _span(
    trace: Trace,
    span_id: int,
    parent: str | None,
    name: str,
    kind: int,
    start_ns: int,
    end_ns: int,
    made: list[bytes],
    code: str | None,
    events: bytes = b"",
) -> bytes:
    """A `Span` message (opentelemetry-proto, trace/v1/trace.proto)."""
    failed = b""
    if code is not None:
        made.append(known(names.ERROR_TYPE, code))
        failed = field(15, field(2, code.encode()) + number(3, _ERROR))
    flags = (_REMOTE if kind == _SERVER and parent is not None else _LOCAL) | (_SAMPLED if trace.sampled else 0)
    return b"".join(
        (
            b"\x0a\x10",
            bytes.fromhex(trace.trace_id),
            b"\x12\x08",
            span_id.to_bytes(8),
            field(3, trace.state.encode()) if trace.state else b"",
            b"" if parent is None else b"\x22\x08" + bytes.fromhex(parent),
            field(5, name.encode("utf-8", "replace")),
            number(6, kind),
            fixed64(7, start_ns),
            fixed64(8, end_ns),
            attributes(SPAN_ATTRIBUTE, made),
            events,
            failed,
            b"\x85\x01" + flags.to_bytes(4, "little"),
        )
    )
