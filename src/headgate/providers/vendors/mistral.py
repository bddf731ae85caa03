"""Mistral (https://docs.mistral.ai/api). Its API refuses members it does not know, and gives usage unasked."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.mistral.ai/v1",
    key_variable="MISTRAL_API_KEY",
    dialects={"chat": ("openai_chat",), "embed": ("openai_embeddings",)},
    passed={"moderate": "", "transcribe": "", "files": ""},
    quirks=Quirks(
        max_tokens_field="max_tokens",
        developer_role=False,
        stream_usage=False,
        unsupported=frozenset(
            {"logit_bias", "logprobs", "top_logprobs", "seed", "service_tier", "store", "user", "verbosity"}
        ),
    ),
    request_id="mistral-correlation-id",
    catalog="mistral",
)
