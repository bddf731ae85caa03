"""Citations from what Gemini says its text rests on (GroundingMetadata, CitationMetadata).

Offsets count bytes of UTF-8 there and code points in the hub. Everything here only adds to an answer that also
carries the vendor's own object, so a shape that cannot be read gives no citation instead of an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from headgate.dialects.hub import Citation
from headgate.types import JSON


def citations(candidate: JSON, texts: Sequence[str]) -> list[tuple[int, Citation]]:
    """Each citation with the number of the text it stands on.

    A segment belongs to the text that has its words at its offsets: `partIndex` is not reliable, and a stream's
    segments count from where the text began.
    """
    if not texts:
        return []
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    found: list[tuple[int, Citation]] = []
    grounding = candidate.get("groundingMetadata")
    if isinstance(grounding, dict):
        chunks = _objects(grounding.get("groundingChunks"))
        for support in _objects(grounding.get("groundingSupports")):
            for number, start, end in _places(support.get("segment"), encoded):
                found += [(number, _of_chunk(chunk, start, end)) for chunk in _chosen(support, chunks)]
    recited = candidate.get("citationMetadata")
    if isinstance(recited, dict) and len(encoded) == 1:
        for source in _objects(recited.get("citationSources") or recited.get("citations")):
            place = _points(encoded[0], source.get("startIndex", 0), source.get("endIndex"))
            if place:
                found.append((0, _citation(source, *place)))
    return found


def queries(candidate: JSON) -> list[str]:
    """The web searches a candidate rests on."""
    grounding = candidate.get("groundingMetadata")
    asked = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
    return [query for query in asked if isinstance(query, str)] if isinstance(asked, list) else []


def _places(segment: Any, texts: list[bytes]) -> Iterator[tuple[int, int, int]]:
    if not isinstance(segment, dict):
        return
    words = segment.get("text")
    if not isinstance(words, str) or not words:
        return
    start = segment.get("startIndex", 0)
    wanted = words.encode("utf-8", "surrogatepass")
    for number, text in enumerate(texts):
        if type(start) is int and start >= 0 and text[start : start + len(wanted)] == wanted:
            place = _points(text, start, start + len(wanted))
            if place:
                yield number, *place
            return


def _points(text: bytes, start: Any, end: Any) -> tuple[int, int] | None:
    """A stretch of bytes as a stretch of code points; None where it is out of the text or cuts a character."""
    if type(start) is not int or type(end) is not int or not 0 <= start <= end <= len(text):
        return None
    try:
        before = len(text[:start].decode("utf-8", "surrogatepass"))
        return before, before + len(text[start:end].decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return None


def _chosen(support: JSON, chunks: list[JSON]) -> Iterator[JSON]:
    numbers = support.get("groundingChunkIndices")
    for number in numbers if isinstance(numbers, list) else ():
        if type(number) is int and 0 <= number < len(chunks):
            yield chunks[number]


def _of_chunk(chunk: JSON, start: int, end: int) -> Citation:
    source = next(
        (chunk[kind] for kind in ("web", "retrievedContext", "maps") if isinstance(chunk.get(kind), dict)), {}
    )
    return _citation(source, start, end)


def _citation(source: JSON, start: int, end: int) -> Citation:
    def text(name: str) -> str | None:
        value = source.get(name)
        return value if isinstance(value, str) else None

    return Citation(url=text("uri"), title=text("title"), cited_text=text("text"), start=start, end=end)


def _objects(value: Any) -> list[JSON]:
    """The list's items; those that are no objects become empty ones, so that indices into it hold."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []
