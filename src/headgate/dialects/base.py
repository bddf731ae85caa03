"""What a dialect is: a pure codec between one wire format and the hub. No I/O, no clock, no randomness.

A dialect spoken to vendors only implements what faces a vendor; one spoken to clients too implements all of it. Where
client and target speak the same dialect the hub is not involved: the payload passes as it is, and `peek` and `Meter`
read just enough of it to bill it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import msgspec

from headgate.dialects.expected import NO_TOOLS, NOTHING, Expected, Offered
from headgate.dialects.hub import Answer, Chat, Extra, Stop, StreamEvent
from headgate.dialects.prompting import Prompted, Spelt
from headgate.dialects.sizes import Size
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError, Unsupported
from headgate.types import JSON, Frame, Operation, Path, Payload, Usage

ADVISORY = frozenset(
    {
        "client_metadata",
        "include",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning.context",
        "safety_identifier",
        "stream_options",
    }
)
"""Members of any dialect's request that do not change what its answer means. A dialect that knows them sends them;
elsewhere they are left out with a note."""

_AS_ALWAYS: dict[str, Any] = {
    "background": False,
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "reasoning.mode": "standard",
    "truncation": "disabled",
}
"""Values of semantic members that ask for what happens anyway."""

_ASKED_BY_NAME = frozenset({"web_search_options"})
"""Members that ask for something even where they are empty."""

_NO_PROMPTS = "This model is a prompt, which takes chats: POST /v1/chat/completions, /v1/responses or /v1/messages."

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")


class Quirks(msgspec.Struct, frozen=True, kw_only=True):
    """How a vendor's version of a dialect differs from the one its inventor speaks. A fact about a provider."""

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    developer_role: bool = True
    """Whether `developer` is understood; `system` is sent instead where not."""
    reasoning_field: Literal["reasoning_content", "reasoning"] | None = "reasoning_content"
    """What the vendor calls the thoughts of an earlier assistant turn; None where it refuses to be given them."""
    thinking_field: Literal["reasoning_effort", "reasoning", "thinking"] = "reasoning_effort"
    """How the vendor is told how much to think: OpenAI's word, OpenRouter's object, or a `thinking` switch."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""
    stop_limit: int | None = None
    """Most stop sequences taken."""
    unsupported: frozenset[str] = frozenset()
    """Top-level fields of the dialect this vendor refuses; never invented, always from its documentation."""


class Fit(msgspec.Struct, kw_only=True):
    """What an encoder may know of the target it writes for, and where it notes what it left out."""

    model: str
    """The target's model id or deployment name, as the vendor wants it."""
    base_model: str | None = None
    """Which model that is, where `model` is the name of a deployment or an inference profile and does not tell."""
    max_output_tokens: int | None = None
    """The model's own limit, for dialects that require one; None when the catalog does not know the model."""
    drop: bool = False
    """Leave out what the target cannot take, instead of refusing."""
    dropped: list[str] = []
    """Fields left out, as the client would name them."""
    quirks: Quirks = Quirks()

    def refuse(self, field: str, why: str) -> None:
        """Note a field as left out where the configuration allows that.

        Raises:
            Unsupported: it does not.
        """
        if not self.drop:
            raise Unsupported(f"'{field}' cannot be sent to '{self.model}': {why}.", param=field)
        self.note(field)

    def note(self, field: str) -> None:
        """Note a field as left out, once: one that is only advice and changes nothing about the answer's meaning."""
        if field not in self.dropped:
            self.dropped.append(field)

    def refuse_foreign(
        self, extra: Extra, own: str, taken: frozenset[str] = frozenset(), advisory: frozenset[str] = ADVISORY
    ) -> None:
        """Deal with what a client said in the words of dialects other than `own`: note as left out what is only
        advice, refuse the rest by name. Members in `taken` the encoder sends itself, whoever's words they are; null,
        empty lists and objects, and values that ask for what happens anyway are nothing to lose.

        Raises:
            Unsupported: a member changes what the answer means, and the configuration does not let it be left out.
        """
        for dialect, members in extra.items():
            if dialect == own:
                continue
            for name, value in members.items():
                if name in taken or (name in _AS_ALWAYS and _AS_ALWAYS[name] == value):
                    continue
                if value is None or (value in ([], {}) and name not in _ASKED_BY_NAME):
                    continue
                if name in advisory:
                    self.dropped.append(name)
                else:
                    self.refuse(name, f"{own} has no such parameter")


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoder towards a client needs beyond the answer: pure codecs have no clock and no request."""

    asked: JSON
    """The client's request body."""
    id: str
    """Used where the vendor gave no id. Without a dialect's prefix; the encoder adds it."""
    created: int
    """Seconds since the epoch; used where the vendor gave no time."""


