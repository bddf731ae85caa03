"""A whole answer of generateContent in the hub's terms."""

from __future__ import annotations

from msgspec.structs import replace

from headgate.dialects.gemini_generate import grounding, response
from headgate.dialects.gemini_generate.finish import stop_of
from headgate.dialects.gemini_generate.names import NAME, made_id
from headgate.dialects.gemini_generate.response import Candidate, Response
from headgate.dialects.hub import Answer, Choice, Part, Reasoning, Text, ToolCall, extra_of
from headgate.errors import MalformedOutput
from headgate.types import JSON


def decode(tree: JSON) -> Answer:
    """The hub's answer. A refused prompt is one choice without parts that stopped for the content filter.

    Raises:
        MalformedOutput: it has neither candidates nor a refusal, or a known member has the wrong type.
    """
    read = response.read(tree)
    if read.candidates:
        choices = tuple(_choice(candidate, read) for candidate in read.candidates)
    elif read.blocked:
        choices = (Choice(parts=(), stop="content_filter"),)
    else:
        raise MalformedOutput("the answer has no candidates, and no reason why")
    return Answer(
        id=read.id,
        model=read.model,
        choices=choices,
        usage=read.usage(),
        created=read.created,
        tier=read.tier,
        extra=read.extra,
    )


def _choice(candidate: Candidate, read: Response) -> Choice:
    parts = _joined(candidate, read.id)
    texts = [number for number, part in enumerate(parts) if isinstance(part, Text)]
    if texts:
        _annotate(parts, texts, candidate)
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop = stop_of(candidate.finish, calls) or ("content_filter" if read.blocked else None)
    return Choice(parts=tuple(parts), stop=stop, extra=extra_of(NAME, candidate.extra))


def _joined(candidate: Candidate, response_id: str) -> list[Part]:
    """The parts, with ids for calls that lack one and each signature that came on an empty text put where it belongs:
    on the text or thought before it, or else into an opaque piece of reasoning.
    """
    parts: list[Part] = []
    calls = 0
    for part in candidate.parts:
        if isinstance(part, ToolCall):
            if not part.id:
                made = made_id(response_id, candidate.index, calls, part.name, part.arguments)
                part = replace(part, id=made)
            calls += 1
        elif isinstance(part, Text) and not part.text and part.signature is not None:
            last = parts[-1] if parts else None
            if isinstance(last, Text | Reasoning) and last.signature is None:
                parts[-1] = replace(last, signature=part.signature)
                continue
            part = Reasoning(signature=part.signature, extra=part.extra)
        parts.append(part)
    return parts


def _annotate(parts: list[Part], texts: list[int], candidate: Candidate) -> None:
    """Put citations on the texts they stand on, and the log probabilities, which span a candidate, on the last."""
    found = grounding.citations(candidate.tree, [part.text for part in parts if isinstance(part, Text)])
    for order, number in enumerate(texts):
        part = parts[number]
        assert isinstance(part, Text)
        own = tuple(citation for place, citation in found if place == order)
        logprobs = candidate.logprobs if number == texts[-1] and candidate.logprobs else None
        if own or logprobs:
            parts[number] = replace(part, citations=own, logprobs=logprobs)
