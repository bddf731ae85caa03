"""Log probabilities that belong to no part yet are checked like any others."""

from __future__ import annotations

import json

import pytest

from headgate import dialects
from headgate.errors import MalformedOutput
from headgate.types import Frame


def test_log_probabilities_that_are_no_list_are_refused_before_there_is_text_too() -> None:
    choice = {"index": 0, "delta": {}, "finish_reason": None, "logprobs": {"content": None, "refusal": 1}}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    with pytest.raises(MalformedOutput):
        dialects.get("openai_chat").decode_stream().feed(Frame(json.dumps(chunk).encode()))
