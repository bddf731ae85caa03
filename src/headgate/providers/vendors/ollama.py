"""Ollama (https://docs.ollama.com/api/openai-compatibility)."""

from msgspec.structs import replace

from headgate.dialects.base import Quirks
from headgate.providers.vendors.openai_compatible import ROW as COMPATIBLE

ROW = replace(
    COMPATIBLE,
    base_url="http://127.0.0.1:11434/v1",
    needs=(),
    dialects={**COMPATIBLE.dialects, "chat": ("openai_chat", "openai_responses", "anthropic_messages")},
    paths={"anthropic_messages": "/messages"},
    passed={},
    quirks=Quirks(
        max_tokens_field="max_tokens",
        developer_role=False,
        reasoning_field="reasoning",
        unsupported=frozenset({"logit_bias", "n", "user"}),
    ),
)
