"""Names and lists of models from LiteLLM's rows, as ours take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headgate.importing.names import tag_text

RESERVED = "litellm-"
"""What tags begin with that stand for something of LiteLLM's."""

ALL = frozenset({"all-proxy-models", "*"})
OF_TEAM = "all-team-models"
NONE = "no-default-models"


def tag_value(text: str) -> str:
    """A tag's value for a text, another for each."""
    return tag_text(text, reserved=RESERVED)


def tag_name(text: str) -> str:
    """A tag's name for a text, as its value is made."""
    return tag_text(text, 64, RESERVED)


def allowed(
    models: Sequence[str] | None, groups: Mapping[str, Sequence[str]], of_team: Sequence[str] | None
) -> tuple[list[str] | None, list[str]]:
    """What a list of models lets ask for, None for all, and what of it cannot be written here.

    `groups` are access groups by name, `of_team` what `all-team-models` stands for.
    """
    if not models or ALL & set(models):
        return None, []
    found: dict[str, None] = {}
    strange: list[str] = []
    for each in models:
        if each == OF_TEAM:
            if of_team is None:
                return None, []
            found |= dict.fromkeys(of_team)
        elif each in groups:
            found |= dict.fromkeys(groups[each])
        elif "*" in each[:-1] or each != each.strip() or len(each) > 512:
            strange.append(each)
        elif each != NONE:
            found[each] = None
    return list(found), strange


def both(first: list[str] | None, second: list[str] | None) -> list[str] | None:
    """What two lists of models let ask for together."""
    if first is None or second is None:
        return second if first is None else first
    kept = [each for each in first if covered(each, second)]
    return kept + [each for each in second if each not in kept and covered(each, first)]


def covered(model: str, patterns: Iterable[str]) -> bool:
    """Whether one of some names and patterns stands for a model, or for all that a pattern does."""
    return any(
        model == each or (each.endswith("*") and model.removesuffix("*").startswith(each[:-1])) for each in patterns
    )
