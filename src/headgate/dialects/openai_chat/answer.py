"""Whole answers: a vendor's as the hub's (OpenAI API reference, "The chat completion object")."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from headgate.dialects.hub import Answer, Choice, Part, Refusal, Text, extra_of
from headgate.dialects.openai_chat import logprobs, turn
from headgate.dialects.openai_chat.errors import told_in
from headgate.dialects.openai_chat.finish import stop_of, unsaid
from headgate.dialects.openai_chat.names import NAME
from headgate.dialects.openai_chat.usage import usage_of
from headgate.dialects.reading import VENDOR
from headgate.dialects.tiers import tier_of
from headgate.types import JSON

MESSAGE, CHOICE, USAGE = "message", "choice", "usage"
"""Where an answer's members are noted that have to be written back as they are: on a choice those of its message and
its own, on the answer its own and `usage` as the vendor put it."""

_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs"})


def decode(tree: JSON) -> Answer:
    """A vendor's answer.

    Raises:
        MalformedOutput: it is not one.
        HeadgateError: it is an error in spite of its status.
    """
    if "choices" not in tree:
        failure = told_in(tree)
        if failure is not None:
            raise failure
    VENDOR.required(tree, "choices", list)
    usage = VENDOR.optional(tree, "usage", dict)
    created, notes = top(tree)
    tier = VENDOR.optional(tree, "service_tier", str)
    return Answer(
        id=VENDOR.optional(tree, "id", str) or "",
        model=VENDOR.optional(tree, "model", str) or "",
        created=created,
        service_tier=tier,
        tier=tier_of(tier),
        choices=tuple(
            _choice(choice, index, where) for index, (choice, where) in enumerate(VENDOR.objects(tree, "choices"))
        ),
        usage=usage_of(usage) if usage is not None else None,
        extra=extra_of(NAME, notes),
    )


_TOP = frozenset({"id", "model", "choices", "created", "service_tier", "object"})
_OBJECTS = ("chat.completion", "chat.completion.chunk")


def top(tree: JSON) -> tuple[int | None, JSON]:
    """The time of an answer or chunk, and its members that have to be written back as they are, `usage` among them."""
    notes = {
        name: value
        for name, value in tree.items()
        if name not in _TOP
        or (name == "object" and value not in _OBJECTS)
        or (name == "service_tier" and value is None)
    }
    created = tree.get("created")
    if isinstance(created, float):  # some vendors count in fractions of seconds
        notes["created"] = created
        return int(created) if abs(created) < 1e15 else None, notes
    return VENDOR.optional(tree, "created", int), notes


def _choice(tree: JSON, position: int, where: str) -> Choice:
    message = VENDOR.required(tree, "message", dict, where)
    parts, rest = turn.parts_of(message, f"{where}.message", VENDOR)
    reason = VENDOR.optional(tree, "finish_reason", str, where)
    notes = {name: value for name, value in tree.items() if name not in _CHOICE} | unsaid(reason)
    if "finish_reason" not in tree:
        notes.pop("finish_reason", None)
    if tree.get("index", position) != position:
        notes["index"] = tree["index"]
    if "logprobs" in tree:
        parts, told = with_tokens(parts, VENDOR.optional(tree, "logprobs", dict, where), f"{where}.logprobs")
        notes |= told
    extra: JSON = {}
    if rest:
        extra[MESSAGE] = rest
    if notes:
        extra[CHOICE] = notes
    return Choice(parts=tuple(parts), stop=stop_of(reason), extra=extra_of(NAME, extra))


def with_tokens(parts: list[Part], told: JSON | None, where: str) -> tuple[list[Part], JSON]:
    """Parts with the log probabilities of their tokens; those that belong to none, or say more, are noted."""
    if told is None:
        return parts, {"logprobs": None}
    tokens = {
        name: logprobs.tokens_of(told[name], f"{where}.{name}") for name in ("content", "refusal") if told.get(name)
    }
    kinds: dict[str, type[Text | Refusal]] = {"content": Text, "refusal": Refusal}
    result = list(parts)
    for name, found in tokens.items():
        place = next((place for place, part in enumerate(result) if isinstance(part, kinds[name])), None)
        if place is None:
            return parts, {"logprobs": told}
        result[place] = replace(result[place], logprobs=found)
    said: dict[str, Any] = dict.fromkeys(("content", "refusal"))
    said |= {name: logprobs.written(found) for name, found in tokens.items()}
    return result, {} if tokens and said == told else {"logprobs": told}
