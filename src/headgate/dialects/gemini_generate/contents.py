"""The hub's messages as `systemInstruction` and `contents` (Gemini API reference, Content).

System and developer messages that come first are the system instruction. A later one keeps its place: it becomes a
text of the user's turn between `<system>` tags, since contents know no such role and moving it to the front would say
it of what came before. If there is nothing else, the instruction is the user's turn.

Function responses of a turn stand in a content of their own right after the calls, whichever messages they came in.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import jiter

from headgate.dialects.base import Fit
from headgate.dialects.gemini_generate import media
from headgate.dialects.gemini_generate.names import NAME, ORIGIN, is_made, older_than
from headgate.dialects.hub import (
    Media,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.errors import Unsupported
from headgate.types import JSON

DUMMY = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""`skip_thought_signature_validator` as base64: what the vendor documents for calls its model did not make
("Thought signatures", FAQ)."""

_EMPTY: JSON = {"text": ""}


def encode(messages: tuple[Message, ...], fit: Fit) -> tuple[JSON | None, list[JSON]]:
    """The system instruction, if any, and the contents.

    Raises:
        Unsupported: a part the target cannot take, or a tool result whose call is nowhere; names the message.
    """
    encoder = _Encoder(messages, fit)
    first = next((i for i, each in enumerate(messages) if each.role not in ("system", "developer")), len(messages))
    instruction = [part for i in range(first) for part in encoder.plain(messages[i].parts, f"messages[{i}]")]
    numbered = list(enumerate(messages))[first:]
    contents: list[JSON] = []
    for is_model, turn in groupby(numbered, key=lambda item: item[1].role == "assistant"):
        write = encoder.model if is_model else encoder.user
        for content in write(turn):
            if is_model and contents and contents[-1]["role"] == "model":  # nothing was said in between
                contents[-1]["parts"] += content["parts"]
            else:
                contents.append(content)
    if not instruction:
        return None, contents
    if not contents:
        return None, [{"role": "user", "parts": instruction}]
    return {"role": "user", "parts": instruction}, contents


