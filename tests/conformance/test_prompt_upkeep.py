"""What came of tests of prompts, on every kind of database: kept, held against a baseline, and told of."""

from __future__ import annotations

import pytest

from administered import Administered
from headgate.alerts.alerting import Alerting
from headgate.config.retirements import Retiring

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
NAME = "support/triage"


async def _nothing() -> None:
    return


async def test_a_drop_is_kept_and_told_of(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        sources = {
            f"{NAME}.prompt": "---\nmodel: chat\nheadgate.owner: support\nheadgate.review_by: 2020-01-31\n---\nHi"
        }
        version = (await at.made("/admin/prompts", {"sources": sources}))["data"][0]["version"]
        await at.made("/admin/prompts/moves", {"name": NAME, "label": "production", "to": version})
        rows = []
        for run, passes in (("a", True), ("b", True), ("c", False)):
            at.clock.advance(60)
            cases = [{"case": str(number), "subject": "s", "tries": [passes] * 3, "of": 3} for number in range(30)]
            body = {
                "run": run, "at": "2026-11-26T03:00:00Z", "suite": "triage", "cell": NAME, "cases": cases,
                "prompt": NAME, "version": version, "answered_by": ["gpt-4o-mini"],
            }  # fmt: skip
            rows.append(await at.made("/admin/prompts/tests", body))
        assert [row["verdict"] for row in rows] == ["baseline", "no_difference", "regression"]
        assert (rows[2]["baseline"], rows[2]["pass_rate"], rows[2]["difference"]) == (rows[0]["id"], 0, -1)
        listed = await at.walk("/admin/prompts/tests", 1, prompt=NAME)
        assert [row["run"] for row in listed] == ["a", "b", "c"]
        assert (await at.ask("GET", "/admin/prompts", name=NAME)).json["data"][0]["due"] == "review"

        alerting = Alerting(at.database, at.audit, at.clock, "one", _nothing)
        config = at.administration.config()
        alerting.use(config.alerts, config.models, Retiring(config))
        assert await alerting.evaluator.turn()
        found = await at.database.fetch("SELECT series FROM alert_states WHERE status = 'firing' ORDER BY series")
        assert [series for (series,) in found] == [
            f"prompt:{NAME} tests triage {NAME}",
            f"prompt:{NAME}@production review",
        ]
        await alerting.close()


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"cases": []}, "cases"), ({"version": None}, "version"), ({"version": "0" * 64}, "version"),
        ({"cost_usd": "-1"}, "cost_usd"), ({"cases": [{"case": "a", "subject": "s", "tries": [1]}]}, "cases[0].tries[0]"),
        ({"prompt": "../etc", "version": "0" * 64}, "version"), ({"surplus": 1}, "surplus"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_by_name(wrong: dict[str, object], param: str):
    async with Administered(config=CONFIG) as at:
        case = {"case": "a", "subject": "s", "tries": [True]}
        body: dict[str, object] = {
            "run": "a", "at": "2026-11-26T03:00:00Z", "suite": "s", "cell": NAME, "cases": [case], "prompt": NAME,
            "version": "0" * 64, **wrong,
        }  # fmt: skip
        told = await at.ask(
            "POST", "/admin/prompts/tests", {name: each for name, each in body.items() if each is not None}
        )
        assert (told.status, told.params) == (422, [param])
