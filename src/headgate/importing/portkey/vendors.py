"""Portkey's names for vendors (`src/globals.ts` of Portkey-AI/gateway), and what kind of provider each is here.

Base URLs are those of `src/providers/*/api.ts`, as they stood in November 2026.
"""

from __future__ import annotations

import re

from headgate.importing.vendors import COMPATIBLE, Vendor

VENDORS = {
    "openai": Vendor("openai", "OPENAI_API_KEY"),
    "azure-openai": Vendor("azure", "AZURE_OPENAI_API_KEY"),
    "azure-ai": Vendor("azure", "AZURE_AI_API_KEY"),
    "anthropic": Vendor("anthropic", "ANTHROPIC_API_KEY"),
    "google": Vendor("gemini", "GEMINI_API_KEY"),
    "vertex-ai": Vendor("vertex"),
    "bedrock": Vendor("bedrock"),
    "cohere": Vendor("cohere", "COHERE_API_KEY"),
    "mistral-ai": Vendor("mistral", "MISTRAL_API_KEY"),
    "groq": Vendor("groq", "GROQ_API_KEY"),
    "deepseek": Vendor("deepseek", "DEEPSEEK_API_KEY"),
    "x-ai": Vendor("xai", "XAI_API_KEY"),
    "openrouter": Vendor("openrouter", "OPENROUTER_API_KEY"),
    "together-ai": Vendor("together", "TOGETHER_API_KEY"),
    "fireworks-ai": Vendor("fireworks", "FIREWORKS_API_KEY"),
    "cerebras": Vendor("cerebras", "CEREBRAS_API_KEY"),
    "huggingface": Vendor("huggingface", "HF_TOKEN"),
    "ollama": Vendor("ollama"),
    "dashscope": Vendor(COMPATIBLE, "DASHSCOPE_API_KEY", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
    "deepinfra": Vendor(COMPATIBLE, "DEEPINFRA_API_KEY", "https://api.deepinfra.com/v1/openai"),
    "moonshot": Vendor(COMPATIBLE, "MOONSHOT_API_KEY", "https://api.moonshot.cn/v1"),
    "nebius": Vendor(COMPATIBLE, "NEBIUS_API_KEY", "https://api.studio.nebius.ai/v1"),
    "novita-ai": Vendor(COMPATIBLE, "NOVITA_API_KEY", "https://api.novita.ai/v3/openai/v1"),
    "perplexity-ai": Vendor(COMPATIBLE, "PERPLEXITY_API_KEY", "https://api.perplexity.ai"),
    "sambanova": Vendor(COMPATIBLE, "SAMBANOVA_API_KEY", "https://api.sambanova.ai/v1"),
    "siliconflow": Vendor(COMPATIBLE, "SILICONFLOW_API_KEY", "https://api.siliconflow.cn/v1"),
    "z-ai": Vendor(COMPATIBLE, "ZAI_API_KEY", "https://api.z.ai/api/paas/v4"),
}
"""By the name that `provider` has in a config."""

_SHORT = {
    "azure": "azure-openai",
    "gemini": "google",
    "vertex": "vertex-ai",
    "aws": "bedrock",
    "mistral": "mistral-ai",
    "together": "together-ai",
    "fireworks": "fireworks-ai",
    "perplexity": "perplexity-ai",
    "xai": "x-ai",
    "claude": "anthropic",
}
"""What people shorten them to in the slugs they choose."""


def guessed(slug: str) -> str | None:
    """The vendor that a slug's words tell of: `openai-prod` is `openai`. None where they tell of none, or of two."""
    words = [word for word in re.split(r"[^a-z0-9]+", slug.lower()) if word]
    found = {"-".join(words[at : at + 2]) for at in range(len(words))} & VENDORS.keys()
    if not found:
        found = {_SHORT.get(word, word) for word in words} & VENDORS.keys()
    return found.pop() if len(found) == 1 else None
