"""Names and lists of models from LiteLLM's rows, as ours take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

_NO_TAG = re.compile(r"[^\x21-\x29\x2b\x2d-\x3c\x3e-\x7e ]")
"""What a tag's value cannot have, or a subject that names it."""

ALL = frozenset({"all-proxy-models", "*"})
OF_TEAM = "all-team-models"
NONE = "no-default-models"


def name_of(*candidates: str | None) -> str:
    """The first of some names that is one, without what a name cannot have."""
    for each in candidates:
        cleaned = "".join(character if character.isprintable() else " " for character in each or "").strip()
        if cleaned:
            return cleaned[:200].rstrip()
    return "unnamed"


def plain_id(id: str) -> str:
    """An id as a subject can name it: itself, or a digest of one that cannot be."""
    fine = 0 < len(id) <= 300 and id.isprintable() and id == id.strip() and "*" not in id
    return id if fine else sha256(id.encode()).hexdigest()


def unique(name: str, id: str, taken: set[str]) -> str:
    """A name that is not taken: with the beginning of the id behind it where it is. It is taken then."""
    if name in taken:
        name = f"{name[:180]} {id[:16]}".rstrip()
    while name in taken:
        name = f"{name[:190]} +"
    taken.add(name)
    return name


def tag_value(text: str) -> str:
    """A tag's value of any text."""
    return _NO_TAG.sub("_", text).strip()[:190] or "_"


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
    kept = [each for each in first if _covered(each, second)]
    return kept + [each for each in second if each not in kept and _covered(each, first)]


def _covered(model: str, patterns: Iterable[str]) -> bool:
    return any(
        model == each or (each.endswith("*") and model.removesuffix("*").startswith(each[:-1])) for each in patterns
    )
