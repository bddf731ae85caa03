"""Ledger rows for tests that need some but not what is in them, and strategies for any there can be."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from headgate.storage.records import LedgerRow
from headgate.types import Operation, Usage

NOVEMBER_US = 1_793_491_200_000_000
"""2026-11-01T00:00:00Z."""
DAY_US = 86_400_000_000


def row(**changes: Any) -> LedgerRow:
    """A row of a small call on 1 November 2026; `changes` replace its members."""
    fields: dict[str, Any] = {
        "id": "req_1-0", "call_id": "req_1", "organisation": "default", "key_id": "key_1", "model": "chat",
        "target": "openai/gpt-4o-mini", "operation": "chat", "cause": "primary", "started_us": NOVEMBER_US,
        "duration_us": 1_500_000, "status": 200, "code": None, "usage": Usage(input_tokens=10, output_tokens=5),
        "usage_source": "reported", "cost_picodollars": 4_500_000, "streamed": False, "vendor_request_id": None,
        "tags": (),
    }  # fmt: skip
    return LedgerRow(**{**fields, **changes})


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
"""Any text a database holds."""
NAMES = (
    st.sampled_from(["", "a", "=1+1", "+1", "-1", "@x", "'q", "\tx", 'say "hi", twice', "two\r\nlines", "＝x"]) | TEXTS
)
MONEY = st.integers(min_value=-(10**18), max_value=10**24)


@st.composite
def rows(draw: st.DrawFn) -> LedgerRow:
    counts = {name: draw(st.integers(min_value=0, max_value=10**9)) for name in Usage.__struct_fields__}
    return LedgerRow(
        id=draw(NAMES),
        call_id=draw(NAMES),
        organisation=draw(NAMES),
        key_id=draw(NAMES),
        team_id=draw(st.none() | NAMES),
        project_id=draw(st.none() | NAMES),
        user_id=draw(st.none() | NAMES),
        end_user=draw(st.none() | NAMES),
        model=draw(NAMES),
        target=draw(NAMES),
        operation=draw(st.sampled_from(get_args(Operation))),
        cause=draw(st.sampled_from(["primary", "retry", "hedge", "cache_hit", "correction"])),
        parent=draw(st.none() | NAMES),
        payer=draw(st.sampled_from(["caller", "internal", "client"])),
        started_us=draw(st.integers(min_value=0, max_value=4_102_444_800_000_000)),
        duration_us=draw(st.integers(min_value=0, max_value=10**12)),
        first_token_us=draw(st.none() | st.integers(min_value=0, max_value=10**12)),
        status=draw(st.sampled_from([0, 200, 429, 500])),
        code=draw(st.none() | NAMES),
        usage=Usage(**counts),
        usage_source=draw(st.sampled_from(["reported", "estimated"])),
        cost_picodollars=draw(st.none() | MONEY),
        saving_picodollars=draw(st.none() | MONEY),
        reserved_picodollars=draw(st.none() | MONEY),
        price_version=draw(st.none() | NAMES),
        streamed=draw(st.booleans()),
        vendor_request_id=draw(st.none() | NAMES),
        prompt_version=draw(st.none() | NAMES),
        tags=tuple(sorted(draw(st.dictionaries(NAMES, NAMES, max_size=3)).items())),
        charged=tuple(draw(st.lists(NAMES, max_size=2))),
    )
