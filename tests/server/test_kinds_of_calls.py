"""Every kind of call under a hard budget and limits, over real sockets on both sides, with the official SDKs: tools over
two turns, images, Responses, legacy completions, embeddings, rankings, moderation; whole and streamed, in the client's
dialect and translated. The vendor is a simulator in a process of its own, and its bill is what everything is held against.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest

from headgate.ledger.queries import Filters, LedgerQueries
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from serving import Serving
from simulated import Simulated, simulator, simulator_server

__all__ = ["simulator", "simulator_server"]

RATES = {
    "input_tokens": 3,
    "cached_tokens": 1,
    "cache_write_5m_tokens": 4,
    "cache_write_1h_tokens": 6,
    "output_tokens": 15,
}
"""Dollars per million tokens, so millions of picodollars per token."""
CONFIG = """
storage: {{database: "sqlite:///:memory:"}}
limits: {{unknown_price: {unknown}}}
providers:
  native: {{kind: vllm, base_url: "{url}/v1", api_key: sim-native}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: sim-claude}}
  chat: {{kind: openai_compatible, base_url: "{url}/v1", api_key: sim-chat}}
models:
  native: {{targets: [native/m]}}
  claude: {{targets: [claude/m]}}
  chat: {{targets: [chat/m]}}
  search: {{targets: [native/searches]}}
  free: {{targets: [chat/free]}}
prices:
  m: {{input: 3, cached: 1, cache_write_5m: 4, cache_write_1h: 6, output: 15}}
  searches: {{input: 0, thousand_requests: 2}}
  free: {{input: 0, output: 0}}
