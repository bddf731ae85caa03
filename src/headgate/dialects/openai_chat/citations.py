"""`annotations`: what stretches of the text rest on (OpenAI API reference, "The chat completion object")."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.dialects.hub import Citation, Text
from headgate.dialects.openai_chat.names import NAME
from headgate.dialects.reading import Reader, at, left
from headgate.types import JSON

_KNOWN = frozenset({"url", "title", "start_index", "end_index", "content"})


def citation_of(annotation: JSON, where: str, reader: Reader) -> Citation | None:
    """A citation of a URL; None for an annotation of another kind.

    Raises:
        HeadgateError: the reader's, if a member is of the wrong type.
    """
    told = annotation.get("url_citation")
    if annotation.get("type") != "url_citation" or not isinstance(told, dict):
        return None
    inner = at(where, "url_citation")
    rest = left(told, _KNOWN)
    beside = {name: value for name, value in annotation.items() if name not in ("type", "url_citation")}
    return Citation(
        url=reader.optional(told, "url", str, inner),
        title=reader.optional(told, "title", str, inner),
        cited_text=reader.optional(told, "content", str, inner),
        start=reader.optional(told, "start_index", int, inner),
        end=reader.optional(told, "end_index", int, inner),
        extra={NAME: {"url_citation": rest, **beside}},
    )


def citations_of(message: JSON, where: str, reader: Reader) -> tuple[tuple[Citation, ...], JSON]:
    """The citations of a message's text; `annotations` itself where one is of a kind the hub has no word for."""
    found: list[Citation] = []
    for annotation, place in reader.objects(message, "annotations", where):
        citation = citation_of(annotation, place, reader)
        if citation is None:
            return (), {"annotations": message["annotations"]}
        found.append(citation)
    return tuple(found), {}


def written(texts: Sequence[Text]) -> list[JSON]:
    """The annotations of texts that are written one behind the other. Citations of no URL cannot be said."""
    annotations: list[JSON] = []
    offset = 0
    for text in texts:
        for citation in text.citations:
            said = annotation_of(citation, offset, len(text.text))
            if said is not None:
                annotations.append(said)
        offset += len(text.text)
    return annotations


def annotation_of(citation: Citation, offset: int, length: int) -> JSON | None:
    """One annotation. A citation that does not say what it stands on stands on all of its text, `length` long."""
    notes = citation.extra.get(NAME)
    if notes is None and citation.url is None:
        return None
    start, end = citation.start, citation.end
    if notes is None:
        start, end = start or 0, length if end is None else end
    members = (
        ("url", citation.url),
        ("title", citation.title if notes is not None else citation.title or ""),
        ("content", citation.cited_text),
        ("start_index", None if start is None else start + offset),
        ("end_index", None if end is None else end + offset),
    )
    told: JSON = {name: value for name, value in members if value is not None}
    if notes is None:
        return {"type": "url_citation", "url_citation": told}
    beside = {name: value for name, value in notes.items() if name != "url_citation"}
    return {"type": "url_citation", "url_citation": {**notes.get("url_citation", {}), **told}, **beside}
