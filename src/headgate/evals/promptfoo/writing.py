"""A configuration of promptfoo as a test file: what is tested, the tests, what holds for all of them; and its prompts
beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, product
from math import prod
from typing import Any

import msgspec

from headgate.config.problem import Path
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo.assertions import Assertions, is_number
from headgate.evals.promptfoo.notes import FILE, Notes
from headgate.evals.promptfoo.prompts import Fetch, prompts_of
from headgate.evals.reading.conversations import ROLES
from headgate.evals.reading.files import MOST_REPEATS
from headgate.evals.reading.sheet import Sheet
from headgate.prompts.importing import Imported, Note
from headgate.prompts.importing.written import as_yaml

MOST_COMBINATIONS = 1_000
"""Tests that one whose variables are lists is written out to."""

_LOGIC = re.compile(r"\{%|\{\{[^}]*\|")
_ENVIRONMENT = re.compile(r"\{\{\s*env\.(\w+)[^}]*\}\}")
_ENDINGS = (".txt", ".json", ".md", ".py", ".js", ".yaml", ".j2")
_TABLES = (".csv", ".jsonl")
_TOP = frozenset({
    "description", "prompts", "providers", "targets", "tests", "scenarios", "defaultTest", "assertionTemplates",
    "evaluateOptions",
    # of no meaning for what is asked, or how it is judged
    "sharing", "outputPath", "writeLatestResults", "tags", "$schema",
})  # fmt: skip
_TEST = frozenset({"description", "vars", "assert", "threshold", "metadata"})
_SCENARIO = frozenset({"description", "config", "tests"})
_ORDER = (
    "description", "variants", "models", "messages", "repeat", "judge", "embeddings", "inputs", "threshold", "assert",
    "dataset", "tests",
)  # fmt: skip


def promptfoo(name: str, source: str) -> Imported:
    """The test file that a configuration of promptfoo's comes to: of a model, with the first prompt in it.

    Raises:
        BadTests: it is none.
    """
    notes, tree = _read(name, source, ("tests", "scenarios"))
    writer = _Writer(notes, tree)
    return _test_file(name, {"messages": writer.messages(), **writer.suite()}, notes)


def configuration(file: str, source: str, name: str, fetch: Fetch) -> list[Imported]:
    """The prompts of a configuration of promptfoo's, and the test file beside them.

    Args:
        name: what the first prompt is to be called; others are its variants.
        fetch: reads the files it names.

    Raises:
        BadTests: it is none.
    """
    notes, tree = _read(file, source, ("prompts", "tests", "scenarios"))
    given = tree.get("prompts")
    files, told = prompts_of(
        name, given, lambda at: notes.line(("prompts", at) if isinstance(given, list) else ("prompts",)), fetch
    )
    variants = ["default", *(each.name.removeprefix(f"{name}.") for each in files[1:])] if files[1:] else None
    made = _test_file(name, {"variants": variants, **_Writer(notes, tree).suite()}, notes, told)
    return [*files, made] if "tests" in tree or "scenarios" in tree or not files else files


def _read(file: str, source: str, known: tuple[str, ...]) -> tuple[Notes, dict[str, Any]]:
    sheet = Sheet.of_yaml(file, source)
    tree = sheet.mapping((), sheet.tree)
    if not sheet.problems and not tree.keys() & set(known):
        sheet.wrong((), f"is no configuration of promptfoo's: it has no '{known[0]}'")
    if sheet.problems:
        raise BadTests(sheet.problems)
    return Notes(sheet), tree


def _test_file(name: str, made: dict[str, Any], notes: Notes, more: Sequence[Note] = ()) -> Imported:
    kept = {key: made[key] for key in _ORDER if made.get(key) not in (None, [], {})}
    return Imported(name, as_yaml(kept), sorted({*more, *notes.told}), ".test.yaml")


class _Writer:
    def __init__(self, notes: Notes, tree: dict[str, Any]) -> None:
        self._notes = notes
        self._tree = tree
        self._assertions = Assertions(notes, tree.get("assertionTemplates"))
        self._asserted = False
        """Whether something is asserted of all tests."""
        self._shared: dict[str, Any] = {}
        """Variables of all tests."""
        self._spread = False
        """Whether some of these are lists, so that they are written out with each test."""

    def suite(self) -> dict[str, Any]:
        """What the test file says, but for what is asked."""
        tree = self._tree
        self._notes.left((), tree, _TOP)
        self._environment()
        default = self._default(tree.get("defaultTest"))
        tests = self._tests(tree.get("tests"))
        tests["tests"] += self._scenarios(tree.get("scenarios"))
        body = {**default, **tests}
        models = self._models(tree)
        made: dict[str, Any] = {"description": tree.get("description"), "models": models}
        made["repeat"] = self._repeat(tree.get("evaluateOptions"))
        if self._assertions.judged:
            made["judge"] = models[0] if models else "chat"
            self._notes.add((), "a judge is asked; name the model that is to judge under 'judge:'")
        if self._assertions.compared:
            made["embeddings"] = "embed"
            self._notes.add((), "vectors are compared; name the model that makes them under 'embeddings:'")
        return _said({**made, **body})

    def _environment(self) -> None:
        """Note what is made of variables of the environment."""
        for path, text in _texts((), self._tree):
            if path[:1] != ("prompts",) and (found := _ENVIRONMENT.search(text)):
                what = f"'env.{found[1]}' is of the environment, and is not filled in; write what it stands for"
                self._notes.add(path, what)

    def _default(self, given: Any) -> dict[str, Any]:
        path: Path = ("defaultTest",)
        if not isinstance(given, dict):
            if given is not None:
                self._notes.add(path, "'defaultTest' is in a file; it was left out")
            return {}
        self._shared = self._variables(path, given)
        self._spread = any(isinstance(each, list) for each in self._shared.values())
        made = self._test(path, {**given, "vars": None if self._spread else self._shared}, None)
        self._asserted = bool(made.get("assert"))
        return {name: value for name, value in made.items() if name != "description"}

    def _models(self, tree: dict[str, Any]) -> list[str]:
        given = tree.get("providers") or tree.get("targets") or []
        found: list[str] = []
        for each in given if isinstance(given, list) else [given]:
            name = _provider(each)
            if not name:
                self._notes.add(("providers",), "names a provider that cannot be read; it was left out")
                continue
            parts = [part for part in name.split(":") if part not in ("chat", "messages", "completion", "responses")]
            found.append("/".join((parts[0], ":".join(parts[1:]))) if len(parts) > 1 else name)
            if isinstance(each, dict) and each.get("config"):
                self._notes.add(("providers",), f"the settings of {name} belong under 'config:', or into headgate.yaml")
        if found:
            self._notes.add(("providers",), "models are those of headgate.yaml; name them as they are called there")
        return list(dict.fromkeys(found))

    def messages(self) -> Any:
        """What a model is asked, which is the first prompt."""
        prompts = self._tree.get("prompts")
        given = prompts if isinstance(prompts, list) else [prompts] if prompts else []
        raw = [each.get("raw") if isinstance(each, dict) else each for each in given]
        texts = [each for each in raw if isinstance(each, str)]
        path: Path = ("prompts",)
        if len(texts) < len(raw) or any(each.startswith(FILE) or each.endswith(_ENDINGS) for each in texts):
            what = "prompts in files become .prompt files; name one by 'prompt:', or put this beside it"
            self._notes.add(path, what)
            return None
        if len(texts) > 1:
            self._notes.add(path, f"{len(texts)} prompts become variants of one .prompt file; the first was taken over")
        if texts and _LOGIC.search(texts[0]):
            what = "filters and conditions in a prompt need a .prompt file; see 'headgate prompts import'"
            self._notes.add(path, what)
        return _conversation(texts[0]) if texts and texts[0].strip() else None

    def _repeat(self, options: Any) -> int | None:
        if not isinstance(options, dict):
            return None
        self._notes.left(("evaluateOptions",), options, {"repeat"})
        often = options.get("repeat")
        return often if isinstance(often, int) and is_number(often, MOST_REPEATS) and often > 1 else None

    # ── tests ──

    def _tests(self, given: Any) -> dict[str, Any]:
        tests: list[dict[str, Any]] = []
        datasets: list[str] = []
        for at, each in enumerate(given if isinstance(given, list) else [given]):
            path: Path = ("tests", at) if isinstance(given, list) else ("tests",)
            if isinstance(each, str) and each.endswith(_TABLES) and "*" not in each and "://" not in _local(each):
                datasets.append(_local(each))
                self._notes.add(path, f"{datasets[-1]} has to lie where the test file says, beside it")
            elif isinstance(each, dict) and "path" not in each:
                tests += self._written_out(path, each)
            elif each is not None:
                self._notes.add(path, "tests that stand elsewhere are taken over from CSV and JSONL files only")
        if datasets and self._spread:
            self._notes.add(("defaultTest", "vars"), "variables that are lists are left out of tests in files")
        return {"dataset": datasets, "tests": tests}

    def _scenarios(self, given: Any) -> Iterator[dict[str, Any]]:
        """A test for each test of a scenario and each of its sets of variables."""
        for at, each in enumerate(_list(given)):
            path: Path = ("scenarios", at)
            if not isinstance(each, dict):
                self._notes.add(path, f"the scenarios in {each} were left out")
                continue
            self._notes.left(path, each, _SCENARIO)
            tests = _list(each.get("tests")) or [{}]
            for number, data in enumerate(_list(each.get("config")) or [{}]):
                variables = self._members((*path, "config", number), data)
                self._notes.left((*path, "config", number), variables, {"vars"})
                for place, test in enumerate(tests):
                    inside = self._members((*path, "tests", place), test)
                    chosen = {**self._variables((*path, "config", number), variables), **(inside.get("vars") or {})}
                    yield from self._written_out((*path, "tests", place), {**inside, "vars": chosen})

    def _members(self, path: Path, given: Any) -> dict[str, Any]:
        if isinstance(given, dict):
            return given
        self._notes.add(path, f"{given} was left out; write it here")
        return {}

    def _written_out(self, path: Path, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A test for each combination of the values of variables that are lists."""
        variables = {**(self._shared if self._spread else {}), **self._variables(path, given)}
        lists = [name for name, value in variables.items() if isinstance(value, list)]
        many = prod(len(variables[name]) for name in lists)
        if many > MOST_COMBINATIONS:
            what = f"its variables make {many:,} tests; the first {MOST_COMBINATIONS:,} were written out"
            self._notes.add((*path, "vars"), what)
        for values in islice(product(*(variables[name] for name in lists)), MOST_COMBINATIONS):
            chosen = {**variables, **dict(zip(lists, values, strict=True))}
            yield self._test(path, {**given, "vars": chosen}, {**self._shared, **chosen})

    def _variables(self, path: Path, given: dict[str, Any]) -> dict[str, Any]:
        variables = given.get("vars")
        if not isinstance(variables, dict):
            if variables is not None:
                self._notes.add((*path, "vars"), "variables in files are not taken over")
            return {}
        for name, value in variables.items():
            if isinstance(value, str) and (value.startswith(FILE) or "{{" in value):
                what = "in a file; write it here" if value.startswith(FILE) else "made of others; write it out"
                self._notes.add((*path, "vars", name), f"the value of '{name}' is {what}")
        return variables

    def _test(self, path: Path, given: dict[str, Any], variables: dict[str, Any] | None) -> dict[str, Any]:
        self._notes.left(path, given, _TEST)
        description = given.get("description")
        made: dict[str, Any] = {"description": description, "inputs": given.get("vars") or None}
        made["threshold"] = self._threshold((*path, "threshold"), given.get("threshold"))
        made["assert"] = self._assertions.taken((*path, "assert"), given.get("assert"), variables)
        if not made["assert"] and path[0] != "defaultTest" and not self._asserted:
            what = "asserts nothing that was taken over; write 'assert:', since a test without passes always"
            self._notes.add(path, what)
        return _said(made)

    def _threshold(self, path: Path, given: Any) -> float | None:
        if given == 0:
            self._notes.add(path, "a threshold of 0 passes always; it was left out")
            return None
        if given is not None and not is_number(given, 1):
            self._notes.add(path, f"a threshold is a number above 0, and 1 at most; {given!r} was left out")
            return None
        return given


def _said(made: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in made.items() if value not in (None, [], {})}


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """All texts, and where they stand."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts((*path, str(name)), each)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _texts((*path, at), each)


def _local(name: str) -> str:
    return name.removeprefix(FILE)


def _provider(given: Any) -> str:
    if isinstance(given, dict):
        given = given.get("id", next(iter(given), ""))
    return given if isinstance(given, str) else ""


def _conversation(text: str) -> list[dict[str, Any]]:
    """What a prompt says: chat in JSON, or what the user says."""
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if (
        isinstance(found, list)
        and found
        and all(isinstance(each, dict) and each.get("role") in ROLES for each in found)
    ):
        return found
    return [{"user": text}]
