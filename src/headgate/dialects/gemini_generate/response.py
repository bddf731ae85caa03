"""A GenerateContentResponse read and checked, whole or as one frame of a stream: both are the same document."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from headgate.dialects.gemini_generate import grounding, parts, usage
from headgate.dialects.gemini_generate.names import NAME
from headgate.dialects.gemini_generate.usage import UsageMetadata
from headgate.dialects.hub import Extra, Part, TokenLogprob, extra_of
from headgate.dialects.members import as_object, optional, required
from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage

_OWN = frozenset({"candidates", "modelVersion", "responseId"})


class Candidate(msgspec.Struct):
    index: int
    parts: list[Part]
    finish: str | None
    logprobs: tuple[TokenLogprob, ...]
    tree: JSON
    extra: JSON
    """What the vendor said beside the content, `finishReason` and the raw grounding included."""


class Response(msgspec.Struct):
    id: str
    model: str
    created: int | None
    blocked: bool
    """The prompt itself was refused: as a rule there are no candidates then."""
    metadata: UsageMetadata | None
    queries: list[str]
    candidates: list[Candidate]
    extra: Extra
    """Members without a field in the hub, `usageMetadata` as it came included."""

    @property
    def tier(self) -> str | None:
        """The way it was processed; None for the ordinary one."""
        return self.metadata.tier if self.metadata else None

    def usage(self) -> Usage | None:
        """A refused prompt is not billed, and has no counts."""
        found = usage.usage_of(self.metadata, usage.searches(self.queries, self.model)) if self.metadata else None
        return Usage() if found is None and self.blocked and not self.candidates else found


def read(tree: JSON) -> Response:
    """The parsed document, before anything depends on it.

    Raises:
        MalformedOutput: a member that is known has the wrong type.
    """
    where = "answer"
    metadata = optional(tree, "usageMetadata", dict, where)
    feedback = optional(tree, "promptFeedback", dict, where)
    candidates = [
        _candidate(as_object(item, f"candidates[{number}]"), f"candidates[{number}]")
        for number, item in enumerate(optional(tree, "candidates", list, where) or ())
    ]
    return Response(
        id=optional(tree, "responseId", str, where) or "",
        model=optional(tree, "modelVersion", str, where) or "",
        created=_seconds(optional(tree, "createTime", str, where)),
        blocked=feedback is not None and bool(feedback.get("blockReason")),
        metadata=usage.read(metadata) if metadata is not None else None,
        queries=[query for candidate in candidates for query in grounding.queries(candidate.tree)],
        candidates=candidates,
        extra=extra_of(NAME, {name: value for name, value in tree.items() if name not in _OWN}),
    )


def _candidate(tree: JSON, where: str) -> Candidate:
    content = optional(tree, "content", dict, where) or {}
    index = optional(tree, "index", int, where) or 0
    if index < 0:
        raise MalformedOutput(f"{where}.index is negative")
    extra = {name: value for name, value in tree.items() if name != "content"}
    beyond = {name: value for name, value in content.items() if name not in ("parts", "role")}
    if beyond:
        extra["content"] = beyond
    found: list[Part] = []
    for number, item in enumerate(optional(content, "parts", list, where) or ()):
        at = f"{where}.content.parts[{number}]"
        part = parts.decode(as_object(item, at), at)
        if part is not None:
            found.append(part)
    return Candidate(
        index=index,
        parts=found,
        finish=optional(tree, "finishReason", str, where),
        logprobs=_logprobs(optional(tree, "logprobsResult", dict, where), f"{where}.logprobsResult"),
        tree=tree,
        extra=extra,
    )


def _logprobs(result: JSON | None, where: str) -> tuple[TokenLogprob, ...]:
    if result is None:
        return ()
    tops = optional(result, "topCandidates", list, where) or []
    found: list[TokenLogprob] = []
    for number, item in enumerate(optional(result, "chosenCandidates", list, where) or ()):
        at = f"{where}.chosenCandidates[{number}]"
        rivals: tuple[TokenLogprob, ...] = ()
        if number < len(tops):
            above = f"{where}.topCandidates[{number}]"
            listed = optional(as_object(tops[number], above), "candidates", list, above) or ()
            rivals = tuple(_token(as_object(each, above), above) for each in listed)
        found.append(_token(as_object(item, at), at, rivals))
    return tuple(found)


def _token(tree: JSON, where: str, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    value = tree.get("logProbability", 0.0)  # absent is 0, as everywhere in JSON made from protocol buffers
    if type(value) is int and -1_000_000 < value < 1_000_000:
        value = float(value)
    if type(value) is not float:
        raise MalformedOutput(f"{where}.logProbability is no log probability")
    return TokenLogprob(token=required(tree, "token", str, where), logprob=value, top=top)


def _seconds(time: str | None) -> int | None:
    """Seconds since the epoch; None for what is no time (it stays in `extra`)."""
    if time is None:
        return None
    try:
        parsed = datetime.fromisoformat(time)
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
