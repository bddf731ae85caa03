"""Which test files a command line means: those it names, those in a folder, and those of a prompt: beside it, and
those that its front matter names by `headgate.tests`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path

from headgate.evals.case import Suite
from headgate.evals.problems import Place, Problem
from headgate.evals.prompting import root_of
from headgate.evals.reading.files import PROMPT, PYTHON, YAML, is_test
from headgate.prompts.dotprompt import Library, Prompt, PromptsInvalid, load_folder

NOTHING = Library({}, (), {}, {})

_WRITE = "write {0}.test.yaml beside it, name some by 'headgate.tests', or list it under 'variants' in tests there are"

_TESTS = re.compile(r"""["']?headgate\.tests["']?\s*:""")


class Selected:
    """A test file, and the prompts it tests where it names none itself."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file = file
        self.root = root
        """The folder of the library it belongs to."""
        self.of: set[str] | None = set()
        """The names of prompts because of which it was found; None where it, or its folder, was named."""


class Selection:
    """What some paths come to. `problems` are those that come to nothing, `mistakes` what is wrong in the libraries
    they are in.
    """

    def __init__(self, paths: Sequence[Path], library: Path | None = None) -> None:
        """`library` is the folder of prompts; None for the one each path stands in."""
        self.libraries: dict[Path, Library] = {}
        self.problems: list[Problem] = []
        self.mistakes: list[Problem] = []
        self._library = library
        self._tests: dict[Path, Selected] = {}
        self._prompts: dict[Path, str] = {}
        for path in paths:
            self._select(path)

    @property
    def tests(self) -> list[Selected]:
        """The test files, in the order of their names within each path."""
        return list(self._tests.values())

    def prompt_in(self, root: Path) -> Callable[[Path], str | None]:
        """What tells how the prompt in a file is called in the library of a folder; None where it is not in it."""
        return lambda file: self._name(root, file)

    def named_by(self, file: Path) -> list[str]:
        """The names of prompts that name a test file as theirs: all that do, or those because of which it was found."""
        test = self._tests[file.resolve()]
        return [
            prompt.full_name
            for prompt in self.libraries[test.root]
            if test.of is None or prompt.full_name in test.of
            if any(_same(each, file) for each in named_tests(test.root, prompt))
        ]

    def untested(self, suites: Sequence[Suite]) -> list[Problem]:
        """The prompts that were named by their files, and that none of the suites is of."""
        tested = {cell.full_name for suite in suites for cell in suite.cells}
        return [
            Problem(Place(str(file)), f"no test is of it; {_WRITE.format(name.rpartition('/')[2])}")
            for file, name in self._prompts.items()
            if name not in tested
        ]

    # ── paths ──

    def _select(self, path: Path) -> None:
        if path.is_dir():
            self._folder(path)
        elif not path.is_file():
            for each in (matching := _matching(path)):
                self._select(each)
            if not matching:
                self._wrong(path, "is not there; name test files, prompts, or folders of them")
        elif is_test(path.name):
            self._add(path, self._root(path), None)
        elif _is_prompt(path):
            self._prompt(path)
        elif path.name.endswith(PROMPT):
            self._wrong(path, "is a partial, and has no tests; name a prompt that needs it")
        else:
            self._wrong(path, "is no test file; its name ends in .test.yaml or .test.py, a prompt's in .prompt")

    def _folder(self, folder: Path) -> None:
        files = sorted(Path(at, name) for at, names in _walked(folder) for name in names)
        tests = [each for each in files if is_test(each.name)]
        for each in tests:
            self._add(each, self._root(each), None)
        named = [self._named(each) for each in files if _is_prompt(each)]
        if not tests and not any(named):
            self._wrong(folder, "there is no test file in it; write one, as name.test.yaml")

    def _prompt(self, file: Path) -> None:
        """A prompt by its file."""
        stem = file.name.removesuffix(PROMPT)
        own: list[Path] = []
        for name in (stem, stem.partition(".")[0]):  # a variant's own tests, else those of its prompt
            own = own or [each for end in (*YAML, PYTHON) if (each := file.with_name(f"{name}{end}")).is_file()]
        for each in own:
            self._add(each, self._root(file), None)
        if self._named(file) or own:
            self._prompts[file] = self._name(self._root(file), file) or stem
        else:
            self._wrong(file, f"has no tests; {_WRITE.format(stem)}")

    def _named(self, file: Path) -> bool:
        """Take in the tests that a prompt's front matter names; whether it names any."""
        root = self._root(file)
        place = _place(root, file)
        named = [(prompt, each) for prompt in self.libraries[root] if prompt.file == place
                 for each in named_tests(root, prompt)]  # fmt: skip
        for prompt, each in named:
            if not each.is_file():
                self._wrong(file, f"headgate.tests names a file that is not there: {each}", _line(prompt))
            elif not is_test(each.name):
                what = f"headgate.tests names {each}; the name of a test file ends in .test.yaml or .test.py"
                self._wrong(file, what, _line(prompt))
            else:
                self._add(each, root, prompt.full_name)
        return bool(named)

    def _add(self, file: Path, root: Path, of: str | None) -> None:
        found = self._tests.setdefault(file.resolve(), Selected(file, root))
        if of is None:
            found.of = None
        elif found.of is not None:
            found.of.add(of)

    # ── libraries ──

    def _root(self, file: Path) -> Path:
        """The folder of the library a file belongs to, which is loaded."""
        root = self._library or root_of(file)
        if root not in self.libraries:
            try:
                self.libraries[root] = load_folder(root)
            except PromptsInvalid as error:
                self.mistakes += problems_in(error)
                self.libraries[root] = load_folder(root, strict=False) if root.is_dir() else NOTHING
        return root

    def _name(self, root: Path, file: Path) -> str | None:
        """What the prompt in a file is called; None where it is in no library."""
        place = _place(root, file)
        if place is None:
            return None
        known = (each.full_name for each in self.libraries[root] if each.file == place)
        return next(known, place.removesuffix(PROMPT))

    def _wrong(self, path: Path, what: str, line: int = 1) -> None:
        self.problems.append(Problem(Place(str(path), line), what))


def named_tests(root: Path, prompt: Prompt) -> list[Path]:
    """The files that a prompt of the library in a folder names as its tests, from where its own file is."""
    named = prompt.settings.get("tests") or []
    folder = (root / prompt.file).parent
    return [Path(os.path.normpath(folder / each)) for each in ([named] if isinstance(named, str) else named)]


def problems_in(error: PromptsInvalid) -> list[Problem]:
    """What is wrong with prompts, told as of tests."""
    return [Problem(Place(each.file, each.line, each.column), each.message) for each in error.found]


def _walked(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The folders in a folder with their files, but for hidden ones."""
    for at, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield at, names


def _matching(pattern: Path) -> list[Path]:
    """The tests and prompts of a pattern that no shell has written out: `prompts/**/*.test.yaml`."""
    found = (Path(each) for each in sorted(glob(str(pattern), recursive=True)))
    return [each for each in found if each.is_file() and (is_test(each.name) or _is_prompt(each))]


def _is_prompt(file: Path) -> bool:
    return file.name.endswith(PROMPT) and not file.name.startswith("_")


def _place(root: Path, file: Path) -> str | None:
    """Where a file is in a folder; None where it is elsewhere."""
    with suppress(ValueError):
        return file.resolve().relative_to(root.resolve()).as_posix()
    return None


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _line(prompt: Prompt) -> int:
    lines = prompt.sources.get(prompt.file, "").split("\n")
    return next((at for at, line in enumerate(lines, 1) if _TESTS.match(line)), 1)
