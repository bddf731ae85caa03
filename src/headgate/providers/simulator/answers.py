"""Writing the answer to a chat request: text, tool calls, JSON in a given schema, reasoning, why it stopped."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.dialects.hub import (
    Chat,
    Choice,
    Message,
    Part,
    Reasoning,
    Refusal,
    Signature,
    Stop,
    Text,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolResult,
)
from headgate.providers.simulator import words
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.instances import instance
from headgate.providers.simulator.limits import count_output, limited, stopped
from headgate.providers.simulator.script import ScriptedCall, ScriptedReply
from headgate.providers.simulator.tokens import pieces
from headgate.providers.simulator.tools import chosen

TOPIC_CHARACTERS = 48
RESULT_CHARACTERS = 200
_LENGTHS = {"low": 0.5, "high": 2.0}
"""How much shorter or longer than usual a text is at that verbosity."""
_THOUGHTS = {"minimal": 8, "low": 30, "medium": 80, "high": 200, "xhigh": 300, "max": 400}
"""About how many tokens of reasoning an effort gets."""


class Written(msgspec.Struct, frozen=True):
    """All choices of an answer, with its output counted."""

    choices: tuple[Choice, ...]
    tokens: int
    """All of them, hidden ones included."""
    reasoning: int
    hidden: int
    """Tokens of reasoning that the dialect doesn't show."""


def write(chat: Chat, dialect: str, dice: Dice, reply: ScriptedReply) -> Written:
    """The answer to a request, as far as the reply does not say what it is.

    Raises:
        BadRequest: a schema of the request cannot be met.
    """
    choices: list[Choice] = []
    tokens = reasoning = hidden = 0
    for number in range(chat.choices or 1):
        writer = _Writer(chat, dialect, dice.fork(f"choice {number}") if number else dice, reply)
        choice = writer.choice()
        choices.append(choice)
        hidden += writer.hidden
        for part in choice.parts:
            counted = count_output(part)
            tokens += counted
            if isinstance(part, Reasoning):
                reasoning += counted
    return Written(tuple(choices), tokens + hidden, reasoning + hidden, hidden)


def last_text(chat: Chat) -> str:
    """The text of the last message, tool results included."""
    if not chat.messages:
        return ""
    return " ".join(_texts(chat.messages[-1].parts))


