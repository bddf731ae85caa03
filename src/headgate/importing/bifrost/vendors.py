"""Bifrost's names for vendors (`providers` in `transports/config.schema.json`), and what kind of provider each is here.

Base URLs are those of `core/providers/*`, as they stood in November 2026.
"""

from __future__ import annotations

from headgate.importing.vendors import BARE as SHARED
from headgate.importing.vendors import COMPATIBLE, Vendor

VENDORS = {
    "openai": Vendor("openai", "OPENAI_API_KEY"),
    "anthropic": Vendor("anthropic", "ANTHROPIC_API_KEY"),
    "azure": Vendor("azure", "AZURE_API_KEY"),
    "bedrock": Vendor("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
    "vertex": Vendor("vertex"),
    "gemini": Vendor("gemini", "GEMINI_API_KEY"),
    "cohere": Vendor("cohere", "COHERE_API_KEY"),
    "mistral": Vendor("mistral", "MISTRAL_API_KEY"),
    "groq": Vendor("groq", "GROQ_API_KEY"),
    "deepseek": Vendor("deepseek", "DEEPSEEK_API_KEY"),
    "xai": Vendor("xai", "XAI_API_KEY"),
    "openrouter": Vendor("openrouter", "OPENROUTER_API_KEY"),
    "fireworks": Vendor("fireworks", "FIREWORKS_API_KEY"),
    "cerebras": Vendor("cerebras", "CEREBRAS_API_KEY"),
    "huggingface": Vendor("huggingface", "HF_TOKEN"),
    "ollama": Vendor("ollama"),
    "vllm": Vendor("vllm"),
    "sgl": Vendor(COMPATIBLE),
    "nebius": Vendor(COMPATIBLE, "NEBIUS_API_KEY", "https://api.tokenfactory.nebius.com/v1"),
    "parasail": Vendor(COMPATIBLE, "PARASAIL_API_KEY", "https://api.parasail.io/v1"),
    "perplexity": Vendor(COMPATIBLE, "PERPLEXITY_API_KEY", "https://api.perplexity.ai"),
}
"""By the name of a provider, or of its `base_provider_type`."""

BARE = {
    **{vendor: SHARED[vendor] for vendor in ("openai", "anthropic", "cohere")},
    "gemini": ("gemini-",),
    "mistral": ("mistral-", "ministral-", "magistral-", "codestral-"),
    "deepseek": ("deepseek-",),
    "xai": ("grok-",),
}
"""What models are called that Bifrost's catalog finds without a provider before them: the beginnings of their names."""

_AS_THEY_ARE = frozenset({"anthropic", "cohere", "deepseek", "perplexity"})
"""Vendors whose base URL is the same there and here: Bifrost adds the whole path, `/v1` too."""


def base_url(vendor: str, base: str) -> str:
    """A base URL as it is here."""
    base = base.rstrip("/")
    if vendor == "gemini":
        return base.removesuffix("/v1beta")
    if vendor in _AS_THEY_ARE:
        return base.removesuffix("/v1")
    return base if base.endswith("/v1") else f"{base}/v1"
