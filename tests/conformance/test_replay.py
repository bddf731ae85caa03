"""The recorded exchanges with real vendors, replayed from a local server through the whole gateway.

Every recorded generation of a dialect that clients speak comes through untouched in that dialect; every generation,
whole or streamed, is translated to each other client dialect and says the same there: text, reasoning, tool calls, stop
reason and usage; and the ledger has its usage always. What cannot be equal is listed below with its reason, and a
recording that is neither equal nor listed fails. `HEADGATE_REPLAY_REPORT=FILE` writes the counts per vendor.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

import facts
from facts import Facts
from headgate import dialects
from headgate.access.ids import Held
from headgate.dialects.view import replace_texts
from headgate.types import Payload
from recordings import Recording, recordings
from serving import Response, Serving
from upstream import Exchange, Upstream

CLIENTS = ("openai_chat", "openai_responses", "anthropic_messages")
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
}
KINDS = {
    "openai_chat": "openai_compatible",
    "openai_responses": "vendor_rows:RESPONSES_ONLY",
    "anthropic_messages": "anthropic",
    "gemini_generate": "gemini",
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
}

GENERATIONS = [each for each in recordings() if each.dialect is not None]
pytestmark = pytest.mark.skipif(not GENERATIONS, reason="recordings are absent: set HEADGATE_DATA")


class Vendors:
    """A local server that answers a request for model `recN` with recording N."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.bodies: list[Any] = []

    async def __call__(self, exchange: Exchange) -> None:
        body = json.loads(exchange.request.body)
        self.bodies.append(body)
        target = unquote(exchange.request.target)
        name = body.get("model") or next(part for part in target.replace(":", "/").split("/") if part.startswith("rec"))
        recording = recordings()[int(name.removeprefix("rec"))]
        await exchange.reply(recording.status, recording.body, ("content-type", recording.content_type))


@pytest.fixture(scope="module")
def report() -> Any:
    counts: Counter[tuple[str, str, str]] = Counter()
    yield counts
    file = os.environ.get("HEADGATE_REPLAY_REPORT")
    if file:
        rows = [f"| {host} | {what} | {outcome} | {n} |" for (host, what, outcome), n in sorted(counts.items())]
        head = ["| vendor | what | outcome | recordings |", "|---|---|---|---:|"]
        Path(file).write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Upstream() as upstream:
        upstream.script = Vendors(upstream)
        providers = "\n".join(_provider(dialect, upstream.url) for dialect in KINDS)
        models = "\n".join(f'  "{name}-*": {{targets: ["{name}/*"]}}' for name in KINDS)
        async with Serving(f"providers:\n{providers}\nmodels:\n{models}\n") as serving:
            yield serving


def _provider(dialect: str, url: str) -> str:
    kind = KINDS[dialect]
    region = ", region: us-east-1" if kind == "bedrock" else ""
    return f'  {dialect}: {{kind: {kind}, base_url: "{url}", api_key: k{region}, drop_unsupported: true}}'


# ── the same dialect ────────────────────────────────────────────────────────────────────────────────────────────────


def _request(client: str, dialect: str, recording: Recording) -> dict[str, Any]:
    """A small request in the client's dialect, for the answer that recording holds."""
    body: dict[str, Any] = {"model": f"{dialect}-rec{recording.number}"}
    if client == "openai_responses":
        body["input"] = "Hello"
    else:
        body["messages"] = [{"role": "user", "content": "Hello"}]
    if client == "anthropic_messages":
        body["max_tokens"] = 1024
    if recording.streamed:
        body["stream"] = True
        if client == "openai_chat":
            body["stream_options"] = {"include_usage": True}
    return body


@pytest.mark.parametrize("dialect", CLIENTS)
async def test_answers_come_through_untouched_in_their_own_dialect(serving: Serving, report: Any, dialect: str):
    failed: list[str] = []
    rows = [each for each in GENERATIONS if each.dialect == dialect and each.status == 200]
    for recording in rows:
        # the vendor's own request, so that whatever a real client sent goes through
        response = await serving.post(PATHS[dialect], _as_our_client(serving, dialect, recording))
        why = _touched(serving, recording, response)
        _note(report, failed, recording, None, "same dialect", why)
    assert not failed, "\n".join(failed)
    assert len(rows) == {"openai_chat": 183, "openai_responses": 172, "anthropic_messages": 145}[dialect]


def _as_our_client(serving: Serving, dialect: str, recording: Recording) -> dict[str, Any]:
    """The recorded request as a client of the gateway would send it: ids of the vendor's account are ours."""
    request = {**recording.request, "stream": recording.streamed}
    held = f"{dialect}/rec{recording.number}"
    shown = {
        path: serving.ids.wrap("default", Held(held, vendor_id))
        for path, kind, vendor_id in dialects.get(dialect).request_ids(request)
        if kind != "item"
    }
    payload = replace_texts(Payload(dialect, tree={**request, "model": f"{dialect}-rec{recording.number}"}), shown)
    return payload.tree