class _Writer:
    """Writes one choice."""

    def __init__(self, chat: Chat, dialect: str, dice: Dice, reply: ScriptedReply) -> None:
        self._chat = chat
        self._dialect = dialect
        self._dice = dice
        self._reply = reply
        self.hidden = 0

    def choice(self) -> Choice:
        parts: list[Part] = [*self._reasoning()]
        content, stop = self._content()
        stop_sequence: str | None = None
        for part in content:
            if isinstance(part, Text):
                text, stop_sequence = stopped(part, self._chat.stop)
                parts.append(text)
            else:
                parts.append(part)
            if stop_sequence is not None:
                stop = "stop_sequence"
                break
        limit = None if self._reply.tokens is not None else self._chat.max_output_tokens
        if limit is not None:
            self.hidden = min(self.hidden, limit)
            parts, cut = limited(parts, limit - self.hidden)
            if cut:
                stop, stop_sequence = "length", None
        if self._chat.logprobs:
            parts = [self._with_logprobs(part) if isinstance(part, Text) else part for part in parts]
        return Choice(parts=tuple(parts), stop=self._reply.stop or stop, stop_sequence=stop_sequence)

    # ── content ──

    def _content(self) -> tuple[list[Part], Stop]:
        reply = self._reply
        if reply.refusal is not None:
            return [Refusal(text=reply.refusal)], "refusal"
        text = self._scripted_text()
        if reply.tool_calls is not None:
            calls = [self._scripted_call(call, number) for number, call in enumerate(reply.tool_calls)]
            return [*([Text(text=text)] if text else []), *calls], "tool_calls"
        if text is not None:
            return [Text(text=text)], "end"
        if tools := chosen(self._chat, last_text(self._chat)):
            return [self._call(tool, number) for number, tool in enumerate(tools)], "tool_calls"
        return [Text(text=self._formatted() or self._prose())], "end"

    def _scripted_text(self) -> str | None:
        reply = self._reply
        if reply.text is not None:
            return reply.text
        if reply.json is not msgspec.UNSET:
            return _json(reply.json)
        if reply.tokens is not None:
            return words.exactly(self._dice, self._first_sentence(), reply.tokens)
        return None

    def _formatted(self) -> str | None:
        """JSON in the form the request asks for; None where it asks for none."""
        form = self._chat.format
        if form is None or form.kind == "text":
            return None
        if form.schema is None:
            return _json({"simulated": True, "answer": words.phrase(self._dice)})
        return _json(instance(form.schema, self._dice, "the schema of the output format"))

    def _prose(self) -> str:
        usual = self._dice.lognormal(60, 300) * _LENGTHS.get(self._chat.verbosity or "", 1.0)
        limit = self._chat.max_output_tokens
        return words.prose(self._dice, self._first_sentence(), int(usual if limit is None else min(usual, limit)))

    def _first_sentence(self) -> str:
        messages = self._chat.messages
        parts = messages[-1].parts if messages else ()
        results = [part for part in parts if isinstance(part, ToolResult)]
        if results:
            return " ".join(["This is a simulated answer.", *map(self._told, results)])
        topic = _shortened(" ".join(_texts(parts)), TOPIC_CHARACTERS)
        return f"This is a simulated answer to “{topic}”." if topic else "This is a simulated answer."

    def _told(self, result: ToolResult) -> str:
        text = _shortened(" ".join(_texts(result.parts)), RESULT_CHARACTERS) or "nothing"
        name = result.name or _called(self._chat.messages, result.call_id) or "tool"
        return f"{name} {'failed' if result.is_error else 'returned'}: {text}."

    # ── tool calls ──

    def _call(self, tool: Tool, number: int) -> ToolCall:
        if tool.kind == "custom":
            arguments = words.phrase(self._dice)
        else:
            schema = tool.parameters or {"type": "object"}
            arguments = _json(instance(schema, self._dice, f"the parameters of the tool '{tool.name}'"))
        return ToolCall(id=self._call_id(number), name=tool.name, arguments=arguments, kind=tool.kind)

    def _scripted_call(self, call: ScriptedCall, number: int) -> ToolCall:
        arguments = call.arguments if isinstance(call.arguments, str) else _json(call.arguments)
        custom = any(
            isinstance(each, Tool) and (each.name, each.kind) == (call.name, "custom") for each in self._chat.tools
        )
        return ToolCall(
            id=call.id or self._call_id(number),
            name=call.name,
            arguments=arguments,
            kind="custom" if custom else "function",
        )

    def _call_id(self, number: int) -> str:
        prefix = "toolu_" if self._dialect == "anthropic_messages" else "call_"
        return prefix + self._dice.fork(f"call {number}").seed.hex()[:24]

    # ── reasoning ──

    def _reasoning(self) -> list[Part]:
        """The thoughts before the answer, as the dialect shows them; those it hides are counted in `hidden`."""
        scripted = self._reply.reasoning
        if scripted is None and not _thinks(self._chat):
            return []
        text = scripted if scripted is not None else words.prose(self._dice, "Simulated reasoning.", self._thoughts())
        name = self._dice.fork("reasoning").seed.hex()
        thinking = self._chat.thinking
        if self._dialect == "anthropic_messages":
            signature = Signature("anthropic", f"c2ltdWxhdGVk{name}")
            if thinking is not None and thinking.include is False:
                self.hidden = len(pieces(text))
                text = ""
            return [Reasoning(text=text, signature=signature)]
        if scripted is not None and self._dialect != "openai_responses":
            return [Reasoning(text=text)]
        shown = scripted is not None or (thinking is not None and (thinking.include or thinking.summary))
        if not shown:
            self.hidden = len(pieces(text))
            text = ""
        if self._dialect == "openai_responses":
            return [Reasoning(text=text, summarised=True, id=f"rs_{name}")]
        return [Reasoning(text=text)] if shown else []

    def _thoughts(self) -> int:
        thinking = self._chat.thinking
        assert thinking is not None
        wanted = self._dice.between(3, 5) * _THOUGHTS.get(thinking.effort or "medium", 80) // 4
        return min(wanted, thinking.budget_tokens or wanted)

    # ── log probabilities ──

    def _with_logprobs(self, text: Text) -> Text:
        rivals = self._chat.top_logprobs or 0
        return replace(text, logprobs=tuple(self._logprob(token, rivals) for token in pieces(text.text)))

    def _logprob(self, token: str, rivals: int) -> TokenLogprob:
        logprob = -round(self._dice.unit() ** 4 * 3, 6)
        others = [f" {words.name(self._dice)}" for _ in range(rivals - 1)]
        top = [_token_logprob(each, logprob - place) for place, each in enumerate([token, *others][:rivals])]
        return replace(_token_logprob(token, logprob), top=tuple(top))


def _thinks(chat: Chat) -> bool:
    thinking = chat.thinking
    if thinking is None or thinking.enabled is False or thinking.effort == "none":
        return False
    return bool(thinking.enabled or thinking.adaptive or thinking.effort or thinking.budget_tokens)


def _texts(parts: tuple[Part, ...]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            found.append(part.text)
        elif isinstance(part, ToolResult):
            found += _texts(part.parts)
    return found


def _shortened(text: str, characters: int) -> str:
    """A text on one line, cut at a word's end."""
    line = " ".join(text[: characters * 4].split())
    if len(line) <= characters:
        return line
    return line[:characters].rsplit(" ", 1)[0] + " …"


def _called(messages: tuple[Message, ...], call_id: str) -> str | None:
    """The name of the tool that a call was of."""
    for message in reversed(messages):
        for part in message.parts:
            if isinstance(part, ToolCall) and part.id == call_id:
                return part.name
    return None


def _token_logprob(token: str, logprob: float) -> TokenLogprob:
    return TokenLogprob(token=token, logprob=logprob, bytes=list(token.encode("utf-8", "replace")))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
