"""Any server that speaks OpenAI's chat completions: the least that all of them understand."""

from headgate.dialects.base import Quirks
from headgate.providers.row import OPENAI_PASSED, Row

ROW = Row(
    needs=("base_url",),
    needs_key=False,
    dialects={
        "chat": ("openai_chat",),
        "complete": ("openai_completions",),
        "embed": ("openai_embeddings",),
    },
    passed=OPENAI_PASSED,
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False),
)
