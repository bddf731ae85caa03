"""Whole completions, both ways."""

from __future__ import annotations

from headgate.dialects.base import Context
from headgate.dialects.hub import Answer, Choice, Refusal, Text, extra_of
from headgate.dialects.openai_chat import errors
from headgate.dialects.openai_chat.finish import reason_of, stop_of, unsaid
from headgate.dialects.openai_chat.usage import usage_of, written
from headgate.dialects.openai_completions.names import NAME
from headgate.dialects.reading import VENDOR
from headgate.dialects.tiers import tier_of
from headgate.types import JSON

TOP = frozenset({"id", "object", "created", "model", "choices", "usage"})
CHOICE = frozenset({"index", "text", "finish_reason"})
USAGE = "usage"


def decode(tree: JSON) -> Answer:
    """A vendor's answer.

    Raises:
        MalformedOutput: it is not one.
        HeadgateError: it is an error in spite of its status.
    """
    if "choices" not in tree:
        failure = errors.told_in(tree)
        if failure is not None:
            raise failure
    VENDOR.required(tree, "choices", list)
    usage = VENDOR.optional(tree, "usage", dict)
    return Answer(
        id=VENDOR.optional(tree, "id", str) or "",
        model=VENDOR.optional(tree, "model", str) or "",
        created=VENDOR.optional(tree, "created", int),
        choices=tuple(_choice(choice, where) for choice, where in VENDOR.objects(tree, "choices")),
        usage=usage_of(usage) if usage is not None else None,
        tier=tier_of(VENDOR.optional(tree, "service_tier", str)),
        extra=extra_of(NAME, _notes(tree)),
    )


def _notes(tree: JSON) -> JSON:
    return {name: value for name, value in tree.items() if name not in TOP or (name == USAGE and value is not None)}


def _choice(choice: JSON, where: str) -> Choice:
    text = VENDOR.required(choice, "text", str, where)
    reason = VENDOR.optional(choice, "finish_reason", str, where)
    notes = {name: value for name, value in choice.items() if name not in CHOICE} | unsaid(reason)
    return Choice(parts=(Text(text=text),) if text else (), stop=stop_of(reason), extra=extra_of(NAME, notes))


def encode(answer: Answer, context: Context) -> JSON:
    """The `text_completion` object. It has words for text only: thoughts and calls are left out."""
    tree: JSON = {
        "id": answer.id or f"cmpl-{context.id}",
        "object": "text_completion",
        "created": context.created if answer.created is None else answer.created,
        "model": answer.model,
        "choices": [said(choice, index) for index, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        tree[USAGE] = written(answer.usage)
    return tree | answer.extra.get(NAME, {})


def said(choice: Choice, index: int) -> JSON:
    """An entry of `choices`."""
    text = "".join([part.text for part in choice.parts if isinstance(part, Text | Refusal)])
    reason = reason_of(choice.stop, has_calls=False)
    return {
        "index": index,
        "text": text,
        "logprobs": None,
        "finish_reason": reason if reason != "tool_calls" else "stop",
        **choice.extra.get(NAME, {}),
    }
