"""What becomes of what several gateways have, and this one does not."""

from __future__ import annotations

from headgate.importing.section import Note

NEEDLESS = Note("carries", "is not needed here")

CACHE = Note(
    "cannot",
    "is left out",
    "this release keeps no answers to give them again",
    "expect the calls at the vendor, and their cost; coalescing of the same call is models.<name>.once",
)

GUARDRAIL = Note(
    "cannot",
    "is left out: its calls go unchecked",
    "this release has no guardrails of its own",
    "write a stage (CONTRIBUTING.md, 'Add a stage'), or keep these models where they are until you have",
)

LOGGING = Note(
    "cannot",
    "is left out",
    "calls are not sent to observability products from here",
    "scrape /metrics, export the ledger ('headgate ledger export'), or write a stage of your own",
)

PROMETHEUS = Note(
    "changes", "is /metrics, with other names", "metrics are Headgate's own", "change dashboards and alerts"
)

ALERTS = Note(
    "cannot", "is left out", "alerts are not sent from here", "alert on /metrics: headgate_events_total has budgets"
)

TOOLS = Note("cannot", "is left out", "tool servers are not served from here", "connect clients to them")