def _note(report: Any, failed: list[str], recording: Recording, client: str | None, what: str, why: str | None) -> None:
    """Count a recording as equal, excepted or failed."""
    excepted = EXCEPTIONS.get((recording.number, client), EXCEPTIONS.get((recording.number, None)))
    if why and excepted and excepted.sign in why:
        report[recording.host, what, f"excepted: {excepted.reason}"] += 1
        return
    report[recording.host, what, "different" if why else "equal"] += 1
    if why:
        failed.append(f"{recording.id}: {why}")


def _touched(serving: Serving, recording: Recording, response: Response) -> str | None:
    """How an answer differs from what the vendor sent, wrapped ids aside; None where it does not."""
    if response.status != recording.status:
        return f"status {response.status}: {response.body[:200]!r}"
    body = _unwrapped(serving, response.body)
    if recording.streamed:
        if list(facts.events(body)) != list(facts.events(recording.body)):
            return "events differ"
        return None if b"data: [DONE]" in body or b"data: [DONE]" not in recording.body else "no [DONE]"
    return None if body == recording.body else "bytes differ"


def _unwrapped(serving: Serving, body: bytes) -> bytes:
    """A body with every id of ours replaced by the vendor's that it wraps."""
    return re.sub(
        rb"[a-z]+_hg_[A-Za-z0-9_-]+",
        lambda found: serving.ids.unwrap("default", found[0].decode()).vendor_id.encode(),
        body,
    )


# ── other dialects ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("dialect", KINDS)
async def test_answers_say_the_same_in_every_other_dialect(serving: Serving, report: Any, client: str, dialect: str):
    if client == dialect:
        return
    failed: list[str] = []
    for recording in (each for each in GENERATIONS if each.dialect == dialect and each.status == 200):
        response = await serving.post(PATHS[client], _request(client, dialect, recording))
        why = _differs(recording, client, response, serving)
        _note(report, failed, recording, client, f"to {client}", why)
    assert not failed, "\n".join(failed)


def _differs(recording: Recording, client: str, response: Response, serving: Serving) -> str | None:
    """What of a recording the client does not see; None where it sees everything its dialect has a field for."""
    assert recording.dialect is not None
    if response.status != 200:
        return f"status {response.status}: {response.body[:300].decode()}"
    if recording.streamed:
        sent, seen = facts.of_stream(recording.dialect, recording.body), facts.of_stream(client, response.body)
    else:
        sent = facts.of_document(recording.dialect, json.loads(recording.body))
        seen = facts.of_document(client, response.json)
    if sent.stop is None:  # the vendor gave none, so there is nothing to compare
        seen.stop = None
    for name in ("text", "reasoning", "tools", "stop"):
        if getattr(sent, name) != getattr(seen, name):
            return f"{name}: sent {getattr(sent, name)!r:.300}, seen {getattr(seen, name)!r:.300}"
    return _usage_differs(sent, seen) or _ledger_differs(sent, response, serving)


def _usage_differs(sent: Facts, seen: Facts) -> str | None:
    if not sent.has_usage:
        return None
    for name in ("input_tokens", "cached_tokens", "output_tokens"):
        if getattr(sent, name) != getattr(seen, name):
            return f"{name}: sent {getattr(sent, name)}, seen {getattr(seen, name)}"
    return None


def _ledger_differs(sent: Facts, response: Response, serving: Serving) -> str | None:
    if not sent.has_usage:
        return None
    [row] = serving.gateway.ledger.rows(response.headers["x-headgate-request-id"])
    usage = row.usage
    cached_tokens = usage.cached_tokens + usage.audio_cached_tokens
    booked = (usage.total_input_tokens, cached_tokens, usage.total_output_tokens)
    held = (sent.input_tokens, sent.cached_tokens, sent.output_tokens)
    return None if booked == held else f"ledger: sent {held}, booked {booked}"


class Excepted(NamedTuple):
    """Why a recording cannot be equal in a dialect."""

    sign: str
    """What the difference has to contain."""
    reason: str


EXCEPTIONS: dict[tuple[int, str | None], Excepted] = {
    (426, None): Excepted(
        "status 400", "an error inside a stream that was cut before anything was out is told as the HTTP error it is"
    ),
    (544, "anthropic_messages"): Excepted("stop:", "Anthropic has no stop reason for a malformed tool call"),
    (197, None): Excepted("input_tokens", "the vendor's total leaves out the compaction it bills; ours has it"),
    (908, None): Excepted("input_tokens", "the vendor bills the same tokens as read and as written; so do we"),
}
"""By recording and client dialect, None for all of them."""


def test_every_recording_is_a_generation_or_counted_as_something_else(report: Any):
    assert len(GENERATIONS) == 851
    assert sum(each.status == 200 for each in GENERATIONS) == 835
    for each in recordings():
        if each.dialect is None:
            report[each.host, "not a generation", re.split(r"[/:]", each.path.split("?")[0])[-1]] += 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("dialect", KINDS)
async def test_recorded_refusals_are_errors_in_every_dialect(serving: Serving, report: Any, client: str, dialect: str):
    for recording in (each for each in GENERATIONS if each.dialect == dialect and each.status != 200):
        response = await serving.post(PATHS[client], _request(client, dialect, recording))
        assert 400 <= response.status < 500
        assert response.json["error"]["message"]
        report[recording.host, f"to {client}", f"error {recording.status} told as {response.status}"] += 1
