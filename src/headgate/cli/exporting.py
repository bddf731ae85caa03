"""`headgate prompts export`: prompts as they are registered, or as git has them, written back as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.configs import Json
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading, write_whole, writing
from headgate.cli.revisions import DEFAULT, side
from headgate.prompts.dotprompt.files import wanted

Flag = Annotated[bool, Parameter(negative="")]


def export(
    *prompts: str,
    to: Path = DEFAULT,
    library: Path | None = None,
    replace: Flag = False,
    check: Flag = False,
    json: Json = False,
) -> int:
    """Write prompts as files, with the partials, schemas and tools they need.

    Ends with 1 where a file is there that says something else: it is left as it is, and nothing is written.

    Parameters
    ----------
    prompts
        NAME@LABEL or NAME@VERSION of a registered prompt; FILE@REVISION or FOLDER@REVISION of git's.
    to
        The folder they are written into: 'prompts'.
    library
        The folder of prompts that FILE is in; 'prompts' unless given.
    replace
        Write over files that say something else.
    check
        Write nothing: only say what is different.
    json
        Print JSON.
    """
    if not prompts:
        raise Misused("there is no prompt to export", "Name one: headgate prompts export support/triage@production.")
    sources = _sources(prompts, library)
    states = {place: _state(to / place, text) for place, text in sources.items()}
    other = [place for place, state in states.items() if state == "other"]
    refused = bool(other) and not replace
    if not check and not refused:
        _write(to, {place: sources[place] for place, state in states.items() if state != "same"})
    if json:
        output.json([{"file": str(to / place), "was": state} for place, state in states.items()])
    else:
        output.table(("file", "was"), [(str(to / place), state) for place, state in states.items()])
    if refused and not check:
        output.complain("headgate: nothing is written, since files are there that say something else")
        output.complain("Try --replace once what is in them is committed, or another folder with --to.")
    return FAILED if refused or (check and set(states.values()) != {"same"}) else OK


def _sources(prompts: Sequence[str], library: Path | None) -> Mapping[str, str]:
    """The files of all of them.

    Raises:
        CannotRun: two need a file of the same name to be different.
    """
    found: dict[str, tuple[str, str]] = {}
    for reference in prompts:
        for place, text in _of(reference, library):
            known, whose = found.setdefault(place, (text, reference))
            if known != text:
                raise CannotRun(
                    f"{place} is not the same for {whose} and {reference}",
                    "Export them into folders of their own, with --to.",
                )
    return {place: text for place, (text, _) in sorted(found.items())}


def _of(reference: str, library: Path | None) -> Iterator[tuple[str, str]]:
    one = side(reference, library)
    sources = one.library.sources if one.name is None else one.library.get(one.name).sources
    for place, text in sources.items():
        path = PurePosixPath(place)
        if path.is_absolute() or any(part.startswith(".") for part in path.parts) or not wanted(path.name):
            raise CannotRun(
                f"{reference} has a file that is in no folder of prompts: {output.printable(place)}",
                "Look at it with 'headgate prompts show', and publish it anew without that file.",
            )
        yield place, text


def _state(file: Path, text: str) -> str:
    """`new`, `same` or `other`."""
    if not file.exists():
        return "new"
    with reading("Name another folder with --to."):
        return "same" if file.read_bytes() == text.encode() else "other"


def _write(folder: Path, sources: Mapping[str, str]) -> None:
    for place, text in sources.items():
        file = folder / place
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, text.encode())
