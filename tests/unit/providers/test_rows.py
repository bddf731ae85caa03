"""Every vendor's row is usable: its dialects exist, its URLs are what the vendor documents."""

from __future__ import annotations

import typing

import pytest

from headgate import dialects
from headgate.errors import ConfigError
from headgate.providers.auth import SCHEMES
from headgate.providers.config import ProviderConfig
from headgate.providers.provider import Provider
from headgate.providers.row import ROWS, Row, find_row
from headgate.registry import suggest
from headgate.types import Operation

OPERATIONS = typing.get_args(Operation)
SETTINGS: dict[str, dict[str, str]] = {
    "azure": {"base_url": "https://unit.openai.azure.com"},
    "vertex": {"project": "unit", "location": "europe-west4", "auth": "none"},
    "bedrock": {"region": "us-east-1"},
    "openai_compatible": {"base_url": "http://127.0.0.1:9/v1"},
}
"""What some kinds cannot do without."""


def provider(kind: str, **settings: typing.Any) -> Provider:
    return Provider(kind, ProviderConfig(kind=kind, **{"api_key": "k", **SETTINGS.get(kind, {}), **settings}))


VERTEX = "https://europe-west4-aiplatform.googleapis.com/v1/projects/unit/locations/europe-west4"
URLS = [
    ("openai", "openai_chat", "https://api.openai.com/v1/chat/completions"),
    ("openai", "openai_responses", "https://api.openai.com/v1/responses"),
    ("openai", "openai_embeddings", "https://api.openai.com/v1/embeddings"),
    ("openai", "openai_completions", "https://api.openai.com/v1/completions"),
    ("azure", "openai_chat", "https://unit.openai.azure.com/openai/v1/chat/completions"),
    ("azure", "openai_responses", "https://unit.openai.azure.com/openai/v1/responses"),
    ("anthropic", "anthropic_messages", "https://api.anthropic.com/v1/messages"),
    ("gemini", "gemini_generate", "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
    ("gemini", "gemini_embed", "https://generativelanguage.googleapis.com/v1beta/models/m:batchEmbedContents"),
    (
        "vertex",
        "gemini_generate",
        f"{VERTEX}/publishers/google/models/m:generateContent",
    ),
    ("bedrock", "bedrock_converse", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse"),
    ("bedrock", "titan_embed", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/invoke"),
    ("cohere", "cohere_chat", "https://api.cohere.com/v2/chat"),
    ("cohere", "cohere_rerank", "https://api.cohere.com/v2/rerank"),
    ("mistral", "openai_chat", "https://api.mistral.ai/v1/chat/completions"),
    ("groq", "openai_chat", "https://api.groq.com/openai/v1/chat/completions"),
    ("deepseek", "openai_chat", "https://api.deepseek.com/chat/completions"),
    ("deepseek", "anthropic_messages", "https://api.deepseek.com/anthropic/v1/messages"),
    ("xai", "openai_chat", "https://api.x.ai/v1/chat/completions"),
    ("openrouter", "openai_chat", "https://openrouter.ai/api/v1/chat/completions"),
    ("openrouter", "anthropic_messages", "https://openrouter.ai/api/v1/messages"),
    ("together", "openai_chat", "https://api.together.xyz/v1/chat/completions"),
    ("together", "cohere_rerank", "https://api.together.xyz/v1/rerank"),
    ("fireworks", "openai_chat", "https://api.fireworks.ai/inference/v1/chat/completions"),
    ("cerebras", "openai_chat", "https://api.cerebras.ai/v1/chat/completions"),
    ("huggingface", "openai_chat", "https://router.huggingface.co/v1/chat/completions"),
    ("ollama", "openai_chat", "http://127.0.0.1:11434/v1/chat/completions"),
    ("ollama", "anthropic_messages", "http://127.0.0.1:11434/v1/messages"),
    ("vllm", "openai_chat", "http://127.0.0.1:8000/v1/chat/completions"),
    ("openai_compatible", "openai_chat", "http://127.0.0.1:9/v1/chat/completions"),
]


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_names_only_what_exists(kind: str) -> None:
    row = find_row(kind)
    assert isinstance(row, Row)
    assert row.auth in SCHEMES
    assert {*row.dialects, *row.passed} <= set(OPERATIONS)
    spoken = {name for names in row.dialects.values() for name in names}
    assert spoken <= set(dialects.DIALECTS)
    assert {*row.paths, *row.forwarded} <= spoken
    assert set(row.needs) <= set(ProviderConfig.__struct_fields__)


@pytest.mark.parametrize("kind", ROWS)
def test_every_dialect_of_a_row_does_the_operation_it_is_listed_for(kind: str) -> None:
    for operation, names in find_row(kind).dialects.items():
        assert [dialects.get(name).operation for name in names] == [operation] * len(names)


@pytest.mark.parametrize(("kind", "dialect", "url"), URLS)
def test_urls_are_those_the_vendor_documents(kind: str, dialect: str, url: str) -> None:
    assert provider(kind).url(dialect, "m", stream=False) == url


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse"),
        (
            "vertex",
            f"{VERTEX}/publishers/google/models/m:streamGenerateContent?alt=sse",
        ),
        ("bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream"),
    ],
)
def test_streams_have_their_own_urls_where_the_vendor_has_them(kind: str, url: str) -> None:
    made = provider(kind)
    assert made.url(made.dialects("chat")[0], "m", stream=True) == url


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
    ],
)
def test_vertex_locations_have_hosts_of_their_own(location: str, host: str) -> None:
    url = provider("vertex", location=location).url("gemini_generate", "m", stream=False)
    assert url.startswith(f"https://{host}/v1/projects/unit/locations/{location}/")


@pytest.mark.parametrize("kind", ["vertex", "bedrock", "gemini"])
def test_no_model_name_leaves_its_place_in_the_path(kind: str) -> None:
    made = provider(kind)
    url = made.url(made.dialects("chat")[0], "a/b..?c=d#e", stream=False)
    assert "a%2Fb..%3Fc%3Dd%23e" in url


def test_a_row_of_the_users_own_is_found_by_reference() -> None:
    assert find_row("headgate.providers.vendors.groq:ROW") is find_row("groq")


@pytest.mark.parametrize("kind", ["opnai", "openai_chat"])
def test_an_unknown_kind_is_a_config_error(kind: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_row(kind)
    assert kind in caught.value.message


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(ConfigError, match="did you mean 'openai'"):
        find_row("opnai")


def test_where_nothing_is_known_nothing_is_suggested() -> None:
    assert suggest("x", {}) == ""
