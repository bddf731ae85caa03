"""Gemini's generateContent, spoken to the Gemini API and to Vertex AI. Faces vendors only."""

from __future__ import annotations

from headgate.dialects.gemini_generate.dialect import GeminiGenerate

DIALECT = GeminiGenerate()

__all__ = ["DIALECT", "GeminiGenerate"]
