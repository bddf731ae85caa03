"""`headgate prompts export`: prompts written back as files: as they are released, registered, or in git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import listed, told
from headgate.cli.client import HERE, Client, Reach, everything
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.cli.files import reading, write_whole, writing
from headgate.cli.revisions import ENDING, side
from headgate.prompts.dotprompt.files import wanted
from headgate.prompts.reference import RELEASED, is_place

Flag = Annotated[bool, Parameter(negative=())]

COLUMNS = {"file": lambda row: row["file"], "is": lambda row: row["is"]}

NOT_RELEASED = "not released"


class Sources:
    """The text of every file by its place, and whose it is."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._whose: dict[str, str] = {}

    def add(self, whose: str, texts: Mapping[str, str]) -> None:
        """Take in what a prompt needs.

        Raises:
            CannotRun: another needs a file of the same name that says something else, or it is in no folder of prompts.
        """
        for place, text in texts.items():
            path = PurePosixPath(place)
            if not is_place(place) or any(part.startswith(".") for part in path.parts) or not wanted(path.name):
                raise CannotRun(
                    f"{whose} has a file that is in no folder of prompts: {output.printable(place)}",
                    "Look at it with 'headgate prompts show', and publish it anew without that file.",
                )
            if self.texts.setdefault(place, text) != text:
                raise CannotRun(
                    f"{place} is not the same for {self._whose[place]} and {whose}, so no one folder is both",
                    "Name the prompts to export, or release both from the same files.",
                )
            self._whose.setdefault(place, whose)


def export(
    folder: Path,
    /,
    *prompts: str,
    label: str = RELEASED,
    library: Path | None = None,
    check: Flag = False,
    replace: Flag = False,
    prune: Flag = False,
    reach: Reach = HERE,
) -> int:
    """Write prompts as files, with the partials, schemas and tools they need, so that a folder is what is released.

    Ends with 1, and writes nothing, where a file there says something else, unless --replace is given.

    Parameters
    ----------
    folder
        Where to: 'prompts', say.
    prompts
        Names of prompts; NAME@LABEL or NAME@VERSION; FILE@REVISION or FOLDER@REVISION of git's. All that have the label
        without any.
    label
        Whose versions, where a name says nothing else.
    library
        The folder of prompts that FILE is in; 'prompts' unless given.
    check
        Write nothing; end with 1 where the folder is other than that.
    replace
        Write over files that say something else.
    prune
        Remove prompts, partials, tools and schemas that are in the folder and not released. With names it does nothing.
    """
    sources, names = Sources(), list[str]()
    for reference in prompts:
        if "@" not in reference and not reference.endswith(ENDING):
            names.append(reference)
            continue
        one = side(reference, library)
        sources.add(reference, one.library.sources if one.name is None else one.library.get(one.name).sources)

    def work(client: Client) -> int:
        _released(client, names, label, sources)
        return _carried_out(folder, sources.texts, reach, check=check, replace=replace, prune=prune and not prompts)

    if names or not prompts:
        return told(reach, work, "prompts export")
    return _carried_out(folder, sources.texts, reach, check=check, replace=replace, prune=False)


def _released(client: Client, names: Sequence[str], label: str, into: Sources) -> None:
    """Take in the versions that a label stands for.

    Raises:
        CannotRun: a prompt has no such label.
    """
    rows: Sequence[Any] = everything(client, "/prompts")
    found = [row["name"] for row in rows if label in row["labels"] and (not names or row["name"] in names)]
    missing = [name for name in names if name not in found]
    if missing or not found:
        what = ", ".join(missing) or "no prompt"
        raise CannotRun(
            f"{what} has {'no' if missing else 'the'} label '{label}'", "Try 'headgate prompts list --registered'."
        )
    for name in found:
        reference = f"{name}@{label}"
        into.add(reference, client.ask("GET", "/prompts/show", query={"prompt": reference})["sources"])


def _carried_out(
    folder: Path, sources: Mapping[str, str], reach: Reach, *, check: bool, replace: bool, prune: bool
) -> int:
    rows = list(_differences(folder, sources))
    extra = [{"file": place, "is": NOT_RELEASED} for place in _extra(folder, sources)] if prune or check else []
    refused = not replace and any(row["is"] == "changed" for row in rows)
    same = f"{folder} is that already."
    if check or refused:
        listed(reach, rows + extra, COLUMNS, same)
        if refused and not check:
            output.complain("headgate: nothing is written, since files are there that say something else")
            output.complain("Try --replace once what is in them is committed, or another folder.")
        return FAILED if rows or extra else OK
    for row in rows:
        file = _file(folder, row["file"])
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, sources[row["file"]].encode())
    for row in extra:
        file = _file(folder, row["file"])
        with writing(file):
            file.unlink()
    done = [{**row, "is": "written"} for row in rows] + [{**row, "is": "removed"} for row in extra]
    return listed(reach, done, COLUMNS, same)


def _differences(folder: Path, sources: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Files that do not say what they should."""
    for place, text in sorted(sources.items()):
        file = _file(folder, place)
        if not file.exists():
            yield {"file": place, "is": "missing"}
            continue
        with reading("Name another folder."):
            if file.read_bytes() != text.encode():
                yield {"file": place, "is": "changed"}


def _extra(folder: Path, sources: Mapping[str, str]) -> Iterator[str]:
    """A library's files that are in a folder beside those; tests and what else is there are nobody's business here."""
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in path.parts)
        if file.is_file() and wanted(file.name) and not hidden and path.as_posix() not in sources:
            yield path.as_posix()


def _file(folder: Path, place: str) -> Path:
    """Where a file of the library is in the folder, and nowhere else.

    Raises:
        CannotRun: a link leads out of the folder.
    """
    file = folder / place
    if not file.resolve().is_relative_to(folder.resolve()):
        raise CannotRun(
            f"{file} is not in {folder}: a link leads out of it", "Remove the link, or name another folder."
        )
    return file
