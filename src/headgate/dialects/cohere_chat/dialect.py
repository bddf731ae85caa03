"""The Cohere dialect as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.dialects.base import Dialect, Fit, Meter, Peek, StreamDecoder
from headgate.dialects.cohere_chat import view
from headgate.dialects.cohere_chat.answer import NAME, decode_answer
from headgate.dialects.cohere_chat.errors import decode_error
from headgate.dialects.cohere_chat.meter import CohereMeter, is_end, peek
from headgate.dialects.cohere_chat.request import encode_request
from headgate.dialects.cohere_chat.stream import Decoder
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path


class CohereChat(Dialect[Chat, Answer]):
    name = NAME

    def path(self, model: str, stream: bool) -> str:
        return "/v2/chat"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return encode_request(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return decode_answer(tree)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

    def is_terminator(self, frame: Frame) -> bool:
        return is_end(frame)

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def meter(self) -> Meter:
        return CohereMeter()

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.frame_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path, tree)
