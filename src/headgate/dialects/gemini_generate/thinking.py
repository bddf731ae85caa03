"""How much a model is to think, in the words of its generation (Gemini API, "Thinking"; "OpenAI compatibility").

| effort               | `thinkingLevel` from Gemini 3 on | 3 Pro   | 3.1 Pro on | `thinkingBudget` of 2.5 |
|----------------------|----------------------------------|---------|------------|-------------------------|
| none, or not enabled | minimal, the least there is      | refused | refused    | 0; refused by Pro       |
| minimal              | minimal                          | low     | low        | 1,024                   |
| low                  | low                              | low     | low        | 1,024                   |
| medium               | medium                           | high    | medium     | 8,192                   |
| high                 | high                             | high    | high       | 24,576                  |
| xhigh, max           | high                             | high    | high       | 24,576; Pro 32,768      |
| a budget in tokens   | that budget, or the model's most, in every generation                            |
| enabled, adaptive    | left to the model, as by default                      | -1: left to the model   |

Before 2.5 there is no thinking: asking for it is refused, asking for none is met.
"""

from __future__ import annotations

from headgate.dialects.base import Fit
from headgate.dialects.gemini_generate.names import generation, older_than
from headgate.dialects.hub import Thinking
from headgate.types import JSON

_LEVELS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}
_MOST = 24_576
_MOST_PRO = 32_768


def encode(thinking: Thinking, fit: Fit) -> JSON:
    """The `thinkingConfig`; empty where nothing needs to be said.

    Raises:
        Unsupported: the model cannot think, or cannot be kept from it.
    """
    model = fit.model
    off = thinking.enabled is False or thinking.effort == "none"
    if older_than(model, 2, 5):
        if not off and _asked(thinking):
            fit.refuse(_field(thinking), "the model cannot think")
        return {}
    if off:
        return _off(thinking, fit)
    config = _amount_2_5(thinking, model) if older_than(model, 3) else _amount(thinking, model)
    include = thinking.include
    if include is None and (thinking.summary is not None or thinking.enabled or thinking.adaptive):
        include = True
    if include is not None:
        config["includeThoughts"] = include
    return config


def _asked(thinking: Thinking) -> bool:
    return bool(thinking.enabled or thinking.effort or thinking.budget_tokens or thinking.adaptive)


def _field(thinking: Thinking) -> str:
    """What the client asked for it with."""
    return "reasoning_effort" if thinking.effort else "thinking"


def _off(thinking: Thinking, fit: Fit) -> JSON:
    if "pro" in fit.model:
        fit.refuse(_field(thinking), "the model always thinks")
        return {}
    return {"thinkingBudget": 0} if older_than(fit.model, 3) else {"thinkingLevel": "minimal"}


def _amount(thinking: Thinking, model: str) -> JSON:
    if thinking.budget_tokens is not None:
        return {"thinkingBudget": min(thinking.budget_tokens, _most(model))}
    if thinking.effort is None:
        return {}
    level = _LEVELS.get(thinking.effort, "high")
    if "pro" in model:
        if level == "minimal":
            level = "low"
        elif level == "medium" and generation(model) == (3, 0):
            level = "high"
    return {"thinkingLevel": level}


def _amount_2_5(thinking: Thinking, model: str) -> JSON:
    if thinking.budget_tokens is not None:
        return {"thinkingBudget": min(thinking.budget_tokens, _most(model))}
    if thinking.effort is not None:
        most = thinking.effort in ("xhigh", "max")
        return {"thinkingBudget": _most(model) if most else _BUDGETS.get(thinking.effort, _MOST)}
    return {"thinkingBudget": -1} if thinking.enabled or thinking.adaptive else {}


def _most(model: str) -> int:
    return _MOST_PRO if "pro" in model else _MOST
