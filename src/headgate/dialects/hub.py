"""The hub: what all dialects can be translated to and from.

A request is a `Chat`, an answer an `Answer`, a stream a sequence of `StreamEvent`s. The hub's terms are plain and few;
what a dialect has beyond them travels in `extra`, keyed by dialect name, and comes back out in that dialect only.
A codec never silently loses what it cannot say: in a request it raises `Unsupported` naming the field (or leaves it
out with a note where `Fit.drop` allows), in an answer it goes to `extra`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from headgate.types import JSON, Usage

Extra = dict[str, JSON]
"""By dialect name, the members of an object that only this dialect knows."""

Role = Literal["system", "developer", "user", "assistant"]


class _Node(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    extra: Extra = {}


# ── parts of a message ──────────────────────────────────────────────────────────────────────────────────────────────


class CacheMark(msgspec.Struct, frozen=True):
    """A prompt-cache breakpoint: everything up to the part that carries it may be cached."""

    ttl: Literal["5m", "1h"] = "5m"


class Citation(_Node, frozen=True, kw_only=True, tag="citation"):
    """What a stretch of text rests on. Offsets count Unicode code points of the text they stand on."""

    url: str | None = None
    title: str | None = None
    cited_text: str | None = None
    file_id: str | None = None
    start: int | None = None
    end: int | None = None


class TokenLogprob(msgspec.Struct, frozen=True):
    """The log probability of one token, and of its rivals."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top: tuple[TokenLogprob, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """A vendor's proof over its model's reasoning, to be given back unchanged, and only to that vendor."""

    origin: str
    """The family that can read it: `anthropic` (also on Bedrock and Vertex), `openai`, `gemini`, `deepseek`, …"""
    value: str


class Text(_Node, frozen=True, kw_only=True, tag="text"):
    text: str
    citations: tuple[Citation, ...] = ()
    cache: CacheMark | None = None
    signature: Signature | None = None
    """Gemini signs text parts too."""
    logprobs: tuple[TokenLogprob, ...] | None = None


class Refusal(_Node, frozen=True, kw_only=True, tag="refusal"):
    """The model's own refusal to answer, where a dialect tells it from text."""

    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


class Reasoning(_Node, frozen=True, kw_only=True, tag="reasoning"):
    """The model's thinking, as far as the vendor shows it.

    `text` is the thinking itself or its summary (`summarised`); `redacted` and `signature` are opaque. One that has
    neither text nor signature nor redacted data is legal (a vendor may hide all of it).
    """

    text: str = ""
    summarised: bool = False
    signature: Signature | None = None
    redacted: Signature | None = None
    """Reasoning in encrypted form only (Anthropic's redacted_thinking, Responses' encrypted_content)."""
    id: str | None = None


class Media(_Node, frozen=True, kw_only=True, tag="media"):
    """An image, audio, video or document: inline data, a URL, or a vendor's file id; exactly one of the three."""

    kind: Literal["image", "audio", "video", "file"]
    data: str | None = None
    """Base64."""
    url: str | None = None
    file_id: str | None = None
    media_type: str | None = None
    """MIME type; a dialect that only names a format (`mp3`) maps it."""
    filename: str | None = None
    detail: str | None = None
    """OpenAI's image detail: auto, low, high."""
    transcript: str | None = None
    """What generated audio says."""
    text: str | None = None
    """The content of a plain-text document given inline instead of `data`."""
    cache: CacheMark | None = None


class ToolCall(_Node, frozen=True, kw_only=True, tag="tool_call"):
    """The model's call of one of the caller's tools.

    `arguments` is the JSON text the model wrote: it may be invalid JSON, and its bytes matter to signatures, so it is
    kept as text and parsed only by a dialect that needs an object. For `custom` tools it is free text.
    """

    id: str
    name: str
    arguments: str
    kind: Literal["function", "custom"] = "function"
    signature: Signature | None = None
    cache: CacheMark | None = None


