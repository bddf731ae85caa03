"""Configurations of promptfoo made into test files and prompts
(https://www.promptfoo.dev/docs/configuration/reference/), with what could not be taken over told by its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from math import prod
from typing import Any

from headgate.config.problem import Path
from headgate.evals.kinds import ALIASES, KINDS
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo_prompts import FILE, Fetch, prompts_of
from headgate.evals.reading.sheet import Sheet
from headgate.prompts.importing import Imported, Note
from headgate.prompts.importing.written import as_yaml

MOST_COMBINATIONS = 1_000
"""Tests that one whose variables are lists is written out to."""

_PLACE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
_ENVIRONMENT = re.compile(r"\{\{\s*env\.(\w+)[^}]*\}\}")
_DATASETS = (".csv", ".jsonl")
_LOGIC = re.compile(r"\{%|\{\{[^}]*\|")
_ENDINGS = (".txt", ".json", ".md", ".py", ".js", ".yaml", ".j2")
_BY_THRESHOLD = frozenset({"latency", "cost"})
_LISTS = frozenset({"contains-any", "contains-all", "icontains-any", "icontains-all"})
_TOP = frozenset({"description", "prompts", "providers", "targets", "tests", "scenarios", "defaultTest"})
_IGNORED = frozenset({"sharing", "outputPath", "writeLatestResults", "tags", "$schema"})
"""What has nothing to do with what is asked, or how it is judged."""
_TEST = frozenset({"description", "vars", "assert", "threshold", "metadata"})
_SCENARIO = frozenset({"description", "config", "tests"})
_ORDER = (
    "description", "variants", "models", "messages", "judge", "embeddings", "inputs", "threshold", "assert", "dataset",
    "tests",
)  # fmt: skip
_ASSERTION = frozenset({"type", "value", "threshold", "weight", "metric"})


def promptfoo(name: str, source: str) -> Imported:
    """The test file that a configuration of promptfoo's comes to: of a model, with the first prompt in it.

    Raises:
        BadTests: it is none.
    """
    sheet, tree = _read(name, source, ("tests", "scenarios"))
    writer = _Writer(sheet)
    made = {"messages": writer.messages(tree.get("prompts")), **writer.suite(tree)}
    return _test_file(name, made, writer.notes)


def configuration(file: str, source: str, name: str, fetch: Fetch) -> list[Imported]:
    """The prompts of a configuration of promptfoo's, and the test file beside them.

    Args:
        name: what the first prompt is to be called; others are its variants.
        fetch: reads the files it names.

    Raises:
        BadTests: it is none.
    """
    sheet, tree = _read(file, source, ("prompts", "tests", "scenarios"))
    writer = _Writer(sheet)
    given = tree.get("prompts")
    files = prompts_of(
        name,
        given,
        lambda at: sheet.place(("prompts", at) if isinstance(given, list) else ("prompts",)).line,
        fetch,
        writer.notes,
    )
    variants = ["default", *(each.name.removeprefix(f"{name}.") for each in files[1:])] if files[1:] else None
    made = {"variants": variants, **writer.suite(tree)}
    tested = "tests" in tree or "scenarios" in tree
    return [*files, _test_file(name, made, writer.notes)] if tested or not files else files


def _read(file: str, source: str, known: tuple[str, ...]) -> tuple[Sheet, dict[str, Any]]:
    sheet = Sheet.of_yaml(file, source)
    tree = sheet.mapping((), sheet.tree)
    if not sheet.problems and not tree.keys() & set(known):
        sheet.wrong((), f"is no configuration of promptfoo's: it has no '{known[0]}'")
    if sheet.problems:
        raise BadTests(sheet.problems)
    return sheet, tree


def _test_file(name: str, made: dict[str, Any], notes: list[Note]) -> Imported:
    kept = {key: made[key] for key in _ORDER if made.get(key) not in (None, [], {})}
    return Imported(name, as_yaml(kept), sorted(notes), ".test.yaml")


class _Writer:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._judged = self._compared = self._shared = False
        self.notes: list[Note] = []

    def suite(self, tree: dict[str, Any]) -> dict[str, Any]:
        """What the test file says, but for what is asked."""
        self._left((), tree, _TOP | _IGNORED)
        for path, text in _texts((), tree):
            if path[:1] != ("prompts",) and (found := _ENVIRONMENT.search(text)):
                self._note(
                    path, f"'env.{found[1]}' is of the environment, and is not filled in; write what it stands for"
                )
        default = tree.get("defaultTest") or {}
        if not isinstance(default, dict):
            self._note(
                ("defaultTest",), f"what all tests share is in {default}; write it here, as 'inputs' and 'assert'"
            )
            default = {}
        shared = self._test(("defaultTest",), default, {}) if default else {}
        self._shared = bool(shared.get("assert"))
        shared.pop("description", None)
        variables = default.get("vars") if isinstance(default.get("vars"), dict) else {}
        tests = self._tests(tree.get("tests"), variables or {})
        tests["tests"] += self._scenarios(tree.get("scenarios"), variables or {})
        body = {**shared, **tests}
        models = self._models(tree)
        made: dict[str, Any] = {"description": tree.get("description"), "models": models}
        if self._judged:
            made["judge"] = models[0] if models else "chat"
            self._note((), "a judge is asked; name the model that is to judge under 'judge:'")
        if self._compared:
            made["embeddings"] = "embed"
            self._note((), "vectors are compared; name the model that makes them under 'embeddings:'")
        return {**made, **body}

    def _models(self, tree: dict[str, Any]) -> list[str]:
        given = tree.get("providers") or tree.get("targets") or []
        found: list[str] = []
        for each in given if isinstance(given, list) else [given]:
            name = (
                each
                if isinstance(each, str)
                else each.get("id", next(iter(each), ""))
                if isinstance(each, dict)
                else ""
            )
            parts = [
                part for part in str(name).split(":") if part not in ("chat", "messages", "completion", "responses")
            ]
            found.append("/".join((parts[0], ":".join(parts[1:]))) if len(parts) > 1 else str(name))
            if isinstance(each, dict) and each.get("config"):
                self._note(("providers",), f"the settings of {name} belong under 'config:', or into headgate.yaml")
        if found:
            self._note(("providers",), "models are those of headgate.yaml; name them as they are called there")
        return found

    def messages(self, prompts: Any) -> Any:
        """What a model is asked, which is the first prompt."""
        given = prompts if isinstance(prompts, list) else [prompts] if prompts else []
        texts = [each for each in given if isinstance(each, str)]
        if len(texts) != len(given) or any(each.startswith(FILE) or each.endswith(_ENDINGS) for each in texts):
            self._note(
                ("prompts",), "prompts in files become .prompt files; name one by 'prompt:', or put this beside it"
            )
            return None
        if len(texts) > 1:
            self._note(
                ("prompts",), f"{len(texts)} prompts become variants of one .prompt file; the first was taken over"
            )
        if texts and _LOGIC.search(texts[0]):
            self._note(
                ("prompts",), "filters and conditions in a prompt need a .prompt file; see 'headgate prompts import'"
            )
        return [{"user": texts[0]}] if texts else None

    # ── tests ──

    def _tests(self, given: Any, shared: dict[str, Any]) -> dict[str, Any]:
        if isinstance(given, str):
            given = [given]
        tests: list[dict[str, Any]] = []
        datasets: list[str] = []
        for at, each in enumerate(self._sheet.items(("tests",), given)):
            if isinstance(each, str) and each.endswith(_DATASETS) and "://" not in each.removeprefix(FILE):
                datasets.append(each.removeprefix(FILE))
                self._note(("tests", at), f"{datasets[-1]} has to lie where the test file says, beside it")
            elif isinstance(each, str):
                self._note(("tests", at), f"tests in {each} were left out; write them here, or as a data set")
            elif isinstance(each, dict):
                tests += self._written_out(("tests", at), each, shared)
        return {"dataset": datasets, "tests": tests}

    def _scenarios(self, given: Any, shared: dict[str, Any]) -> list[dict[str, Any]]:
        """A test for each test of a scenario and each of its sets of variables."""
        tests: list[dict[str, Any]] = []
        for at, each in enumerate(given if isinstance(given, list) else [given] if given else []):
            path: Path = ("scenarios", at)
            if not isinstance(each, dict):
                self._note(path, f"the scenarios in {each} were left out")
                continue
            self._left(path, each, _SCENARIO)
            for number, data in enumerate(self._sheet.items((*path, "config"), each.get("config")) or [{}]):
                variables = self._sheet.mapping((*path, "config", number), data)
                self._left((*path, "config", number), variables, frozenset({"vars"}))
                for place, test in enumerate(self._sheet.items((*path, "tests"), each.get("tests")) or [{}]):
                    inside: dict[str, Any] = self._sheet.mapping((*path, "tests", place), test)
                    chosen = {**(variables.get("vars") or {}), **(inside.get("vars") or {})}
                    tests += self._written_out((*path, "tests", place), {**inside, "vars": chosen}, shared)
        return tests

    def _written_out(self, path: Path, given: dict[str, Any], shared: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A test for each combination of the values of variables that are lists."""
        variables = given.get("vars") if isinstance(given.get("vars"), dict) else {}
        if given.get("vars") and not variables:
            self._note((*path, "vars"), "variables in files are not taken over")
        lists = [name for name, value in (variables or {}).items() if isinstance(value, list)]
        if prod(len((variables or {})[name]) for name in lists) > MOST_COMBINATIONS:
            self._note(path, f"comes to more than {MOST_COMBINATIONS} tests; the rest was left out")
        for values in islice(product(*((variables or {})[name] for name in lists)), MOST_COMBINATIONS):
            chosen = {**(variables or {}), **dict(zip(lists, values, strict=True))}
            yield self._test(path, {**given, "vars": chosen}, {**shared, **chosen})

    def _test(self, path: Path, given: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        self._left(path, given, _TEST)
        made: dict[str, Any] = {"description": given.get("description"), "inputs": given.get("vars")}
        for name, value in given["vars"].items() if isinstance(given.get("vars"), dict) else ():
            if isinstance(value, str) and (value.startswith(FILE) or "{{" in value):
                what = "is in a file" if value.startswith(FILE) else "is made of other variables"
                self._note((*path, "vars", name), f"'{name}' {what}; write it out, since it is taken as it stands")
        threshold = given.get("threshold")
        if threshold == 0:
            self._note((*path, "threshold"), "a threshold of 0 passes always; it was left out")
            threshold = None
        made["threshold"] = threshold
        asserted = self._sheet.items((*path, "assert"), given.get("assert"))
        made["assert"] = self._assertions((*path, "assert"), asserted, variables)
        if not made["assert"] and path[0] == "tests" and not self._shared:
            self._note(path, "asserts nothing that was taken over; write 'assert:', since a test without passes always")
        return {key: value for key, value in made.items() if value not in (None, [], {})}

    def _assertions(self, path: Path, given: list[Any], variables: dict[str, Any]) -> list[dict[str, Any]]:
        found = [self._assertion((*path, at), each, variables) for at, each in enumerate(given)]
        return [each for each in found if each is not None]

    def _assertion(self, path: Path, given: Any, variables: dict[str, Any]) -> dict[str, Any] | None:
        kind = given.get("type") if isinstance(given, dict) else None
        if not isinstance(kind, str):
            self._note(path, "is no assertion that can be read; it was left out")
            return None
        if given.get("weight") == 0:
            self._note(path, f"{kind} has a weight of 0 and only measures; it was left out")
            return None
        options = {name: given[name] for name in ("threshold", "weight", "metric") if given.get(name) is not None}
        if kind in ("assert-set", "not-assert-set"):
            inside = self._sheet.items((*path, "assert"), given.get("assert"))
            return {kind: self._assertions((*path, "assert"), inside, variables), **options}
        plain = kind.removeprefix("not-")
        plain = ALIASES.get(plain, plain)
        if plain not in KINDS or plain in ("python", "levenshtein"):
            self._note(path, f"there is nothing like {kind} here; it was left out")
            return None
        self._left(path, given, _ASSERTION)
        return self._made(path, plain, kind.startswith("not-"), given.get("value"), options, variables)

    def _made(
        self, path: Path, kind: str, negated: bool, value: Any, options: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any] | None:
        row = KINDS[kind]
        if kind in _BY_THRESHOLD:
            value = options.pop("threshold", value)
        elif row.threshold is None and options.pop("threshold", None) is not None:
            self._note(path, f"{kind} holds or does not; its threshold was left out")
        elif options.get("threshold") == 0:
            self._note(path, "a threshold of 0 passes always; it was left out")
            del options["threshold"]
        if kind in _LISTS and isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        if isinstance(value, str) and value.startswith(FILE):
            self._note(path, f"the value of {kind} is in a file; it was left out")
            return None
        value = _filled(value, variables)
        if problem := row.check(value):
            self._note(path, f"{kind} {problem}; it was left out")
            return None
        self._judged |= row.judges
        self._compared |= kind == "similar"
        return {f"not-{kind}" if negated else kind: value, **options}

    def _left(self, path: Path, given: dict[str, Any], known: frozenset[str]) -> None:
        for name in given:
            if name not in known:
                changes = isinstance(given[name], dict) and "transform" in given[name]
                also = ": answers were changed by 'transform' before they were looked at" if changes else ""
                self._note((*path, name), f"'{name}' was left out{also}")

    def _note(self, path: Path, what: str) -> None:
        note = Note(self._sheet.place(path).line, what)
        if note not in self.notes:
            self.notes.append(note)


def _filled(value: Any, variables: dict[str, Any]) -> Any:
    """A value with the variables of its test in the texts of it: here assertions are no templates."""
    if isinstance(value, str):
        return _PLACE.sub(lambda match: str(variables.get(match[1], match[0])), value)
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return value


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
