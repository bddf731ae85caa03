"""When a model's own targets have failed, a call goes where the configuration says for that kind of failure."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from calls import call
from headgate.errors import (
    BadRequest,
    ContentFiltered,
    ContextTooLong,
    DnsFailed,
    HeadgateError,
    InternalError,
    ModelNotFound,
    Overloaded,
    RateLimited,
    ServerError,
    Timeout,
    TlsFailed,
    Unsupported,
    UpstreamAuth,
    UpstreamError,
)
from headgate.events import FellBack, RetryDenied
from headgate.routing.causes import Remedy, remedy_of
from headgate.routing.config import Cause, FallbackCause, FallbackConfig
from headgate.routing.fallback import Entry, Fallback, adapted
from headgate.routing.resting import Resting
from headgate.stage import Next
from headgate.types import Call, Payload
from targets import Vendor, answers, breaks, fails, hangs, options, read, refuses, route
from virtual_time import now, virtual

BOTH = pytest.mark.parametrize("stream", [False, True])


def falling_back(**lists: list[Vendor]) -> Fallback:
    """A fallback to vendors, by cause."""
    entries: dict[Any, list[Entry]] = {
        cause: [Entry(FallbackConfig(use=vendor.name), route(options(vendor))) for vendor in vendors]
        for cause, vendors in lists.items()
    }
    return Fallback(entries)


def model(*script: Any) -> Next:
    """A model's own targets."""
    return route(options(Vendor("own/x", *script)))


async def failure_of(fallback: Fallback, going: Next, made: Call) -> HeadgateError:
    with pytest.raises(HeadgateError) as caught:
        await fallback(made, going)
    return caught.value


@BOTH
@virtual
async def test_what_goes_well_goes_nowhere_else(stream: bool) -> None:
    other = Vendor("b/x")
    going = model()
    reply = await falling_back(any=[other])(call(stream=stream), going)
    assert await read(reply) == "own/x"
    assert other.asked == []


@BOTH
@virtual
async def test_a_failure_goes_to_its_own_list_and_then_to_that_of_any(stream: bool) -> None:
    first, second, other, last = (Vendor(f"{name}/x", fails(ServerError)) for name in "abcd")
    last.script = (answers(),)
    fallback = falling_back(content_filtered=[first, second], timeout=[other], any=[last])
    made = call(stream=stream)
    assert await read(await fallback(made, model(fails(ContentFiltered)))) == "d/x"
    assert [bool(vendor.asked) for vendor in (first, second, other)] == [True, True, False]
    told = [event for event in made.account.events if isinstance(event, FellBack)]
    assert told == [FellBack("content_filtered", name) for name in ("a/x", "b/x", "d/x")]
    assert last.asked[0].cause == "fallback"


CAUSES: dict[FallbackCause, type[HeadgateError]] = {
    "rate_limited": RateLimited,
    "overloaded": Overloaded,
    "timeout": Timeout,
    "connection": DnsFailed,
    "server_error": ServerError,
    "auth": UpstreamAuth,
    "not_found": ModelNotFound,
    "context_too_long": ContextTooLong,
    "content_filtered": ContentFiltered,
}


@pytest.mark.parametrize("cause", CAUSES)
@virtual
async def test_every_cause_is_known_by_its_name(cause: FallbackCause) -> None:
    other = Vendor("b/x")

    async def fail(made: Call) -> Any:
        raise CAUSES[cause]("x")

    assert await read(await falling_back(**{cause: [other]})(call(), fail)) == "b/x"


@pytest.mark.parametrize("kind", [BadRequest, Unsupported, InternalError, HeadgateError, UpstreamError])
@virtual
async def test_what_only_the_caller_can_mend_and_the_unknown_are_told_at_once(kind: type[HeadgateError]) -> None:
    other = Vendor("b/x")
    going = model(fails(kind))
    assert type(await failure_of(falling_back(any=[other]), going, call())) is kind
    assert other.asked == []


@virtual
async def test_a_pinned_call_has_nowhere_else_to_go() -> None:
    other = Vendor("b/x")
    going = model(fails(ServerError))
    assert isinstance(await failure_of(falling_back(any=[other]), going, call(pinned="own/x")), ServerError)
    assert other.asked == []


@virtual
async def test_a_stream_that_breaks_after_content_does_not_fall_back() -> None:
    other = Vendor("b/x")
    going = model(breaks(ServerError))
    reply = await falling_back(any=[other])(call(stream=True), going)
    with pytest.raises(ServerError):
        await read(reply)
    assert other.asked == []


# ── what is told where nothing helped ──


@virtual
async def test_the_last_error_is_told_with_all_attempts() -> None:
    going = model(fails(ServerError))
    error = await failure_of(falling_back(any=[Vendor("b/x", fails(ContextTooLong))]), going, call())
    assert isinstance(error, ContextTooLong)
    assert error.tried == "Tried own/x (server_error, 3 times), b/x (context_length_exceeded)."


@virtual
async def test_that_a_fallback_rests_is_less_than_what_went_wrong_before() -> None:
    async def rests(made: Call) -> Any:
        raise Resting("other", "timeout", 5)

    fallback = Fallback({"any": [Entry(FallbackConfig(use="other"), rests)]})
    assert isinstance(await failure_of(fallback, model(fails(ServerError)), call()), ServerError)


@virtual
async def test_where_all_rest_the_last_tells_when_it_is_back() -> None:
    async def rests(made: Call) -> Any:
        raise Resting(made.cause, "timeout", 7 if made.cause == "fallback" else 60)

    fallback = Fallback({"any": [Entry(FallbackConfig(use="other"), rests)]})
    error = await failure_of(fallback, rests, call())
    assert error.retry_after_s == 7


