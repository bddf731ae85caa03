"""Test files: `name.test.yaml` beside the prompt it tests, or `name.test.py` with a `suite` that says the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

import msgspec

from headgate.config.problem import Path
from headgate.errors import ConfigError
from headgate.evals.case import SET, Assertion, Case, Cell, Judging, Repeat, Suite
from headgate.evals.judges import JUDGE
from headgate.evals.kinds import KINDS
from headgate.evals.kinds.own import function_of, module_of, unfit
from headgate.evals.problems import BadTests, Place, Problem
from headgate.evals.reading.assertions import ALWAYS, read_assertions
from headgate.evals.reading.conversations import filled, read_messages, unfilled, with_inputs
from headgate.evals.reading.datasets import rows
from headgate.evals.reading.sheet import Sheet
from headgate.evals.reading.sources import DISK, Sources
from headgate.types import JSON

YAML = (".test.yaml", ".test.yml")
PYTHON = ".test.py"
PROMPT = ".prompt"

MOST_REPEATS = 1_000

_SUITE = frozenset({
    "name", "description", "prompt", "variants", "model", "models", "messages", "inputs", "context", "config", "repeat",
    "threshold", "assert", "judge", "judges", "embeddings", "dataset", "tests",
})  # fmt: skip
_TEST = frozenset({"id", "description", "inputs", "messages", "context", "config", "repeat", "threshold", "assert"})
_NO_THRESHOLD = f"of 0 {ALWAYS}"
_SAID_OTHERWISE = {
    "model": "is not of a request's settings; write 'model:' or 'models:' in the test file",
    "messages": "are not of a request's settings; write 'messages:' in the test",
    "stream": "changes no answer, and tests wait for whole ones; leave it out",
    "stream_options": "changes no answer, and tests wait for whole ones; leave it out",
    "n": "asks for several answers, of which one is looked at; write 'repeat:'",
}

NO_CODE = "nothing that is published runs code on a server"


def is_test(name: str) -> bool:
    """Whether a file of that name holds tests."""
    return name.endswith((*YAML, PYTHON))


def read(
    files: Sequence[FilePath],
    prompt_of: Callable[[FilePath], str | None] | None = None,
    root: FilePath | None = None,
    sources: Sources = DISK,
    *,
    code: bool = True,
    named_by: Callable[[FilePath], Sequence[str]] | None = None,
) -> list[Suite]:
    """The suites of test files. `prompt_of` tells the name of the prompt in a file, `x.prompt` beside `x.test.yaml`;
    suites are called as they stand in `root`. Without `code` nothing of anybody's is imported or run: what would have
    to be is a mistake. `named_by` tells the names of prompts that name a test file as theirs.

    Raises:
        BadTests: what is wrong in any of them.
    """
    problems: list[Problem] = []
    suites: list[Suite] = []
    for file in files:
        sheet = _sheet(file, problems, sources, code=code)
        if sheet is not None and (sheet.tree is not None or not sheet.problems):
            suites.append(
                _Reader(sheet, prompt_of or _beside, root, sources, named_by or (lambda _: ()), code=code).suite()
            )
        if sheet is not None:
            problems += sheet.problems
    names: dict[str, str] = {}
    for suite in suites:
        if (other := names.setdefault(suite.name, suite.file)) != suite.file:
            problems.append(Problem(Place(suite.file), f"is called {suite.name}, as {other} is; give one a 'name:'"))
    if problems:
        raise BadTests(
            sorted(dict.fromkeys(problems), key=lambda each: (each.place.file, each.place.line, each.place.column))
        )
    return suites


def _beside(file: FilePath) -> str | None:
    return file.name.removesuffix(PROMPT)


def _sheet(file: FilePath, problems: list[Problem], sources: Sources, *, code: bool) -> Sheet | None:
    if file.name.endswith(PYTHON) and not code:
        problems.append(Problem(Place(str(file)), f"is a program, and {NO_CODE}; write it as name.test.yaml"))
        return None
    text = _text(file, problems, sources)
    if text is None:
        return None
    if not file.name.endswith(PYTHON):
        return Sheet.of_yaml(str(file), text)
    line = 1
    try:
        suite: Any = getattr(module_of(file.resolve()), "suite", None)
        line = inspect.getsourcelines(suite)[1] if inspect.isfunction(suite) else _line_of(text)
        tree = suite() if callable(suite) else suite
    except ConfigError as error:
        problems.append(Problem(Place(str(file)), error.problems[0]))
        return None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody's function
        problems.append(Problem(Place(str(file), line), f"suite() raised {type(error).__name__}: {error}"))
        return None
    if not isinstance(tree, dict):
        what = "has no 'suite'; write suite = {'tests': […]}, or a function of that name that returns it"
        problems.append(Problem(Place(str(file), line), what))
        return None
    return Sheet(str(file), _lists(tree), lambda _: (line, 1))


def _lists(value: Any) -> Any:
    """A value as YAML would have it: what is a tuple in Python is a list."""
    if isinstance(value, dict):
        return {str(name): _lists(each) for name, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _line_of(text: str) -> int:
    return next((at for at, line in enumerate(text.split("\n"), 1) if line.startswith("suite")), 1)


def _text(file: FilePath, problems: list[Problem], sources: Sources) -> str | None:
    try:
        return sources.read(file).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        problems.append(Problem(Place(str(file)), f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        problems.append(Problem(Place(str(file)), f"is no text: not UTF-8 at byte {error.start}"))
    return None


class _Reader:
    """Makes a suite of a sheet."""

    def __init__(
        self,
        sheet: Sheet,
        prompt_of: Callable[[FilePath], str | None],
        root: FilePath | None,
        sources: Sources,
        named_by: Callable[[FilePath], Sequence[str]],
        *,
        code: bool,
    ) -> None:
        self._sheet = sheet
        self._root = root
        self._sources = sources
        self._named_by = named_by
        self._code = code
        self._prompt_of = prompt_of
        self._ids: dict[str, Place] = {}

    def suite(self) -> Suite:
        sheet = self._sheet
        tree = sheet.mapping((), sheet.tree, _SUITE)
        self._judges = self._read_judges(tree)
        self._embeddings = sheet.text(("embeddings",), tree.get("embeddings"))
        self._common = read_assertions(sheet, ("assert",), tree.get("assert"))
        self._messages = read_messages(sheet, ("messages",), tree.get("messages"))
        self._inputs = sheet.mapping(("inputs",), tree.get("inputs"))
        self._context = None if tree.get("context") is None else sheet.mapping(("context",), tree["context"])
        self._config = self._read_config(sheet, (), tree)
        self._threshold = sheet.share(("threshold",), tree.get("threshold"), _NO_THRESHOLD)
        self._repeats = self._repeat(sheet, ("repeat",), tree.get("repeat")) or Repeat()
        cells = self._cells(tree)
        self._plain = all(cell.prompt is None for cell in cells)
        before = len(sheet.problems)
        cases = [*self._tests(tree), *self._rows(tree)]
        if not cases and len(sheet.problems) == before:
            sheet.wrong((), "has no tests; write 'tests:' with a list, or 'dataset:' with a file")
        for case in cases:
            self._check(case.assertions)
        return Suite(
            name=sheet.text(("name",), tree.get("name")) or _stem(sheet.file, self._root),
            file=sheet.file,
            cells=cells,
            cases=tuple(cases),
            named=self._named(tree),
            judges=self._judges,
            embeddings=self._embeddings,
        )

    # ── what is tested ──

    def _named(self, tree: JSON) -> dict[str, Place]:
        """Where what is tested is named; in the first line where it is the prompt beside the file."""
        names = {"prompt": ("variants", "prompt"), "model": ("model", "models"), "embeddings": ("embeddings",)}
        return {
            what: self._sheet.place(next(((each,) for each in places if each in tree), ()))
            for what, places in names.items()
        }

    def _cells(self, tree: JSON) -> tuple[Cell, ...]:
        sheet = self._sheet
        prompt = sheet.text(("prompt",), tree.get("prompt"))
        beside = FilePath(f"{_path_stem(sheet.file)}{PROMPT}")
        prompts: dict[str | None, None] = {}
        if prompt is not None:
            prompts[prompt] = None
        elif self._sources.has(beside) and (own := self._prompt_of(beside)) is not None:
            prompts[own] = None
        if prompt is None:
            prompts |= dict.fromkeys(self._named_by(FilePath(sheet.file)))
        models: list[str | None] = [*sheet.texts(("models",), tree.get("models"))]
        if tree.get("model") is not None:
            if models:
                sheet.wrong(("model",), "stands beside 'models'; write one of them")
            models = [sheet.text(("model",), tree["model"])]
        if not prompts and not models:
            what = f"names nothing to test; put it beside {beside.name}, or write 'prompt:' or 'model:'"
            sheet.wrong((), what)
        variants = [each if each != "default" else None for each in sheet.texts(("variants",), tree.get("variants"))]
        if variants and not prompts:
            sheet.wrong(("variants",), "are those of a prompt, and there is none")
        self._once(("variants",), variants)
        self._once(("models",), models)
        return tuple(
            Cell(prompt, variant, model)
            for prompt in prompts or [None]
            for variant in variants or [None]
            for model in models or [None]
        )

    def _once(self, path: Path, names: Sequence[str | None]) -> None:
        for name in {each for each in names if names.count(each) > 1}:
            self._sheet.wrong(path, f"has '{name or 'default'}' twice; write it once")

    def _read_judges(self, tree: JSON) -> dict[str, Judging]:
        sheet = self._sheet
        named: dict[str, tuple[Path, Any]] = {
            name: (("judges", name), each) for name, each in sheet.mapping(("judges",), tree.get("judges")).items()
        }
        if tree.get("judge") is not None:
            named[JUDGE] = (("judge",), tree["judge"])
        found = {name: self._judge(path, each) for name, (path, each) in named.items()}
        return {name: each for name, each in found.items() if each is not None}

    def _judge(self, path: Path, value: Any) -> Judging | None:
        sheet = self._sheet
        if isinstance(value, str):
            value = {"model": value}
        given = sheet.mapping(path, value, {"model", "config", "labels", "kappa"})
        model, labels = (
            sheet.text((*path, "model"), given.get("model")),
            sheet.text((*path, "labels"), given.get("labels")),
        )
        kappa = sheet.share((*path, "kappa"), given.get("kappa"), "of 0 is what chance gives; write a number above 0")
        if kappa is not None and labels is None:
            sheet.wrong((*path, "kappa"), "needs 'labels:', a file of answers that people have judged")
        if labels is not None and not self._sources.has(sheet.folder / labels):
            sheet.wrong((*path, "labels"), f"names a file that is not there: {labels}")
        if model is None:
            sheet.wrong(path, "has no model; write 'model: name'")
            return None
        config = self._read_config(sheet, path, given)
        return Judging(model=model, config=config, labels=labels, kappa=kappa, place=sheet.place(path))

    # ── cases ──

    def _tests(self, tree: JSON) -> list[Case]:
        tests = self._sheet.items(("tests",), tree.get("tests"))
        return [case for at, each in enumerate(tests) if (case := self._case(self._sheet, ("tests", at), each))]

    def _rows(self, tree: JSON) -> list[Case]:
        found: list[Case] = []
        for name in self._sheet.texts(("dataset",), tree.get("dataset")):
            file = self._sheet.folder / name
            if not self._sources.has(file):
                self._sheet.wrong(("dataset",), f"names a file that is not there: {name}")
                continue
            text = _text(file, self._sheet.problems, self._sources)
            for sheet, each, about in rows(str(file), text or "", self._sheet.problems, of_prompt=not self._plain):
                case = self._case(sheet, (), each, about)
                self._sheet.problems += sheet.problems
                found += [case] if case is not None else []
        return found

    def _case(self, sheet: Sheet, path: Path, value: Any, about: JSON | None = None) -> Case | None:
        before = len(sheet.problems)
        given = sheet.mapping(path, value, _TEST)
        if len(sheet.problems) > before and not given:
            return None
        inputs = {**self._inputs, **sheet.mapping((*path, "inputs"), given.get("inputs"))}
        messages = read_messages(sheet, (*path, "messages"), given.get("messages"))
        if not messages:
            messages = filled(self._messages, inputs)
            if missing := unfilled(self._messages, inputs):
                sheet.wrong(path, f"has no input {', '.join(missing)}, which the messages of the file name")
        if self._plain and not messages and not inputs and len(sheet.problems) == before:
            sheet.wrong(path, "has no messages, and a plain model needs some; write 'messages: text', or a list")
        assertions = (*self._common, *read_assertions(sheet, (*path, "assert"), given.get("assert")))
        referring = [with_inputs(each, {**(about or {}), **inputs}) for each in assertions]
        assertions = tuple(each for each, _ in referring)
        for what in dict.fromkeys(what for _, wrong in referring for what in wrong):
            sheet.wrong(path, what)
        if not assertions and len(sheet.problems) == before:
            sheet.wrong(path, "has no assertion, and would pass whatever the answer is; write 'assert:' with a list")
        threshold = sheet.share((*path, "threshold"), given.get("threshold"), _NO_THRESHOLD)
        context = given.get("context")
        return Case(
            id=self._id(sheet, path, given, inputs, messages),
            inputs=inputs,
            context=self._context if context is None else sheet.mapping((*path, "context"), context),
            messages=messages,
            assertions=assertions,
            threshold=self._threshold if threshold is None else threshold,
            repeat=self._repeat(sheet, (*path, "repeat"), given.get("repeat")) or self._repeats,
            config={**self._config, **self._read_config(sheet, path, given)},
            place=sheet.place(path),
        )

    def _read_config(self, sheet: Sheet, path: Path, given: JSON) -> JSON:
        """Members of the request, but for those that a test says otherwise."""
        config = sheet.mapping((*path, "config"), given.get("config"))
        for name in config:
            if name in _SAID_OTHERWISE:
                sheet.wrong((*path, "config", name), _SAID_OTHERWISE[name])
        return {name: value for name, value in config.items() if name not in _SAID_OTHERWISE}

    def _id(self, sheet: Sheet, path: Path, given: JSON, inputs: JSON, messages: Sequence[JSON]) -> str:
        """As given; else a digest of what is asked, so that it is the same wherever the case stands."""
        if given.get("id") is not None:
            name = str(given["id"])
            if isinstance(given["id"], dict | list | bool) or not name.strip():
                sheet.wrong((*path, "id"), "is a text")
            if name in self._ids:
                sheet.wrong((*path, "id"), f"is that of another case too, in line {self._ids[name].line}; ids differ")
            self._ids[name] = sheet.place(path)
            return name
        raw = msgspec.json.encode([inputs, messages], order="deterministic", enc_hook=repr)
        digest = sha256(raw).hexdigest()[:8]
        name, again = digest, 1
        while name in self._ids:
            again += 1
            name = f"{digest}-{again}"
        self._ids[name] = sheet.place(path)
        return name

    def _repeat(self, sheet: Sheet, path: Path, value: Any) -> Repeat | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            value = {"of": value}
        given = sheet.mapping(path, value, {"of", "at_least", "stop"})
        if given and given.get("of") is None:
            sheet.wrong(path, "says not how often; write 'of: 5' beside it")
        of = sheet.whole((*path, "of"), given.get("of"), 1, MOST_REPEATS)
        at_least = sheet.whole((*path, "at_least"), given.get("at_least"), 1, of or MOST_REPEATS)
        if given.get("stop") not in (None, "decided", "never"):
            sheet.wrong((*path, "stop"), "is 'decided', to ask no more once at_least is decided, or 'never'")
        return Repeat(of or 1, at_least, given.get("stop") == "decided")

    # ── what assertions name ──

    def _check(self, assertions: Sequence[Assertion]) -> None:
        """That judges, models and functions are there."""
        for each in assertions:
            if each.kind == SET:
                self._check(each.members)
            elif (problem := self._missing(each)) is not None:
                self._sheet.problems.append(Problem(each.place, problem))

    def _missing(self, assertion: Assertion) -> str | None:
        if KINDS[assertion.kind].judges and (name := assertion.options.get(JUDGE, JUDGE)) not in self._judges:
            known = ", ".join(map(str, self._judges)) or "none"
            return f"asks the judge '{name}', and there is {known}; write 'judge: model' or 'judges:' in the test file"
        if assertion.kind == "similar" and not (assertion.options.get("model") or self._embeddings):
            return "needs a model for embeddings; write 'embeddings: model' in the test file"
        if assertion.kind == "python" and not self._code:
            return f"runs a function, and {NO_CODE}; assert it in another way, or leave it to 'headgate eval run'"
        if assertion.kind == "python" and KINDS["python"].check(assertion.value) is None:
            return self._unfit(assertion.value)
        return None

    def _unfit(self, value: Any) -> str | None:
        try:
            function = value if callable(value) else function_of(value, str(self._sheet.folder))
        except ConfigError as error:
            return error.problems[0]
        problem = unfit(function)
        return problem and f"'{getattr(value, '__name__', value)}' {problem}"


def _path_stem(file: str) -> str:
    for ending in (*YAML, PYTHON):
        if file.endswith(ending):
            return file.removesuffix(ending)
    return file


def _stem(file: str, root: FilePath | None) -> str:
    path = FilePath(_path_stem(file))
    if root is not None and path.resolve().is_relative_to(root.resolve()):
        return path.resolve().relative_to(root.resolve()).as_posix()
    return path.name