"""
ADMIN = {"authorization": "Bearer admin"}
MOST = 2_000
"""Tokens of an answer."""

USED = {"input_tokens": 40, "cached_tokens": 30, "output_tokens": 9}
OF_AN_IMAGE = {"input_tokens": 48_169, "output_tokens": MOST}
"""The dearest that is documented."""
RANKED = {
    "id": "r",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
    "usage": {"total_tokens": 21},
}
SCRIPT: list[dict[str, Any]] = [
    {"match": {"body": "image"}, "reply": {"usage": OF_AN_IMAGE}},
    {
        "match": {"dialect": "anthropic_messages"},
        "reply": {"usage": {**USED, "cache_write_5m_tokens": 20, "cache_write_1h_tokens": 10}},
    },
    {"match": {"operation": "chat"}, "reply": {"usage": {**USED, "reasoning_tokens": 4}}},
    {"match": {"operation": "complete"}, "reply": {"usage": USED}},
    {"match": {"operation": "rerank", "model": "m"}, "reply": {"body": json.dumps(RANKED)}},
]
"""What the vendor says was used; what was answered it makes up."""

PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 60).decode()
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Client:
    """One caller, with both SDKs."""

    def __init__(self, serving: Serving, key: str, id: str, stream: bool) -> None:
        self.id = id
        self.stream = stream
        self.headers: list[Mapping[str, str]] = []
        """Of every response there was."""
        hooks: Any = {"response": [self._note]}
        self.gpt = openai.AsyncOpenAI(
            base_url=f"{serving.url}/v1",
            api_key=key,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(event_hooks=hooks),
        )
        self.claude = anthropic.AsyncAnthropic(
            base_url=serving.url,
            api_key=key,
            max_retries=0,
            http_client=anthropic.DefaultAsyncHttpxClient(event_hooks=hooks),
        )

    async def _note(self, response: Any) -> None:
        self.headers.append(response.headers)

    async def close(self) -> None:
        await self.gpt.close()
        await self.claude.close()

    async def chat(self, model: str, messages: list[Any], **asks: Any) -> Any:
        asks |= {"model": model, "messages": messages, "max_tokens": MOST}
        if not self.stream:
            return (await self.gpt.chat.completions.create(**asks)).choices[0]
        async with self.gpt.chat.completions.stream(**asks) as stream:
            return (await stream.get_final_completion()).choices[0]

    async def respond(self, model: str, input: Any, **asks: Any) -> Any:
        asks |= {"model": model, "input": input, "max_output_tokens": MOST, "store": False}
        if not self.stream:
            return await self.gpt.responses.create(**asks)
        async with self.gpt.responses.stream(**asks) as stream:
            return await stream.get_final_response()

    async def message(self, model: str, messages: list[Any], **asks: Any) -> Any:
        asks |= {"model": model, "messages": messages, "max_tokens": MOST}
        if not self.stream:
            return await self.claude.messages.create(**asks)
        async with self.claude.messages.stream(**asks) as stream:
            return await stream.get_final_message()


# ── what is asked ──


async def chat_with_tools(client: Client, model: str) -> None:
    function = {"name": "weather", "parameters": WEATHER, "strict": True}
    tools = [{"type": "function", "function": function}]
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    choice = await client.chat(model, messages, tools=tools, tool_choice="required")
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    asked = {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": call.function.arguments}}
    messages.append({"role": "assistant", "content": None, "tool_calls": [asked]})
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "12 degrees"})
    assert "12 degrees" in (await client.chat(model, messages, tools=tools)).message.content


async def chat_with_an_image(client: Client, model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": PIXEL}}
    content = [{"type": "text", "text": "What is this?"}, image]
    assert (await client.chat(model, [{"role": "user", "content": content}])).message.content


async def messages_with_tools(client: Client, model: str) -> None:
    tools = [{"name": "weather", "input_schema": WEATHER}]
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    answer = await client.message(model, messages, tools=tools, tool_choice={"type": "any"})
    assert answer.stop_reason == "tool_use"
    [call] = [block for block in answer.content if block.type == "tool_use"]
    asked = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}
    messages += [{"role": "assistant", "content": [asked]}, {"role": "user", "content": [result]}]
    assert "12 degrees" in (await client.message(model, messages, tools=tools)).content[0].text


async def messages_with_an_image(client: Client, model: str) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL.partition(",")[2]}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is this?"}]
    assert (await client.message(model, [{"role": "user", "content": content}])).content


async def response(client: Client, model: str) -> None:
    assert (await client.respond(model, "Hello", instructions="Be brief.")).output_text


async def response_with_tools(client: Client, model: str) -> None:
    tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    asked = {"role": "user", "content": "What is the weather in Paris?"}
    answer = await client.respond(model, [asked], tools=tools, tool_choice="required")
    [call] = [item for item in answer.output if item.type == "function_call"]
    made = {"type": "function_call", "call_id": call.call_id, "name": "weather", "arguments": call.arguments}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}
    assert "12 degrees" in (await client.respond(model, [asked, made, result], tools=tools)).output_text


async def response_with_an_image(client: Client, model: str) -> None:
    content = [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PIXEL}]
    assert (await client.respond(model, [{"role": "user", "content": content}])).output_text


async def completion(client: Client, model: str) -> None:
    answer: Any = await client.gpt.completions.create(
        model=model, prompt="Once upon a time", n=2, max_tokens=MOST // 2, stream=client.stream
    )
    if not client.stream:
        assert [choice.index for choice in answer.choices] == [0, 1]
        return
    assert {choice.index async for chunk in answer for choice in chunk.choices} == {0, 1}


async def embedding(client: Client, model: str) -> None:
    answer = await client.gpt.embeddings.create(model=model, input=["The old canal", "A new bridge"])
    assert len(answer.data) == 2


async def ranking(client: Client, model: str) -> None:
    asked = {"model": model, "query": "canal", "documents": ["A new bridge", "The old canal"]}
    answer: Any = await client.gpt.post("/rerank", body=asked, cast_to=object)
    assert answer["results"][0]["index"] == 1


async def moderation(client: Client, model: str) -> None:
    answer = await client.gpt.moderations.create(model=model, input="I like canals")
    assert not answer.results[0].flagged


@dataclass(frozen=True)
class Kind:
    """One kind of call."""

    ask: Callable[[Client, str], Awaitable[None]]
    models: tuple[str, ...]
    streams: bool = True
    calls: int = 1
    told: Mapping[str, int] | None = None
    """What the vendor says was used, where its bill does not have it."""


KINDS = {
    "chat with tools": Kind(chat_with_tools, ("native", "claude"), calls=2),
    "chat with an image": Kind(chat_with_an_image, ("native", "claude")),
    "messages with tools": Kind(messages_with_tools, ("native", "chat"), calls=2),
    "messages with an image": Kind(messages_with_an_image, ("native", "chat")),
    "response": Kind(response, ("native", "claude", "chat")),
    "response with tools": Kind(response_with_tools, ("native", "claude", "chat"), calls=2),
    "response with an image": Kind(response_with_an_image, ("native", "claude", "chat")),
    "completion": Kind(completion, ("native",)),
    "embedding": Kind(embedding, ("native",), streams=False),
    "ranking": Kind(ranking, ("native",), streams=False, told={"input_tokens": 21}),
}
CASES = [
    pytest.param(kind, model, stream, id=f"{name}, {model}, {'streamed' if stream else 'whole'}")
    for name, kind in KINDS.items()
    for model in kind.models
    for stream in ((False, True) if kind.streams else (False,))
]


# ── what comes of it ──


@pytest.fixture
def unknown() -> str:
    """What is done with a call under a hard budget whose cost nothing bounds."""
    return "refuse"


@pytest.fixture
async def serving(simulator: Simulated, unknown: str) -> AsyncIterator[Serving]:
    simulator.script(SCRIPT)
    config = CONFIG.format(url=simulator.url, unknown=unknown)
    async with Serving(config, {"HEADGATE_ADMIN_KEY": "admin"}, "auth: keys") as serving:
        yield serving


@pytest.fixture
async def client_of(serving: Serving) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Makes callers: with what their keys have, and whether they want streams."""
    made: list[Client] = []

    async def client(stream: bool = False, **fields: Any) -> Client:
        key = (await serving.post("/admin/keys", {"name": "k", **fields}, ADMIN)).json
        made.append(Client(serving, key["key"], key["id"], stream))
        return made[-1]

    yield client
    for each in made:
        await each.close()


