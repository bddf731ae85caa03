"""The dashboard's pages of golden sets: how each model stands in them, what is worse, and who answered."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from test_dashboard import ADMIN, made

from browsing import Document, Person
from serving import Serving
from watching_alerts import look_at_rules

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
ALL = "/dashboard/models/golden"
ONE = f"{ALL}/one?model="
HOSTILE = "<img src=x onerror=alert(1)></pre><script>alert(1)</script>"


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        yield serving


@pytest.fixture
async def admin(serving: Serving) -> Person:
    return await Person.signed_in(serving, ADMIN)


async def ran(serving: Serving, model: str, day: int, good: float, **of: Any) -> Any:
    """Keep what came of forty cases on a day, of which a share passed."""
    cases = [
        {"case": f"case {number}", "subject": str(number), "tries": [number < 40 * good] * 3, "of": 3,
         "reason": "" if number < 40 * good else "says nothing of it"}
        for number in range(40)
    ]  # fmt: skip
    fields = {"suite": "golden", "answered_by": [f"{model}-2024"], "cost_usd": "0.012", "p95_ms": 1234.5, **of}
    at = f"2026-11-{day:02}T02:00:00Z"
    return await made(serving, "/admin/prompts/tests", run=f"r{day}", at=at, cell=model, cases=cases, **fields)


async def test_sets_that_are_worse_come_first_with_what_is_known_of_them(serving: Serving, admin: Person):
    assert "None is kept" in (await admin.page(ALL)).text
    assert (await admin.get(f"{ONE}chat")).status == 404
    for day in (1, 2):
        await ran(serving, "chat", day, 1.0)
        kept = await ran(serving, "reasoning", day, 1.0 if day == 1 else 0.5, answered_by=[f"reasoning-{day}"])
    page = await admin.page(ALL)
    assert page.active == []
    assert "Golden sets 2 of 2 models" in page.text
    assert "Worse 1 than their baseline" in page.text
    assert page.text.index("reasoning reasoning-2 worse 50.0 %") < page.text.index("chat chat-2024 as before")
    rows = _rows((await admin.get(f"{ALL}?csv=test-runs")).body)
    told = [(row["cell"], row["verdict"], float(row["pass_rate"]), row["cost_usd"]) for row in rows]
    assert told == [("reasoning", "regression", 0.5, "0.012"), ("chat", "no_difference", 1.0, "0.012")]
    assert float(rows[0]["low"]) == kept["low"]

    page = await admin.page(f"{ONE}reasoning")
    assert page.active == []
    assert "worse 50.0 %" in page.text
    assert "2026-11-01 02:00 -50.0 points" in page.text, "the baseline, when it was, and the difference"
    assert "case 20 100 % 0 % says nothing of it" in page.text
    assert "reasoning-2 2026-11-02 02:00 2026-11-02 02:00" in page.text
    assert "1.23 s $0.01" in page.text
    assert f"headgate eval accept {kept['id']}" in page.text, "where it is accepted that answers are worse"
    assert "headgate eval accept" not in (await admin.page(f"{ONE}chat")).text
    chart = _rows((await admin.get(f"{ONE}reasoning&csv=tests")).body)
    assert [row["golden, reasoning"] for row in chart] == ["1.000000", "0.500000"]
    assert [float(row["at least"]) < float(row["golden, reasoning"]) for row in chart] == [True, True]


async def test_runs_are_in_the_order_they_ran_in_however_they_were_posted(serving: Serving, admin: Person):
    for day in (3, 1, 2):
        await ran(serving, "chat", day, 1.0, answered_by=["new" if day == 3 else "old"])
    rows = _rows((await admin.get(f"{ONE}chat&csv=test-runs")).body)
    assert [row["run"] for row in rows] == ["r3", "r2", "r1"]
    page = await admin.page(f"{ONE}chat")
    assert "old 2026-11-01 02:00 2026-11-02 02:00" in page.text


async def test_they_are_found_from_models_prompts_and_alerts_by_who_may_see_them(serving: Serving, admin: Person):
    await ran(serving, "two words", 1, 1.0)
    await ran(serving, "two words", 2, 0.5)
    for path in ("/dashboard/models", "/dashboard/prompts"):
        assert any(link.startswith(ALL) for link in (await admin.page(path)).links), path
    await look_at_rules(serving.gateway)
    links = (await admin.page("/dashboard/alerts")).links
    assert f"{ONE}two+words" in links
    assert "Golden sets of two words" in (await admin.page(f"{ONE}two+words")).text
    assert "chat golden set" not in (await admin.page("/dashboard/models")).text
    await ran(serving, "chat", 1, 1.0)
    models = await admin.page("/dashboard/models")
    assert "chat golden set baseline" in models.text
    assert f"{ONE}chat" in models.links
    roles = await made(serving, "/admin/keys", name="caller", roles=["caller"])
    caller = await Person.signed_in(serving, roles["key"])
    assert [(await caller.get(path)).status for path in (ALL, f"{ONE}two+words")] == [403, 403]


async def test_names_from_anywhere_stay_texts(serving: Serving, admin: Person):
    await ran(serving, HOSTILE, 1, 1.0, suite=HOSTILE, answered_by=[HOSTILE])
    await ran(serving, HOSTILE, 2, 0.1, suite=HOSTILE, answered_by=[HOSTILE])
    for path in (ALL, f"{ONE}{quote(HOSTILE)}"):
        answer = await admin.get(path)
        assert answer.status == 200, answer.body
        assert Document(answer.body).active == [], path
    assert (await admin.get(f"{ONE}{quote('x' * 3000)}")).status == 404


def _rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))
