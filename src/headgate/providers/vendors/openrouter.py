"""OpenRouter (https://openrouter.ai/docs/api-reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://openrouter.ai/api/v1",
    key_variable="OPENROUTER_API_KEY",
    dialects={
        "chat": ("openai_chat", "openai_responses", "anthropic_messages"),
        "complete": ("openai_completions",),
        "embed": ("openai_embeddings",),
    },
    paths={"anthropic_messages": "/messages"},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, reasoning_field="reasoning", stop_limit=4),
    catalog="openrouter",
)
