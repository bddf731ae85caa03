"""`headgate prompts export`: the files of what is released, back into a folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import listed, told
from headgate.cli.client import HERE, Client, Reach
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import write_whole, writing
from headgate.cli.released import HINT, labelled, shown
from headgate.prompts.reference import RELEASED

ENDINGS = (".prompt", ".tool.yaml", ".tool.yml", ".tool.json", ".schema.yaml", ".schema.yml", ".schema.json")
"""Of files that make a library; others beside them, such as tests, are nobody's business here."""

Flag = Annotated[bool, Parameter(negative=())]

COLUMNS = {"file": lambda row: row["file"], "is": lambda row: row["is"]}


def export(
    folder: Path,
    *names: str,
    label: str = RELEASED,
    check: Flag = False,
    force: Flag = False,
    prune: Flag = False,
    reach: Reach = HERE,
) -> int:
    """Write the files of the versions that a label stands for, so that a folder is what is released.

    Ends with 1, and writes nothing, where a file there is other than what is released, unless --force is given.

    Parameters
    ----------
    folder
        Where to: 'prompts', say.
    names
        Prompts; all that have the label without any.
    label
        Whose versions.
    check
        Write nothing; end with 1 where the folder is other than what is released.
    force
        Overwrite files that are other there.
    prune
        Remove prompts, partials, tools and schemas that are in the folder and not released.
    """

    if check and (force or prune):
        raise Misused("--check writes nothing, and --force and --prune say what to write", "Leave one of them out.")
    if names and prune:
        raise Misused("--prune is for all that is released, and some prompts are named", "Leave one of them out.")

    def work(client: Client) -> int:
        sources = _released(client, names, label)
        rows = list(_differences(folder, sources, whole=not names))
        changed = [row for row in rows if row["is"] == "changed"]
        if check or (changed and not force):
            listed(reach, rows, COLUMNS, f"{folder} is what {label} stands for.")
            if not check:
                output.complain(f"headgate: nothing is written, since files in {folder} are other; --force overwrites.")
            return FAILED if rows else OK
        for row in rows:
            _carry_out(folder, row, sources, prune=prune)
        left = [row for row in rows if row["is"] == "not released" and not prune]
        done = [
            {**row, "is": "removed" if row["is"] == "not released" else "written"} for row in rows if row not in left
        ]
        listed(reach, [*done, *left], COLUMNS, f"{folder} was what {label} stands for.")
        return OK

    return told(reach, work, "prompts export")


def _released(client: Client, names: Sequence[str], label: str) -> Mapping[str, str]:
    """The text of every file by its place.

    Raises:
        CannotRun: a prompt has no such label, or two of them need files of one name that are not the same.
    """
    there = labelled(client, label)
    found = [name for name in there if not names or name in names]
    if missing := [name for name in names if name not in found]:
        raise CannotRun(f"{', '.join(missing)} {'have' if missing[1:] else 'has'} no label '{label}'", HINT)
    if not found:
        raise CannotRun(f"no prompt has the label '{label}'", HINT)
    sources: dict[str, str] = {}
    needed_by: dict[str, str] = {}
    for name in found:
        for place, text in shown(client, name, label)["sources"].items():
            if sources.setdefault(place, text) != text:
                raise CannotRun(
                    f"no one folder is what '{label}' stands for: {needed_by[place]} was published with another "
                    f"{place} than {name}",
                    "Name the prompts to export, or release both from the same files: 'headgate prompts publish'.",
                )
            needed_by.setdefault(place, name)
    return sources


def _differences(folder: Path, sources: Mapping[str, str], *, whole: bool) -> Iterator[dict[str, str]]:
    """Files that are not as they are released; with `whole` also those that are not released at all."""
    for place in sorted(sources):
        file = _file(folder, place)
        try:
            there = file.read_bytes()
        except FileNotFoundError:
            yield {"file": place, "is": "missing"}
            continue
        except OSError as error:
            raise CannotRun(f"{file} cannot be read: {error.strerror}", "Move it away.") from None
        if there != sources[place].encode():
            yield {"file": place, "is": "changed"}
    if whole and folder.is_dir():
        for file in sorted(folder.rglob("*")):
            place = file.relative_to(folder).as_posix()
            hidden = any(part.startswith(".") for part in PurePosixPath(place).parts)
            if file.is_file() and file.name.endswith(ENDINGS) and place not in sources and not hidden:
                yield {"file": place, "is": "not released"}


def _carry_out(folder: Path, row: Mapping[str, str], sources: Mapping[str, str], *, prune: bool) -> None:
    file = _file(folder, row["file"])
    with writing(file):
        if row["is"] == "not released":
            if prune:
                file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, sources[row["file"]].encode())


def _file(folder: Path, place: str) -> Path:
    """Where a file of the library is in the folder, and nowhere else: what places there are the server says.

    Raises:
        CannotRun: it would be elsewhere.
    """
    parts = place.split("/")
    file = folder.joinpath(*parts)
    plain = all(part and not part.startswith(".") and "\\" not in part and "\0" not in part for part in parts)
    if (
        not plain
        or ":" in parts[0]
        or not place.endswith(ENDINGS)
        or not file.resolve().is_relative_to(folder.resolve())
    ):
        raise CannotRun(f"'{output.printable(place)}' is no place in {folder}", "Export into a folder without links.")
    return file
