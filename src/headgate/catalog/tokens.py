"""How many tokens a text is. Exact for OpenAI's models, an estimate for all others.

tiktoken does the counting over two vocabularies that come with Headgate (`tools/vendor_bpe.py`): nothing is ever
downloaded. Both tiktoken and a vocabulary are loaded when first needed, about 0.2 s.
"""

from __future__ import annotations

import gzip
import re
import threading
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import tiktoken

from headgate.types import JSON

_CASED = r"[^\r\n\p{L}\p{N}]?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

PATTERNS = {
    "o200k_base": "|".join(
        [
            rf"{_CASED}{_UPPER}*{_LOWER}+{_SUFFIX}",
            rf"{_CASED}{_UPPER}+{_LOWER}*{_SUFFIX}",
            r"\p{N}{1,3}",
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
            r"\s*[\r\n]+",
            r"\s+(?!\S)",
            r"\s+",
        ]
    ),
    "cl100k_base": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
}
"""How each vocabulary cuts a text before it merges bytes: a fact about the vocabulary, as OpenAI publishes it."""

_CL100K = ("gpt-4-", "gpt-3.5", "gpt-35", "text-embedding-3", "text-embedding-ada-002")

PIECE = 100_000
"""Characters counted at once. A longer text is cut, which adds a token at most per cut: matching is not linear in the
length of a run of blanks."""

MESSAGE_TOKENS = 4
"""What marks a message's beginning, end and role (OpenAI cookbook, "How to count tokens with tiktoken")."""

REPLY_TOKENS = 3
"""What the answer is primed with."""

MEDIA_TOKENS = 1_600
"""An image, sound or file of unknown size: the most a standard image is at Anthropic, and more than at OpenAI."""

_OPENAI = re.compile(r"gpt-|chatgpt-|o[1-9]\b|text-embedding-")
"""Models whose vocabularies these are."""

_MESSAGES = frozenset({"messages", "input", "contents"})
_MEDIA = frozenset({"image_url", "image", "input_audio", "file", "inlineData", "inline_data", "source", "bytes"})
_NOT_TEXT = frozenset({"model", "role", "type", "id", "tool_call_id", "tool_use_id", "call_id", "signature"})


def count(text: str, model: str) -> int:
    """Tokens of a text as the model reads it. What looks like a special token is counted as the text it is."""
    encoding = _encoding(vocabulary(model))
    if len(text) <= PIECE:
        return len(encoding.encode_ordinary(text))
    return sum(len(encoding.encode_ordinary(text[at : at + PIECE])) for at in range(0, len(text), PIECE))


def estimate(request: JSON, model: str) -> int:
    """About how many tokens a request's body is to a model, in whichever dialect: texts, tools, and a flat number for
    every image, sound or file.
    """
    return REPLY_TOKENS + sum(_tokens(name, value, model) for name, value in request.items())


def at_most(body: bytes, model: str) -> int | None:
    """The most tokens a request's JSON is to a model; None where its vocabulary is not known.

    All of it is counted, marks and names of members included: at least what vendors put in their place.
    """
    if not _OPENAI.match(model.lower().rpartition("/")[2]):
        return None
    return count(body.decode("utf-8", "replace"), model)


def vocabulary(model: str) -> str:
    """Which vocabulary a model reads with: the newer one for every model not known to use the older."""
    name = model.lower().rpartition("/")[2]
    return "cl100k_base" if name == "gpt-4" or name.startswith(_CL100K) else "o200k_base"


def _tokens(name: str, value: Any, model: str) -> int:
    if name == "tools":  # a vendor shows its model the definitions, names of parameters and all
        return count(msgspec.json.encode(value).decode(), model)
    if name in _MESSAGES and isinstance(value, list):
        return sum(MESSAGE_TOKENS + _texts(each, model) for each in value)
    return _texts(value, model) if name in _MESSAGES or name in {"system", "instructions", "systemInstruction"} else 0


def _texts(value: Any, model: str) -> int:
    return sum(MEDIA_TOKENS if text is None else count(text, model) for text in _leaves(value))


def _leaves(value: Any) -> Iterator[str | None]:
    """The texts in a tree; None for each piece of media."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name in _MEDIA:
                yield None
            elif name not in _NOT_TEXT:
                yield from _leaves(each)


_loading = threading.Lock()


def _encoding(name: str) -> tiktoken.Encoding:
    with _loading:  # counting is done in threads, and loading takes all there is of the interpreter
        return _loaded(name)


@cache
def _loaded(name: str) -> tiktoken.Encoding:
    packed = (files("headgate.catalog") / "bpe" / f"{name}.tiktoken.gz").read_bytes()
    lines = gzip.decompress(packed).splitlines()
    ranks = {b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    return tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})
