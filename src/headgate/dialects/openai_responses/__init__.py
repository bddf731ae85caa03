"""OpenAI's Responses API, spoken to clients and to vendors."""

from __future__ import annotations

from headgate.dialects.openai_responses.dialect import OpenaiResponses
from headgate.dialects.openai_responses.ids import answer_ids, frame_ids, request_ids

DIALECT = OpenaiResponses()

__all__ = ["DIALECT", "OpenaiResponses", "answer_ids", "frame_ids", "request_ids"]
