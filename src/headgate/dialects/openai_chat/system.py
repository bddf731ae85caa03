"""The system prompt of a request: its first messages of the roles `system` and `developer`."""

from __future__ import annotations

from headgate.types import Payload

_ROLES = frozenset({"system", "developer"})


def with_system(payload: Payload, text: str) -> Payload:
    """The request with another system prompt in their place."""
    messages = payload.tree.get("messages")
    if not isinstance(messages, list):
        return payload
    first = 0
    while first < len(messages) and isinstance(messages[first], dict) and messages[first].get("role") in _ROLES:
        first += 1
    return payload.with_members(messages=[{"role": "system", "content": text}, *messages[first:]])
