"""What a model that is a prompt costs, beside a plain one that is sent the same messages."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import setting
import wrk
from headgate.prompts.dotprompt import load_sources
from scenes import ROUNDS, Row, Say

SOURCES = {
    "support/triage.prompt": """---
config: {temperature: 0.5}
input:
  schema:
    order(object): {id: string, item: string, status: string, city: string, carrier: string}
    customer(object): {name: string, plan: string, language: string, since: string, country: string}
    product: string
    team: string
    tone: string
    limit: integer
    hours: string
    site: string
    channel: string
    policy: string
    today: string
    facts(array): string
---
{{role "system"}}
{{> rules}}
{{> house}}
{{#each facts}}
- {{this}}
{{/each}}
{{history}}
{{role "user"}}
{{> order}}
""",
    "support/_rules.prompt": "You are of the team {{team}} for {{product}}. Be {{tone}}; {{limit}} words at most, in "
    "{{customer.language}}. Follow {{policy}}.",
    "support/_house.prompt": "We are open {{hours}}, see {{site}}. Today is {{today}}; this came by {{channel}}.",
    "support/_order.prompt": "{{customer.name}} ({{customer.plan}}, since {{customer.since}}, {{customer.country}}) "
    "asks about {{order.item}} of order {{order.id}}: {{order.status}} in {{order.city}} with {{order.carrier}}.",
}
"""Twenty variables, three partials, a loop."""

INPUTS: dict[str, Any] = {
    "order": {"id": "A-1001", "item": "a kettle", "status": "under way", "city": "Bremen", "carrier": "Post"},
    "customer": {"name": "Jo", "plan": "gold", "language": "English", "since": "2021", "country": "Germany"},
    "product": "Kettles", "team": "Support", "tone": "friendly", "limit": 80, "hours": "9 to 5", "site": "example.com",
    "channel": "mail", "policy": "policy 7", "today": "Thursday",
    "facts": ["Orders take three days.", "Returns are free.", "Gold customers are called back.", "Kettles are blue."],
}  # fmt: skip

MORE = """
  prompted: {prompt: support/triage, targets: [mock/gpt-4o-mini]}
prompts: {folder: prompts}
"""

ASKED = [{"role": "user", "content": "Where is it?"}]


def prompts(folder: Path, seconds: float, say: Say) -> list[Row]:
    """CPU per call of a plain model and of one that is a prompt: the vendor is sent the same messages by both."""
    for place, text in SOURCES.items():
        (folder / "prompts" / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / "prompts" / place).write_text(text)
    told = load_sources(SOURCES).get("support/triage").render(INPUTS)
    roles = {"model": "assistant"}
    rendered: list[dict[str, str]] = [
        {"role": roles.get(each.role, each.role), "content": "".join(part.plain()["text"] for part in each.content)}
        for each in told.messages
    ]
    plain = {"model": "chat", "messages": [*rendered[:-1], *ASKED, rendered[-1]], "temperature": 0.5}
    prompted = {"model": "prompted", "messages": ASKED, "headgate": {"inputs": INPUTS}}
    loads = [
        (what, wrk.Load("/v1/chat/completions", json.dumps(body)))
        for what, body in (("a plain model", plain), ("a prompt", prompted))
    ]
    found: dict[str, list[float]] = {what: [] for what, _ in loads}
    with setting.mock(folder) as mock_port:
        process, port = setting.gateway(folder, "prompts", mock_port, more=MORE)
        with process:
            process.wait_for(port)
            for turn in range(ROUNDS):
                for what, load in loads if turn % 2 else reversed(loads):
                    say(f"{what}, round {turn + 1} of {ROUNDS}")
                    wrk.run(folder, process, port, load, 1)
                    found[what].append(wrk.run(folder, process, port, load, seconds).cpu_us)
    rows: list[Row] = [
        {
            "what": what,
            "body": f"{len(load.body) / 1024:.1f} KB",
            "cpu µs/call": round(statistics.median(found[what]), 1),
        }
        for what, load in loads
    ]
    plain_us = float(rows[0]["cpu µs/call"])
    return [{**row, "beside a plain one, µs": round(float(row["cpu µs/call"]) - plain_us, 1)} for row in rows]
