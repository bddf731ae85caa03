"""Regular expressions that are searched in time linear in the text, whatever they are: those of RE2, by the engine that
checks patterns of JSON Schemas. They have no look-around and no back-references.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

SIZE_BYTES = 1024 * 1024
"""Most of a compiled pattern."""


@lru_cache(maxsize=1_024)
def searching(pattern: str) -> Callable[[str], bool]:
    """What tells whether a pattern is somewhere in a text.

    Raises:
        ValueError: it is none that can be searched so; the message says why.
    """
    import jsonschema_rs  # 30 ms that importing the library should not cost

    options = jsonschema_rs.RegexOptions(size_limit=SIZE_BYTES)
    try:
        validator: Any = jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=options)
    except ValueError:
        raise ValueError(
            f"no regular expression of RE2, which has no look-around and no back-references: {pattern!r}"
        ) from None
    return validator.is_valid
