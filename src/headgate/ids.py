"""Ids: of calls, unguessable and cheap; of the people behind them, which do not tell who they are."""

from __future__ import annotations

import os
import time
from hashlib import sha256

_BYTES = 8
_POOL_BYTES = 8 * 1024

_pool = b""
_at = 0
_prefix = ""


def request_id() -> str:
    """`req_` and 24 hexadecimal digits: 8 of the time, 16 from the system's source of randomness; both asked once per
    thousand calls.

    Ids that are made together stand together in a database's index: with ones all random each new ledger row changes a
    page of its own, which costs SQLite four times as much once there are some hundred thousand.
    """
    global _pool, _at, _prefix
    if _at >= len(_pool):
        _pool, _at = os.urandom(_POOL_BYTES), 0
        _prefix = f"req_{int(time.time()) & 0xFFFFFFFF:08x}"
    _at += _BYTES
    return _prefix + _pool[_at - _BYTES : _at].hex()


def end_user_id(organisation: str, user: str) -> str:
    """What an end user is called here, whatever its client calls it: 128 bits of SHA-256, another one in each
    organisation. Whoever has a list of users can still find out which is which.
    """
    return sha256(f"headgate end user\0{organisation}\0{user}".encode("utf-8", "replace")).hexdigest()[:32]


def counted_subject(organisation: str, subject: str) -> str:
    """What a rule's subject is called where it is counted: an end user by its id, everything else by its name."""
    kind, _, name = subject.partition(":")
    return f"customer:{end_user_id(organisation, name)}" if kind == "customer" and name != "*" else subject


def _forget() -> None:
    """A forked child must not give out its parent's ids."""
    global _pool
    _pool = b""


os.register_at_fork(after_in_child=_forget)
