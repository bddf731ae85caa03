"""Ending an answer early: at a stop sequence, or at the most tokens it may have."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.dialects.hub import Part, Reasoning, Refusal, Text, ToolCall
from headgate.providers.simulator.tokens import pieces


def count_output(part: Part) -> int:
    """The tokens a model spends on a part, none left to a sample."""
    match part:
        case Text() | Refusal() | Reasoning():
            return len(pieces(part.text))
        case ToolCall():
            return len(pieces(part.name)) + len(pieces(part.arguments))
        case _:
            return 0


def stopped(text: Text, sequences: tuple[str, ...]) -> tuple[Text, str | None]:
    """A text up to the first of the stop sequences in it, and which one that was."""
    found = [(place, each) for each in sequences if each and (place := text.text.find(each)) >= 0]
    if not found:
        return text, None
    place, sequence = min(found)
    return replace(text, text=text.text[:place]), sequence


def limited(parts: list[Part], budget: int) -> tuple[list[Part], bool]:
    """As many parts as fit into so many tokens, the last one cut; and whether anything was cut off."""
    kept: list[Part] = []
    for part in parts:
        used = count_output(part)
        if used <= budget:
            kept.append(part)
            budget -= used
            continue
        match part:
            case Text() | Refusal() | Reasoning():
                kept.append(replace(part, text="".join(pieces(part.text)[:budget])))
            case ToolCall() if (left := budget - len(pieces(part.name))) > 0:
                kept.append(replace(part, arguments="".join(pieces(part.arguments)[:left])))
            case _:
                pass
        return kept, True
    return kept, False
