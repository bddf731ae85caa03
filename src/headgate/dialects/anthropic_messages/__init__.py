"""Anthropic's Messages, spoken to clients and to vendors (Claude API reference, "Messages")."""

from __future__ import annotations

from headgate.dialects.anthropic_messages.dialect import AnthropicMessages
from headgate.dialects.anthropic_messages.ids import answer_ids, frame_ids, request_ids

__all__ = ["DIALECT", "answer_ids", "frame_ids", "request_ids"]

DIALECT = AnthropicMessages()
