"""Vendors that exist only in tests."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.providers.vendors.openai import ROW as OPENAI

RESPONSES_ONLY = replace(OPENAI, dialects={"chat": ("openai_responses",)})
"""OpenAI without chat completions, so that everything else is translated to Responses."""
