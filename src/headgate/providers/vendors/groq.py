"""Groq (https://console.groq.com/docs/openai)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.groq.com/openai/v1",
    key_variable="GROQ_API_KEY",
    dialects={"chat": ("openai_chat", "openai_responses")},
    passed={"speech": "", "transcribe": "", "files": "", "batches": ""},
    quirks=Quirks(
        developer_role=False,
        reasoning_field="reasoning",
        stop_limit=4,
        unsupported=frozenset({"logprobs", "logit_bias", "top_logprobs"}),
    ),
    catalog="groq",
)
