"""What a label stood for, and so what the way back leads to."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.administration.problems import invalid
from headgate.administration.prompts.rows import Unmoved, Withdrawn, everything, found, reference
from headgate.errors import Conflict, NotFound
from headgate.storage.records import PromptLabel, PromptMove
from headgate.storage.tables import PROMPT_HEADS, PROMPT_MOVES, Reader


async def before(reader: Reader, label: PromptLabel, to: str | None) -> str:
    """The version a label stood for before what it stands for now, or at any time where one is named. Those that are
    withdrawn meanwhile are passed over.

    Raises:
        Invalid: what is named is no version, or how several begin.
        NotFound: there is nothing before.
        Conflict: it never stood for the one that is named, does so now, or that is withdrawn.
    """
    filters = {"name": label.name, "label": label.label, "status": "done"}
    moves = await everything(PROMPT_MOVES, reader, label.organisation, filters)
    moves.sort(key=lambda move: move.revision)  # each was done by an act of its own
    current = None if label.archived_us is not None else label.digest
    if to is not None:
        return await _named(reader, label, moves, current, to)
    withdrawn = await _withdrawn(reader, label)
    for digest in reversed(standing(moves)[:-1]):
        if digest is not None and digest != current and digest not in withdrawn:
            return digest
    raise NotFound(f"'{label.name}@{label.label}' stood for nothing before that can be served; move it instead.")


def standing(moves: Sequence[PromptMove]) -> list[str | None]:
    """What a label stood for, one upon the other, without what was rolled back: going back twice goes back further.
    None stands for the time it was taken away.
    """
    stood: list[str | None] = []
    for move in moves:
        if move.kind == "remove":
            stood.append(None)
        elif move.kind == "rollback" and move.to_digest in stood:
            while stood[-1] != move.to_digest:
                stood.pop()
        else:
            stood.append(move.to_digest)
    return stood


async def _named(reader: Reader, label: PromptLabel, moves: Sequence[PromptMove], current: str | None, to: str) -> str:
    what = f"'{label.name}@{label.label}'"
    asked = reference(f"{label.name}@{to}", "to")
    if asked.label is not None:
        raise invalid("to", "must be a version that the label has stood for, seven of its digits at least")
    stood = {move.to_digest for move in moves if asked.fits(move.to_digest)}
    if len(stood) > 1:
        raise invalid("to", "is how more than one version begins; write more of its digits")
    if not stood:
        raise Conflict(f"{what} never stood for '{to}', so there is no going back to it; move it instead.", param="to")
    [digest] = stood
    if digest == current:
        raise Unmoved(f"{what} stands for '{to}' already.", param="to")
    row = await found(PROMPT_HEADS, reader, label.organisation, reference(f"{label.name}@{digest}", "to"), "to")
    if row.withdrawn_us is not None:
        raise Withdrawn(row, "to")
    return digest


async def _withdrawn(reader: Reader, label: PromptLabel) -> set[str]:
    rows = await reader.fetch(
        "SELECT digest FROM prompt_versions WHERE organisation = $1 AND name = $2 AND withdrawn_us IS NOT NULL",
        label.organisation,
        label.name,
    )
    return {digest for (digest,) in rows}
