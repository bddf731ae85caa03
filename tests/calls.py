"""Calls for tests that need one but not what is in it."""

from __future__ import annotations

from math import inf
from typing import Any

from headgate.types import ANONYMOUS, Account, Call, Payload


def call(**changes: Any) -> Call:
    """A small chat call; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "id": "req_1",
        "operation": "chat",
        "model": "chat",
        "label": "chat",
        "request": Payload("openai_chat", tree={"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}),
        "stream": False,
        "identity": ANONYMOUS,
        "account": Account(),
        "headers": {},
        "deadline": inf,
    }
    return Call(**{**fields, **changes})
