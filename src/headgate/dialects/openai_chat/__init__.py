"""OpenAI's chat completions, spoken to clients and vendors, and what the vendors who copied it made of it
(OpenAI API reference, "Chat Completions").
"""

from __future__ import annotations

from headgate.dialects.openai_chat.dialect import OpenaiChat

DIALECT = OpenaiChat()
