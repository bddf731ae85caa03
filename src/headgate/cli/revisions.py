"""What `headgate prompts diff` is given: prompts and folders of them, as they are, as git has them, as registered."""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import Final

from headgate.cli.exits import CannotRun, Misused
from headgate.cli.releasing import registered
from headgate.evals.prompting import root_of
from headgate.evals.reviewing import Side
from headgate.prompts.dotprompt import Library, PromptNotFound, PromptsInvalid, load_folder, load_sources
from headgate.prompts.dotprompt.files import MAX_BYTES, MAX_FILES, wanted

DEFAULT: Final = Path("prompts")
ENDING: Final = ".prompt"
GIT_S: Final = 60.0

_REGULAR = ("100644", "100755")


def side(text: str, library: Path | None) -> Side:
    """What is meant by FILE.prompt, FOLDER or NAME, each as it is now or with @ and something behind it: a revision of
    git's for the first two, a label or version for a registered prompt.

    Raises:
        CannotRun: there is no such thing.
    """
    written, at, revision = text.partition("@")
    path = Path(written)
    if written.endswith(ENDING):
        root = _root(path, library)
        name = _relative(path, root).removesuffix(ENDING)
        return _one(text, _library(root, revision) if at else _folder(root), name, root)
    if path.is_dir() or (at and written and written == str(library or DEFAULT)):
        return Side(text, _library(path, revision) if at else _folder(path), folder=path)
    root = library or DEFAULT
    if at:
        return _registered(text, root)
    return _one(text, _folder(root), written, root)


def current(text: str) -> str:
    """The same without what stands behind @: as it is now.

    Raises:
        Misused: there is nothing behind it, so that it would be held against itself.
    """
    written, at, _ = text.partition("@")
    if not at:
        known = text if text.endswith(ENDING) or Path(text).is_dir() else f"{DEFAULT}/{text}{ENDING}"
        raise Misused(f"{text} is to be held against itself", f"Name what it was before: {known}@main.")
    return written


def _one(label: str, library: Library, name: str, folder: Path) -> Side:
    try:
        library.get(name)
    except PromptNotFound as error:
        raise CannotRun(f"{label}: {error.message}", "Try 'headgate prompts list'.") from None
    except PromptsInvalid as error:
        told = "\n".join(str(each) for each in error.found)
        raise CannotRun(f"{label} cannot be used:\n{told}", "Try 'headgate prompts lint'.") from None
    return Side(label, library, name, folder if folder.is_dir() else None)


def _root(path: Path, library: Path | None) -> Path:
    """The folder of the library a file belongs to."""
    for folder in (library, DEFAULT):
        if folder is not None and path.resolve().is_relative_to(folder.resolve()):
            return folder
    return root_of(path) if path.parent.is_dir() else path.parent


def _relative(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root.resolve()).as_posix()


def _folder(folder: Path) -> Library:
    if not folder.is_dir():
        raise CannotRun(f"there is no folder {folder}", "Name the folder of prompts with --library, or make 'prompts'.")
    return load_folder(folder, strict=False)


def _registered(reference: str, root: Path) -> Side:
    prompt = registered(reference)
    return Side(reference, load_sources(prompt.sources), prompt.full_name, root if root.is_dir() else None)


# ── git ──


def _library(folder: Path, revision: str) -> Library:
    """The library in a folder as it was at a revision; an empty one where there were no prompts."""
    here = folder
    while not here.is_dir() and here != here.parent:
        here = here.parent
    inside = folder.relative_to(here).as_posix() if folder != here else "."
    if not revision or revision.startswith("-"):
        raise Misused(f"'{revision}' is no revision of git's", "Name one behind the @: main, HEAD~1, a commit.")
    commit = _git(here, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
                  unknown=f"git knows no commit {revision}")  # fmt: skip
    entries = _git(here, "ls-tree", "-r", "-z", commit.decode().strip(), "--", f"{inside}/")
    files: dict[str, str] = {}
    for entry in entries.decode("utf-8", "replace").split("\0"):
        about, _, path = entry.partition("\t")
        place = path if inside == "." else path.removeprefix(f"{inside}/")
        hidden = any(part.startswith((".", "__pycache__")) for part in PurePosixPath(place).parts)
        if about.startswith(_REGULAR) and wanted(PurePosixPath(place).name) and not hidden:
            files[place] = about.split()[2]
    if len(files) > MAX_FILES:
        raise CannotRun(f"{folder} at {revision} has more than {MAX_FILES} files", "Name a folder within it.")
    return load_sources(_contents(here, files) if files else {}, strict=False)


def _contents(here: Path, files: dict[str, str]) -> dict[str, str]:
    """The texts of files by their object ids. The answer to each is `id type size`, a line, then the bytes."""
    raw = _git(here, "cat-file", "--batch", given="\n".join(files.values()).encode())
    sources: dict[str, str] = {}
    at = 0
    for place in files:
        end = raw.index(b"\n", at)
        about = raw[at:end].split()
        if about[-1:] == [b"missing"]:
            raise CannotRun(f"git has not fetched {place}", "Clone without --filter, or try 'git fetch --refetch'.")
        size = int(about[2])
        content = raw[end + 1 : end + 1 + size]
        at = end + size + 2
        if size > MAX_BYTES:
            raise CannotRun(f"{place} is larger than {MAX_BYTES} bytes", "Name a folder without it.")
        sources[place] = content.decode("utf-8", "replace")
    return sources


def _git(here: Path, *arguments: str, given: bytes = b"", unknown: str = "") -> bytes:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(here), *arguments],  # noqa: S607
            input=given, capture_output=True, timeout=GIT_S, check=False,
        )  # fmt: skip
    except OSError as error:
        raise CannotRun(f"git cannot be run: {error.strerror}", "Install git, or name files as they are.") from None
    except subprocess.TimeoutExpired:
        raise CannotRun(f"git {arguments[0]} takes longer than {GIT_S:.0f} s", "Try it yourself.") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise CannotRun(said or unknown or f"git {arguments[0]} failed", "Try 'git log', or 'git fetch' first.")
    return done.stdout