Clients = Callable[..., Awaitable[Client]]

ROOMY = {"budget_usd": "10", "limits": [{"per": "minute", "requests": 100, "tokens": 1_000_000}]}


async def ledger(serving: Serving, client: Client) -> list[LedgerRow]:
    """A caller's rows, the oldest first."""
    store = serving.gateway.store
    assert store is not None
    await store.caught_up()
    return [row async for row in LedgerQueries(store.database).every(Filters(key_id=client.id))]


async def usage(serving: Serving, client: Client) -> Any:
    return (await serving.request("GET", f"/admin/keys/{client.id}/usage", headers=ADMIN)).json


def cost(used: Mapping[str, int]) -> int:
    return sum(used.get(name, 0) * rate * 1_000_000 for name, rate in RATES.items())


def picodollars(usd: str) -> int:
    whole, _, fraction = usd.partition(".")
    return int(whole) * 10**12 + int(fraction.ljust(12, "0") or 0)


@pytest.mark.parametrize(("kind", "model", "stream"), CASES)
async def test_what_is_kept_of_a_call_is_what_its_vendor_reports(
    serving: Serving, simulator: Simulated, client_of: Clients, kind: Kind, model: str, stream: bool
):
    client = await client_of(stream, **ROOMY)
    await kind.ask(client, model)
    rows, bill = await ledger(serving, client), simulator.requests()
    assert len(rows) == len(bill) == len(client.headers) == kind.calls
    for row, billed in zip(rows, bill, strict=True):
        told = kind.told or billed["usage"]
        assert row.usage == Usage(**told)
        assert (row.usage_source, row.code) == ("reported", None)
        assert row.streamed == billed["stream"] == stream
        assert row.cost_picodollars == cost(told) > 0
        assert row.reserved_picodollars is not None
        assert row.reserved_picodollars >= row.cost_picodollars
    stands = await usage(serving, client)
    assert (stands["calls"], stands["reserved_usd"]) == (kind.calls, "0")
    assert picodollars(stands["cost_usd"]) == sum(row.cost_picodollars or 0 for row in rows)


@pytest.mark.parametrize(("kind", "model", "stream"), CASES)
async def test_every_answer_says_what_is_left(client_of: Clients, kind: Kind, model: str, stream: bool):
    client = await client_of(stream, **ROOMY)
    await kind.ask(client, model)
    left = [remaining(headers, "requests") for headers in client.headers]
    assert left == [(100, 99 - number) for number in range(kind.calls)]
    for headers in client.headers:
        limit, tokens = remaining(headers, "tokens")
        assert limit == 1_000_000 > tokens > 900_000


def remaining(headers: Mapping[str, str], what: str) -> tuple[int, int]:
    """A limit and what is left of it, as the SDK of the answer's dialect finds them."""
    if f"anthropic-ratelimit-{what}-limit" in headers:
        limit, left = (headers[f"anthropic-ratelimit-{what}-{each}"] for each in ("limit", "remaining"))
        assert headers[f"anthropic-ratelimit-{what}-reset"].endswith("Z")
    else:
        limit, left = (headers[f"x-ratelimit-{each}-{what}"] for each in ("limit", "remaining"))
        assert headers[f"x-ratelimit-reset-{what}"].endswith("s")
    return int(limit), int(left)


