"""The Responses dialect as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headgate.dialects.base import AccountId, Context, Dialect, Fit, Meter, Peek, Quirks, StreamDecoder, StreamEncoder
from headgate.dialects.expected import Expected, Offered
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.openai_chat.dialect import end_user
from headgate.dialects.openai_responses import expected, ids, view
from headgate.dialects.openai_responses.answer import decode_answer
from headgate.dialects.openai_responses.body import encode_request
from headgate.dialects.openai_responses.correction import with_correction
from headgate.dialects.openai_responses.decoder import Decoder
from headgate.dialects.openai_responses.encoder import Encoder
from headgate.dialects.openai_responses.errors import decode_error, encode_error, error_frames
from headgate.dialects.openai_responses.meter import ResponsesMeter, is_end, peek
from headgate.dialects.openai_responses.names import NAME
from headgate.dialects.openai_responses.reply import encode_answer
from headgate.dialects.openai_responses.request import decode_request
from headgate.dialects.openai_responses.tools import acts
from headgate.dialects.prompting import Form, Prompted, Spelt, conversation, prompted, settings_of, spelt
from headgate.dialects.sizes import Shape, Size, size_of
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload

SHAPE = Shape(
    limits=("max_output_tokens",),
    content=("input",),
    refers=("previous_response_id", "conversation", "prompt"),
    own_tools=("function", "custom", "local_shell", "computer", "apply_patch"),
    uses="max_tool_calls",
)

FORM = Form(conversation="input", bare=True, format=("text", "format"))


class OpenaiResponses(Dialect[Chat, Answer]):
    name = NAME
    tells_ids = True

    def path(self, model: str, stream: bool) -> str:
        return "/responses"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return encode_request(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return decode_answer(tree)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

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

    def unkept(self, payload: Payload) -> Payload:
        return payload if payload.tree.get("store") is False else payload.with_members(store=False)

    def recalls(self, tree: JSON) -> bool:
        return ids.refers_to_items(tree)

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        return size_of(tree, SHAPE)

    def with_output_limit(self, payload: Payload, tokens: int, quirks: Quirks) -> Payload:
        return payload.with_members(max_output_tokens=tokens)

    def end_user(self, tree: JSON) -> str | None:
        return end_user(tree)

    def conversation(self, tree: JSON) -> list[Any]:
        return conversation(FORM, tree)

    def settings(self, chat: Chat, fit: Fit) -> Spelt:
        return spelt(FORM, chat, encode_request(settings_of(chat), fit))

    def prompted(self, payload: Payload, prompt: Prompted, fit: Fit) -> Payload:
        return prompted(FORM, payload, prompt, lambda messages: encode_request(Chat(model="", messages=messages), fit))

    def with_system(self, payload: Payload, text: str) -> Payload:
        return payload.with_members(instructions=text)

    def expected(self, tree: JSON) -> Expected:
        return expected.expected(tree)

    def offered(self, tree: JSON) -> Offered:
        return expected.offered(tree)

    def with_correction(self, request: Payload, answer: Payload, problems: Sequence[str], choice: int = 0) -> Payload:
        return with_correction(request, answer, problems)

    def is_terminator(self, frame: Frame) -> bool:
        return is_end(frame)

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def meter(self) -> Meter:
        return ResponsesMeter()

    def request_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.request_ids(tree)

    def answer_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.answer_ids(tree)

    def frame_ids(self, tree: JSON) -> Iterable[AccountId]:
        return ids.frame_ids(tree)

    def may_refer(self, raw: bytes) -> bool:
        return True

    def may_tell_ids(self, raw: bytes) -> bool:
        return raw.startswith(b"{") and b".delta" not in raw[:80]

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.frame_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path, tree)
