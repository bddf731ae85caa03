"""The hub's messages as `system` and `messages`.

Leading system and developer messages are the `system` member. Later ones become a system turn after the user's, where
the model takes those ("Mid-conversation system messages": behind a user turn, last or before an assistant's, never two
in a row); else a text of the user's turn between `<system>` tags, where they stood. If there is nothing but
instructions, they are the user's turn.

Neighbouring messages of one role become one, as Anthropic itself treats them, and in a user's turn what tools gave
back comes first, as it demands. Blank texts, which it refuses, are left out.
"""

from __future__ import annotations

import hashlib
import re
from itertools import groupby

import jiter

from headgate.dialects.anthropic_messages import media
from headgate.dialects.anthropic_messages.models import Generation
from headgate.dialects.anthropic_messages.names import NAME, ORIGIN
from headgate.dialects.anthropic_messages.request import TOP_CACHE
from headgate.dialects.anthropic_messages.tools import control
from headgate.dialects.base import Fit
from headgate.dialects.hub import (
    Media,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.errors import BadRequest
from headgate.types import JSON

_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_FORMS = frozenset({"content", TOP_CACHE})
"""Notes in a message's `extra` that are no members of it."""


class Conversation:
    """Writes the messages of one request."""

    def __init__(self, messages: tuple[Message, ...], generation: Generation, fit: Fit) -> None:
        self._messages = messages
        self._generation = generation
        self._fit = fit
        self.cache_control: JSON | None = None
        """What the top of the request said of caching."""
        if any(message.name is not None for message in messages):
            fit.note("name")

    def encode(self) -> tuple[str | list[JSON] | None, list[JSON]]:
        """The `system` member, None where there is none, and `messages`.

        Raises:
            Unsupported: a part cannot be said.
            BadRequest: a tool call's arguments are not a JSON object.
        """
        messages = self._messages
        first = next((i for i, each in enumerate(messages) if _speaks(each)), len(messages))
        system = [block for i in range(first) for block in self._blocks(messages[i], i)]
        turns: list[JSON] = []
        for is_assistant, group in groupby(range(first, len(messages)), lambda i: messages[i].role == "assistant"):
            run = list(group)
            for turn in self._assistant(run) if is_assistant else self._user(run, turns):
                _append(turn, turns)
        if turns and turns[-1]["role"] == "assistant":
            _trim(turns[-1])
        if not system:
            return None, turns
        if not turns:
            return None, [{"role": "user", "content": system}]
        if first == 1 and _is_string(messages[0]) and "cache_control" not in system[0]:
            return system[0]["text"], turns
        return system, turns

    # ── turns ──

    def _assistant(self, run: list[int]) -> list[JSON]:
        blocks = [block for i in run for block in self._blocks(self._messages[i], i)]
        return self._turn("assistant", blocks, run)

    def _user(self, run: list[int], before: list[JSON]) -> list[JSON]:
        """A user's turn, and the system turn that follows it. `before` are the turns before it."""
        messages = self._messages
        written = [(i, self._blocks(messages[i], i)) for i in run]
        spoken = [block for i, blocks in written if messages[i].role == "user" for block in blocks]
        apart = self._generation.system_turns and (bool(spoken) or _ends_in_server_tool(before))
        results = [block for block in spoken if block["type"] == "tool_result"]
        rest: list[JSON] = []
        system: list[JSON] = []
        for i, blocks in written:
            if messages[i].role == "user":
                rest += [block for block in blocks if block["type"] != "tool_result"]
            elif apart:
                system += blocks
            else:
                rest += self._folded(blocks, i)
        turns = self._turn("user", results + rest, [i for i in run if messages[i].role == "user"])
        if apart:
            turns += self._turn("system", system, [i for i in run if messages[i].role != "user"])
        return turns

    def _folded(self, blocks: list[JSON], number: int) -> list[JSON]:
        folded: list[JSON] = []
        for place, block in enumerate(blocks):
            if block["type"] == "text":
                folded.append({**block, "text": f"<system>\n{block['text']}\n</system>"})
            else:
                why = "this model takes no changes of its tools between turns"
                self._fit.refuse(f"messages[{number}].content[{place}]", why)
        return folded

    def _turn(self, role: str, blocks: list[JSON], numbers: list[int]) -> list[JSON]:
        """A message of some blocks, unless there is nothing in it."""
        members: JSON = {}
        for i in numbers:
            extra = self._messages[i].extra.get(NAME, {})
            members |= {name: value for name, value in extra.items() if name not in _FORMS}
        if not blocks and not members:
            return []
        if len(numbers) == 1 and len(blocks) == 1 and _is_string(self._messages[numbers[0]]):
            block = blocks[0]
            if block.keys() == {"type", "text"}:
                return [{"role": role, "content": block["text"], **members}]
        turn: JSON = {"role": role, "content": blocks} if blocks else {"role": role}
        return [{**turn, **members}]

    # ── blocks ──

    def _blocks(self, message: Message, number: int) -> list[JSON]:
        """A message's parts. A breakpoint that stood at the top of the request goes back there."""
        where = f"messages[{number}]"
        parts = message.parts
        top = message.extra.get(NAME, {}).get(TOP_CACHE)
        if top is not None:
            self.cache_control = top["control"]
        blocks: list[JSON] = []
        for place, part in enumerate(parts):
            block = self._block(part, f"{where}.content[{place}]", message.role)
            if block is None:
                continue
            cache = getattr(part, "cache", None)
            if cache is not None and not (top is not None and top["set"] and place == len(parts) - 1):
                block.setdefault("cache_control", control(cache))
            blocks.append(block)
        return blocks

    def _block(self, part: Part, where: str, role: str) -> JSON | None:
        match part:
            case Text():
                return self._text(part)
            case Refusal():
                return {"type": "text", "text": part.text} if part.text.strip() else None
            case Reasoning():
                return _reasoning(part) if role == "assistant" else None
            case Media():
                return media.encode(part, self._fit, where)
            case ToolCall():
                return self._tool_use(part, where)
            case ToolResult():
                return self._tool_result(part, where)
            case Native() if part.dialect == NAME:
                return dict(part.data)
            case Native():
                self._fit.refuse(where, f"Anthropic has no '{part.data.get('type', part.dialect)}'")
                return None

    def _text(self, part: Text) -> JSON | None:
        if not part.text.strip():
            return None
        block: JSON = {"type": "text", "text": part.text, **part.extra.get(NAME, {})}
        citations = [each.extra[NAME] for each in part.citations if _is_own(each.extra)]
        if citations:
            block["citations"] = citations
        if len(citations) < len(part.citations):
            self._fit.note("citations")
        return block

    def _tool_use(self, call: ToolCall, where: str) -> JSON | None:
        if call.kind == "custom":
            self._fit.refuse(where, "Anthropic has no tools that take free text")
            return None
        arguments = _arguments(call, where)
        extra = call.extra.get(NAME, {})
        return {"type": "tool_use", "id": tool_id(call.id), "name": call.name, "input": arguments, **extra}

    def _tool_result(self, result: ToolResult, where: str) -> JSON:
        extra = dict(result.extra.get(NAME, {}))
        block: JSON = {"type": "tool_result", "tool_use_id": tool_id(result.call_id)}
        content: list[JSON] = []
        for place, part in enumerate(result.parts):
            inner = self._block(part, f"{where}.content[{place}]", "user")
            if inner is None:
                continue
            cache = getattr(part, "cache", None)
            if cache is not None:
                inner.setdefault("cache_control", control(cache))
            content.append(inner)
        if extra.pop("content", None) == "string" and len(content) <= 1:
            block["content"] = content[0]["text"] if content else ""
        elif content or "content" in result.extra.get(NAME, {}):
            block["content"] = content
        if result.is_error:
            block["is_error"] = True
        return {**block, **extra}


def tool_id(id: str) -> str:
    """A tool call's id; another made from it where Anthropic would not take it (`a-zA-Z0-9_-` only)."""
    if _TOOL_ID.fullmatch(id):
        return id
    return "toolu_" + hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _speaks(message: Message) -> bool:
    return message.role in ("user", "assistant")


def _is_string(message: Message) -> bool:
    return message.extra.get(NAME, {}).get("content") == "string"


def _is_own(extra: dict[str, JSON]) -> bool:
    """Whether a citation is one Anthropic made: those that were made up for a client lack what only it can write."""
    return NAME in extra and extra[NAME].get("encrypted_index") != ""


def _reasoning(part: Reasoning) -> JSON | None:
    """Thinking that Anthropic signed; it refuses all other, and can use none."""
    if part.redacted is not None and part.redacted.origin == ORIGIN:
        return {"type": "redacted_thinking", "data": part.redacted.value, **part.extra.get(NAME, {})}
    if part.signature is not None and part.signature.origin == ORIGIN:
        signed = {"type": "thinking", "thinking": part.text, "signature": part.signature.value}
        return {**signed, **part.extra.get(NAME, {})}
    return None


def _arguments(call: ToolCall, where: str) -> JSON:
    if not call.arguments.strip():
        return {}
    try:
        arguments = jiter.from_json(call.arguments.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise BadRequest(f"'{where}': the arguments are not valid JSON: {error}.", param=where) from None
    if not isinstance(arguments, dict):
        raise BadRequest(f"'{where}': the arguments must be a JSON object.", param=where)
    return arguments


def _ends_in_server_tool(turns: list[JSON]) -> bool:
    """Whether the last turn is the assistant's and ends in a tool of the server's, so that a system turn may follow."""
    content = turns[-1].get("content") if turns else None
    return isinstance(content, list) and content[-1]["type"].endswith(("_tool_result", "server_tool_use"))


def _append(turn: JSON, turns: list[JSON]) -> None:
    """Add a turn, to the last one where that is of the same role because nothing was left of what stood between."""
    last = turns[-1] if turns else {}
    if last.keys() == turn.keys() == {"role", "content"} and last["role"] == turn["role"]:
        for each in (last, turn):
            if isinstance(each["content"], str):
                each["content"] = [{"type": "text", "text": each["content"]}]
        last["content"] = last["content"] + turn["content"]
    else:
        turns.append(turn)


def _trim(turn: JSON) -> None:
    """A last turn of the assistant's may not end in white space."""
    content = turn.get("content")
    if isinstance(content, str):
        turn["content"] = content.rstrip()
    elif content and content[-1]["type"] == "text":
        content[-1]["text"] = content[-1]["text"].rstrip()
