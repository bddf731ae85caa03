"""Embeddings and rankings in which texts that share words are close to each other."""

from __future__ import annotations

import math
import re
from hashlib import blake2b, shake_128

import msgspec

from headgate.dialects.base import AnyDialect, Context
from headgate.dialects.hub import Embed, Embeddings, Ranked, Ranking, Rerank
from headgate.dialects.rerank.cohere import search_units
from headgate.errors import BadRequest
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.made import Asked, Made
from headgate.providers.simulator.script import ScriptedReply
from headgate.providers.simulator.tokens import count
from headgate.types import JSON, Usage

DIMENSIONS = 1536
MAX_DIMENSIONS = 16_384
_PLACES = 8
"""Components that a word pulls at."""
_NOISE = 0.02
_WORD = re.compile(r"\w+")


def ask_embeddings(dialect: AnyDialect, tree: JSON) -> Asked:
    """A request for embeddings.

    Raises:
        BadRequest: it is none, or asks for too many dimensions.
    """
    request: Embed = dialect.decode_request(tree)
    dimensions = request.dimensions or DIMENSIONS
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise BadRequest(f"'dimensions' must be between 1 and {MAX_DIMENSIONS}.", param="dimensions")

    def make(dice: Dice, reply: ScriptedReply) -> Made:
        vectors = tuple(reply.embedding or embedding(_text(each), dimensions) for each in request.inputs)
        usage = Usage(input_tokens=sum(map(_tokens, request.inputs)))
        answer = Embeddings(model=request.model, vectors=vectors, usage=usage)
        context = Context(asked=tree, id=dice.seed.hex()[:24], created=0)
        return Made(usage=usage, body=msgspec.json.encode(dialect.encode_answer(answer, context)))

    return Asked(make=make, model=request.model, text=" ".join(map(_text, request.inputs)))


def embedding(text: str, dimensions: int) -> tuple[float, ...]:
    """A vector of length 1 that depends on nothing but the text: its words, and a little noise that tells texts of
    the same words apart.
    """
    noise = shake_128(text.encode("utf-8", "surrogatepass")).digest(dimensions)
    values = [(byte - 127.5) / 127.5 * _NOISE for byte in noise]
    for word in _WORD.findall(text.lower()):
        bits = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4 * _PLACES).digest())
        for _ in range(_PLACES):
            values[(bits >> 1 & 0x7FFFFFFF) % dimensions] += 1.0 if bits & 1 else -1.0
            bits >>= 32
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return tuple([round(value / length, 8) for value in values])


def ask_ranking(dialect: AnyDialect, tree: JSON) -> Asked:
    """A request to rank documents: by the share of the query's words in them.

    Raises:
        BadRequest: it is none.
    """
    request: Rerank = dialect.decode_request(tree)

    def make(dice: Dice, _reply: ScriptedReply) -> Made:
        scores = [_score(request.query, document) for document in request.documents]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])[: request.top]
        results = tuple(Ranked(index, scores[index]) for index in order)
        documents = [
            count(each if isinstance(each, str) else msgspec.json.encode(each).decode()) for each in request.documents
        ]
        units = search_units(count(request.query), documents, tree.get("max_tokens_per_doc"))
        usage = Usage(search_units=units)
        answer = Ranking(id="", results=results, usage=usage)
        context = Context(asked=tree, id=dice.seed.hex()[:24], created=0)
        return Made(usage=usage, body=msgspec.json.encode(dialect.encode_answer(answer, context)))

    return Asked(make=make, model=request.model, text=request.query)


def _score(query: str, document: str | JSON) -> float:
    text = document if isinstance(document, str) else str(document.get("text", document))
    wanted = set(_WORD.findall(query.lower()))
    found = wanted & set(_WORD.findall(text.lower()))
    return round((len(found) + 0.01) / (len(wanted) + 0.02), 6)


def _text(value: str | tuple[int, ...]) -> str:
    return value if isinstance(value, str) else " ".join(map(str, value))


def _tokens(value: str | tuple[int, ...]) -> int:
    return count(value) if isinstance(value, str) else len(value)
