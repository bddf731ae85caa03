"""generateContent as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.dialects.base import Dialect, Fit, Meter, Peek, StreamDecoder
from headgate.dialects.gemini_generate import answer, errors, meter, names, stream, view
from headgate.dialects.gemini_generate.request import encode
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Path, Payload


class GeminiGenerate(Dialect[Chat, Answer]):
    name = names.NAME

    def path(self, model: str, stream: bool) -> str:
        """On Vertex AI the part before `publishers/google/models/` differs: `names.method` is what they share."""
        return f"/v1beta/{names.resource(model)}{names.method(stream)}"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return encode(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return answer.decode(tree)

    def decode_stream(self) -> StreamDecoder:
        return stream.Decoder()

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return errors.decode(status, headers, raw)

    def address(self, payload: Payload, model: str) -> Payload:
        """Bodies do not name the model."""
        return payload

    def peek(self, raw: bytes) -> Peek:
        return meter.peek(raw)

    def meter(self) -> Meter:
        return meter.GenerateMeter()

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        return view.answer_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return view.is_not_text(path)
