"""Cohere's rerank, version 2, spoken to clients and vendors (Cohere API reference, "Rerank", `POST /v2/rerank`).

Vendors that took its shape over with few changes are understood too: Jina (`results`, tokens in `usage`) and Voyage
(`data`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from headgate.dialects.base import Context, Dialect, Fit, Peek, Quirks
from headgate.dialects.cohere_chat.errors import decode_error
from headgate.dialects.cohere_chat.usage import count
from headgate.dialects.hub import Ranked, Ranking, Rerank, extra_of
from headgate.dialects.members import as_object, optional, required
from headgate.dialects.sizes import Size
from headgate.dialects.view import TextNode, strings
from headgate.errors import BadRequest, HeadgateError, MalformedOutput
from headgate.types import JSON, Path, Usage, json_type

NAME = "cohere_rerank"
ValueT = TypeVar("ValueT")

_ADVISORY = frozenset({"priority", "user"})

UNIT = 100
"""Documents that are one search unit, with their query (Cohere, "Pricing"; Bedrock, "Pricing and search units")."""

CHUNK_TOKENS = 500
"""Longer documents, their query included, are split, and each piece counts as a document (Cohere, "Pricing")."""

DOCUMENT_TOKENS = 4_096
"""What a document is cut down to where `max_tokens_per_doc` does not say otherwise."""


class _Told(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: JSON | None = None
    meta: JSON | None = None


_decode_told = msgspec.json.Decoder(_Told).decode


class CohereRerank(Dialect[Rerank, Ranking]):
    name = NAME
    operation = "rerank"

    def size(self, tree: JSON, quirks: Quirks | None = None) -> Size:
        """Some vendors bill the query once for each document, Cohere itself by the search unit."""
        query, documents = len(str(tree.get("query")).encode()), tree.get("documents")
        sizes = [len(_words(each)) for each in (documents if isinstance(documents, list) else [documents])]
        units = search_units(query, sizes, tree.get("max_tokens_per_doc"))
        return Size(output_limit=0, repeated_bytes=query * len(sizes), search_units=units)

    def path(self, model: str, stream: bool) -> str:
        return "/v2/rerank"

    def decode_request(self, tree: JSON) -> Rerank:
        return _decode_request(tree)

    def encode_request(self, request: Rerank, fit: Fit) -> JSON:
        """The body. A client's own members go along, since only clients of this dialect can ask for a ranking.

        Raises:
            Unsupported: a member of another dialect.
        """
        body: JSON = {"model": fit.model, "query": request.query, "documents": list(request.documents)}
        if request.top is not None:
            body["top_n"] = request.top
        if request.return_documents:
            body["return_documents"] = True
        for dialect, members in request.extra.items():
            for name, value in members.items():
                if dialect == NAME:
                    body[name] = value
                elif name in _ADVISORY:
                    fit.note(name)
                elif value is not None:
                    fit.refuse(name, "Cohere has no such parameter")
        return body

    def decode_answer(self, tree: JSON) -> Ranking:
        return _decode_answer(tree)

    def encode_answer(self, answer: Ranking, context: Context) -> JSON:
        """The answer, with the documents where the client asked for them and the vendor left them out."""
        own = dict(answer.extra.get(NAME, {}))
        results = own.pop("results", None) or _results(answer, context.asked)
        tree: JSON = {"id": answer.id or context.id, "results": results, **own}
        if answer.usage is not None and answer.usage.search_units and "meta" not in tree:
            tree["meta"] = {"billed_units": {"search_units": answer.usage.search_units}}
        return tree

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return decode_error(NAME, status, headers, raw)

    def encode_error(self, error: HeadgateError) -> JSON:
        return {"message": error.shown}

    def peek(self, raw: bytes) -> Peek:
        try:
            told = _decode_told(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise MalformedOutput(f"the vendor's answer cannot be read: {error}") from None
        return Peek(usage=_usage(told.usage, told.meta), id=told.id, model=told.model)

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        for name, value in tree.items():
            if name == "query":
                yield from strings(value, (name,), "user", "user")
            elif name == "documents":
                yield from strings(value, (name,), "", "document")
            elif name != "model":
                yield from strings(value, (name,), "", "parameter")

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        """The documents an answer repeats."""
        for name in ("results", "data"):
            for index, result in enumerate(tree.get(name) or ()):
                if isinstance(result, dict):
                    yield from strings(result.get("document"), (name, index, "document"), "", "document")

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        return path == ("model",)


def search_units(query_tokens: int, documents_tokens: Sequence[int], limit: Any = None) -> int:
    """How many search units a ranking is billed as. A query takes no more than half of each piece: it is cut down to
    half of the context (Cohere, "Best practices for using Rerank"). `limit` is the request's `max_tokens_per_doc`.
    """
    room = CHUNK_TOKENS - min(query_tokens, CHUNK_TOKENS // 2)
    if limit is None:
        limit = DOCUMENT_TOKENS
    elif type(limit) is not int or limit < 1:  # the vendor's to refuse
        limit = max(documents_tokens, default=0)
    pieces = sum([max(1, -(-min(tokens, limit) // room)) for tokens in documents_tokens])
    return max(1, -(-pieces // UNIT))


def _words(document: Any) -> bytes:
    return document.encode() if isinstance(document, str) else msgspec.json.encode(document)


def _decode_request(tree: JSON) -> Rerank:
    documents = _asked(tree, "documents", list)
    if not documents:
        raise BadRequest("'documents' must hold at least one document.", param="documents")
    for index, document in enumerate(documents):
        if not isinstance(document, str | dict):
            field = f"documents[{index}]"
            raise BadRequest(f"'{field}' must be a string or an object, not {json_type(document)}.", param=field)
    top = _told(tree, "top_n", int)
    if top is not None and top < 1:
        raise BadRequest("'top_n' must be at least 1.", param="top_n")
    known = {"model", "query", "documents"}
    if top is not None:
        known.add("top_n")
    if _told(tree, "return_documents", bool):
        known.add("return_documents")  # an explicit false goes to extra, and so out again as it came
    return Rerank(
        model=_asked(tree, "model", str),
        query=_asked(tree, "query", str),
        documents=tuple(documents),
        top=top,
        return_documents="return_documents" in known,
        extra=extra_of(NAME, {key: value for key, value in tree.items() if key not in known}),
    )


def _decode_answer(tree: JSON) -> Ranking:
    name = "results" if "results" in tree or "data" not in tree else "data"
    results = [as_object(each, f"{name}[{index}]") for index, each in enumerate(required(tree, name, list, "answer"))]
    extra = {key: value for key, value in tree.items() if key not in ("id", name)}
    if any(result.keys() - {"index", "relevance_score"} for result in results):
        extra["results"] = results
    meta = optional(tree, "meta", dict, "answer")
    return Ranking(
        id=optional(tree, "id", str, "answer") or "",
        results=tuple(_ranked(result, f"{name}[{index}]") for index, result in enumerate(results)),
        usage=_usage(optional(tree, "usage", dict, "answer"), meta),
        extra=extra_of(NAME, extra),
    )


def _ranked(result: JSON, where: str) -> Ranked:
    score = result.get("relevance_score")
    if type(score) is not float and type(score) is not int:
        raise MalformedOutput(f"{where}.relevance_score is {json_type(score)}, not a number")
    return Ranked(required(result, "index", int, where), float(score))


def _usage(usage: JSON | None, meta: JSON | None) -> Usage | None:
    """Tokens, where a vendor counts them; Cohere bills searches instead."""
    billed = (optional(meta, "billed_units", dict, "meta") if meta is not None else None) or {}
    units = count(billed, "search_units", "meta.billed_units")
    if usage is not None:
        return Usage(input_tokens=count(usage, "total_tokens", "usage"), search_units=units)
    if not units and billed.get("input_tokens") is None:
        return None
    return Usage(input_tokens=count(billed, "input_tokens", "meta.billed_units"), search_units=units)


def _results(answer: Ranking, asked: JSON) -> list[JSON]:
    documents = asked.get("documents") if asked.get("return_documents") is True else None
    results: list[JSON] = []
    for ranked in answer.results:
        result: JSON = {"index": ranked.index, "relevance_score": ranked.score}
        if isinstance(documents, list) and 0 <= ranked.index < len(documents):
            document: Any = documents[ranked.index]
            result["document"] = {"text": document} if isinstance(document, str) else document
        results.append(result)
    return results


def _told(tree: JSON, name: str, kind: type[ValueT]) -> ValueT | None:
    value = tree.get(name)
    if value is None or type(value) is kind:
        return value
    raise BadRequest(f"'{name}' has the wrong type: {json_type(value)}.", param=name)


def _asked(tree: JSON, name: str, kind: type[ValueT]) -> ValueT:
    value = _told(tree, name, kind)
    if value is None:
        raise BadRequest(f"'{name}' is missing.", param=name)
    return value


DIALECT = CohereRerank()
