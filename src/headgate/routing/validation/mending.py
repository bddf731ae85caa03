"""Putting mended texts in the place of those that were wrong, in whole answers and in streams that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headgate.dialects.base import AnyDialect
from headgate.dialects.hub import BlockDelta, BlockStarted, Text, ToolCall
from headgate.dialects.view import TextNode, replace_texts
from headgate.routing.validation.transcript import Transcript
from headgate.types import JSON, Chunk, Frame, Path, Payload


def mended_payload(dialect: AnyDialect, payload: Payload, repairs: Mapping[str, str]) -> Payload | None:
    """A whole answer with texts replaced; None where one of them stands in no place that can be written to."""
    found = {node.path: node.text for node in _made(dialect.answer_texts(payload.answer_tree)) if node.text in repairs}
    if set(found.values()) != set(repairs):
        return None
    return replace_texts(payload, {path: repairs[text] for path, text in found.items()})


def mended_stream(dialect: AnyDialect, chunks: Sequence[Chunk], repairs: Mapping[str, str]) -> list[Chunk] | None:
    """A stream with texts replaced: each stands whole where its first piece stood, and nothing where the others did.
    Frames without any of it are the same. None where the result would not say what it should.
    """
    found = {index: text for index, text in _texts_of(dialect, chunks).items() if text in repairs}
    wanted = {index: repairs[text] for index, text in found.items()}
    writer = _Writer(dialect, repairs, wanted)
    written = [[writer.write(frame) for frame in chunk] for chunk in chunks]
    texts = _texts_of(dialect, written)
    is_said = all(texts.get(index) == text for index, text in wanted.items())
    return written if is_said and set(found.values()) == set(repairs) else None


class _Writer:
    """Goes through a stream once more, and replaces the pieces of some blocks."""

    def __init__(self, dialect: AnyDialect, repairs: Mapping[str, str], wanted: Mapping[int, str]) -> None:
        self._dialect = dialect
        self._repairs = repairs
        self._wanted = wanted
        self._transcript = Transcript(dialect)
        self._written: set[int] = set()
        """Blocks whose text is out."""

    def write(self, frame: Frame) -> Frame:
        deltas = [event for event in self._transcript.feed([frame]) if isinstance(event, BlockDelta) and event.text]
        if not frame.data.startswith(b"{"):  # a terminator that is no JSON
            return frame
        payload = Payload(self._dialect.name, frame.data)
        changes = self._changes(payload.answer_tree, deltas)
        return Frame.of(replace_texts(payload, changes).tree, frame.event) if changes else frame

    def _changes(self, tree: JSON, deltas: Iterable[BlockDelta]) -> dict[Path, str]:
        """What to write where: in the place of pieces, and of whole texts, which some dialects tell once more."""
        nodes = list(_made(self._dialect.frame_texts(tree)))
        changes: dict[Path, str] = {}
        for delta in deltas:
            node = next((each for each in nodes if each.text == delta.text), None)
            if node is None:
                continue
            nodes.remove(node)
            if delta.index in self._wanted:
                changes[node.path] = "" if delta.index in self._written else self._wanted[delta.index]
                self._written.add(delta.index)
        return changes | {node.path: self._repairs[node.text] for node in nodes if node.text in self._repairs}


def _made(nodes: Iterable[TextNode]) -> Iterator[TextNode]:
    """What the model says and calls, without its thoughts."""
    return (node for node in nodes if node.provenance in ("assistant", "tool_call"))


def _texts_of(dialect: AnyDialect, chunks: Iterable[Chunk]) -> dict[int, str]:
    """By block, what a stream says."""
    transcript = Transcript(dialect)
    pieces: dict[int, list[str]] = {}
    for chunk in chunks:
        for event in transcript.feed(chunk):
            if isinstance(event, BlockStarted) and isinstance(event.part, Text | ToolCall):
                pieces[event.index] = []
            elif isinstance(event, BlockDelta) and event.index in pieces:
                pieces[event.index].append(event.text)
    return {index: "".join(each) for index, each in pieces.items()}