class _Encoder:
    """Writes turns, knowing the calls made so far."""

    def __init__(self, messages: tuple[Message, ...], fit: Fit) -> None:
        self._fit = fit
        self._names: dict[str, str] = {}
        self._signs = not older_than(fit.model, 3)
        for message in messages:
            if message.name is not None:
                fit.note("name")

    def model(self, turn: Iterable[tuple[int, Message]]) -> list[JSON]:
        """Consecutive assistant messages as one content; the first call of it has to be signed from Gemini 3 on."""
        parts: list[JSON] = []
        for number, message in turn:
            where = f"messages[{number}]"
            for part in message.parts:
                if isinstance(part, ToolCall):
                    parts.append(self._call(part, where))
                elif isinstance(part, Reasoning):
                    parts += _thought(part)
                else:
                    parts += self.plain((part,), where)
        if self._signs:
            first = next((part for part in parts if "functionCall" in part), None)
            if first is not None and "thoughtSignature" not in first:
                first["thoughtSignature"] = DUMMY
        return [{"role": "model", "parts": _said(parts)}] if parts else []

    def user(self, turn: Iterable[tuple[int, Message]]) -> list[JSON]:
        """Consecutive messages of anybody else: what tools gave back, and then the rest."""
        results: list[JSON] = []
        rest: list[JSON] = []
        for number, message in turn:
            where = f"messages[{number}]"
            if message.role != "user":
                rest += [_tagged(part) for part in self.plain(message.parts, where)]
                continue
            for part in message.parts:
                if isinstance(part, ToolResult):
                    result, beside = self._result(part, where)
                    results.append(result)
                    rest += beside
                else:
                    rest += self.plain((part,), where)
        if results and rest == [_EMPTY]:
            rest = []
        return [{"role": "user", "parts": _said(parts)} for parts in (results, rest) if parts]

    def plain(self, parts: Iterable[Part], where: str) -> list[JSON]:
        """Parts of any role."""
        encoded: list[JSON] = []
        for number, part in enumerate(parts):
            at = f"{where}.content[{number}]"
            match part:
                case Text() | Refusal():
                    encoded.append(self._text(part))
                case Media():
                    self._mark(part.cache)
                    found = media.encode(part, self._fit, at)
                    if found is not None:
                        encoded.append(found)
                case Native() if part.dialect == NAME:
                    encoded.append(part.data)
                case Native():
                    self._fit.refuse(at, f"Gemini has no '{part.data.get('type', part.dialect)}'")
                case ToolCall():
                    self._fit.refuse(at, "only the assistant calls tools")
                case ToolResult():
                    self._fit.refuse(at, "only the user gives tool results")
                case Reasoning():
                    pass  # not the model's own turn, so nothing it could use
        return encoded

    def _text(self, part: Text | Refusal) -> JSON:
        if isinstance(part, Refusal):
            return {"text": part.text}
        self._mark(part.cache)
        signature = _own(part.signature)
        encoded = {"text": part.text, **part.extra.get(NAME, {})}
        if signature is not None:
            encoded["thoughtSignature"] = signature
        return encoded

    def _call(self, call: ToolCall, where: str) -> JSON:
        self._mark(call.cache)
        self._names[call.id] = call.name
        function: JSON = {"name": call.name, "args": self._arguments(call, where)}
        if call.id and not is_made(call.id):
            function["id"] = call.id
        extra = call.extra.get(NAME, {})
        encoded: JSON = {**extra, "functionCall": {**extra.get("functionCall", {}), **function}}
        signature = _own(call.signature)
        if signature is not None:
            encoded["thoughtSignature"] = signature
        return encoded

    def _arguments(self, call: ToolCall, where: str) -> JSON:
        if call.kind == "custom":
            self._fit.refuse(f"{where}.tool_calls", "Gemini has no custom tools")
            return {"input": call.arguments}
        try:
            arguments: Any = jiter.from_json(call.arguments.encode("utf-8", "surrogatepass")) if call.arguments else {}
        except ValueError:
            arguments = None
        if isinstance(arguments, dict):
            return arguments
        self._fit.refuse(f"{where}.tool_calls", f"the arguments of '{call.name}' are no JSON object")
        return {}

    def _result(self, result: ToolResult, where: str) -> tuple[JSON, list[JSON]]:
        """The functionResponse, and what has to follow it because it cannot be inside."""
        self._mark(result.cache)
        name = self._names.get(result.call_id) or result.name
        if name is None:
            raise Unsupported(f"'{where}' answers the tool call '{result.call_id}', which nobody made.", param=where)
        texts: list[str] = []
        inside: list[JSON] = []
        beside: list[JSON] = []
        for part in self.plain(result.parts, where):
            if part.keys() == {"text"}:
                texts.append(part["text"])
            elif self._signs and _type(part).startswith(media.IN_RESULTS):
                inside.append(part)
            else:
                beside.append(part)
        function: JSON = {"name": name, "response": _response(texts, result.is_error)}
        if result.call_id and not is_made(result.call_id):
            function["id"] = result.call_id
        if inside:
            function["parts"] = inside
        if beside:
            beside.insert(0, {"text": f"Part of what {name} gave back:"})
        return {"functionResponse": function}, beside

    def _mark(self, cache: object) -> None:
        if cache is not None:
            self._fit.note("cache_control")


def _said(parts: list[JSON]) -> list[JSON]:
    """A turn's parts without empty texts, unless there is nothing else: then it is an empty turn, which is allowed."""
    return [part for part in parts if part != _EMPTY] or parts[:1]


def _own(signature: Signature | None) -> str | None:
    return signature.value if signature is not None and signature.origin == ORIGIN else None


def _thought(part: Reasoning) -> list[JSON]:
    """A thought only if it is signed: unsigned ones are summaries for people, other vendors' are of no use here."""
    signature = _own(part.signature) or _own(part.redacted)
    if signature is None:
        return []
    encoded: JSON = {"text": part.text, "thoughtSignature": signature}
    if part.text:
        encoded["thought"] = True
    return [encoded]


def _tagged(part: JSON) -> JSON:
    return {"text": f"<system>\n{part['text']}\n</system>"} if part.keys() == {"text"} else part


def _response(texts: list[str], is_error: bool) -> JSON:
    """`output` and `error` are the two members the vendor gives a meaning (FunctionResponse, response)."""
    if is_error:
        return {"error": "\n".join(texts)}
    if not texts:
        return {}
    return {"output": texts[0] if len(texts) == 1 else texts}


def _type(part: JSON) -> str:
    for member in ("inlineData", "fileData"):
        if member in part:
            return part[member].get("mimeType", "")
    return ""
