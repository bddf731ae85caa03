"""Where labels go back to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.administration.prompts import MoveView
from headgate.dashboard.label_history import taken_away, ways_back

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


def moved(number: int, to: str | None, kind: Any = "move", status: Any = "done", label: str = "production") -> MoveView:
    at = BEGAN + timedelta(hours=number)
    fields: dict[str, Any] = {
        "id": f"move_{number}", "name": "a", "label": label, "kind": kind, "from_version": None, "to_version": to,
        "status": status, "reason": "", "asked_by": "key:a", "asked_at": BEGAN - timedelta(hours=number),
        "decided_by": None, "decided_at": at, "decision": "",
    }  # fmt: skip
    others = {name: [] for name in MoveView.__struct_fields__ if name not in fields}
    return MoveView(**fields, **others)


def test_a_label_goes_back_to_what_it_stood_for_before_and_then_further():
    moves = [moved(1, "a"), moved(2, "b"), moved(3, "c")]
    assert ways_back(moves, "c", frozenset()) == ["b", "a"]
    moves.append(moved(4, "b", "rollback"))
    assert ways_back(moves[::-1], "b", frozenset()) == ["a", "c"], "going back twice goes back further"
    moves.append(moved(5, "a", "rollback"))
    assert ways_back(moves, "a", frozenset()) == []
    assert ways_back([], None, frozenset()) == []
    assert ways_back([moved(1, "a"), moved(2, "b", status="refused")], "a", frozenset()) == []


def test_withdrawn_versions_are_passed_over_and_labels_that_were_taken_away_come_back():
    moves = [moved(1, "a"), moved(2, "b"), moved(3, "c")]
    assert ways_back(moves, "c", frozenset({"b"})) == ["a"]
    moves.append(moved(4, None, "remove"))
    assert ways_back(moves, None, frozenset({"c"})) == ["b", "a"]
    assert taken_away(moves, {}) == ["production"]
    assert taken_away(moves, {"production": "c"}) == []
