"""xAI (https://docs.x.ai/docs/api-reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.x.ai/v1",
    key_variable="XAI_API_KEY",
    dialects={"chat": ("openai_chat", "openai_responses")},
    passed={"image": "", "files": "", "responses": ""},
    quirks=Quirks(stop_limit=4),
    catalog="x-ai",
)
