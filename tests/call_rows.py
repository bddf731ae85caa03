"""Records of calls for tests."""

from __future__ import annotations

from typing import Any

from headgate.storage.records import CallRow
from ledger_rows import NOVEMBER_US


def call_row(number: int = 1, **changes: Any) -> CallRow:
    """The record of a small call on 1 November 2026; `changes` replace its members."""
    fields: dict[str, Any] = {
        "id": f"req_{number}", "owner": "process", "number": number, "kept": "sample", "organisation": "default",
        "started_us": NOVEMBER_US, "duration_us": 1_500_000, "model": "chat", "target": "openai/gpt-4o-mini",
        "operation": "chat", "streamed": 0, "code": None, "attempts": 1, "key_id": "key_1", "team_id": None,
        "project_id": None, "user_id": None, "end_user": None, "first_token_us": None, "overhead_us": 300,
        "queued_us": 0, "input_tokens": 10, "output_tokens": 5, "cost_picodollars": 4_500_000,
    }  # fmt: skip
    return CallRow(**{**fields, **changes})
