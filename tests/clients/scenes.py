"""What the simulated model does in each scene, and what Headgate has to have kept of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from clients.stack import SETTLE_S, Stack

Json = dict[str, Any]

FACTS: dict[str, Json] = json.loads(Path(__file__).with_name("facts.json").read_text())
SCENES = tuple(FACTS)

SILENCE: Json = {"reply": {"text": "There is nothing to say."}}
"""For requests an agent makes beside its task: titles, warm-ups."""
SLOWLY: Json = {"first_token_ms": 5, "per_token_ms": 20}


class Amiss(Exception):
    """Client or Headgate did not do what the scene asks."""


def script(scene: str) -> list[Json]:
    """What the simulator answers an SDK."""
    facts = FACTS[scene]
    match scene:
        case "tools":
            call = {"name": "get_weather", "arguments": {"city": facts["city"]}}
            return [
                {"match": {"text": facts["result"]}, "reply": {"text": facts["text"]}},
                {"match": {"text": facts["ask"]}, "reply": {"tool_calls": [call]}},
            ]
        case "structured":
            return [{"match": {"text": facts["ask"]}, "reply": {"json": facts["value"]}}]
        case "images":
            return [{"match": {"body": facts["png"]}, "reply": {"text": facts["text"]}}]
        case "errors":
            return [{"match": {"text": facts["ask"]}, "fault": "context_too_long"}]
        case "cancel":
            return [{"match": {"text": facts["ask"]}, "reply": {"tokens": 3000}, "latency": SLOWLY}]
        case "long":
            return [{"match": {"text": facts["end"], "body": facts["begin"]}, "reply": {"text": facts["text"]}}]
        case _:
            return [{"match": {"text": facts["ask"]}, "reply": {"text": facts["text"]}}]


def check_books(stack: Stack, key_id: str, scene: str) -> None:
    """Hold the ledger's rows of a key against the simulator's own record of the scene.

    Raises:
        Amiss: a request has no row, or another one; a row says something else than was used; a call that was cancelled
            went on.
    """
    record, rows = _settled(stack, key_id)
    known = tuple(rows.values())
    if not record:
        raise Amiss("nothing reached the model")
    for asked in record:
        row = rows.pop(asked["id"], None)
        if row is None:
            raise Amiss(f"the ledger has no row for {asked['id']} ({asked['outcome']})")
        if row["cost_usd"] is None:
            raise Amiss("the ledger has no cost")
        if asked["outcome"] == "complete" and not asked["fault"]:
            told = {name: row[name] for name in asked["usage"]}
            if told != asked["usage"] or row["usage_source"] != "reported":
                raise Amiss(f"the ledger says {told}, the model {asked['usage']}")
    if rows:
        raise Amiss(f"the ledger has rows nobody asked for: {list(rows)}")
    ends = {asked["outcome"] for asked in record}
    if scene == "cancel" and "disconnected" not in ends:
        raise Amiss(f"the model was not told of the end: {ends}")
    codes = {row["code"] for row in known}
    if scene == "cancel" and "cancelled" not in codes:
        raise Amiss(f"the ledger does not say that the call was cancelled: {codes}")
    if scene in ("stream", "cancel") and not any(asked["stream"] for asked in record):
        raise Amiss("the model was not asked for a stream")
    if scene == "errors" and not any(asked["status"] == 400 for asked in record):
        raise Amiss("the model refused nothing")


def _settled(stack: Stack, key_id: str) -> tuple[list[Json], dict[str, Json]]:
    """The simulator's record and the ledger's rows by the vendor's id, once both hold all there will be."""
    deadline = time.monotonic() + SETTLE_S
    while True:
        record = [asked for asked in stack.simulator.requests() if asked["operation"] == "chat"]
        rows = [row for row in stack.rows(key_id) if row["operation"] == "chat"]
        named = {row["vendor_request_id"] or row["id"]: row for row in rows}
        is_open = any(asked["outcome"] == "open" for asked in record)
        if (not is_open and len(rows) >= len(record)) or time.monotonic() > deadline:
            return record, named
        time.sleep(0.05)
