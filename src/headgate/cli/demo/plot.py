"""What is played: the gateway's configuration, who calls it, and what happens when.

All of it is simulated, and the names say so.
"""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.providers.simulator.script import Match, Rule, ScriptedReply
from headgate.providers.simulator.timing import Times

CYCLE_S = 90.0
"""How long one round of the plot takes when nobody says."""

FAILING = "sim-east"
"""The vendor that has an incident."""

CONFIG = """\
server: {{host: {host}, port: {port}, auth: keys}}
storage: {{database: "sqlite:///headgate.db"}}
providers:
  sim-east: {{kind: simulator}}
  sim-west: {{kind: simulator}}
models:
  chat:
    targets: [sim-east/gpt-4o-mini]
    fallback: [sim-west/claude-haiku-4-5]
    retry: {{attempts: 2, budget: 0.5, base_s: 0.05}}
    breaker: {{min_calls: 10, window_s: {window_s:.2f}, open_s: {open_s:.2f}}}
  code: {{targets: [sim-west/claude-sonnet-4-5]}}
  reports: {{targets: [sim-west/gpt-4o]}}
"""


def configuration(host: str, port: int, cycle_s: float) -> str:
    """The `headgate.yaml` of a demonstration; its breaker is as quick as the plot."""
    return CONFIG.format(host=host, port=port, window_s=max(2.0, cycle_s / 15), open_s=max(0.3, cycle_s / 25))


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated team, and how it calls."""

    name: str
    model: str
    per_s: float
    """Calls a second, on average."""
    path: str
    max_tokens: int
    questions: tuple[str, ...]
    tags: dict[str, str]
    budget_usd: str
    hard: bool
    stream: bool = False

    def body(self, number: int) -> dict[str, Any]:
        """Its call of that number."""
        question = self.questions[number % len(self.questions)]
        messages = [{"role": "user", "content": f"{question} ({number})"}]
        body = {"model": self.model, "max_tokens": self.max_tokens, "messages": messages}
        return {**body, "stream": True} if self.stream else body


SPENDING = "Reports"
"""The team whose budget comes to its end."""

REPORT_TOKENS = 400
REPORT_USD = 0.0045
"""About what one of its reports costs: that many tokens of gpt-4o, and some of a prompt."""

REPORTS = 14
"""Reports its budget is for, more or less."""

STEP_USD = REPORTS * REPORT_USD
"""What its budget is, and what it is raised by."""

TEAMS = (
    Team(
        name="Support",
        model="chat",
        per_s=6,
        path="/v1/chat/completions",
        max_tokens=200,
        questions=("Where is my parcel?", "How do I change my address?", "I was charged twice."),
        tags={"feature": "chatbot"},
        budget_usd="25",
        hard=False,
        stream=True,
    ),
    Team(
        name="Search",
        model="chat",
        per_s=5,
        path="/v1/messages",
        max_tokens=120,
        questions=("Sum up the first three results.", "Which of these is newest?"),
        tags={"feature": "answers"},
        budget_usd="25",
        hard=False,
    ),
    Team(
        name="Coding",
        model="code",
        per_s=2,
        path="/v1/messages",
        max_tokens=400,
        questions=("Why does this test fail?", "Name this function."),
        tags={"feature": "assistant"},
        budget_usd="100",
        hard=False,
        stream=True,
    ),
    Team(
        name=SPENDING,
        model="reports",
        per_s=0,
        path="/v1/chat/completions",
        max_tokens=REPORT_TOKENS,
        questions=("Write the nightly report.",),
        tags={"feature": "nightly"},
        budget_usd=f"{STEP_USD:.4f}",
        hard=True,
    ),
)


class Act(msgspec.Struct, frozen=True):
    """A part of the plot."""

    name: str
    share: float
    """Of a round."""
    caption: str


ACTS = (
    Act("calm", 0.2, "three teams call two simulated vendors, each on its budget"),
    Act("incident", 0.28, "sim-east fails (simulated): retries, fallbacks, open breaker"),
    Act("recovery", 0.17, "sim-east is well: its breaker tries a call, and closes"),
    Act("budget", 0.27, "Reports spends its hard budget: what does not fit is refused"),
    Act("raised", 0.08, "an administrator raised Reports' budget: it is served again"),
)


def act_at(elapsed_s: float, cycle_s: float) -> Act:
    """What is played at a time."""
    share = elapsed_s % cycle_s / cycle_s
    for act in ACTS:
        share -= act.share
        if share < 0:
            return act
    return ACTS[-1]


def next_act(now: Act | None, due: Act) -> Act:
    """The act to play where one is due: none is left out, however slow the machine."""
    return due if now in (None, due) else ACTS[(ACTS.index(now) + 1) % len(ACTS)]


def report_every_s(act: Act, cycle_s: float) -> float | None:
    """Seconds between the calls of the team that spends; None where it does not call.

    In its act it makes two and a half times as many as its budget is for; afterwards it has learnt.
    """
    times = {"budget": 2.5, "raised": 0.5}.get(act.name)
    return None if times is None else act.share * cycle_s / (times * REPORTS)


_PACE = Rule(latency=Times(median_ms=180, p99_ms=700))
_REPORT = Rule(
    match=Match(text="nightly report"), reply=ScriptedReply(tokens=REPORT_TOKENS), latency=Times(median_ms=120)
)


def rules(vendor: str, act: Act) -> tuple[Rule, ...]:
    """How a simulated vendor answers in an act."""
    if act.name == "incident" and vendor == FAILING:
        return (Rule(share=0.8, fault="unavailable"), Rule(fault="reset"))
    return (_REPORT, _PACE)


ALARMING_FAILURES = 0.2
"""Share of a target's attempts that fail from which on there is an alert."""
ALARMING_SPENT = 0.8
"""Share of a budget that is spent from which on there is one."""