class ToolResult(_Node, frozen=True, kw_only=True, tag="tool_result"):
    """What a tool gave back. `name` is filled in by decoders that can find the call it answers."""

    call_id: str
    parts: tuple[Part, ...] = ()
    is_error: bool = False
    name: str | None = None
    kind: Literal["function", "custom"] = "function"
    cache: CacheMark | None = None


class Native(_Node, frozen=True, kw_only=True, tag="native"):
    """A part only one dialect has: a server tool's call or result, an item reference, executable code.

    `data` is the part in that dialect. Encoders of the same dialect write it back as it was; others raise
    `Unsupported` in a request and leave it out of an answer.
    """

    dialect: str
    data: JSON
    text: str = ""
    """What of it a person would read, if anything."""


Part = Text | Refusal | Reasoning | Media | ToolCall | ToolResult | Native


class Message(_Node, frozen=True, kw_only=True):
    """One turn. Tool results are parts of a `user` message. Consecutive messages of one role are legal."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


# ── a request ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Tool(_Node, frozen=True, kw_only=True):
    """A tool the caller offers. `parameters` is a JSON Schema; None for a custom (free text) tool."""

    name: str
    description: str | None = None
    parameters: JSON | None = None
    strict: bool | None = None
    kind: Literal["function", "custom"] = "function"
    cache: CacheMark | None = None


class NativeTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool the vendor itself runs or defines (web search, code execution, computer use), in its dialect."""

    dialect: str
    data: JSON


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
    """With mode `tool`: the one to call."""
    allowed: tuple[str, ...] | None = None
    """With `auto` or `required`: restrict the choice to these."""


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """The form the answer must have: any JSON object, or one that fits `schema`."""

    kind: Literal["text", "json", "json_schema"]
    schema: JSON | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Thinking(msgspec.Struct, frozen=True, kw_only=True):
    """How much the model is to reason. None means the client did not say."""

    enabled: bool | None = None
    effort: str | None = None
    """none, minimal, low, medium, high, xhigh, max."""
    budget_tokens: int | None = None
    adaptive: bool = False
    """Anthropic's `thinking: {type: adaptive}`."""
    include: bool | None = None
    """Whether thoughts or their summary are to be shown."""
    summary: str | None = None
    """Responses' detail of it: auto, concise, detailed."""


