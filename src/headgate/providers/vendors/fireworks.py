"""Fireworks AI (https://docs.fireworks.ai/api-reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.fireworks.ai/inference/v1",
    key_variable="FIREWORKS_API_KEY",
    dialects={
        "chat": ("openai_chat", "openai_responses", "anthropic_messages"),
        "complete": ("openai_completions",),
        "embed": ("openai_embeddings",),
        "rerank": ("cohere_rerank",),
    },
    paths={"anthropic_messages": "/messages", "cohere_rerank": "/rerank"},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, stop_limit=4),
    catalog="fireworks",
)
