"""A change of prompts as those who review it want to see it: what is different, rendered, counted and tested."""

from __future__ import annotations

from headgate.evals.reviewing.review import Review, Side, review

__all__ = ["Review", "Side", "review"]