class Chat(_Node, frozen=True, kw_only=True):
    """A request for a generation."""

    model: str
    messages: tuple[Message, ...]
    """System and developer messages stand among the others, where the client put them."""
    stream: bool = False
    include_usage: bool = False
    """Whether a streaming client asked for usage (openai_chat's stream_options)."""
    tools: tuple[Tool | NativeTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    format: Format | None = None
    thinking: Thinking | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    choices: int | None = None
    """OpenAI's `n`; None when not given."""
    logprobs: bool | None = None
    top_logprobs: int | None = None
    verbosity: str | None = None
    modalities: tuple[str, ...] | None = None
    user: str | None = None
    metadata: JSON | None = None
    store: bool | None = None
    service_tier: str | None = None
    cache_key: str | None = None
    """OpenAI's prompt_cache_key."""


# ── an answer ───────────────────────────────────────────────────────────────────────────────────────────────────────

Stop = Literal["end", "length", "tool_calls", "stop_sequence", "content_filter", "refusal", "pause", "context", "error"]
"""Why a generation ended. `pause`: a server tool's turn to be continued; `context`: the model's window is full."""


class Choice(_Node, frozen=True, kw_only=True):
    """One of the alternatives a request with `choices` > 1 gets; most requests get one."""

    parts: tuple[Part, ...]
    stop: Stop | None = None
    """None only where the vendor gave no reason."""
    stop_sequence: str | None = None


class Answer(_Node, frozen=True, kw_only=True):
    """A whole generation."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int | None = None
    """Seconds since the epoch."""
    service_tier: str | None = None
    """The vendor's word, for the client."""
    tier: str | None = None
    """The way the vendor processed it, as the price list calls it, for the bill; None for the ordinary one."""


# ── a stream ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Started(_Node, frozen=True, kw_only=True, tag="started"):
    """First event of a stream."""

    id: str
    model: str
    created: int | None = None
    usage: Usage | None = None
    """What is known of it at the start, for dialects whose first event carries it."""
    service_tier: str | None = None
    tier: str | None = None


class BlockStarted(msgspec.Struct, frozen=True, kw_only=True, tag="block_started"):
    """A part begins. `index` is unique in the stream, counts up from 0, and is not reused.

    `part` holds what is known at the start: a `ToolCall` with its id and name and empty arguments, an empty `Text`.
    A part that comes whole (`Media`, `Native`) is in here entirely and gets no delta.
    """

    index: int
    part: Part
    choice: int = 0


class BlockDelta(msgspec.Struct, frozen=True, kw_only=True, tag="block_delta"):
    """More of a part that has begun. `text` is appended to `Text.text`, `Refusal.text`, `Reasoning.text`,
    `ToolCall.arguments` or `Media.transcript`; `data` to `Media.data`; each of the others is set or appended.
    """

    index: int
    text: str = ""
    data: str = ""
    signature: Signature | None = None
    citation: Citation | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    extra: Extra = {}
    """Merged member-wise into the part's `extra`."""


class BlockStopped(msgspec.Struct, frozen=True, kw_only=True, tag="block_stopped"):
    """A part is complete. `part`, if given, replaces what was accumulated (Responses sends each item whole again)."""

    index: int
    part: Part | None = None


class Stopped(_Node, frozen=True, kw_only=True, tag="stopped"):
    """A choice is complete."""

    stop: Stop | None
    choice: int = 0
    stop_sequence: str | None = None


class UsageReported(msgspec.Struct, frozen=True, kw_only=True, tag="usage_reported"):
    """The usage of the whole stream so far, and how it was processed; a later one replaces an earlier one."""

    usage: Usage
    tier: str | None = None


class Ended(_Node, frozen=True, kw_only=True, tag="ended"):
    """The dialect's own terminator was seen: nothing was cut off. `extra` is merged into the answer's."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The vendor reported an error inside the stream. Nothing follows."""

    code: str
    """The code of the `HeadgateError` it maps to."""
    message: str


StreamEvent = Started | BlockStarted | BlockDelta | BlockStopped | Stopped | UsageReported | Ended | Failed


# ── other operations ────────────────────────────────────────────────────────────────────────────────────────────────


class Embed(_Node, frozen=True, kw_only=True):
    """A request for embeddings. Each input is a text, or token ids where the client sent those."""

    model: str
    inputs: tuple[str | tuple[int, ...], ...]
    dimensions: int | None = None
    encoding: Literal["float", "base64"] = "float"
    purpose: str | None = None
    """search_query, search_document, classification, clustering, similarity."""
    user: str | None = None


class Embeddings(_Node, frozen=True, kw_only=True):
    """Vectors in the order of the inputs."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    id: str | None = None


class Rerank(_Node, frozen=True, kw_only=True):
    """A request to order documents by relevance to a query."""

    model: str
    query: str
    documents: tuple[str | JSON, ...]
    top: int | None = None
    return_documents: bool = False


class Ranked(msgspec.Struct, frozen=True):
    index: int
    score: float


class Ranking(_Node, frozen=True, kw_only=True):
    """Documents by falling relevance."""

    id: str
    results: tuple[Ranked, ...]
    usage: Usage | None = None


class TokenCount(_Node, frozen=True, kw_only=True):
    """How many tokens a request's prompt has, as the vendor would bill it. The request itself is a `Chat`."""

    input_tokens: int


def extra_of(dialect: str, members: dict[str, Any]) -> Extra:
    """`extra` for the members one dialect has left over; empty when there are none."""
    return {dialect: members} if members else {}
