"""OpenAI's legacy completions, spoken to clients and vendors (OpenAI API reference, "Completions").

In the hub a completion is a chat of one user's message. What a chat cannot be asked (several prompts, prompts of
token ids, `suffix`, `echo`, `best_of`, `logprobs`) stays in `extra`, so every other dialect refuses it by name.
"""

from __future__ import annotations

from headgate.dialects.openai_completions.dialect import OpenaiCompletions

DIALECT = OpenaiCompletions()
