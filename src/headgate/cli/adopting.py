"""`headgate prompts import` and `headgate eval import`: prompts and tests of other tools, made into files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.exits import OK, CannotRun, Misused
from headgate.cli.files import reading, writing
from headgate.cli.prompting import DEFAULT, JsonOption
from headgate.prompts.importing import KINDS, BadTemplate, import_prompt


def import_(
    *files: Annotated[Path, Parameter(help="Files of Prompty, Jinja2, promptfoo, or exports of Langfuse.")],
    kind: Annotated[
        str | None, Parameter(help="prompty, jinja, langfuse or promptfoo; else by what files end with.")
    ] = None,
    to: Annotated[Path, Parameter(help="The folder to write prompts to.")] = DEFAULT,
    partial: Annotated[bool, Parameter(negative="", help="Write partials, whose files begin with '_'.")] = False,
    json: JsonOption = False,
) -> int:
    """Make prompt files of other tools' prompts, and say what could not be taken over. Files there are left alone."""
    if not files:
        raise Misused("name the files to import", "Try 'headgate prompts import --help'.")
    told: list[dict[str, Any]] = []
    for file in files:
        with reading("Name a file that is there."):
            source = file.read_text("utf-8")
        name = file.name.split(".")[0]
        as_kind = kind or next((each for each, endings in KINDS.items() if file.name.endswith(endings)), "")
        if as_kind not in KINDS:
            raise Misused(f"{file}: say with --kind what it is: {', '.join(KINDS)}")
        try:
            made = import_prompt(as_kind, name, source)
        except BadTemplate as error:
            raise CannotRun(f"{file}:{error.line}: {error}") from None
        for each in made:
            target = to / Path(each.name).parent / f"{'_' * partial}{Path(each.name).name}{each.ending}"
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("x", encoding="utf-8") as opened:
                    opened.write(each.text)
            told.append({"file": str(target), "from": str(file), "notes": each.notes})
    if json:
        output.json(told)
        return OK
    for each in told:
        output.say(each["file"])
        for note in each["notes"]:
            output.say(output.printable(f"{each['from']}:{note.line}: {note.message}"))
    return OK


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

    with reading("Name a file that is there."):
        source = file.read_text("utf-8")
    try:
        made = promptfoo(str(file), source)
    except BadTests as error:
        raise CannotRun(str(error)) from None
    target = to or file.with_name(f"{file.name.split('.')[0].removesuffix('config')}.test.yaml")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as opened:
            opened.write(made.text)
    if json:
        output.json({"file": str(target), "from": str(file), "notes": made.notes})
        return OK
    output.say(str(target))
    for note in made.notes:
        output.say(output.printable(f"{file}:{note.line}: {note.message}"))
    return OK
