"""promptfoo's configurations: their prompts as prompt files, their tests as the test file beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import yaml

from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.problem import Notes
from headgate.prompts.importing.jinja import BadTemplate, handlebars
from headgate.prompts.importing.written import Imported, Note, messages_template, prompt_file, role_of, schema_of

_TAKEN: Final = frozenset(
    {
        "answer-relevance", "bleu", "contains", "contains-all", "contains-any", "contains-json", "context-faithfulness",
        "cost", "equals", "factuality", "finish-reason", "g-eval", "icontains", "icontains-all", "icontains-any",
        "is-json", "is-refusal", "is-valid-function-call", "is-valid-openai-function-call",
        "is-valid-openai-tools-call", "latency", "levenshtein", "llm-rubric", "model-graded-closedqa", "regex",
        "rouge-n", "similar", "starts-with", "tool-call-f1",
    }
)  # fmt: skip
"""Kinds of assertions that mean the same in our test files."""

_MOST = frozenset({"latency", "cost"})
"""Kinds whose threshold is the most there may be, which is their value in our test files."""

_KEPT = frozenset({"value", "threshold", "weight", "metric"})
_STEPS = tuple[str | int, ...]


def promptfoo(name: str, source: str) -> list[Imported]:
    """The prompt files and the test file that a configuration comes to.

    Raises:
        BadTemplate: it is none.
    """
    problems = Notes(name, source)
    marked = read(source, problems)
    if problems.found or not isinstance(marked.value, dict) or not marked.value.keys() & {"prompts", "tests"}:
        first = problems.found[0] if problems.found else None
        message = first.message if first else "it is no configuration of promptfoo's, which has 'prompts' and 'tests'"
        raise BadTemplate(first.line if first else 1, message)
    return _Reader(name, marked).all()


class _Reader:
    def __init__(self, name: str, marked: Marked) -> None:
        self._name = name
        self._marked = marked
        self._notes: list[Note] = []

    def all(self) -> list[Imported]:
        given: Mapping[str, Any] = self._marked.value
        prompts = _listed(given.get("prompts"))
        made = [self._prompt(each, at, len(prompts)) for at, each in enumerate(prompts)]
        files = [each for each in made if each is not None]
        tests = self._tests(given, [each for each in files if each.name != self._name])
        text = yaml.safe_dump(tests, sort_keys=False, allow_unicode=True, width=100_000)
        return [*files, Imported(self._name, text, self._notes, ".test.yaml")]

    def _prompt(self, given: Any, at: int, count: int) -> Imported | None:
        line = self._line("prompts", at)
        written = given.get("raw", given.get("id")) if isinstance(given, dict) else given
        if not isinstance(written, str):
            self._notes.append(Note(line, "a prompt that is no text was left out"))
            return None
        if written.startswith("file://"):
            self._notes.append(Note(line, f"import {written.removeprefix('file://')} too: it is a file of its own"))
            return None
        notes: list[Note] = []
        template, inputs = self._template(written, line, notes)
        front = {"input": {"schema": schema_of(inputs)} if inputs else {}}
        name = self._name if not at or count == 1 else f"{self._name}.v{at + 1}"
        return Imported(name, prompt_file(front, template), notes)

    def _template(self, written: str, line: int, notes: list[Note]) -> tuple[str, list[str]]:
        """A prompt, which may be a conversation in JSON."""
        try:
            messages = msgspec.json.decode(written, type=list[dict[str, Any]])
        except (msgspec.DecodeError, msgspec.ValidationError):
            return handlebars(written, notes, line)
        inputs: dict[str, None] = {}
        said: list[tuple[str, str]] = []
        for each in messages:
            text, names = handlebars(str(each.get("content")), notes, line)
            said.append((role_of(str(each.get("role")), line, notes), text))
            inputs |= dict.fromkeys(names)
        return messages_template(said), list(inputs)

    def _tests(self, given: Mapping[str, Any], variants: list[Imported]) -> dict[str, Any]:
        usual = given.get("defaultTest") if isinstance(given.get("defaultTest"), dict) else {}
        assert isinstance(usual, dict)
        tests, dataset = given.get("tests"), None
        if isinstance(tests, str):
            dataset, tests = tests.removeprefix("file://"), None
        models = [_model(each) for each in _listed(given.get("providers"))]
        if models:
            message = f"{', '.join(models)}: see that headgate.yaml has them, as models or targets"
            self._notes.append(Note(self._line("providers"), message))
        asked = [self._test(each, ("tests", at)) for at, each in enumerate(_listed(tests))]
        asserted = self._assertions(usual.get("assert"), ("defaultTest", "assert"))
        for at, each in enumerate(asked):
            if not asserted and "assert" not in each:
                self._notes.append(Note(self._line("tests", at), "the test asserts nothing now; write what it is for"))
        made = {
            "description": given.get("description"),
            "variants": ["default", *(each.name.rpartition(".")[2] for each in variants)] if variants else None,
            "models": models,
            "inputs": usual.get("vars"),
            "assert": asserted,
            "dataset": dataset,
            "tests": asked,
        }
        return {key: value for key, value in made.items() if value not in (None, [], {})}

    def _test(self, given: Any, steps: _STEPS) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._notes.append(Note(self._line(*steps), "a test that is no mapping was left out"))
            return {}
        inputs = given.get("vars") or {}
        for name, value in inputs.items() if isinstance(inputs, dict) else ():
            if isinstance(value, list):
                message = f"'{name}' is a list: promptfoo asks once for each of it, and we for all of it at once"
                self._notes.append(Note(self._line(*steps, "vars", name), message))
        self._unknown(given, {"description", "vars", "assert", "threshold"}, steps)
        made = {
            "description": given.get("description"),
            "inputs": inputs,
            "threshold": given.get("threshold"),
            "assert": self._assertions(given.get("assert"), (*steps, "assert")),
        }
        return {key: value for key, value in made.items() if value not in (None, [], {})}

    def _assertions(self, given: Any, steps: _STEPS) -> list[dict[str, Any]]:
        found = [self._assertion(each, (*steps, at)) for at, each in enumerate(_listed(given))]
        return [each for each in found if each is not None]

    def _assertion(self, given: Any, steps: _STEPS) -> dict[str, Any] | None:
        kind = given.get("type") if isinstance(given, dict) else None
        if kind == "assert-set":
            inner = self._assertions(given.get("assert"), (*steps, "assert"))
            return {"assert-set": inner, **{k: given[k] for k in _KEPT - {"value"} if k in given}} if inner else None
        plain = str(kind).removeprefix("not-")
        if plain not in _TAKEN:
            self._notes.append(Note(self._line(*steps), f"assertions of the kind '{kind}' are not taken over"))
            return None
        self._unknown(given, {"type", *_KEPT}, steps)
        kept = {key: given[key] for key in ("weight", "metric", "threshold") if given.get(key) is not None}
        value = given.get("value")
        if plain in _MOST:
            value = kept.pop("threshold", value)
        elif plain.endswith(("-any", "-all")) and isinstance(value, str):
            value = [each.strip() for each in value.split(",")]
        elif isinstance(value, str):
            value, _ = handlebars(value, self._notes, self._line(*steps)) if "{%" in value else (value, [])
        return {str(kind): value, **kept}

    def _unknown(self, given: Mapping[str, Any], known: set[str], steps: _STEPS) -> None:
        for key in given:
            if key not in known:
                self._notes.append(Note(self._line(*steps, key), f"'{key}' is not taken over"))

    def _line(self, *steps: str | int) -> int:
        return self._marked.place(*steps)[0]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _model(given: Any) -> str:
    """A target's name for a provider's: `openai/gpt-4o` for `openai:chat:gpt-4o`."""
    written = str(given.get("id") if isinstance(given, dict) else given)
    return re.sub(r"^([^:/]+):(?:[a-z]+:)?", r"\1/", written)
