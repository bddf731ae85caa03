"""Cerebras (https://inference-docs.cerebras.ai/resources/openai)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.cerebras.ai/v1",
    key_variable="CEREBRAS_API_KEY",
    dialects={"chat": ("openai_chat",), "complete": ("openai_completions",)},
    quirks=Quirks(
        developer_role=False,
        reasoning_field="reasoning",
        stop_limit=4,
        unsupported=frozenset({"frequency_penalty", "logit_bias", "presence_penalty"}),
    ),
    catalog="cerebras",
)
