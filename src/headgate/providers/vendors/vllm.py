"""vLLM's server (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""

from msgspec.structs import replace

from headgate.dialects.base import Quirks
from headgate.providers.vendors.openai_compatible import ROW as COMPATIBLE

ROW = replace(
    COMPATIBLE,
    base_url="http://127.0.0.1:8000/v1",
    needs=(),
    dialects={
        **COMPATIBLE.dialects,
        "chat": ("openai_chat", "openai_responses", "anthropic_messages"),
        "rerank": ("cohere_rerank",),
    },
    paths={"anthropic_messages": "/messages", "cohere_rerank": "/rerank"},
    passed={"transcribe": "", "responses": ""},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, reasoning_field="reasoning"),
)
