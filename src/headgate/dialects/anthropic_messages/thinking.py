"""How much a model is to think, in the words of its generation.

| hub                       | up to 3.5 | 3.7 to 4.5, other vendors | 4.6              | 4.7 and later               |
|---------------------------|-----------|---------------------------|------------------|-----------------------------|
| off, or effort none       | left out  | disabled                  | disabled         | disabled; refused by those  |
|                           |           |                           |                  | that always think           |
| effort minimal, low       | refused   | budget of 1,024           | adaptive, low    | adaptive, low               |
| effort medium             | refused   | budget of 4,096           | adaptive, medium | adaptive, medium            |
| effort high               | refused   | budget of 16,384          | adaptive, high   | adaptive, high              |
| effort xhigh              | refused   | budget of 24,576          | adaptive, high   | adaptive, xhigh             |
| effort max                | refused   | budget of 32,000          | adaptive, max    | adaptive, max               |
| a budget                  | refused   | that budget               | that budget      | adaptive, with the least    |
|                           |           |                           |                  | effort that has as much     |
| adaptive, or just enabled | refused   | budget of 4,096           | adaptive         | adaptive                    |
| thoughts shown or not     |           | not said                  | display          | display                     |

A budget that stands for an effort is cut to leave room for an answer below the output limit. An effort without
`thinking`, which Anthropic takes for every kind of token, is in the hub the wish for that much thinking.
"""

from __future__ import annotations

from headgate.dialects.anthropic_messages.models import Generation
from headgate.dialects.anthropic_messages.names import beyond
from headgate.dialects.base import Fit
from headgate.dialects.hub import Thinking
from headgate.dialects.reading import CLIENT
from headgate.types import JSON

_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 4_096, "high": 16_384, "xhigh": 24_576, "max": 32_000}
_LEAST = 1_024
_DISPLAYS = {"summarized": True, "omitted": False}
_KNOWN = frozenset({"type", "budget_tokens", "display"})
_OFF = {"type": "disabled"}


def decode(tree: JSON, effort: str | None) -> tuple[Thinking | None, JSON]:
    """A client's `thinking` and effort, and what of `thinking` the hub has no word for.

    Raises:
        BadRequest: a member has the wrong type.
    """
    config = CLIENT.optional(tree, "thinking", dict, "")
    if config is None:
        return (Thinking(effort=effort) if effort is not None else None), {}
    kind = CLIENT.required(config, "type", str, "thinking")
    budget = CLIENT.optional(config, "budget_tokens", int, "thinking")
    display = CLIENT.optional(config, "display", str, "thinking")
    rest = beyond(config, _KNOWN)
    if kind not in ("enabled", "disabled", "adaptive") or (display is not None and display not in _DISPLAYS):
        return Thinking(effort=effort, enabled=True), config  # a mode nobody had heard of, kept as it is
    thinking = Thinking(
        enabled=None if kind == "adaptive" else kind == "enabled",
        adaptive=kind == "adaptive",
        budget_tokens=budget,
        effort=effort,
        include=_DISPLAYS[display] if display is not None else None,
    )
    return thinking, rest


def encode(thinking: Thinking, generation: Generation, limit: int | None, fit: Fit) -> tuple[JSON, str | None]:
    """The `thinking` member, empty where there is to be none, and the effort. `limit`: of the output.

    Raises:
        Unsupported: the model cannot think, or cannot be kept from it, or there is no room for thoughts.
    """
    field = "reasoning_effort" if thinking.effort else "thinking"
    if thinking.enabled is False or thinking.effort == "none":
        if not generation.stops_thinking:
            fit.refuse(field, "the model always thinks")
        elif generation.thinks:
            return dict(_OFF), None if thinking.effort == "none" else _effort(thinking, generation)
        return {}, None
    asked = bool(thinking.enabled or thinking.adaptive or thinking.budget_tokens or thinking.effort)
    if not asked:
        return {}, None
    if not generation.thinks:
        fit.refuse(field, "the model cannot think")
        return {}, None
    if generation.adapts and (thinking.budget_tokens is None or not generation.budgets):
        return _shown({"type": "adaptive"}, thinking), _effort(thinking, generation)
    budget = _budget(thinking, limit)
    if budget < _LEAST:
        fit.refuse(field, f"thinking takes at least {_LEAST:,} tokens below the output limit")
        return {}, None
    config: JSON = {"type": "enabled", "budget_tokens": budget}
    return (_shown(config, thinking) if generation.adapts else config), _effort(thinking, generation)


def _budget(thinking: Thinking, limit: int | None) -> int:
    """The budget the client gave, or one for its effort that leaves room for an answer; 0 where there is no room."""
    if thinking.budget_tokens is not None:
        return thinking.budget_tokens
    budget = _BUDGETS.get(thinking.effort or "medium", _BUDGETS["medium"])
    if limit is None or budget + _LEAST <= limit:
        return budget
    return max(limit - _LEAST, _LEAST) if limit > _LEAST else 0


def _effort(thinking: Thinking, generation: Generation) -> str | None:
    effort = thinking.effort
    if effort is None:
        if thinking.budget_tokens is None or generation.budgets:
            return None
        budget = thinking.budget_tokens
        return next((each for each in ("low", "medium", "high", "xhigh") if budget <= _BUDGETS[each]), "max")
    if not generation.adapts:  # the effort has become a budget, unless the client gave both
        return effort if thinking.budget_tokens is not None else None
    effort = "low" if effort == "minimal" else effort
    return "high" if effort == "xhigh" and "xhigh" not in generation.efforts else effort


def _shown(config: JSON, thinking: Thinking) -> JSON:
    shown = thinking.include if thinking.include is not None else (True if thinking.summary else None)
    if shown is not None:
        config["display"] = "summarized" if shown else "omitted"
    return config
