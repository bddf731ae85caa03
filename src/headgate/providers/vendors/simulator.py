"""The simulator: no vendor and no network, but their wire formats."""

from collections.abc import Mapping

from headgate.providers.row import Row
from headgate.types import Operation

_DIALECTS: Mapping[Operation, tuple[str, ...]] = {
    "chat": ("openai_chat", "openai_responses", "anthropic_messages"),
    "complete": ("openai_completions",),
    "embed": ("openai_embeddings",),
    "rerank": ("cohere_rerank",),
    "count_tokens": ("anthropic_count_tokens", "openai_input_tokens"),
}
_CONTROLS = ("x-sim-fault", "x-sim-latency-ms")

ROW = Row(
    base_url="http://simulator/v1",
    auth="none",
    dialects=_DIALECTS,
    paths={
        "anthropic_messages": "/messages",
        "anthropic_count_tokens": "/messages/count_tokens",
        "cohere_rerank": "/rerank",
    },
    passed={"moderate": "", "image": "", "speech": "", "transcribe": "", "responses": ""},
    forwarded={name: _CONTROLS for names in _DIALECTS.values() for name in names},
    catalog="simulator",
    transport="headgate.providers.simulator:SimulatorTransport",
)
