"""Cohere (https://docs.cohere.com/reference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

ROW = Row(
    base_url="https://api.cohere.com",
    key_variable="CO_API_KEY",
    dialects={"chat": ("cohere_chat",), "embed": ("cohere_embed",), "rerank": ("cohere_rerank",)},
    quirks=Quirks(stop_limit=5),
    request_id="x-debug-trace-id",
    catalog="cohere",
)
