"""Together AI (https://docs.together.ai/reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.together.xyz/v1",
    key_variable="TOGETHER_API_KEY",
    dialects={
        "chat": ("openai_chat",),
        "complete": ("openai_completions",),
        "embed": ("openai_embeddings",),
        "rerank": ("cohere_rerank",),
    },
    paths={"cohere_rerank": "/rerank"},
    passed={"image": "", "speech": "", "transcribe": ""},
    quirks=Quirks(max_tokens_field="max_tokens", developer_role=False, reasoning_field="reasoning"),
    catalog="together",
)
