"""The dialect's name, and the words it keeps its own notes under in `extra`."""

from __future__ import annotations

from typing import Any

from headgate.dialects.hub import Extra
from headgate.types import JSON

NAME = "openai_chat"

CHUNK = "chunk"
"""On a part: it stood in a list of content, with these members beyond those the hub has words for."""
FIELD = "field"
"""On reasoning: its text stood in the message member of this name."""
DETAIL = "detail"
"""On reasoning: it was an entry of `reasoning_details`, with these members beyond those the hub has words for."""
LEGACY = "legacy"
"""On a call, a result or a tool: it was said in the words that preceded tools, `function_call` and `functions`."""
ABSENT = "absent"
"""Names of members that were not there, where we would write them."""


def own(extra: Extra) -> JSON:
    """What this dialect has noted on a part or message."""
    return extra.get(NAME, {})


def is_empty(value: Any) -> bool:
    """Whether a member says nothing: null, "", [] or {}."""
    return value is None or value == "" or value == [] or value == {}
