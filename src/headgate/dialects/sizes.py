"""How large a request's prompt and answer can become: what a reservation stands on. Never less than what will be used.

A token is at least one byte of text, so what a request says in words is bounded by its own bytes. What it only refers
to is not: images count for more tokens than they have bytes, and what the vendor fetches or holds has any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.dialects.tiers import ASKING, asked
from headgate.types import JSON


class Size(msgspec.Struct, frozen=True, gc=False):
    """What bounds a request, beside its bytes."""

    output_limit: int | None = None
    """The most tokens of one answer, as the request says; None where it does not."""
    choices: int = 1
    """Answers asked for."""
    images: int = 0
    elsewhere: bool = False
    """It refers to content of any size that is not in it."""
    tools: bool = False
    """It offers tools, which the vendor tells the model about in its own words."""
    uses: int | None = 0
    """How often the vendor may run tools of its own; None for any number of times."""
    predicted: bool = False
    """It predicts its answer: what is wrong of that is billed beside the answer (OpenAI, "Predicted outputs")."""
    repeated_bytes: int = 0
    """Bytes that are read once more than the request has them."""
    tier: str | None = None
    """The way of processing it asks for, as the price list calls it; None where it leaves that to the vendor."""
    search_units: int = 0
    """How many requests a ranking can be billed as; 0 for one."""


_BOUNDLESS = ("background", "inference_geo", "mcp_servers", "models", "plugins", "route", "search_parameters")
"""Members that let a vendor go on when nobody listens (OpenAI), run in a dearer place, ask others' servers as often as
the model wants (Anthropic), take another model or search (OpenRouter, xAI): what they come to is in no price list.
"""

_REMOTE = "mcp"
"""What the types of tools begin with that others' servers run: no limit of the vendor's own tools counts them."""

_TELLING = frozenset({"tools", "functions", "prediction", *_BOUNDLESS, *ASKING})


class Shape(msgspec.Struct, kw_only=True):
    """Where one dialect keeps what matters for size."""

    limits: tuple[str, ...]
    """Members that limit the output."""
    content: tuple[str, ...]
    """Members that hold messages or content."""
    refers: tuple[str, ...] = ()
    """Members that refer to something the vendor holds."""
    choices: tuple[str, ...] = ()
    """Members that multiply the answer; the largest counts."""
    prompts: str | None = None
    """A member of which each element is answered for itself."""
    own_tools: tuple[str, ...] = ()
    """What the types of tools begin with that the client runs; every other is the vendor's."""
    uses: str | None = None
    """The member that limits how often the vendor's tools run, all together."""
    tool_uses: str | None = None
    """The member of a tool of the vendor's that limits how often it runs, where each has its own limit."""
    searches: str | None = None
    """The member that has the vendor search the web."""
    telling: frozenset[str] = frozenset()
    """All members beside content and limits that matter."""

    def __post_init__(self) -> None:
        named = [name for name in (self.prompts, self.uses, self.searches) if name is not None]
        self.telling = _TELLING.union(self.refers, self.choices, named)


_IMAGES = frozenset({"image", "image_url", "input_image"})
_WORDS = frozenset(
    {
        None, "text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking",
        "redacted_thinking", "reasoning", "message", "input_audio", "tool_use", "tool_result", "tool_reference",
        "function", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "custom",
    }
)  # fmt: skip
"""Types of content that is all there in the request."""

_PLAIN = frozenset({"role", "content", "name"})
"""Members of a message that is nothing but text."""

MOST_CHOICES = 128
"""Answers to one request; OpenAI gives as many."""

MAX_DEPTH = 16
"""Content nested deeper than any vendor takes is taken for any size."""


