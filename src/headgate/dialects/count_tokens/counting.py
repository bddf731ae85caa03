"""What all formats of counting share: the request is that of a generation, cut down, and the answer one number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from headgate.dialects.base import AccountId, ChatDialect, Context, Dialect, Fit, Peek
from headgate.dialects.hub import Chat, TokenCount
from headgate.dialects.members import parsed, required
from headgate.dialects.prompting import Prompted, Spelt
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.types import JSON, Frame, Path, Payload, Usage


class Counting(Dialect[Chat, TokenCount]):
    """A vendor's counting, written in terms of the dialect of its generations."""

    operation = "count_tokens"

    def __init__(self, generations: ChatDialect, member: str) -> None:
        self.generations = generations
        self._member = member
        """Of the answer, where the number stands."""

    def decode_answer(self, tree: JSON) -> TokenCount:
        return TokenCount(input_tokens=required(tree, self._member, int, "answer"))

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return self.generations.decode_error(status, headers, raw)

    def encode_error(self, error: HeadgateError) -> JSON:
        return self.generations.encode_error(error)

    def error_frames(self, error: HeadgateError) -> list[Frame]:
        return self.generations.error_frames(error)

    def address(self, payload: Payload, model: str) -> Payload:
        return self.generations.address(payload, model)

    def peek(self, raw: bytes) -> Peek:
        """Counting uses nothing: no vendor bills it.

        Raises:
            MalformedOutput: it is not an answer to a count.
        """
        self.decode_answer(parsed(raw, "answer"))
        return Peek(usage=Usage())

    def conversation(self, tree: JSON) -> list[Any]:
        return self.generations.conversation(tree)

    def settings(self, chat: Chat, fit: Fit) -> Spelt:
        return self.generations.settings(chat, fit)

    def prompted(self, payload: Payload, prompt: Prompted, fit: Fit) -> Payload:
        """What counts of a prompt: its messages, tools and form, and no parameters of the answer."""
        return self.generations.prompted(payload, replace(prompt, spelt=replace(prompt.spelt, settings=())), fit)

    def request_ids(self, tree: JSON) -> Iterable[AccountId]:
        return self.generations.request_ids(tree)

    def may_refer(self, raw: bytes) -> bool:
        return self.generations.may_refer(raw)

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        return self.generations.request_texts(tree)

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        return iter(())

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return self.generations.is_not_text(path, tree)

    def encode_answer(self, answer: TokenCount, context: Context) -> JSON:
        return {self._member: answer.input_tokens}

    def cut(self, request: Chat, fit: Fit, members: frozenset[str]) -> JSON:
        """The generation's body, only the members that count.

        Raises:
            Unsupported: the request cannot be said in this dialect.
        """
        body = self.generations.encode_request(request, fit)
        return {name: value for name, value in body.items() if name in members}