@pytest.mark.parametrize("kind", [BadRequest, InternalError])
@virtual
async def test_a_request_that_is_wrong_for_the_fallback_only_is_not_the_clients_fault(
    kind: type[HeadgateError],
) -> None:
    going = model(fails(ServerError))
    assert isinstance(await failure_of(falling_back(any=[Vendor("b/x", fails(kind))]), going, call()), ServerError)
    going = model(fails(ServerError))
    assert isinstance(
        await failure_of(falling_back(any=[Vendor("b/x", refuses(Unsupported))]), going, call()), ServerError
    )


@virtual
async def test_nothing_more_is_asked_once_the_deadline_has_passed() -> None:
    others = [Vendor("b/x"), Vendor("c/x")]
    going = model(hangs)
    made = call(deadline=now() + 5)
    assert isinstance(await failure_of(falling_back(any=others), going, made), Timeout)
    assert [vendor.asked for vendor in others] == [[], []]
    assert RetryDenied("b/x", "deadline") in made.account.events


@virtual
async def test_a_client_that_leaves_goes_nowhere_else() -> None:
    other = Vendor("b/x")
    own = Vendor("own/x", answers(60))
    going = route(options(own))
    task = asyncio.ensure_future(falling_back(any=[other])(call(), going))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    assert (own.under_way, other.asked) == (0, [])


# ── a prompt and parameters of its own ──


SYSTEMS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "chat completions": (
        {"messages": [{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}, {"role": "user", "content": "Hi"}]},
        {"dialect": "openai_chat"},
        {"messages": [{"role": "system", "content": "Own"}, {"role": "user", "content": "Hi"}]},
    ),
    "chat completions without one": (
        {"messages": [{"role": "user", "content": "Hi"}]},
        {"dialect": "openai_chat"},
        {"messages": [{"role": "system", "content": "Own"}, {"role": "user", "content": "Hi"}]},
    ),
    "a later one stays": (
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "A"}]},
        {"dialect": "openai_chat"},
        {"messages": [{"role": "system", "content": "Own"}, {"role": "user", "content": "Hi"}, {"role": "system", "content": "A"}]},
    ),
    "responses": (
        {"instructions": "A", "input": "Hi"},
        {"dialect": "openai_responses"},
        {"instructions": "Own", "input": "Hi"},
    ),
    "messages": (
        {"system": [{"type": "text", "text": "A"}], "messages": []},
        {"dialect": "anthropic_messages"},
        {"system": "Own", "messages": []},
    ),
    "embeddings have none": ({"input": "Hi"}, {"dialect": "openai_embeddings"}, {"input": "Hi"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_fallback_may_have_a_system_prompt_of_its_own(name: str) -> None:
    before, payload, after = SYSTEMS[name]
    made = call(request=Payload(payload["dialect"], tree={"model": "m", "x": 1, **before}))
    other = adapted(made, FallbackConfig(use="b/x", system="Own"))
    assert other.request.tree == {"model": "m", "x": 1, **after}
    assert made.request.tree == {"model": "m", "x": 1, **before}, "the client's own is left as it is"


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "anthropic_messages"])
def test_a_fallback_may_set_members_of_its_own(dialect: str) -> None:
    made = call(request=Payload(dialect, tree={"model": "m", "temperature": 1, "x": [1]}))
    other = adapted(made, FallbackConfig(use="b/x", set={"temperature": 0, "top_p": 0.5}))
    assert other.request.tree == {"model": "m", "temperature": 0, "top_p": 0.5, "x": [1]}
    assert made.request.tree == {"model": "m", "temperature": 1, "x": [1]}


def test_a_body_that_is_not_read_is_passed_on_as_it_is() -> None:
    made = call(request=Payload("opaque", b"sound"))
    other = adapted(made, FallbackConfig(use="b/x", system="Own", set={"a": 1}))
    assert (other.request.encode(), other.cause) == (b"sound", "fallback")


@virtual
async def test_each_place_gets_the_request_as_the_client_made_it() -> None:
    first, second = Vendor("a/x", fails(ServerError)), Vendor("b/x")
    fallback = Fallback(
        {
            "any": [
                Entry(FallbackConfig(use="a/x", set={"temperature": 0}, system="Own"), route(options(first))),
                Entry(FallbackConfig(use="b/x"), route(options(second))),
            ]
        }
    )
    made = call()
    await fallback(made, model(fails(ServerError)))
    assert first.asked[0].request.tree["temperature"] == 0
    assert second.asked[0].request is made.request


# ── what an error calls for ──


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DnsFailed("x"), "connection"),
        (TlsFailed("x"), "connection"),
        (ModelNotFound("x"), "not_found"),
        (Unsupported("x"), None),
        (BadRequest("x"), None),
        (HeadgateError("x"), None),
        (UpstreamError("x"), None),
        (Resting("m", "timeout", 1), "timeout"),
    ],
)
def test_an_error_is_what_its_nearest_kin_is(error: HeadgateError, cause: Cause | None) -> None:
    assert remedy_of(error).cause == cause


def test_of_the_unknown_nothing_can_be_done() -> None:
    assert remedy_of(HeadgateError("x")) == Remedy(None, again=False, elsewhere=False, counts=False)


def test_what_rests_is_neither_tried_again_nor_counted() -> None:
    assert remedy_of(Resting("m", "timeout", 1)) == Remedy("timeout", again=False, elsewhere=False, counts=False)
