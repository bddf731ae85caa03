"""How large a call can become, looked at once."""

from __future__ import annotations

from headgate import dialects
from headgate.dialects.sizes import Size
from headgate.types import Call


def size_of(call: Call) -> Size:
    """The size of a call's request, as it is now: stages may have changed it since it was looked at."""
    held: tuple[object, Size] | None = call.account.sized
    if held is not None and held[0] is call.request:
        return held[1]
    size = dialects.get(call.request.dialect).size(call.request.tree)
    call.account.sized = call.request, size
    return size
