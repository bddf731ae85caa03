"""Anthropic (https://docs.claude.com/en/api)."""

from headgate.providers.row import Row

VERSION = "2023-06-01"

ROW = Row(
    base_url="https://api.anthropic.com",
    auth="x-api-key",
    key_variable="ANTHROPIC_API_KEY",
    dialects={"chat": ("anthropic_messages",)},
    passed={"count_tokens": "/v1", "files": "/v1", "batches": "/v1"},
    headers=(("anthropic-version", VERSION),),
    forwarded={"anthropic_messages": ("anthropic-version", "anthropic-beta")},
    request_id="request-id",
    catalog="anthropic",
)
