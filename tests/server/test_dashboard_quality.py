"""The dashboard's page of quality: the figures are those of the sums, with how sure they are."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from test_dashboard import ADMIN, call, made

from browsing import Document, Person
from serving import Serving

CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini], evaluate: {share: 1}}
  other: {targets: [sim/gpt-4o-mini]}
"""
BEARER = {"authorization": f"Bearer {ADMIN}"}


async def test_satisfaction_and_evaluators_are_told_with_intervals_charts_and_files():
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        key = await made(serving, "/admin/keys", name="anna", roles=["operator"])
        for number in range(8):
            id_ = await call(serving, key["key"], "chat" if number < 6 else "other")
            if number % 2 == 0:
                said = {"request_id": id_, "score": 5} if number else {"request_id": id_, "thumb": "down"}
                answer = await serving.post("/v1/feedback", said, {"authorization": f"Bearer {key['key']}"})
                assert answer.status in (200, 201, 202), answer.body
        await serving.gateway.services.evaluations.idle()
        admin = await Person.signed_in(serving, ADMIN)
        page = await admin.page("/dashboard/quality")
        assert page.active == []
        assert "Satisfied 75.0 % 30.1 % to 95.4 %" in page.text
        assert "Calls somebody rated 50.0 % 4 of 8" in page.text

        told = {each["name"]: each["total"] for each in (await _traffic(serving))["series"]}
        rows = {row["model"]: row for row in _rows((await admin.get("/dashboard/quality?csv=satisfied-model")).body)}
        assert set(rows) == {"chat", "other"}
        for model, row in rows.items():
            satisfied = told[model]["satisfaction"]["satisfied"]
            assert (int(row["ratings"]), int(row["satisfied"])) == (satisfied["of"], satisfied["counted"])
            for name, figure in (("satisfied_share", "share"), ("low", "low"), ("high", "high")):
                assert float(row[name]) == pytest.approx(satisfied[figure], abs=1e-6)
        found = _rows((await admin.get("/dashboard/quality?csv=evaluated-model")).body)
        assert {row["model"] for row in found} == {"chat"}
        for row in found:
            passed = told["chat"]["evaluations"][row["evaluator"]]["passed"]
            assert (int(row["told"]), int(row["passed"])) == (passed["of"], passed["counted"])
        for chart in ("satisfied", "rated", "model-satisfied", "evaluators", "by-evaluator"):
            assert len(_rows((await admin.get(f"/dashboard/quality?csv={chart}")).body)) > 0, chart
            assert f'csv={chart}"' in (await admin.get("/dashboard/quality")).body.decode(), chart
        assert (
            "Prompt version"
            not in Document((await admin.get("/dashboard/quality?by=model")).body).text.split("Show")[1]
        )
        for path in ("?by=key", "?by=tag&of=model:chat", "?of=prompt:none@1", "?range=1y"):
            assert (await admin.get(f"/dashboard/quality{path}")).status == 200, path
        assert (await admin.get("/dashboard/quality?by=prompt&of=arm:none")).status == 422


async def test_a_team_sees_what_was_said_of_its_own_calls():
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        team = await made(serving, "/admin/teams", name="Ours")
        ours = await made(serving, "/admin/keys", name="ours", team=team["id"], roles=["developer"])
        other = await made(serving, "/admin/keys", name="other")
        for key in (ours["key"], other["key"], other["key"]):
            id_ = await call(serving, key)
            bearer = {"authorization": f"Bearer {key}"}
            await serving.post("/v1/feedback", {"request_id": id_, "thumb": "up"}, bearer)
        person = await Person.signed_in(serving, ours["key"])
        assert "Calls somebody rated 100 % 1 of 1" in (await person.page("/dashboard/quality")).text


async def _traffic(serving: Serving) -> Any:
    return (await serving.request("GET", "/admin/traffic?by=model", headers=BEARER)).json


def _rows(body: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(body.decode())))
