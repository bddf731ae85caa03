"""DeepSeek (https://api-docs.deepseek.com)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.deepseek.com",
    key_variable="DEEPSEEK_API_KEY",
    dialects={"chat": ("openai_chat", "openai_responses", "anthropic_messages")},
    paths={"anthropic_messages": "/anthropic/v1/messages"},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, stop_limit=16),
    request_id="x-ds-trace-id",
    catalog="deepseek",
)
