"""Which models are about to go: by a rule's own word, else by what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date

from headgate.catalog.retirements import RetiringNames


def going(used: AbstractSet[str], said: Mapping[str, str], known: RetiringNames) -> Mapping[str, tuple[str, date]]:
    """The models among those that are used, and among what these stand for, that retire; each with its day.

    `used` are models of the configuration, targets, and models as their vendors call them; `said` is what a rule says:
    days by models' names, which may end in `*`. An exact name goes before a pattern, a longer pattern before a shorter
    one. What is found is by the rule's pattern where it has one, else by the model.
    """
    days = {each.model: each.day for name in used for each in known.of(name)}
    ordered = sorted(said.items(), key=lambda each: (each[0].endswith("*"), -len(each[0])))
    found: dict[str, tuple[str, date]] = {}
    for model in sorted(used | days.keys()):
        own = next(((pattern, day) for pattern, day in ordered if _is_of(model, pattern)), None)
        if own is not None:
            found.setdefault(own[0], (model, date.fromisoformat(own[1])))
        elif model in days:
            found[model] = model, days[model]
    return found


def _is_of(model: str, pattern: str) -> bool:
    """Whether a model, or a target, is one that a pattern names."""
    model = model.rpartition("/")[2]
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern
