"""Ids of calls are told apart by chance, and stand together by when they were made."""

from __future__ import annotations

import re

import pytest

from headgate import ids
from headgate.ids import request_id


def test_no_id_comes_twice():
    made = [request_id() for _ in range(10_000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch("req_[0-9a-f]{24}", each) for each in made)


def test_later_ids_come_later(monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []
    for ns in (1_800_000_000_000_000_000, 1_800_000_000_000_100_000, 1_800_000_001_000_000_000, 2**63):
        monkeypatch.setattr(ids.time, "time_ns", lambda ns=ns: ns)
        made.append(request_id())
    assert made == sorted(made)


def test_a_forked_child_does_not_give_out_its_parents_ids(monkeypatch: pytest.MonkeyPatch):
    request_id()
    pool = ids._pool
    ids._forget()
    request_id()
    assert ids._pool != pool
