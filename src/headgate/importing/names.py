"""Names and ids from elsewhere, as ours take them."""

from __future__ import annotations

import re
from hashlib import sha256

_NO_TAG = re.compile(r"[^\x21-\x29\x2b\x2d-\x3c\x3e-\x7e ]")
"""What a tag's value cannot have, or a subject that names it."""


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


def tag_text(text: str, longest: int = 190, reserved: str | None = None) -> str:
    """A tag's name or value for a text, another for each: the text itself where it can be one, and begins with nothing
    that is `reserved`.
    """
    cleaned = _NO_TAG.sub("_", text).strip()
    own = reserved is None or not text.startswith(reserved)
    if text and cleaned == text and len(text) <= longest and own:
        return text
    return f"{cleaned[: longest - 17].rstrip()}-{sha256_of(text)[:16]}"


def sha256_of(text: str) -> str:
    """Hexadecimal SHA-256."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()
