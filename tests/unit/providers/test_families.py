"""Which vendor a client's credential is for."""

from __future__ import annotations

import pytest

from headgate.providers.families import takes

CHAT, RESPONSES, MESSAGES = "openai_chat", "openai_responses", "anthropic_messages"


@pytest.mark.parametrize(
    ("kind", "secret", "dialect", "spoken"),
    [
        ("anthropic", "sk-ant-api03-x", MESSAGES, (MESSAGES,)),
        ("anthropic", "sk-ant-api03-x", CHAT, (MESSAGES,)),  # translated, and still Anthropic's
        ("anthropic", "unmarked", MESSAGES, (MESSAGES,)),
        ("openai", "sk-proj-x", RESPONSES, (CHAT, RESPONSES)),
        ("openai", "sk-old", CHAT, (CHAT, RESPONSES)),
        ("groq", "gsk_x", CHAT, (CHAT,)),
        ("vllm", "anything", CHAT, (CHAT,)),
    ],
)
def test_it_goes_to_the_vendor_it_is_for(kind: str, secret: str, dialect: str, spoken: tuple[str, ...]):
    assert takes(kind, secret, dialect, spoken)


@pytest.mark.parametrize(
    ("kind", "secret", "dialect", "spoken"),
    [
        ("openai", "sk-ant-api03-x", CHAT, (CHAT,)),
        ("vllm", "sk-ant-api03-x", MESSAGES, (MESSAGES,)),
        ("openai_compatible", "sk-proj-x", CHAT, (CHAT,)),
        ("anthropic", "sk-proj-x", MESSAGES, (MESSAGES,)),
        ("anthropic", "unmarked", CHAT, (MESSAGES,)),
        ("openai", "unmarked", MESSAGES, (CHAT,)),
        ("deepseek", "sk-old", CHAT, (CHAT,)),
        ("vllm", "unmarked", "opaque", (CHAT,)),
        ("simulator", "unmarked", "cohere_rerank", (CHAT,)),
    ],
)
def test_and_to_nobody_else(kind: str, secret: str, dialect: str, spoken: tuple[str, ...]):
    assert takes(kind, secret, dialect, spoken) == (kind == "vllm" and dialect == "opaque")
