"""Bedrock's count of a Converse request, spoken to the vendor only (Bedrock API reference, "CountTokens")."""

from __future__ import annotations

from urllib.parse import quote

from headgate.dialects import bedrock_converse
from headgate.dialects.base import Fit
from headgate.dialects.count_tokens.counting import Counting
from headgate.dialects.hub import Chat
from headgate.types import JSON

_MEMBERS = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})


class BedrockCountTokens(Counting):
    name = "bedrock_count_tokens"

    def path(self, model: str, stream: bool) -> str:
        return f"/model/{quote(model, safe='')}/count-tokens"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return {"input": {"converse": self.cut(request, fit, _MEMBERS)}}


DIALECT = BedrockCountTokens(bedrock_converse.DIALECT, "inputTokens")
