"""Anthropic's count, spoken to clients and vendors (Claude API reference, "Count tokens in a Message")."""

from __future__ import annotations

from headgate.dialects import anthropic_messages
from headgate.dialects.anthropic_messages.request import decode_request
from headgate.dialects.base import Fit
from headgate.dialects.count_tokens.counting import Counting
from headgate.dialects.hub import Chat
from headgate.types import JSON

_MEMBERS = frozenset(
    {
        "model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control",
        "context_management", "mcp_servers", "speed",
    }
)  # fmt: skip


class AnthropicCountTokens(Counting):
    name = "anthropic_count_tokens"

    def path(self, model: str, stream: bool) -> str:
        return "/v1/messages/count_tokens"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return self.cut(request, fit, _MEMBERS)

    def decode_request(self, tree: JSON) -> Chat:
        return decode_request(tree, limit_required=False)


DIALECT = AnthropicCountTokens(anthropic_messages.DIALECT, "input_tokens")
