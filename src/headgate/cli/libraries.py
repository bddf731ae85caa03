"""The prompts that commands are told of: in folders, packages and files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headgate.cli import output
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.prompts.dotprompt import (
    Library,
    Problem,
    Prompt,
    PromptNotFound,
    PromptsInvalid,
    load_folder,
    load_package,
)
from headgate.prompts.dotprompt.files import is_partial

DEFAULT: Final = Path("prompts")
"""The folder of prompts, where nobody names one."""

ENDING: Final = ".prompt"


def library_of(library: Path | None, package: str | None) -> Library:
    """The prompts of a package, else of a folder.

    Raises:
        CannotRun: there is no such thing.
    """
    return of_package(package) if package is not None else of_folder(library or _default())


def of_package(package: str) -> Library:
    """The prompts of an installed package, or of a folder of it: `acme_prompts`, `acme_prompts:support`.

    Raises:
        CannotRun: there is none of that name, or no prompt in it.
    """
    try:
        name, _, folder = package.partition(":")
        found = load_package(name, folder, strict=False)
    except PromptsInvalid:
        raise CannotRun(
            f"the package {package} is not installed, or has no such folder", "Install it with pip, or name another."
        ) from None
    if not found.prompts and not found.broken and not found.problems:
        raise CannotRun(f"the package {package} has no prompts", "Name a package that has *.prompt files.")
    return found


def of_folder(folder: Path) -> Library:
    """The prompts of a folder.

    Raises:
        CannotRun: there is no such folder.
    """
    if not folder.is_dir():
        raise CannotRun(f"there is no folder {folder}", "Name the folder of prompts with --library, or make 'prompts'.")
    return load_folder(folder, strict=False)


def _default() -> Path:
    return DEFAULT if DEFAULT.is_dir() else Path()


def folder_of(name: str | None, library: Path | None) -> tuple[Path, str]:
    """The folder of a prompt's library, and its name there: of a file's name, or a prompt's.

    Raises:
        CannotRun: there is no such file.
    """
    if name is None or not name.endswith(ENDING):
        return library or _default(), name or ""
    file = next((each for each in (Path(name), (library or _default()) / name) if each.is_file()), None)
    if file is None:
        raise CannotRun(f"there is no file {name}", "Name a file that is there, or a prompt: 'headgate prompts list'.")
    for folder in (library, DEFAULT):
        if folder is not None and folder.is_dir() and file.resolve().is_relative_to(folder.resolve()):
            return folder, file.resolve().relative_to(folder.resolve()).as_posix().removesuffix(ENDING)
    return file.parent, file.name.removesuffix(ENDING)


def prompt_of(name: str, library: Path | None, package: str | None) -> Prompt:
    """A prompt by its name, its file, or as it is registered.

    Raises:
        CannotRun: there is none.
        Unusable: it has mistakes.
    """
    if "@" in name and library is package is None:
        from headgate.cli.releasing import registered

        return registered(name)
    folder, wanted = (Path(), name.removesuffix(ENDING)) if package else folder_of(name, library)
    found, shown = library_of(folder, package), prefix_of(folder, package)
    try:
        prompt = found.get(wanted)
    except PromptNotFound as error:
        if unread := [each for each in found.problems if each.file == f"{shown}/{wanted}{ENDING}"]:
            raise Unusable(unread) from None
        raise missing(error, found, package or folder) from None
    except PromptsInvalid as error:
        raise Unusable(error.found) from None
    for problem in found.problems:
        if problem.file in {f"{shown}/{each}" for each in prompt.sources}:
            output.complain(output.printable(str(problem)))
    return prompt


def prefix_of(folder: Path, package: str | None) -> str:
    """What the names of a library's files begin with, where something is told of them."""
    return str(folder) if package is None else package.partition(":")[0]


def files_of(found: Library, names: Sequence[str], folder: Path | str) -> set[str]:
    """The files that prompts need; of a partial, its own.

    Raises:
        CannotRun: there is no such prompt.
    """
    files: set[str] = set()
    for name in names:
        if name in found.broken:
            files |= {each.file for each in found.broken[name]}
            continue
        place = f"{name}{ENDING}"
        if is_partial(place) and place in found.sources:
            files.add(f"{folder}/{place}")
            continue
        try:
            files |= {f"{folder}/{place}" for place in found.get(name).sources}
        except PromptNotFound as error:
            raise missing(error, found, folder) from None
    return files


def missing(error: PromptNotFound, found: Library, folder: Path | str) -> CannotRun:
    """That there is no such prompt."""
    if not found.prompts and not found.broken:
        return nothing_in(folder)
    return CannotRun(error.message, "Try 'headgate prompts list'.")


def nothing_in(folder: Path | str) -> CannotRun:
    """That there is no prompt at all."""
    here = "this folder" if str(folder) == "." else folder
    return CannotRun(f"there are no prompts in {here}", "Write prompts/NAME.prompt, or name the folder with --library.")


class Unusable(CannotRun):
    """A prompt has mistakes."""

    code = FAILED

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__("the prompt cannot be used:\n" + "\n".join(output.printable(str(each)) for each in found))


def told(problems: Sequence[Problem]) -> int:
    """How a command ends that tells what is wrong with prompts."""
    fatal = [each for each in problems if each.fatal]
    for each in fatal:
        output.complain(output.printable(str(each)))
    return FAILED if fatal else OK


def is_tested(folder: Path, prompt: Prompt) -> bool:
    """Whether tests stand beside a prompt."""
    beside = folder / prompt.name
    return any(
        beside.with_name(f"{beside.name}.test{ending}").is_file() for ending in (".yaml", ".yml", ".json", ".py")
    )
