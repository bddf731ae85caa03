"""The Messages dialect as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headgate.dialects.anthropic_messages import expected, ids, view
from headgate.dialects.anthropic_messages.answer import decode_answer
from headgate.dialects.anthropic_messages.body import encode_request
from headgate.dialects.anthropic_messages.correction import with_correction
from headgate.dialects.anthropic_messages.errors import decode_error, encode_error, error_frames
from headgate.dialects.anthropic_messages.meter import MessageMeter, is_end, peek
from headgate.dialects.anthropic_messages.names import NAME
from headgate.dialects.anthropic_messages.reply import encode_answer
from headgate.dialects.anthropic_messages.request import decode_request
from headgate.dialects.anthropic_messages.stream import Decoder
from headgate.dialects.anthropic_messages.tools import CLIENTS, acts
from headgate.dialects.anthropic_messages.writer import Encoder
from headgate.dialects.base import AccountId, Context, Dialect, Fit, Meter, Peek, Quirks, StreamDecoder, StreamEncoder
from headgate.dialects.expected import Expected, Offered
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.prompting import Form, Prompted, Spelt, conversation, prompted, settings_of, spelt
from headgate.dialects.sizes import Shape, Size, size_of
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload

SHAPE = Shape(
    limits=("max_tokens",),
    content=("messages", "system"),
    refers=("container",),
    own_tools=CLIENTS,
    tool_uses="max_uses",
)

FORM = Form(conversation="messages", system="system", format=("output_config", "format"))


class AnthropicMessages(Dialect[Chat, Answer]):
    name = NAME
    tells_ids = True

    def path(self, model: str, stream: bool) -> str:
        return "/v1/messages"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return encode_request(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return decode_answer(tree)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(status, headers, raw)

    def decode_request(self, tree: JSON) -> Chat:
        return decode_request(tree)

    def encode_answer(self, answer: Answer, context: Context) -> JSON:
        return encode_answer(answer, context)

    def encode_stream(self, context: Context) -> StreamEncoder:
        return Encoder(context)

    def encode_error(self, error: HeadgateError) -> JSON:
        return encode_error(error)

    def error_frames(self, error: HeadgateError) -> list[Frame]:
        return error_frames(error)

    def acts(self, tree: JSON) -> bool:
        return acts(tree)

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        return size_of(tree, SHAPE)

    def with_output_limit(self, payload: Payload, tokens: int, quirks: Quirks) -> Payload:
        return payload.with_members(max_tokens=tokens)

    def end_user(self, tree: JSON) -> str | None:
        metadata = tree.get("metadata")
        user = metadata.get("user_id") if isinstance(metadata, dict) else None
        return user if isinstance(user, str) else None

    def conversation(self, tree: JSON) -> list[Any]:
        return conversation(FORM, tree)

    def settings(self, chat: Chat, fit: Fit) -> Spelt:
        return spelt(FORM, chat, encode_request(settings_of(chat), fit))

    def prompted(self, payload: Payload, prompt: Prompted, fit: Fit) -> Payload:
        return prompted(FORM, payload, prompt, lambda messages: encode_request(Chat(model="", messages=messages), fit))

    def with_system(self, payload: Payload, text: str) -> Payload:
        return payload.with_members(system=text)

    def expected(self, tree: JSON) -> Expected:
        return expected.expected(tree)

    def offered(self, tree: JSON) -> Offered:
        return expected.offered(tree)

    def with_correction(self, request: Payload, answer: Payload, problems: Sequence[str], choice: int = 0) -> Payload:
        return with_correction(request, answer, problems)

    def is_terminator(self, frame: Frame) -> bool:
        return is_end(frame)

    def terminator(self) -> list[Frame]:
        return [Frame(b'{"type":"message_stop"}', "message_stop")]

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def meter(self) -> Meter:
        return MessageMeter()

    def request_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.request_ids(tree)

    def answer_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.answer_ids(tree)

    def frame_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.frame_ids(tree)

    def may_refer(self, raw: bytes) -> bool:
        return self.may_tell_ids(raw)

    def may_tell_ids(self, raw: bytes) -> bool:
        return b"container" in raw or b"file_id" in raw or b"\\u" in raw  # a name may be written in escapes

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.frame_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path, tree)
