"""Wire formats as pure codecs to and from one hub. `get(name)` gives a dialect; features read bodies through it."""

from __future__ import annotations

from functools import cache

from headgate.dialects.base import AnyDialect
from headgate.registry import look_up

DIALECTS = {
    "openai_chat": "headgate.dialects.openai_chat:DIALECT",
    "openai_responses": "headgate.dialects.openai_responses:DIALECT",
    "anthropic_messages": "headgate.dialects.anthropic_messages:DIALECT",
    "gemini_generate": "headgate.dialects.gemini_generate:DIALECT",
    "bedrock_converse": "headgate.dialects.bedrock_converse:DIALECT",
    "cohere_chat": "headgate.dialects.cohere_chat:DIALECT",
    "openai_completions": "headgate.dialects.openai_completions:DIALECT",
    "openai_embeddings": "headgate.dialects.embeddings.openai:DIALECT",
    "cohere_embed": "headgate.dialects.embeddings.cohere:DIALECT",
    "gemini_embed": "headgate.dialects.embeddings.gemini:DIALECT",
    "titan_embed": "headgate.dialects.embeddings.titan:DIALECT",
    "anthropic_count_tokens": "headgate.dialects.count_tokens.anthropic:DIALECT",
    "openai_input_tokens": "headgate.dialects.count_tokens.openai:DIALECT",
    "gemini_count_tokens": "headgate.dialects.count_tokens.gemini:DIALECT",
    "bedrock_count_tokens": "headgate.dialects.count_tokens.bedrock:DIALECT",
    "cohere_rerank": "headgate.dialects.rerank.cohere:DIALECT",
}


@cache
def get(name: str) -> AnyDialect:
    """The dialect of that name, imported on first use.

    Raises:
        ConfigError: there is none.
    """
    return look_up("dialect", name, DIALECTS)
