"""Header names and values as they may go on a wire."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headgate.errors import BadRequest

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2: a token
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, section 5.5, obs-text as latin-1


def refuse_injection(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse header names and values that could end a line or are not characters of a header.

    Raises:
        BadRequest: names the header; its value is not shown, it may be a secret.
    """
    for name, value in headers:
        if not _NAME.fullmatch(name):
            raise BadRequest(f"{name!r} is not a valid header name.")
        if not _VALUE.fullmatch(value):
            raise BadRequest(f"The value of the header '{name}' holds a control or non-latin character.", param=name)
