"""What a run is of: the tests that are named, the prompts they are asked of, and what those are held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from headgate.cli import output
from headgate.cli.client import Reach
from headgate.cli.evals.trying import tried
from headgate.cli.exits import CannotRun, Misused
from headgate.cli.released import library_of
from headgate.evals.case import Cell, Repeat, Suite
from headgate.evals.session import Loaded, library_in, load, of_library
from headgate.prompts.dotprompt import Library
from headgate.prompts.reference import Malformed, check_label

AT = "@"
"""What a label begins with, where a folder could stand as well; a folder of such a name is ./@name."""


class Chosen(NamedTuple):
    """What a run is of."""

    tested: Loaded
    older: Loaded | None
    """What it is held against."""


def chosen(
    paths: Sequence[Path],
    library: str | None,
    against: str | None,
    models: Sequence[str],
    repeat: int | None,
    reach: Reach,
) -> Chosen:
    """The tests of a run. `library` and `against` are folders, or labels of the registry that `reach` is about.

    Raises:
        CannotRun: there is something wrong with them, or a label stands for none of the prompts.
        Misused: what begins as a label is none.
    """
    label, other = _label(library), _label(against)
    for folder, of in ((library, label), (against, other)):
        if folder is not None and of is None and not Path(folder).is_dir():
            raise CannotRun(f"there is no folder {output.printable(folder)}", "Name one, or a label, as @production.")
    folder = None if library is None or label is not None else Path(library)
    loaded = _with(tried(lambda: load(paths, folder, elsewhere=label is not None)), models, repeat)
    tested = loaded
    if label is not None:
        released = library_of(reach, label, loaded.prompts)
        tested = of_library(loaded, released, Path(f"{AT}{label}"), placed=True)
        _check_any(tested, f"'{label}' stands for no version of what these tests are of")
        _left(loaded, released, f"has no label '{label}', and is not tested")
    if against is None:
        return Chosen(tested, None)
    held = library_of(reach, other, loaded.prompts) if other is not None else tried(lambda: library_in(Path(against)))
    older = of_library(tested, held, Path(against))
    _check_any(older, f"none of the prompts that are tested is in {against}")
    _left(tested, held, f"is not in {against}, so its tests have to pass")
    return Chosen(tested, older)


def _label(text: str | None) -> str | None:
    if text is None or not text.startswith(AT):
        return None
    label = text.removeprefix(AT)
    try:
        check_label(label)
    except Malformed as error:
        raise Misused(
            f"'{output.printable(label)}' {error}", "Write @production; a folder of that name is ./@…"
        ) from None
    return label


def _left(loaded: Loaded, library: Library, what: str) -> None:
    for name in loaded.prompts:
        if name not in library.prompts:
            output.complain(output.printable(f"{name} {what}"))


def _check_any(loaded: Loaded, what: str) -> None:
    if not loaded.suites:
        raise CannotRun(what, "Try 'headgate prompts list --registered', or name another.")


def _with(loaded: Loaded, models: Sequence[str], repeat: int | None) -> Loaded:
    """Suites with other models or repeats than their own."""

    def changed(suite: Suite) -> Suite:
        cells = suite.cells
        if models:
            cells = tuple(dict.fromkeys(Cell(each.prompt, each.variant, name) for each in cells for name in models))
        cases = suite.cases
        if repeat is not None:
            cases = tuple(replace(case, repeat=_repeated(case.repeat, repeat)) for case in cases)
        return replace(suite, cells=cells, cases=cases)

    return replace(loaded, suites=[changed(each) for each in loaded.suites])


def _repeated(before: Repeat, of: int) -> Repeat:
    """As often, and the same share of them needed."""
    needed = -(-before.needed * of // before.of)
    return Repeat(of, None if before.at_least is None else needed, before.decided)