@pytest.mark.parametrize(("kind", "model", "stream"), CASES)
async def test_a_budget_too_small_refuses_before_anything_is_asked(
    serving: Serving, simulator: Simulated, client_of: Clients, kind: Kind, model: str, stream: bool
):
    client = await client_of(stream, **{**ROOMY, "budget_usd": "0.000001"})
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as caught:
        await kind.ask(client, model)
    check_refusal(caught.value, "The budget of this key has $0.000001 of $0.000001 left, and this call may cost $")
    [headers] = client.headers
    assert headers["x-should-retry"] == "false"
    assert "retry-after" not in headers
    assert remaining(headers, "requests")[0] == 100
    assert (simulator.requests(), await ledger(serving, client)) == ([], [])
    assert (await usage(serving, client))["reserved_usd"] == "0"


def check_refusal(error: openai.RateLimitError | anthropic.RateLimitError, begins: str) -> None:
    if isinstance(error, openai.RateLimitError):
        assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
        told: Any = error.body
    else:
        body: Any = error.body
        told = body["error"]
        assert (body["type"], told["type"]) == ("error", "rate_limit_error")
    assert told["message"].startswith(begins)


@pytest.mark.parametrize(("kind", "model", "stream"), CASES)
async def test_a_limit_of_requests_holds(
    simulator: Simulated, client_of: Clients, kind: Kind, model: str, stream: bool
):
    client = await client_of(stream, limits=[{"per": "hour", "requests": kind.calls}])
    await kind.ask(client, model)
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)):
        await kind.ask(client, model)
    assert len(simulator.requests()) == kind.calls
    assert remaining(client.headers[-1], "requests") == (kind.calls, 0)
    assert 3500 < int(client.headers[-1]["retry-after"]) <= 3661


# ── what vendors count in no tokens ──


async def test_a_ranking_that_is_billed_by_the_search_costs_what_a_search_does(serving: Serving, client_of: Clients):
    client = await client_of(**ROOMY)
    await ranking(client, "search")
    [row] = await ledger(serving, client)
    assert row.cost_picodollars == 2 * 10**9 == row.reserved_picodollars
    assert (await usage(serving, client))["reserved_usd"] == "0"


async def test_a_ranking_of_many_documents_costs_what_its_vendor_bills(
    serving: Serving, simulator: Simulated, client_of: Clients
):
    client = await client_of(budget_usd="0.008")
    asked = {"model": "search", "query": "canal", "documents": ["A new bridge"] * 250}
    answer: Any = await client.gpt.post("/rerank", body=asked, cast_to=object)
    assert answer["meta"]["billed_units"]["search_units"] == 3
    [row], [billed] = await ledger(serving, client), simulator.requests()
    assert row.usage == Usage(**billed["usage"]) == Usage(search_units=3)
    assert (row.usage_source, row.cost_picodollars, row.reserved_picodollars) == ("reported", 6 * 10**9, 6 * 10**9)
    with pytest.raises(openai.RateLimitError) as caught:
        await client.gpt.post("/rerank", body=asked, cast_to=object)
    check_refusal(caught.value, "The budget of this key has $0.002 of $0.008 left, and this call may cost $0.006.")
    assert len(simulator.requests()) == 1


async def test_a_moderation_cannot_be_bounded_and_is_refused(
    serving: Serving, simulator: Simulated, client_of: Clients
):
    client = await client_of(**ROOMY)
    with pytest.raises(openai.RateLimitError) as caught:
        await moderation(client, "chat")
    check_refusal(caught.value, "This call has a hard budget, and ")
    assert client.headers[0]["x-should-retry"] == "false"
    assert (simulator.requests(), await ledger(serving, client)) == ([], [])


async def test_a_moderation_whose_price_is_nothing_costs_nothing(
    serving: Serving, simulator: Simulated, client_of: Clients
):
    client = await client_of(**ROOMY)
    await moderation(client, "free")
    [row], [billed] = await ledger(serving, client), simulator.requests()
    assert (row.vendor_request_id, row.usage) == (billed["id"], Usage())
    assert (row.cost_picodollars, row.reserved_picodollars) == (0, 0)
    assert (await usage(serving, client))["reserved_usd"] == "0"


@pytest.mark.parametrize("unknown", ["allow"])
async def test_a_moderation_that_is_allowed_costs_nobody_knows_what(
    serving: Serving, simulator: Simulated, client_of: Clients
):
    client = await client_of(**ROOMY)
    await moderation(client, "chat")
    [row], [billed] = await ledger(serving, client), simulator.requests()
    assert (row.vendor_request_id, row.usage) == (billed["id"], Usage())
    assert (row.cost_picodollars, row.reserved_picodollars) == (None, None)
    assert (await usage(serving, client))["reserved_usd"] == "0"
    assert remaining(client.headers[0], "requests") == (100, 99)
