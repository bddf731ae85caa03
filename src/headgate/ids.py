"""Ids of calls: unguessable, and cheap."""

from __future__ import annotations

import os

_BYTES = 12
_POOL_BYTES = 12 * 1024

_pool = b""
_at = 0


def request_id() -> str:
    """`req_` and 24 hexadecimal digits from the system's source of randomness, asked once per thousand calls."""
    global _pool, _at
    if _at >= len(_pool):
        _pool, _at = os.urandom(_POOL_BYTES), 0
    _at += _BYTES
    return "req_" + _pool[_at - _BYTES : _at].hex()


def _forget() -> None:
    """A forked child must not give out its parent's ids."""
    global _pool
    _pool = b""


os.register_at_fork(after_in_child=_forget)
