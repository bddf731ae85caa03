"""Token counts: OpenAI's own, offline."""

from __future__ import annotations

import gzip
import hashlib
import runpy
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest

from headgate.catalog import tokens
from headgate.catalog.tokens import MEDIA_TOKENS, PIECE, count, estimate, vocabulary

TEXTS = [
    "",
    "Hello, world!",
    "don't stop, WE'LL see at 12345 o'clock\r\n\r\n   x  \t\n",
    "日本語のテスト 🎉🎉 ñandú ÀÉÎ Привет",
    "def f(x):\n    return x**2 / 3.14  # comment\n",
    " \n\n  \n",
    "https://example.com/a?b=c&d=%20e",
]


@pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])
def test_the_vocabularies_are_the_files_openai_publishes(name: str) -> None:
    tool = runpy.run_path(str(Path(__file__).parents[3] / "tools" / "vendor_bpe.py"))
    packed = (files("headgate.catalog") / "bpe" / f"{name}.tiktoken.gz").read_bytes()
    assert hashlib.sha256(gzip.decompress(packed)).hexdigest() == tool["SHA256"][name]


@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")  # the other implementation's own
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("model", "name"), [("gpt-4o", "o200k_base"), ("gpt-4", "cl100k_base")])
def test_counts_are_those_of_another_implementation(text: str, model: str, name: str) -> None:
    import bpe_openai

    assert count(text, model) == len(bpe_openai.get_encoding(name).encode(text))


def test_special_tokens_in_a_text_are_counted_as_text() -> None:
    assert count("<|endoftext|>", "gpt-4o") > 1


def test_a_lone_surrogate_is_counted_not_refused() -> None:
    assert count("\ud800 x", "gpt-4o") >= 2


@pytest.mark.parametrize("text", [" " * 500_000, "a" * 500_000, "\n" * 500_000, '"' * 500_000])
def test_hostile_texts_are_counted_in_pieces(text: str) -> None:
    assert 0 < count(text, "gpt-4o") <= len(text)
    assert len(text) > PIECE


def test_models_read_with_their_own_vocabulary() -> None:
    assert vocabulary("gpt-4") == vocabulary("gpt-4-turbo") == vocabulary("gpt-3.5-turbo") == "cl100k_base"
    assert vocabulary("text-embedding-3-small") == "cl100k_base"
    assert vocabulary("gpt-4o") == vocabulary("gpt-4.1") == vocabulary("openai/gpt-5") == "o200k_base"
    assert vocabulary("claude-sonnet-4-5") == "o200k_base"


def test_a_request_is_its_texts_its_tools_and_its_media() -> None:
    plain = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}
    parts = {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]}
    assert estimate(plain, "gpt-4o") == estimate(parts, "gpt-4o") == 3 + 4 + 2
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    with_image = {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello there"}, image]}]}
    assert estimate(with_image, "gpt-4o") == 9 + MEDIA_TOKENS
    tool = {"type": "function", "function": {"name": "find_a_street", "parameters": {"type": "object"}}}
    assert estimate({**plain, "tools": [tool]}, "gpt-4o") > 9 + 10


def test_every_dialect_s_texts_are_counted() -> None:
    text = "one two three"
    for body in (
        {"input": text},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}]},
        {"system": text, "messages": []},
        {"instructions": text},
        {"contents": [{"role": "user", "parts": [{"text": text}]}]},
    ):
        assert estimate(body, "gpt-4o") >= 3 + 3


def test_counting_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a token count opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert count("Hello", "gpt-4o") == 1


def test_the_catalog_does_not_load_the_tokeniser_before_it_is_needed() -> None:
    code = "import sys, headgate.catalog; print('tiktoken' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_vocabulary_is_loaded_once_however_many_threads_ask_for_it_first() -> None:
    tokens._loaded.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(count, ["Hello"] * 8, ["gpt-4o"] * 8)) == {1}
    assert tokens._loaded.cache_info().misses == 1