AccountId = tuple[Path, str, str]
"""Path, kind (`response`, `file`, `container`, …) and id."""


class Peek(msgspec.Struct, frozen=True, kw_only=True):
    """What billing and telemetry need of a whole answer."""

    usage: Usage | None = None
    tier: str | None = None
    """The way the vendor processed it, as the price list calls it; None for the ordinary one."""
    stop: Stop | None = None
    id: str | None = None
    model: str | None = None


class Meter(Protocol):
    """Reads just enough of a stream in its own dialect to bill it and to know where it stands."""

    usage: Usage | None
    tier: str | None
    """As in `Peek`, as far as the stream has told."""
    stop: Stop | None
    id: str | None
    started: bool
    """Content is out: text, reasoning, a tool call, a refusal or a stop. Role chunks and pings are not."""
    ended: bool
    """The dialect's terminator was seen."""
    error: HeadgateError | None
    """The vendor reported one inside the stream."""

    def observe(self, frame: Frame) -> None:
        """Take note of one frame.

        Raises:
            MalformedOutput: the frame cannot be understood.
        """
        ...


class StreamDecoder(Protocol):
    """Turns one vendor stream into hub events. One per stream."""

    def feed(self, frame: Frame) -> list[StreamEvent]:
        """The events one frame stands for, in order.

        Raises:
            MalformedOutput: the frame cannot be understood; the decoder can go on with the next one.
        """
        ...

    def close(self) -> list[StreamEvent]:
        """What is left when the connection has ended. `Ended` is among the events of this or an earlier call if
        and only if the stream was complete.
        """
        ...


class StreamEncoder(Protocol):
    """Turns hub events into one client's stream. One per stream.

    Frames after the last event include the dialect's terminator if and only if `Ended` was fed.
    """

    def feed(self, event: StreamEvent) -> list[Frame]: ...


