"""Prompts, partials, tools and schemas of one folder or package.

support/triage.prompt           a prompt, `support/triage`
support/triage.brief.prompt     its variant `brief`
support/_order.prompt           a partial, `{{> order}}` in this folder and those below
order.tool.yaml                 a tool, in this folder and those below; or .json
Order.schema.yaml               a schema, likewise; or .json
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from headgate.prompts.dotprompt.files import entries, read_files
from headgate.prompts.dotprompt.loading import Loader
from headgate.prompts.dotprompt.problem import Lines, Problem, PromptNotFound, PromptsInvalid
from headgate.prompts.dotprompt.prompt import Prompt


class Library:
    """Prompts by their names, those with a variant as `name.variant`. `problems` are what is wrong in its files, and
    prompts that are touched by a fatal one are not in it.
    """

    def __init__(
        self,
        prompts: Mapping[str, Prompt],
        problems: Iterable[Problem],
        sources: Mapping[str, str],
        broken: Mapping[str, Sequence[Problem]],
    ) -> None:
        self.prompts = dict(sorted(prompts.items()))
        self.broken = dict(sorted(broken.items()))
        """What is wrong with each prompt that is not among them, in its file and in those it needs."""
        self.problems = tuple(sorted(set(problems)))
        self.sources = sources
        """Text of every file by its place."""

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts.values())

    def __len__(self) -> int:
        return len(self.prompts)

    def get(self, name: str, variant: str | None = None) -> Prompt:
        """A prompt by its name.

        Raises:
            PromptNotFound: there is none.
            PromptsInvalid: it cannot be used.
        """
        full = name if variant is None else f"{name}.{variant}"
        if full in self.broken:
            raise PromptsInvalid(self.broken[full])
        found = self.prompts.get(full)
        if found is None:
            raise PromptNotFound(full, [*self.prompts, *self.broken])
        return found

    def variants(self, name: str) -> list[Prompt]:
        """A prompt and its variants, whatever of them there is."""
        return [each for each in self if each.name == name]


def load_folder(path: Path | str, *, strict: bool = True) -> Library:
    """The library in a folder.

    Raises:
        PromptsInvalid: something is wrong in its files; it has every mistake of every file. Not raised where `strict`
            is false: then the library holds what can be used, and the problems.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise PromptsInvalid([Problem(str(folder), 1, 1, "is no folder; name one that holds *.prompt files")])
    return _checked(*read_files(entries(folder), str(folder)), prefix=str(folder), strict=strict)


def load_package(package: str, folder: str = "", *, strict: bool = True) -> Library:
    """The library in an installed Python package, or in a folder of it.

    Raises:
        PromptsInvalid: as `load_folder`, and where there is no such package or folder.
    """
    try:
        root = files(package)
    except (ImportError, TypeError):
        message = "is not installed, or is no package; install it with pip"
        raise PromptsInvalid([Problem(package, 1, 1, message)]) from None
    root = root.joinpath(*folder.split("/")) if folder else root
    if not root.is_dir():
        raise PromptsInvalid([Problem(package, 1, 1, f"has no folder '{folder}'; name one that holds *.prompt files")])
    return _checked(*read_files(entries(root), package), prefix=package, strict=strict)


def load_sources(sources: Mapping[str, str], *, strict: bool = True) -> Library:
    """The library of files given as texts by their places, as `Prompt.sources` has them.

    Raises:
        PromptsInvalid: as `load_folder`.
    """
    usable, problems = dict(sources), list[Problem]()
    for place, text in sources.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            line, column = Lines(text).place(error.start)
            problems.append(Problem(place, line, column, "here is half of a surrogate pair, which is no character"))
            del usable[place]
    return _checked(usable, problems, prefix="", strict=strict)


def _checked(sources: dict[str, str], unread: list[Problem], *, prefix: str, strict: bool) -> Library:
    loader = Loader(sources, prefix)
    prompts, problems = loader.load()
    problems += unread
    if strict and any(each.fatal for each in problems):
        raise PromptsInvalid(problems)
    return Library(prompts, problems, sources, loader.broken)
