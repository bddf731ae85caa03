"""Anthropic (https://docs.claude.com/en/api)."""

from headgate.providers.row import Row

VERSION = "2023-06-01"

ROW = Row(
    base_url="https://api.anthropic.com",
    auth="x-api-key",
    key_variable="ANTHROPIC_API_KEY",
    dialects={"chat": ("anthropic_messages",), "count_tokens": ("anthropic_count_tokens",)},
    passed={"files": "/v1", "batches": "/v1"},
    headers=(("anthropic-version", VERSION),),
    forwarded=dict.fromkeys(("anthropic_messages", "anthropic_count_tokens"), ("anthropic-version", "anthropic-beta")),
    request_id="request-id",
    catalog="anthropic",
)
