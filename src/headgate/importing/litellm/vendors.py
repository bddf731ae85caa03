"""LiteLLM's names for vendors (https://docs.litellm.ai/docs/providers), and what kind of provider each is here."""

from __future__ import annotations

from headgate.importing.vendors import BARE, COMPATIBLE, Vendor

VENDORS = {
    "openai": Vendor("openai", "OPENAI_API_KEY"),
    "text-completion-openai": Vendor("openai", "OPENAI_API_KEY"),
    "azure": Vendor("azure", "AZURE_API_KEY"),
    "azure_text": Vendor("azure", "AZURE_API_KEY"),
    "anthropic": Vendor("anthropic", "ANTHROPIC_API_KEY"),
    "gemini": Vendor("gemini", "GEMINI_API_KEY"),
    "vertex_ai": Vendor("vertex"),
    "vertex_ai_beta": Vendor("vertex"),
    "bedrock": Vendor("bedrock"),
    "bedrock_converse": Vendor("bedrock"),
    "cohere": Vendor("cohere", "COHERE_API_KEY"),
    "cohere_chat": Vendor("cohere", "COHERE_API_KEY"),
    "mistral": Vendor("mistral", "MISTRAL_API_KEY"),
    "groq": Vendor("groq", "GROQ_API_KEY"),
    "deepseek": Vendor("deepseek", "DEEPSEEK_API_KEY"),
    "xai": Vendor("xai", "XAI_API_KEY"),
    "openrouter": Vendor("openrouter", "OPENROUTER_API_KEY"),
    "together_ai": Vendor("together", "TOGETHERAI_API_KEY"),
    "fireworks_ai": Vendor("fireworks", "FIREWORKS_AI_API_KEY"),
    "cerebras": Vendor("cerebras", "CEREBRAS_API_KEY"),
    "huggingface": Vendor("huggingface", "HUGGINGFACE_API_KEY"),
    "ollama": Vendor("ollama"),
    "ollama_chat": Vendor("ollama"),
    "hosted_vllm": Vendor("vllm"),
    "custom_openai": Vendor(COMPATIBLE),
    "openai_like": Vendor(COMPATIBLE),
    "lm_studio": Vendor(COMPATIBLE),
    "llamafile": Vendor(COMPATIBLE),
    "litellm_proxy": Vendor(COMPATIBLE),
    "deepinfra": Vendor(COMPATIBLE, "DEEPINFRA_API_KEY", "https://api.deepinfra.com/v1/openai"),
    "moonshot": Vendor(COMPATIBLE, "MOONSHOT_API_KEY", "https://api.moonshot.ai/v1"),
    "nvidia_nim": Vendor(COMPATIBLE, "NVIDIA_NIM_API_KEY", "https://integrate.api.nvidia.com/v1"),
    "perplexity": Vendor(COMPATIBLE, "PERPLEXITYAI_API_KEY", "https://api.perplexity.ai"),
    "sambanova": Vendor(COMPATIBLE, "SAMBANOVA_API_KEY", "https://api.sambanova.ai/v1"),
}
"""By the prefix of a model's name."""


def split(model: str, named: str | None) -> tuple[str, str] | None:
    """LiteLLM's name of the vendor of a model, and the model's name there; None where neither can be told."""
    prefix, slash, rest = model.partition("/")
    if named is not None:
        return named, rest if slash and prefix == named else model
    if slash:
        return prefix, rest
    return next(((vendor, model) for vendor, starts in BARE.items() if model.startswith(starts)), None)
