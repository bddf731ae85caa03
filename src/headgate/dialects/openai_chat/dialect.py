"""Chat completions as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headgate.dialects.base import Context, Dialect, Fit, Meter, Peek, Quirks, StreamDecoder, StreamEncoder
from headgate.dialects.expected import Expected, Offered
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.openai_chat import answer, body, errors, expected, meter, reply, request, turns, view
from headgate.dialects.openai_chat.chunks import Encoder
from headgate.dialects.openai_chat.correction import with_correction
from headgate.dialects.openai_chat.names import NAME
from headgate.dialects.openai_chat.stream import Decoder
from headgate.dialects.openai_chat.system import with_system
from headgate.dialects.openai_chat.tools import acts
from headgate.dialects.prompting import Form, Prompted, Spelt, conversation, prompted, settings_of, spelt
from headgate.dialects.sizes import Shape, Size, size_of
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload

SHAPE = Shape(
    limits=("max_tokens", "max_completion_tokens"),
    content=("messages",),
    choices=("n",),
    own_tools=("function", "custom"),
    searches="web_search_options",
)

OLDER_LIMITS = ("max_tokens",)
"""What vendors read who do not know the newer member, and pass over it."""

FORM = Form(conversation="messages", format=("response_format",))


class OpenaiChat(Dialect[Chat, Answer]):
    name = NAME

    def path(self, model: str, stream: bool) -> str:
        return "/chat/completions"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return body.encode(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return answer.decode(tree)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return errors.decode(self.name, status, headers, raw)

    def decode_request(self, tree: JSON) -> Chat:
        return request.decode(tree)

    def encode_answer(self, answer: Answer, context: Context) -> JSON:
        return reply.encode(answer, context)

    def encode_stream(self, context: Context) -> StreamEncoder:
        return Encoder(context)

    def encode_error(self, error: HeadgateError) -> JSON:
        return errors.encode(error)

    def error_frames(self, error: HeadgateError) -> list[Frame]:
        """The chunk on which OpenAI's SDKs raise. No `[DONE]` follows: the stream is not complete."""
        return [Frame.of(errors.encode(error))]

    def acts(self, tree: JSON) -> bool:
        return acts(tree)

    def unkept(self, payload: Payload) -> Payload:
        """OpenAI takes `metadata` with answers it is to keep only."""
        if payload.tree.get("store") is not True:
            return payload
        return payload.without_members("metadata").with_members(store=False)

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        older = quirks is not None and quirks.max_tokens_field == "max_tokens"
        return size_of(tree, SHAPE, OLDER_LIMITS if older else None)

    def with_output_limit(self, payload: Payload, tokens: int, quirks: Quirks) -> Payload:
        return payload.with_members(**{quirks.max_tokens_field: tokens})

    def end_user(self, tree: JSON) -> str | None:
        return end_user(tree)

    def conversation(self, tree: JSON) -> list[Any]:
        return conversation(FORM, tree)

    def settings(self, chat: Chat, fit: Fit) -> Spelt:
        return spelt(FORM, chat, body.encode(settings_of(chat), fit))

    def prompted(self, payload: Payload, prompt: Prompted, fit: Fit) -> Payload:
        return prompted(FORM, payload, prompt, lambda messages: {"messages": turns.written(messages, fit)})

    def with_system(self, payload: Payload, text: str) -> Payload:
        return with_system(payload, text)

    def ask_usage(self, payload: Payload) -> Payload:
        return ask_usage(payload)

    def is_usage_only(self, frame: Frame) -> bool:
        return meter.is_usage_only(frame)

    def expected(self, tree: JSON) -> Expected:
        return expected.expected(tree)

    def offered(self, tree: JSON) -> Offered:
        return expected.offered(tree)

    def with_correction(self, request: Payload, answer: Payload, problems: Sequence[str], choice: int = 0) -> Payload:
        return with_correction(request, answer, problems, choice)

    def is_terminator(self, frame: Frame) -> bool:
        return frame.data == meter.DONE

    def terminator(self) -> list[Frame]:
        return [Frame(b"[DONE]")]

    def peek(self, raw: bytes) -> Peek:
        return meter.peek(raw)

    def meter(self) -> Meter:
        return meter.ChatMeter()

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.frame_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path, tree)


def end_user(tree: JSON) -> str | None:
    """OpenAI's `safety_identifier`, or `user`, which it replaces."""
    user = tree.get("safety_identifier") or tree.get("user")
    return user if isinstance(user, str) else None


def ask_usage(payload: Payload) -> Payload:
    """The streaming request with `stream_options.include_usage`; itself where it has it."""
    options = payload.tree.get("stream_options")
    if not isinstance(options, dict):
        return payload.with_members(stream_options={"include_usage": True})
    if options.get("include_usage") is True:
        return payload
    return payload.with_members(stream_options={**options, "include_usage": True})
