"""Tests of promptfoo made into a test file (https://www.promptfoo.dev/docs/configuration/reference/), with what could
not be taken over told by its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import yaml

from headgate.config.problem import Path
from headgate.evals.problems import BadTests
from headgate.evals.promptfoo_assertions import Assertions, is_number
from headgate.evals.reading.sheet import Sheet
from headgate.prompts.importing import Imported, Note

MOST_COMBINATIONS = 1_000
"""Tests that one whose variables are lists is written out to."""

_LOGIC = re.compile(r"\{%|\{\{[^}]*\|")
_FILE = "file://"
_ENDINGS = (".txt", ".json", ".md", ".py", ".js", ".yaml", ".j2")
_TOP = frozenset({"description", "prompts", "providers", "targets", "tests", "defaultTest", "assertionTemplates"})
_TEST = frozenset({"description", "vars", "assert", "threshold", "metadata"})


def promptfoo(name: str, source: str) -> Imported:
    """The test file that a configuration of promptfoo's comes to.

    Raises:
        BadTests: it is none.
    """
    sheet = Sheet.of_yaml(name, source)
    tree = sheet.mapping((), sheet.tree)
    if not sheet.problems and "tests" not in tree:
        sheet.wrong((), "is no configuration of promptfoo's: it has no 'tests'")
    if sheet.problems:
        raise BadTests(sheet.problems)
    writer = _Writer(sheet)
    made = writer.suite(tree)
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100_000)
    return Imported(name, text, writer.notes)


class _Writer:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._shared = False
        self._assertions = Assertions(self._note, self._left)
        self.notes: list[Note] = []

    def suite(self, tree: dict[str, Any]) -> dict[str, Any]:
        self._left((), tree, _TOP)
        self._assertions.templates = self._sheet.mapping(("assertionTemplates",), tree.get("assertionTemplates"))
        default = self._sheet.mapping(("defaultTest",), tree.get("defaultTest"))
        shared = self._test(("defaultTest",), default, None) if default else {}
        self._shared = bool(shared.get("assert"))
        shared.pop("description", None)
        body = {**shared, **self._tests(tree.get("tests"), default.get("vars") or {})}
        models = self._models(tree)
        made: dict[str, Any] = {"description": tree.get("description"), "models": models}
        made["messages"] = self._messages(tree.get("prompts"))
        if self._assertions.judged:
            made["judge"] = models[0] if models else "chat"
            self._note((), "a judge is asked; name the model that is to judge under 'judge:'")
        if self._assertions.compared:
            made["embeddings"] = "embed"
            self._note((), "vectors are compared; name the model that makes them under 'embeddings:'")
        return {key: value for key, value in {**made, **body}.items() if value not in (None, [], {})}

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

    def _messages(self, prompts: Any) -> Any:
        given = prompts if isinstance(prompts, list) else [prompts] if prompts else []
        texts = [each for each in given if isinstance(each, str)]
        if len(texts) != len(given) or any(each.startswith(_FILE) or each.endswith(_ENDINGS) for each in texts):
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
            if isinstance(each, str):
                datasets.append(each.removeprefix(_FILE))
            elif isinstance(each, dict):
                tests += self._written_out(("tests", at), each, shared)
        return {"dataset": datasets, "tests": tests}

    def _written_out(self, path: Path, given: dict[str, Any], shared: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A test for each combination of the values of variables that are lists."""
        variables = given.get("vars") if isinstance(given.get("vars"), dict) else {}
        if given.get("vars") and not variables:
            self._note((*path, "vars"), "variables in files are not taken over")
        lists = [name for name, value in (variables or {}).items() if isinstance(value, list)]
        for values in islice(product(*((variables or {})[name] for name in lists)), MOST_COMBINATIONS):
            chosen = {**(variables or {}), **dict(zip(lists, values, strict=True))}
            yield self._test(path, {**given, "vars": chosen}, {**shared, **chosen})

    def _test(self, path: Path, given: dict[str, Any], variables: dict[str, Any] | None) -> dict[str, Any]:
        self._left(path, given, _TEST)
        made: dict[str, Any] = {"description": given.get("description"), "inputs": given.get("vars")}
        threshold = given.get("threshold")
        if threshold == 0:
            self._note((*path, "threshold"), "a threshold of 0 passes always; it was left out")
            threshold = None
        elif threshold is not None and not is_number(threshold, 1):
            self._note((*path, "threshold"), f"a threshold is above 0, and 1 at most; {threshold!r} was left out")
            threshold = None
        made["threshold"] = threshold
        made["assert"] = self._assertions.taken((*path, "assert"), given.get("assert"), variables)
        if not made["assert"] and path[0] == "tests" and not self._shared:
            self._note(path, "asserts nothing that was taken over; write 'assert:', since a test without passes always")
        return {key: value for key, value in made.items() if value not in (None, [], {})}

    def _left(self, path: Path, given: dict[str, Any], known: frozenset[str]) -> None:
        for name in given:
            if name not in known:
                self._note((*path, name), f"'{name}' was left out")

    def _note(self, path: Path, what: str) -> None:
        note = Note(self._sheet.place(path).line, what)
        if note not in self.notes:
            self.notes.append(note)
