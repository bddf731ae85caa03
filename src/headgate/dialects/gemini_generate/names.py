"""What this dialect calls itself, its models' paths, and the tool calls its vendor gives no id."""

from __future__ import annotations

import re
from hashlib import blake2b
from urllib.parse import quote

NAME = "gemini_generate"
ORIGIN = "gemini"
"""Whose signatures these models can read."""

_MADE = "call_hg"
_MADE_ID = re.compile(r"call_hg[0-9a-f]{24}")
_GENERATION = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?!\d)")


def method(stream: bool) -> str:
    """What follows the model in a path, the same on the Gemini API and on Vertex AI."""
    return ":streamGenerateContent?alt=sse" if stream else ":generateContent"


def resource(model: str) -> str:
    """A model's resource name as a path: `models/x` for `x` and for `models/x`, `tunedModels/x` as it is.

    Everything but the letters, digits and `-._~` of an id is escaped, so that no id can leave its place in the path.
    """
    collection, slash, name = model.partition("/")
    if slash and collection in ("models", "tunedModels"):
        return f"{collection}/{quote(name, safe='')}"
    return f"models/{quote(model, safe='')}"


def generation(model: str) -> tuple[int, int] | None:
    """The generation in a model's id: (2, 5) for `gemini-2.5-flash`; None where it names none (`gemini-flash-latest`,
    a tuned model, an endpoint), which is then taken for the newest.
    """
    found = _GENERATION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def older_than(model: str, major: int, minor: int = 0) -> bool:
    """Whether a model is known to be of an earlier generation."""
    known = generation(model)
    return known is not None and known < (major, minor)


def made_id(response: str, choice: int, position: int, name: str, arguments: str) -> str:
    """An id for the `position`-th call of a choice where the vendor gave none.

    The same call always gets the same one, whole or streamed; short and plain enough for every dialect's limits.
    """
    key = f"{response}\0{choice}\0{position}\0{name}\0{arguments}".encode("utf-8", "surrogatepass")
    return _MADE + blake2b(key, digest_size=12).hexdigest()


def is_made(id: str) -> bool:
    """Whether an id is one of ours, of which the vendor knows nothing."""
    return _MADE_ID.fullmatch(id) is not None
