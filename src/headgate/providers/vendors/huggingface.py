"""The router of Hugging Face's inference providers (https://huggingface.co/docs/inference-providers)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://router.huggingface.co/v1",
    key_variable="HF_TOKEN",
    dialects={"chat": ("openai_chat", "openai_responses")},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, stop_limit=4),
    catalog="huggingface",
)
