"""Ids: of calls, hard to guess and cheap; of the people behind them, which do not tell who they are."""

from __future__ import annotations

import os
import time
from hashlib import sha256

_BYTES = 6
_POOL_BYTES = 6 * 1024

_pool = b""
_at = 0


def request_id() -> str:
    """`req_` and 24 hexadecimal digits: 12 of the time, in units of 65,536 ns, and 12 from the system's source of
    randomness, which is asked once per thousand calls.

    So they grow, and a new ledger row comes at the end of a database's index: with ids that are random, if only within
    a second, each row changes a page of its own, which costs SQLite up to four times as much.
    """
    global _pool, _at
    if _at >= len(_pool):
        _pool, _at = os.urandom(_POOL_BYTES), 0
    _at += _BYTES
    return "req_" + ((time.time_ns() >> 16).to_bytes(6) + _pool[_at - _BYTES : _at]).hex()


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