class Dialect(Generic[RequestT, AnswerT]):
    """One wire format. The methods of a direction that a dialect does not have raise `Unsupported`."""

    name: ClassVar[str]
    operation: ClassVar[Operation] = "chat"
    framing: ClassVar[Literal["sse", "aws"]] = "sse"
    tells_ids: ClassVar[bool] = False
    """Whether answers can hold ids of an account at the vendor."""

    # ── towards a vendor ──

    def path(self, model: str, stream: bool) -> str:
        """URL path (and query) below a provider's base URL."""
        raise NotImplementedError(self.name)

    def encode_request(self, request: RequestT, fit: Fit) -> JSON:
        """The vendor's request body.

        Raises:
            Unsupported: the dialect cannot say what the request asks; names the field.
        """
        raise NotImplementedError(self.name)

    def decode_answer(self, tree: JSON) -> AnswerT:
        """A whole answer of the vendor.

        Raises:
            MalformedOutput: it is not one.
        """
        raise NotImplementedError(self.name)

    def decode_stream(self) -> StreamDecoder:
        raise Unsupported(f"{self.name} has no streams.", param="stream")

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        """The error behind a vendor's non-2xx response, whatever its body is. Header names are lower-case."""
        raise NotImplementedError(self.name)

    # ── towards a client ──

    def decode_request(self, tree: JSON) -> RequestT:
        """A client's request.

        Raises:
            BadRequest: a field has the wrong type or value; `param` names it.
        """
        raise NotImplementedError(self.name)

    def encode_answer(self, answer: AnswerT, context: Context) -> JSON:
        raise NotImplementedError(self.name)

    def encode_stream(self, context: Context) -> StreamEncoder:
        raise NotImplementedError(self.name)

    def encode_error(self, error: HeadgateError) -> JSON:
        """The error document a client of this dialect expects, from which its SDK raises its own exception."""
        raise NotImplementedError(self.name)

    def error_frames(self, error: HeadgateError) -> list[Frame]:
        """What ends a stream that has begun and cannot go on."""
        raise NotImplementedError(self.name)

    # ── client and target speak it ──

    def address(self, payload: Payload, model: str) -> Payload:
        """The payload for another model id: this very payload where it names that model already."""
        return payload if payload.tree.get("model") == model else payload.with_members(model=model)

    def ask_usage(self, payload: Payload) -> Payload:
        """The streaming request with usage asked for, for dialects that do not give it unasked."""
        return payload

    def is_usage_only(self, frame: Frame) -> bool:
        """Whether a frame is there only because usage was asked for."""
        return False

    def is_terminator(self, frame: Frame) -> bool:
        """Whether a frame is the one that ends a complete stream of this dialect."""
        return False

    def terminator(self) -> list[Frame]:
        """What ends a stream whose vendor has stopped but left its terminator out."""
        return []

    def peek(self, raw: bytes) -> Peek:
        """Read a whole answer just enough to bill it.

        Raises:
            MalformedOutput: it is not one.
        """
        raise NotImplementedError(self.name)

    def meter(self) -> Meter:
        raise Unsupported(f"{self.name} has no streams.", param="stream")

    # ── what the route needs to know ──

    def acts(self, tree: JSON) -> bool:
        """Whether a request makes the vendor do more than answer: run a tool of its own, keep something."""
        return False

    def unkept(self, payload: Payload) -> Payload:
        """The request whose answer the vendor is not to keep; this payload itself where it keeps none."""
        return payload

    def recalls(self, tree: JSON) -> bool:
        """Whether a request has something in it that its vendor alone can look up, without naming it by an id that is
        ours on the outside.
        """
        return False

    def with_system(self, payload: Payload, text: str) -> Payload:
        """The request with this system prompt in place of its own; as it is, where it can have none."""
        return payload

    # ── prompts ──

    def conversation(self, tree: JSON) -> list[Any]:
        """The client's own messages, as they stand in the request."""
        raise Unsupported(_NO_PROMPTS)

    def settings(self, chat: Chat, fit: Fit) -> Spelt:
        """A prompt's tools, form and parameters as they stand in a request. `fit` has noted what cannot be said."""
        raise Unsupported(_NO_PROMPTS)

    def prompted(self, payload: Payload, prompt: Prompted, fit: Fit) -> Payload:
        """The request with a prompt in it.

        Raises:
            Unsupported: requests of this kind cannot be made by a prompt.
        """
        raise Unsupported(_NO_PROMPTS)

    # ── what limits and budgets need to know ──

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        """What bounds a request's prompt and answer, beside its bytes, at a vendor with these quirks."""
        return Size(output_limit=0)

    def with_output_limit(self, payload: Payload, tokens: int, quirks: Quirks) -> Payload:
        """The request with a limit of its output; as it is, where it can have none."""
        return payload

    def end_user(self, tree: JSON) -> str | None:
        """Whom the client calls for, in its own words."""
        user = tree.get("user")
        return user if isinstance(user, str) else None

    # ── what a request asks of its answer ──

    def expected(self, tree: JSON) -> Expected:
        """The form an answer's text is to have: `NOTHING` itself where none is asked for, which is told at once."""
        return NOTHING

    def offered(self, tree: JSON) -> Offered:
        """The tools an answer may call: `NO_TOOLS` itself where there are none."""
        return NO_TOOLS

    def with_correction(self, request: Payload, answer: Payload, problems: Sequence[str], choice: int = 0) -> Payload:
        """The request that asks again for an answer of which one choice is wrong, and tells what is wrong with it."""
        raise NotImplementedError(self.name)

    # ── ids of an account at the vendor ──

    def request_ids(self, tree: JSON) -> Iterable[AccountId]:
        """The ids in a request that name something in an account at the vendor: files, responses, containers."""
        return ()

    def answer_ids(self, tree: JSON) -> Iterable[AccountId]:
        """Those a whole answer tells."""
        return ()

    def frame_ids(self, tree: JSON) -> Iterable[AccountId]:
        """Those one parsed frame of a stream tells."""
        return ()

    def may_refer(self, raw: bytes) -> bool:
        """Whether it is worth looking for ids in a request: cheap, and never wrong in saying no, whatever the client
        does to hide one.
        """
        return False

    def may_tell_ids(self, raw: bytes) -> bool:
        """Whether it is worth looking for ids in a vendor's answer or a frame's data: cheap, no false negatives."""
        return False

    # ── the view of policies ──

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        """Every text-bearing string of a request: messages, tool descriptions and schemas, arguments, results."""
        raise NotImplementedError(self.name)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        """Every text-bearing string of a whole answer."""
        raise NotImplementedError(self.name)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        """Every text-bearing string of one parsed stream frame; its path tells which block it continues."""
        raise NotImplementedError(self.name)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        """Whether the string at `path` of a request is listed as not text: an id, an enum, an opaque signature,
        base64. Every string of a request is either yielded by `request_texts` or listed here.
        """
        raise NotImplementedError(self.name)


ChatDialect = Dialect[Chat, Answer]
AnyDialect = Dialect[Any, Any]
