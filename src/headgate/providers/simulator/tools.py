"""Which of the tools it was offered a simulated model calls.

Forced calls are made. Left to itself it calls a tool that the last user text names or describes, once: after the
results it answers in text.
"""

from __future__ import annotations

import re

from headgate.dialects.hub import Chat, Tool, ToolResult

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_COMMON = frozenset(
    [
        "get",
        "set",
        "the",
        "and",
        "for",
        "with",
        "from",
        "that",
        "this",
        "what",
        "when",
        "your",
        "have",
        "tool",
        "call",
        "use",
        "using",
        "into",
    ]
)
MIN_LETTERS = 3


def chosen(chat: Chat, text: str) -> list[Tool]:
    """The tools to call now; none where the answer is to be text."""
    choice = chat.tool_choice
    mode = choice.mode if choice else "auto"
    tools = [tool for tool in chat.tools if isinstance(tool, Tool)]
    if choice is not None and choice.allowed is not None:
        tools = [tool for tool in tools if tool.name in choice.allowed]
    if mode == "none" or not tools:
        return []
    if choice is not None and mode == "tool":
        return [tool for tool in tools if tool.name == choice.name][:1]
    found = _mentioned(tools, text)
    if mode == "required":
        found = found or tools[:1]
    elif any(isinstance(part, ToolResult) for part in chat.messages[-1].parts if chat.messages):
        return []
    return found[:1] if chat.parallel_tool_calls is False else found


def _mentioned(tools: list[Tool], text: str) -> list[Tool]:
    """The tools whose name stands in the text, else the one that shares most words with it."""
    named = [tool for tool in tools if tool.name in text]
    if named:
        return named
    said = _words(text)
    scores = [(_score(tool, said), tool) for tool in tools]
    best = max(score for score, _ in scores)
    return next([tool] for score, tool in scores if score == best) if best else []


def _score(tool: Tool, said: set[str]) -> int:
    """Words shared; those of the name count three times."""
    return 3 * len(_words(tool.name) & said) + len(_words(tool.description or "") & said)


def _words(text: str) -> set[str]:
    found = {word.lower() for word in _WORD.findall(text[:20_000])}
    return {word for word in found if len(word) >= MIN_LETTERS and word not in _COMMON}
