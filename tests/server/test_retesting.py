"""The server runs tests that are published by itself: against what is released, and whenever models change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headgate.store import Store
from serving import Serving
from watching_alerts import look_at_rules

NAME = "support/triage"
KEY = {"HEADGATE_ADMIN_KEY": "hg-a-long-admin-key-of-a-test-server"}
HEADERS = {"authorization": f"Bearer {KEY['HEADGATE_ADMIN_KEY']}"}
PROMPT = """---
model: chat
headgate.owner: support
input: {schema: {question: string}}
---
{{role "system"}}Answer.
{{role "user"}}{{question}}
"""
TESTS = """
repeat: 3
assert: [{contains: Paris}]
dataset: cases.csv
"""
CASES = "question\n" + "\n".join(f"Capital of France ({number})?" for number in range(20))

CONFIG = """
storage: {{database: "sqlite:///:memory:"}}
providers: {{sim: {{kind: simulator, script: "{script}"}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
prompts: {{tests: {{every_s: 86400, concurrency: 8}}}}
"""


def config(folder: Path, answer: str) -> str:
    """A configuration whose model answers so."""
    script = folder / f"{answer}.yaml"
    script.write_text(f"- {{reply: {{text: The capital is {answer}.}}}}\n")
    return CONFIG.format(script=script)


async def publish(at: Serving, tests: str = TESTS, text: str = PROMPT) -> None:
    sources = {f"{NAME}.prompt": text}
    made = (await at.post("/admin/prompts", {"sources": sources}, HEADERS)).json
    move = {"name": NAME, "label": "production", "to": made["data"][0]["version"]}
    assert (await at.post("/admin/prompts/moves", move, HEADERS)).status == 201
    suite = {
        "name": NAME, "file": f"{NAME}.test.yaml", "beside": NAME,
        "sources": {f"{NAME}.test.yaml": tests, "support/cases.csv": CASES},
    }  # fmt: skip
    told = await at.post("/admin/prompts/suites", suite, HEADERS)
    assert told.status == 201, told.body


async def kept(at: Serving) -> list[Any]:
    return (await at.request("GET", "/admin/prompts/tests", headers=HEADERS)).json["data"]


async def firing(at: Serving) -> list[str]:
    store = at.gateway.store
    assert isinstance(store, Store)
    await look_at_rules(at.gateway)
    rows = await store.database.fetch("SELECT series FROM alert_states WHERE status = 'firing' ORDER BY series")
    return [series for (series,) in rows]


async def test_a_released_prompt_is_tested_and_a_model_that_changes_makes_it_worse(tmp_path: Path):
    async with Serving(config(tmp_path, "Paris"), KEY, server="auth: keys") as at:
        await publish(at)
        assert at.app.testing is not None
        retests = at.app.testing.retests
        assert await retests.turn() == 1
        (baseline,) = await kept(at)
        assert (baseline["verdict"], baseline["reason"], baseline["posted_by"]) == ("baseline", "released", "system")
        assert (baseline["cases"], baseline["passed"], baseline["pass_rate"]) == (20, 20, 1)
        assert await retests.turn() == 0

        at.gateway.reload(at.config(config(tmp_path, "Rome")))
        assert await retests.turn() == 1
        worse = (await kept(at))[1]
        assert (worse["verdict"], worse["reason"], worse["baseline"]) == ("regression", "model_changed", baseline["id"])
        assert await firing(at) == [f"prompt:{NAME} tests {NAME} {NAME}"]
