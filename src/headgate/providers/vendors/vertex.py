"""Gemini on Vertex AI (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference)."""

from headgate.dialects.base import Quirks
from headgate.providers.row import Row

_MODEL = "/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"

ROW = Row(
    base_url="https://{location}-aiplatform.googleapis.com",
    base_url_at={
        "global": "https://aiplatform.googleapis.com",
        "us": "https://aiplatform.us.rep.googleapis.com",
        "eu": "https://aiplatform.eu.rep.googleapis.com",
    },
    auth="google",
    needs=("project",),
    dialects={"chat": ("gemini_generate",), "embed": ("gemini_embed",)},
    paths={
        "gemini_generate": (f"{_MODEL}:generateContent", f"{_MODEL}:streamGenerateContent?alt=sse"),
        "gemini_embed": f"{_MODEL}:embedContent",
    },
    quirks=Quirks(stop_limit=5, unsupported=frozenset({"requests"})),  # no batchEmbedContents
    catalog="google",
)
