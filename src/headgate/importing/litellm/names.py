"""Names and lists of models from LiteLLM's rows, as ours take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

_NO_TAG = re.compile(r"[^\x21-\x29\x2b\x2d-\x3c\x3e-\x7e ]")
"""What a tag's value cannot have, or a subject that names it."""

RESERVED = "litellm-"
"""What tags begin with that stand for something of LiteLLM's."""

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
    return id if fine else sha256_of(id)


def unique(name: str, id: str, taken: set[str]) -> str:
    """A name that is not taken: with the beginning of the id behind it where it is. It is taken then."""
    if name in taken:
        name = f"{name[:180]} {id[:16]}".rstrip()
    if name in taken:
        name = f"{name[:150]} {sha256_of(id)[:32]}"
    taken.add(name)
    return name


def tag_value(text: str) -> str:
    """A tag's value for a text, another for each: the text itself where it can be one."""
    return _tag(text, 190)


def tag_name(text: str) -> str:
    """A tag's name for a text, as its value is made."""
    return _tag(text, 64)


def _tag(text: str, longest: int) -> str:
    cleaned = _NO_TAG.sub("_", text).strip()
    if text and cleaned == text and len(text) <= longest and not text.startswith(RESERVED):
        return text
    return f"{cleaned[: longest - 17].rstrip()}-{sha256_of(text)[:16]}"


def sha256_of(text: str) -> str:
    """Hexadecimal SHA-256."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()


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
