"""Cohere's chat, version 2, spoken to the vendor only (Cohere API reference, "Chat", `POST /v2/chat`)."""

from __future__ import annotations

from headgate.dialects.cohere_chat.dialect import CohereChat

DIALECT = CohereChat()
