"""Legacy completions as `Dialect`: each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.dialects.base import Context, Dialect, Fit, Meter, Peek, Quirks, StreamDecoder, StreamEncoder
from headgate.dialects.hub import Answer, Chat
from headgate.dialects.openai_chat import errors, meter
from headgate.dialects.openai_chat.dialect import ask_usage
from headgate.dialects.openai_completions import answer as answers
from headgate.dialects.openai_completions import request as requests
from headgate.dialects.openai_completions.names import NAME
from headgate.dialects.openai_completions.stream import Decoder, Encoder
from headgate.dialects.sizes import Shape, Size, size_of
from headgate.dialects.view import TextNode, strings
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload

SHAPE = Shape(limits=("max_tokens",), content=(), choices=("n", "best_of"), prompts="prompt")


class OpenaiCompletions(Dialect[Chat, Answer]):
    name = NAME
    operation = "complete"

    def path(self, model: str, stream: bool) -> str:
        return "/completions"

    def decode_request(self, tree: JSON) -> Chat:
        return requests.decode(tree)

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return requests.encode(request, fit)

    def decode_answer(self, tree: JSON) -> Answer:
        return answers.decode(tree)

    def encode_answer(self, answer: Answer, context: Context) -> JSON:
        return answers.encode(answer, context)

    def decode_stream(self) -> StreamDecoder:
        return Decoder()

    def encode_stream(self, context: Context) -> StreamEncoder:
        return Encoder(context)

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return errors.decode(NAME, status, headers, raw)

    def encode_error(self, error: HeadgateError) -> JSON:
        return errors.encode(error)

    def error_frames(self, error: HeadgateError) -> list[Frame]:
        return [Frame.of(errors.encode(error))]

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        return size_of(tree, SHAPE)

    def with_output_limit(self, payload: Payload, tokens: int, quirks: Quirks) -> Payload:
        return payload.with_members(max_tokens=tokens)

    def ask_usage(self, payload: Payload) -> Payload:
        return ask_usage(payload)

    def is_usage_only(self, frame: Frame) -> bool:
        return meter.is_usage_only(frame)

    def is_terminator(self, frame: Frame) -> bool:
        return frame.data == meter.DONE

    def peek(self, raw: bytes) -> Peek:
        return meter.peek(raw)

    def meter(self) -> Meter:
        return meter.ChatMeter()

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        for name, value in tree.items():
            if name != "model":
                is_prompt = name in ("prompt", "suffix")
                yield from strings(value, (name,), "user" if is_prompt else "", "user" if is_prompt else "parameter")

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        choices = tree.get("choices")
        for index, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and isinstance(choice.get("text"), str):
                yield TextNode(("choices", index, "text"), "assistant", "assistant", choice["text"])

    def frame_texts(self, tree: JSON) -> Iterator[TextNode]:
        yield from self.answer_texts(tree)

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return path == ("model",)