class _Found:
    """What a walk through content has come upon."""

    __slots__ = ("elsewhere", "images")

    def __init__(self) -> None:
        self.images = 0
        self.elsewhere = False

    def look(self, content: Any, depth: int = 0) -> None:
        if type(content) is dict:
            self._part(content, depth + 1)
            return
        for each in content if type(content) is list else ():
            if type(each) is list:
                self.elsewhere = True
            elif type(each) is dict and not (type(each.get("content")) is str and each.keys() <= _PLAIN):
                self._part(each, depth + 1)

    def _part(self, part: JSON, depth: int) -> None:
        kind = part.get("type")
        if depth > MAX_DEPTH or (kind is not None and type(kind) is not str):
            self.elsewhere = True
        elif kind in _IMAGES:
            self.images += 1
        elif kind == "document":
            self._document(part, depth)
        elif kind not in _WORDS or "audio" in part:
            self.elsewhere = True
        else:
            for name in ("content", "output"):
                inner = part.get(name)
                if inner is not None and type(inner) is not str:
                    self.look(inner, depth)

    def _document(self, part: JSON, depth: int) -> None:
        """Anthropic's document: a text is in the request; the pages of a PDF are counted as images too."""
        source = part.get("source")
        kind = source.get("type") if isinstance(source, dict) else None
        if isinstance(source, dict) and kind == "content":
            self.look(source.get("content"), depth)
        elif kind != "text":
            self.elsewhere = True


def size_of(tree: JSON, shape: Shape, limits: Sequence[str] | None = None) -> Size:
    """The size of a request; `limits` are the members the vendor reads as limits, where it does not read all of them.
    What is of a wrong type is the vendor's to refuse, and taken for the worst it could be.
    """
    found = _Found()
    for name in shape.content:
        content = tree.get(name)
        if content is not None and type(content) is not str:
            found.look(content)
    limit = _limit(tree, shape.limits if limits is None else limits)
    if tree.keys().isdisjoint(shape.telling):
        return Size(limit, 1, found.images, found.elsewhere)
    for name in shape.refers:
        if tree.get(name) is not None:
            found.elsewhere = True
    tools = tree.get("tools")
    return Size(
        limit,
        _choices(tree, shape),
        found.images,
        found.elsewhere,
        bool(tools) or "functions" in tree,
        _rounds(tree, tools, shape),
        tree.get("prediction") is not None,
        0,
        asked(tree),
    )


def _rounds(tree: JSON, tools: Any, shape: Shape) -> int | None:
    """How often the vendor's own tools can run; None where nothing bounds what the request comes to."""
    for name in _BOUNDLESS:
        if tree.get(name):
            return None
    for name in shape.choices:
        count = tree.get(name)
        if count is not None and (type(count) is not int or count > MOST_CHOICES):  # "5" is five to some vendors
            return None
    return _uses(tree, tools, shape) if tools or shape.searches in tree else 0


def _limit(tree: JSON, names: Sequence[str]) -> int | None:
    """The largest limit there is: nobody knows which of several a vendor goes by."""
    largest: int | None = None
    for name in names:
        limit = tree.get(name)
        if type(limit) is int and limit > 0 and (largest is None or limit > largest):
            largest = limit
    return largest


def _choices(tree: JSON, shape: Shape) -> int:
    most = 1
    for name in shape.choices:
        count = tree.get(name)
        if type(count) is int and count > most:
            most = count
    if shape.prompts is None:
        return most
    prompts = tree.get(shape.prompts)
    many = type(prompts) is list and prompts and type(prompts[0]) is not int
    return most * (len(prompts) if many and prompts else 1)


def _uses(tree: JSON, tools: Any, shape: Shape) -> int | None:
    """How often the vendor's own tools can run."""
    if shape.searches in tree:
        return None
    most = 0
    for tool in tools if type(tools) is list else ():
        kind = tool.get("type") if type(tool) is dict else None
        if kind is None or (type(kind) is str and kind.startswith(shape.own_tools)):
            continue
        if type(kind) is not str or kind.startswith(_REMOTE):
            return None
        if kind == "namespace":
            inner = _uses(tree, tool["tools"], shape) if type(tool.get("tools")) is list else None
            if inner is None:
                return None
            most = most + inner if shape.tool_uses else max(most, inner)
            continue
        limit = tool.get(shape.tool_uses) if shape.tool_uses else tree.get(shape.uses) if shape.uses else None
        if type(limit) is not int or limit < 0:
            return None
        most = most + limit if shape.tool_uses else limit
    return most
