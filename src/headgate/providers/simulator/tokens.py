"""What the simulator calls a token: cheap to count, the same everywhere, about as many as a real tokenizer gives.

A token is a run of at most nine letters with the space before it, a run of at most three digits or marks, a run of
spaces, or a single character of any other script. English prose comes out within a tenth of OpenAI's o200k_base.
"""

from __future__ import annotations

import re

import msgspec

from headgate.dialects.hub import Chat, Media, Message, Part, Reasoning, Refusal, Text, Tool, ToolCall, ToolResult

_TOKEN = re.compile(r"\s?[A-Za-zÀ-ɏ']{1,9}|\s?\d{1,3}|\s?[^\w\s]{1,3}|\s+|.", re.DOTALL)

SAMPLE_CHARACTERS = 4096
"""Of a longer text in a request only this much is counted, the rest is taken to be like it."""

MESSAGE_TOKENS = 4
TOOL_TOKENS = 8
IMAGE_TOKENS = 765  # one of 1024 x 1024 in high detail, as OpenAI's vision guide counts it
AUDIO_BYTES_PER_TOKEN = 3200  # 100 ms of 16 kHz mono PCM
FILE_BYTES_PER_TOKEN = 40


def pieces(text: str) -> list[str]:
    """The tokens of a text. Joined they are the text."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens a text has, by a sample where it is long."""
    if len(text) <= SAMPLE_CHARACTERS:
        return len(_TOKEN.findall(text))
    return len(_TOKEN.findall(text, 0, SAMPLE_CHARACTERS)) * len(text) // SAMPLE_CHARACTERS


def count_request(chat: Chat) -> tuple[int, int]:
    """A request's tokens: those of text and images, and those of audio."""
    audio = 0
    other = sum(map(count_tool, chat.tools))
    if chat.format is not None and chat.format.schema is not None:
        other += _count_json(chat.format.schema)
    for message in chat.messages:
        tokens, sound = count_message(message)
        other += tokens
        audio += sound
    return other, audio


def count_message(message: Message) -> tuple[int, int]:
    """A message's tokens: those of text and images, and those of audio."""
    other = MESSAGE_TOKENS
    audio = 0
    for part in message.parts:
        if isinstance(part, Media) and part.kind == "audio":
            audio += _bytes_of(part) // AUDIO_BYTES_PER_TOKEN + 1
        else:
            other += count_part(part)
    return other, audio


def count_part(part: Part) -> int:
    """The tokens of one part that is no audio."""
    match part:
        case Text() | Refusal() | Reasoning():
            return count(part.text)
        case ToolCall():
            return count(part.name) + count(part.arguments)
        case ToolResult():
            return MESSAGE_TOKENS + sum(map(count_part, part.parts))
        case Media():
            return _count_media(part)
        case _:
            return count(part.text) or _count_json(part.data)


def count_tool(tool: object) -> int:
    """The tokens that offering a tool takes."""
    if isinstance(tool, Tool):
        described = count(tool.name) + count(tool.description or "")
        return TOOL_TOKENS + described + (_count_json(tool.parameters) if tool.parameters else 0)
    return TOOL_TOKENS + _count_json(tool)


def _count_media(media: Media) -> int:
    if media.text is not None:
        return count(media.text)
    if media.kind in ("image", "video"):
        return IMAGE_TOKENS
    return _bytes_of(media) // FILE_BYTES_PER_TOKEN + MESSAGE_TOKENS


def _bytes_of(media: Media) -> int:
    return len(media.data or "") * 3 // 4


def _count_json(value: object) -> int:
    return len(msgspec.json.encode(value)) // 4 + 1
