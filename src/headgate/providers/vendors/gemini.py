"""Gemini API (https://ai.google.dev/api)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://generativelanguage.googleapis.com",
    auth="x-goog-api-key",
    key_variable="GEMINI_API_KEY",
    dialects={"chat": ("gemini_generate",), "embed": ("gemini_embed",), "count_tokens": ("gemini_count_tokens",)},
    quirks=Quirks(stop_limit=5),
    catalog="google",
)
