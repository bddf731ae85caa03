"""The simulator: no vendor and no network, but their wire formats."""

from headgate.providers.row import Row

ROW = Row(
    base_url="http://simulator/v1",
    auth="none",
    dialects={
        "chat": ("openai_chat", "openai_responses", "anthropic_messages"),
        "embed": ("openai_embeddings",),
    },
    paths={"anthropic_messages": "/messages"},
    passed={"count_tokens": "", "moderate": ""},
    catalog="simulator",
    transport="headgate.providers.simulator:SimulatorTransport",
)
