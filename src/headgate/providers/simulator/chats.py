"""Generations in any dialect that the hub knows, whole or streamed, and the counting of their prompts."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import msgspec
from msgspec.structs import replace

from headgate.dialects.base import AnyDialect, Context
from headgate.dialects.hub import Answer, Chat
from headgate.errors import BadRequest
from headgate.providers.simulator.answers import last_text, write
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.events import steps
from headgate.providers.simulator.made import SSE_TYPE, Asked, Made
from headgate.providers.simulator.promptcache import PromptCache
from headgate.providers.simulator.response import Piece
from headgate.providers.simulator.script import ScriptedReply
from headgate.providers.simulator.stored import Stored
from headgate.providers.simulator.tokens import count_request
from headgate.types import JSON, Usage

MAX_CHOICES = 128


class Chats:
    """Answers chat requests; keeps what repeated ones need: the prompt cache, the responses that were stored."""

    def __init__(self) -> None:
        self.stored = Stored()
        self._cache = PromptCache()

    def ask(self, dialect: AnyDialect, tree: JSON, key: str, created: int) -> Asked:
        """A generation.

        Raises:
            BadRequest: it is no request of the dialect.
        """
        chat: Chat = dialect.decode_request(tree)
        if chat.choices is not None and not 1 <= chat.choices <= MAX_CHOICES:
            raise BadRequest(f"'n' must be between 1 and {MAX_CHOICES}.", param="n")

        def make(dice: Dice, reply: ScriptedReply) -> Made:
            context = Context(asked=tree, id=dice.seed.hex()[:24], created=created)
            return self._make(dialect, chat, key, context, dice, reply)

        return Asked(make=make, model=chat.model, text=last_text(chat), stream=chat.stream)

    def _make(
        self, dialect: AnyDialect, chat: Chat, key: str, context: Context, dice: Dice, reply: ScriptedReply
    ) -> Made:
        written = write(chat, dialect.name, dice, reply)
        tokens, audio = count_request(chat)
        usage = replace(
            self._cache.usage(chat, key, tokens, monotonic()),
            audio_input_tokens=audio,
            output_tokens=written.tokens,
            reasoning_tokens=written.reasoning,
        )
        if reply.usage is not None:
            usage = msgspec.convert({**msgspec.structs.asdict(usage), **reply.usage}, Usage)
        answer = Answer(id="", model=chat.model, choices=written.choices, usage=usage, created=context.created)
        if dialect.name == "openai_responses" and chat.store is not False:
            self.stored.add(dialect.encode_answer(answer, context))
        if chat.stream:
            pieces = _pieces(dialect, answer, written.hidden, context)
            return Made(content_type=SSE_TYPE, usage=usage, tokens=written.tokens, pieces=pieces)
        body = msgspec.json.encode(dialect.encode_answer(answer, context))
        return Made(usage=usage, tokens=written.tokens, body=body)

    def count(self, dialect: AnyDialect, tree: JSON) -> Asked:
        """The counting of a prompt.

        Raises:
            BadRequest: it is no request of the dialect.
        """
        chat: Chat = dialect.decode_request({"max_tokens": 1, **tree} if dialect.name == "anthropic_messages" else tree)
        document: JSON = {"input_tokens": sum(count_request(chat))}
        if dialect.name == "openai_responses":
            document = {"object": "response.input_tokens", **document}

        def make(_dice: Dice, _reply: ScriptedReply) -> Made:
            return Made(body=msgspec.json.encode(document))

        return Asked(make=make, model=chat.model, text=last_text(chat))


def _pieces(dialect: AnyDialect, answer: Answer, hidden: int, context: Context) -> Iterator[Piece]:
    encoder = dialect.encode_stream(context)
    for step in steps(answer, hidden):
        frames = encoder.feed(step.event)
        if frames or step.tokens:
            yield Piece(b"".join([frame.encode() for frame in frames]), step.tokens)
