"""What differs between the model families behind Converse: each a row.

Sources: Bedrock user guide, "Inference request parameters and response fields" by model, "Prompt caching", "Supported
models and model features"; each vendor's own reference for what goes into `additionalModelRequestFields`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from headgate.dialects.base import Fit
from headgate.dialects.hub import Thinking
from headgate.types import JSON

_REGION = re.compile(r"(?:us|eu|ap|apac|au|ca|jp|sa|me|af|il|mx|us-gov|global)\.")
_CLAUDE = re.compile(r"claude-[a-z]+-(\d{1,2})(?:-(\d{1,2}))?(?![0-9])")
_ADAPTIVE_SINCE = (4, 6)
"""First Claude that decides by itself how long to think, and takes an effort instead of a budget."""
_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 4_096, "high": 16_384, "xhigh": 24_576, "max": 32_000}
"""Thinking tokens for an effort, where a Claude takes only a budget. Its least is 1,024."""
_LEAST_BUDGET = 1_024
_THREE_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model is to think, and what limits that."""

    model: str
    """The bare name, without region and vendor."""
    thinking: Thinking
    max_output_tokens: int | None
    fit: Fit

    @property
    def off(self) -> bool:
        return self.thinking.enabled is False or self.thinking.effort == "none"

    def refuse(self, why: str) -> JSON:
        """Refuse it under the name the client gave it.

        Raises:
            Unsupported: it may not be left out.
        """
        self.fit.refuse("reasoning_effort" if self.thinking.effort else "thinking", why)
        return {}


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's models on Bedrock."""

    think: Callable[[Wish], JSON]
    """What to add to `additionalModelRequestFields` for a wish to think."""
    top_k: tuple[str, ...] | None = None
    """Where `top_k` goes within `additionalModelRequestFields`."""
    caches: frozenset[str] = frozenset()
    """Where cache points may stand: system, messages, tools."""
    origin: str | None = None
    """Whose signed reasoning the models read."""
    tells_stop: bool = False
    """Whether the stop sequence that was met can be asked for."""


def vendor_of(model: str) -> tuple[str, str]:
    """The vendor in a model id or ARN, and the model's bare name: `("anthropic", "claude-…")`.

    The vendor stands before the first dot, after the region of an inference profile. An opaque ARN has neither.
    """
    last = model.rpartition("/")[2]
    region = _REGION.match(last)
    vendor, _, name = last[region.end() if region else 0 :].partition(".")
    return vendor, name


def family_of(model: str) -> tuple[Family, str]:
    """The row of a model id or ARN, and the model's bare name.

    Of a vendor that is not known nothing beyond Converse itself is taken for granted.
    """
    vendor, name = vendor_of(model)
    return FAMILIES.get(vendor, UNKNOWN), name


def is_wish(thinking: Thinking) -> bool:
    """Whether it says more than how thoughts are to be shown if there are any."""
    return bool(thinking.enabled is not None or thinking.effort or thinking.budget_tokens or thinking.adaptive)


def _claude(wish: Wish) -> JSON:
    thinking = wish.thinking
    if wish.off:
        return {"thinking": {"type": "disabled"}}
    version = _CLAUDE.match(wish.model)
    adapts = version is not None and (int(version[1]), int(version[2] or 0)) >= _ADAPTIVE_SINCE
    mode: JSON = {"type": "adaptive"}
    if not (thinking.adaptive or (adapts and thinking.budget_tokens is None)):
        budget = _budget(thinking, wish.max_output_tokens)
        if budget < _LEAST_BUDGET:
            return wish.refuse(f"thinking takes at least {_LEAST_BUDGET} tokens below the output limit")
        mode = {"type": "enabled", "budget_tokens": budget}
    if thinking.include is not None and (thinking.adaptive or not thinking.include):
        mode["display"] = "summarized" if thinking.include else "omitted"
    fields: JSON = {"thinking": mode}
    if thinking.effort and (adapts or thinking.adaptive or thinking.budget_tokens is not None):
        fields["output_config"] = {"effort": "low" if thinking.effort == "minimal" else thinking.effort}
    return fields


def _budget(thinking: Thinking, limit: int | None) -> int:
    """The budget the client gave, or one for its effort that leaves room for an answer."""
    if thinking.budget_tokens is not None:
        return thinking.budget_tokens
    budget = _BUDGETS.get(thinking.effort or "medium", _BUDGETS["medium"])
    return budget if limit is None or budget < limit else limit - 1


def _nova(wish: Wish) -> JSON:
    if not wish.model.startswith("nova-2"):
        return _unthinking(wish)
    if wish.off:
        return {"reasoningConfig": {"type": "disabled"}}
    if wish.thinking.budget_tokens is not None:
        wish.fit.note("thinking.budget_tokens")
    effort = _THREE_EFFORTS.get(wish.thinking.effort or "medium", "medium")
    return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}


def _by_effort(member: str) -> Callable[[Wish], JSON]:
    """For models that always think and take only a word for how much."""

    def think(wish: Wish) -> JSON:
        if wish.off:
            return wish.refuse("the model always thinks")
        if wish.thinking.budget_tokens is not None:
            wish.fit.note("thinking.budget_tokens")
        effort = wish.thinking.effort
        return {member: _THREE_EFFORTS.get(effort, effort)} if effort is not None else {}

    return think


def _unthinking(wish: Wish) -> JSON:
    return {} if wish.off else wish.refuse("Converse has no word for it with this model")


_EVERYWHERE = frozenset({"system", "messages", "tools"})

UNKNOWN = Family(think=_unthinking, caches=_EVERYWHERE)
FAMILIES = {
    "anthropic": Family(think=_claude, top_k=("top_k",), caches=_EVERYWHERE, origin="anthropic", tells_stop=True),
    "amazon": Family(think=_nova, top_k=("inferenceConfig", "topK"), caches=frozenset({"system", "messages"})),
    "openai": Family(think=_by_effort("reasoning_effort")),
    "qwen": Family(think=_by_effort("reasoning_config")),
    "cohere": Family(think=_unthinking, top_k=("k",)),
    "mistral": Family(think=_unthinking, top_k=("top_k",)),
    "ai21": Family(think=_unthinking),
    "deepseek": Family(think=_unthinking),
    "google": Family(think=_unthinking),
    "meta": Family(think=_unthinking),
    "minimax": Family(think=_unthinking),
    "moonshot": Family(think=_unthinking),
    "moonshotai": Family(think=_unthinking),
    "nvidia": Family(think=_unthinking),
    "writer": Family(think=_unthinking),
    "zai": Family(think=_unthinking),
}
