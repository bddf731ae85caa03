"""Log probabilities of tokens (OpenAI API reference, `choices[].logprobs`)."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.dialects.hub import TokenLogprob
from headgate.errors import MalformedOutput
from headgate.types import JSON

Tokens = tuple[TokenLogprob, ...]


class _Token(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list[_Token] | None = None

    def ours(self) -> TokenLogprob:
        rivals = tuple(each.ours() for each in self.top_logprobs or ())
        return TokenLogprob(self.token, self.logprob, self.bytes, rivals)


def tokens_of(value: Any, where: str) -> Tokens:
    """A vendor's list of tokens.

    Raises:
        MalformedOutput: it is none.
    """
    try:
        return tuple(token.ours() for token in msgspec.convert(value, list[_Token]))
    except (msgspec.ValidationError, RecursionError) as error:
        raise MalformedOutput(f"{where} cannot be read: {error}") from None


def written(tokens: Tokens) -> list[JSON]:
    """The list for a client."""
    return [
        {
            "token": each.token,
            "logprob": each.logprob,
            "bytes": each.bytes,
            "top_logprobs": [
                {"token": rival.token, "logprob": rival.logprob, "bytes": rival.bytes} for rival in each.top
            ],
        }
        for each in tokens
    ]
