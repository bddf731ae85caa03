"""OpenAI (https://platform.openai.com/docs/api-reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import OPENAI_PASSED, Row

ROW = Row(
    base_url="https://api.openai.com/v1",
    key_variable="OPENAI_API_KEY",
    dialects={
        "chat": ("openai_chat", "openai_responses"),
        "complete": ("openai_completions",),
        "embed": ("openai_embeddings",),
        "count_tokens": ("openai_input_tokens",),
    },
    passed=OPENAI_PASSED,
    quirks=Quirks(stop_limit=4),
    forwarded={"openai_chat": ("openai-beta",), "openai_responses": ("openai-beta",)},
    shown=("openai-processing-ms",),
    catalog="openai",
)
