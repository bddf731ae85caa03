"""`headgate prompts import` and `headgate eval import`: prompts and tests of other tools, made into files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.exits import OK, CannotRun, Misused
from headgate.cli.files import text_of, writing
from headgate.cli.libraries import DEFAULT
from headgate.cli.prompting import JsonOption
from headgate.prompts.importing import KINDS, BadTemplate, Imported, import_prompt
from headgate.registry import suggest

PROMPTFOO: Final = "promptfoo"
_ENDINGS: Final = {**KINDS, PROMPTFOO: (".yaml", ".yml")}


def import_(
    *files: Annotated[Path, Parameter(help="Files of Prompty, Jinja2, promptfoo, or exports of Langfuse.")],
    kind: Annotated[
        str | None, Parameter(help="prompty, jinja, langfuse or promptfoo; else by what files end with.")
    ] = None,
    to: Annotated[Path, Parameter(help="The folder to write prompts to.")] = DEFAULT,
    partial: Annotated[bool, Parameter(negative="", help="Write partials, whose files begin with '_'.")] = False,
    trim: Annotated[bool, Parameter(negative="", help="Jinja2 is used with trim_blocks and lstrip_blocks.")] = False,
    json: JsonOption = False,
) -> int:
    """Make prompt files of other tools' prompts, and say what could not be taken over. Files there are left alone."""
    if not files:
        raise Misused("name the files to import", "Try 'headgate prompts import --help'.")
    made = [(file, each) for file in files for each in _imported(file, kind, partial=partial, trim=trim)]
    targets = [to / Path(each.name).parent / f"{'_' * partial}{Path(each.name).name}{each.ending}" for _, each in made]
    _all_free(targets)
    for target, (_, each) in zip(targets, made, strict=True):
        _write(target, each.text)
    told = [
        {"file": str(target), "from": str(file), "notes": each.notes}
        for target, (file, each) in zip(targets, made, strict=True)
    ]
    if json:
        output.json(told)
        return OK
    for row in told:
        _say(row)
    return OK


def _imported(file: Path, kind: str | None, *, partial: bool, trim: bool) -> Sequence[Imported]:
    """What a file comes to.

    Raises:
        CannotRun: it cannot be read, or is none of its kind.
        Misused: nobody says what it is.
    """
    as_kind = kind or next((each for each, endings in _ENDINGS.items() if file.name.endswith(endings)), "")
    if as_kind not in _ENDINGS:
        wrong = f"there is no kind '{kind}'{suggest(kind, _ENDINGS)}" if kind else "its name does not say what it is"
        raise Misused(f"{output.printable(str(file))}: {wrong}", f"Write --kind with one of {', '.join(_ENDINGS)}.")
    source = text_of(file, "Name a file that is there.")
    name = _name(file)
    if as_kind == PROMPTFOO:
        from headgate.evals.problems import BadTests
        from headgate.evals.promptfoo import configuration

        try:
            return configuration(
                str(file), source, name.removesuffix("config") or name, lambda named: _beside(file, named)
            )
        except BadTests as error:
            raise CannotRun(str(error)) from None
    try:
        return import_prompt(as_kind, name, source, partial=partial, trim=trim)
    except BadTemplate as error:
        raise CannotRun(f"{file}:{error.line}: {error}") from None


def _name(file: Path) -> str:
    """What a prompt is called for a file: what stands before the first dot, in letters that names have."""
    return re.sub(r"[^\w-]+", "-", file.name.split(".")[0]).strip("-_") or "prompt"


def _beside(file: Path, named: str) -> str | None:
    """A file that a configuration names; None where there is none, or it leads out of the configuration's folder."""
    path = file.parent / named
    if not path.is_file() or not path.resolve().is_relative_to(file.parent.resolve()):
        return None
    return text_of(path)


def _all_free(targets: Sequence[Path]) -> None:
    """See that nothing is there yet, before anything is written."""
    seen: set[Path] = set()
    for target in targets:
        if target in seen:
            raise CannotRun(f"two of the files would be {target}", "Import them one by one, with --to.")
        seen.add(target)
        if target.exists() or target.is_symlink():
            raise CannotRun(f"{target} is there already; nothing is written", "Move it away, or name another --to.")


def _write(target: Path, text: str) -> None:
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as opened:
            opened.write(text)


def _say(row: Mapping[str, Any]) -> None:
    output.say(output.printable(row["file"]))
    for note in row["notes"]:
        output.say(output.printable(f"{row['from']}:{note.line}: {note.message}"))


def import_tests(
    file: Annotated[Path, Parameter(help="A configuration of promptfoo's, in YAML.")],
    /,
    *,
    to: Annotated[Path | None, Parameter(name=["--output", "-o"], help="The test file to write.")] = None,
    json: JsonOption = False,
) -> int:
    """Make a test file of a configuration of promptfoo's, and say what could not be taken over. A file there is left
    alone.
    """
    from headgate.evals.problems import BadTests
    from headgate.evals.promptfoo import promptfoo

    source = text_of(file, "Name a file that is there.")
    try:
        made = promptfoo(str(file), source)
    except BadTests as error:
        raise CannotRun(str(error)) from None
    target = to or file.with_name(f"{file.name.split('.')[0].removesuffix('config')}.test.yaml")
    _all_free([target])
    _write(target, made.text)
    row = {"file": str(target), "from": str(file), "notes": made.notes}
    if json:
        output.json(row)
    else:
        _say(row)
    return OK
