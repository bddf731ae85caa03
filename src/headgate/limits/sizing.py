"""How large a call can become, looked at once."""

from __future__ import annotations

from headgate import dialects
from headgate.dialects.base import Quirks
from headgate.dialects.sizes import Size
from headgate.types import Call


def size_of(call: Call, quirks: Quirks | None = None) -> Size:
    """The size of a call's request, as it is now: stages may have changed it since it was looked at. `quirks` are those
    of the vendor it goes to; where they make no difference what was found is taken again.
    """
    held: tuple[object, object, Size] | None = call.account.sized
    older = quirks is not None and quirks.max_tokens_field == "max_tokens"
    if held is not None and held[0] is call.request and held[1] is older:
        return held[2]
    size = dialects.get(call.request.dialect).size(call.request.tree, quirks)
    call.account.sized = call.request, older, size
    return size
