"""OpenAI's count of a Responses request, spoken to clients and vendors (OpenAI API reference, "Get input token
counts").
"""

from __future__ import annotations

from headgate.dialects import openai_responses
from headgate.dialects.base import Context, Fit
from headgate.dialects.count_tokens.counting import Counting
from headgate.dialects.hub import Chat, TokenCount
from headgate.types import JSON

_MEMBERS = frozenset(
    {
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning",
        "conversation", "previous_response_id", "truncation",
    }
)  # fmt: skip


class OpenAIInputTokens(Counting):
    name = "openai_input_tokens"

    def path(self, model: str, stream: bool) -> str:
        return "/responses/input_tokens"

    def encode_request(self, request: Chat, fit: Fit) -> JSON:
        return self.cut(request, fit, _MEMBERS)

    def decode_request(self, tree: JSON) -> Chat:
        return self.generations.decode_request(tree)

    def encode_answer(self, answer: TokenCount, context: Context) -> JSON:
        return {"object": "response.input_tokens", "input_tokens": answer.input_tokens}


DIALECT = OpenAIInputTokens(openai_responses.DIALECT, "input_tokens")
