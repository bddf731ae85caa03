"""Gemini's count, spoken to the vendor only (Gemini API reference, "models.countTokens").

The request for a generation stands whole within the one for a count, so that instructions and tools are counted too.
"""

from __future__ import annotations

from headgate.dialects import gemini_generate
from headgate.dialects.base import Fit
from headgate.dialects.count_tokens.counting import Counting
from headgate.dialects.gemini_generate.names import resource
from headgate.dialects.hub import Chat
from headgate.types import JSON, Payload

_MEMBERS = frozenset({"contents", "systemInstruction", "tools", "toolConfig"})


class GeminiCountTokens(Counting):
    name = "gemini_count_tokens"

    def path(self, model: str, stream: bool) -> str:
        generation = self.generations.path(model, stream=False)
        return generation.replace(":generateContent", ":countTokens")

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        body = self.cut(request, fit, _MEMBERS)
        return {"generateContentRequest": {"model": resource(fit.model), **body}}

    def address(self, payload: Payload, model: str) -> Payload:
        return payload


DIALECT = GeminiCountTokens(gemini_generate.DIALECT, "totalTokens")
