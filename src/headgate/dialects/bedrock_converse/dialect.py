"""The Converse dialect as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from headgate.dialects.base import Dialect, Fit, Meter, Peek, StreamDecoder
from headgate.dialects.bedrock_converse import view
from headgate.dialects.bedrock_converse.answer import decode_answer
from headgate.dialects.bedrock_converse.blocks import NAME
from headgate.dialects.bedrock_converse.errors import decode_error
from headgate.dialects.bedrock_converse.meter import ConverseMeter, peek
from headgate.dialects.bedrock_converse.request import encode_request
from headgate.dialects.bedrock_converse.stream import Decoder
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload


class BedrockConverse(Dialect[Chat, Answer]):
    name = NAME
    framing = "aws"

    def path(self, model: str, stream: bool) -> str:
        """Inference profiles may be ARNs, so slashes and colons are escaped too."""
        return f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return encode_request(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return decode_answer(tree)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

    def address(self, payload: Payload, model: str) -> Payload:
        return payload

    def is_terminator(self, frame: Frame) -> bool:
        return frame.event == "metadata"

    def peek(self, raw: bytes) -> Peek:
        return peek(raw)

    def meter(self) -> Meter:
        return ConverseMeter()

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.frame_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path)
