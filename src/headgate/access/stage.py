"""Whether this caller may make this call."""

from __future__ import annotations

from headgate.errors import Forbidden
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Reply


class Access:
    """Lets a call through if its caller has the scope to make calls."""

    operations = EVERY_OPERATION

    async def __call__(self, call: Call, next: Next) -> Reply:
        if "call" not in call.identity.scopes:
            raise Forbidden("This key may not call models: it lacks the scope 'call'.")
        return await next(call)
