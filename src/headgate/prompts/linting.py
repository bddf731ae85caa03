"""What is doubtful in prompts that can be used: what reviewers would say of each, with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal

import msgspec

from headgate.catalog.retirements import SOON_DAYS, Retirement, RetiringNames
from headgate.checks.key_shapes import SHAPES
from headgate.prompts.dotprompt.library import Library
from headgate.prompts.dotprompt.loading import parsed
from headgate.prompts.dotprompt.picoschema import name_of
from headgate.prompts.dotprompt.problem import Lines
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.uses import EVERY, Use, uses_of
from headgate.prompts.reference import Malformed, check_name
from headgate.prompts.serving import mistakes
from headgate.registry import suggest

MAX_TOKENS: Final = 8_000
"""Tokens a template may come to without its inputs, where it does not say itself."""

_CHARACTERS_PER_TOKEN = 4

_WORDLESS: Final = frozenset({"boolean", "integer", "null", "number"})
_PLACEHOLDER: Final = re.compile(r"\{\{|<[\w -]+>|\.\.\.|…|\*{3}|(?i:bearer|basic)$")
"""What stands where a credential would."""

Severity = Literal["error", "warning"]

RULES: Final = {
    "invalid": "the file has a mistake that keeps its prompt from being used",
    "no-effect": "a key, a file or a schema that does nothing, or a tool that is the caller's to bring",
    "unservable": "no call can be made of the prompt: a value of its config, or its name",
    "undefined-input": "the template uses what the schema of its inputs does not have",
    "unused-input": "the schema has an input that the template does not use",
    "no-schema": "the prompt has inputs, and no schema that says which",
    "input-in-system": "an input stands in the system's message, where a user's words have the operator's weight",
    "written-as-object": "a mapping is written as text, which comes to '[object Object]'",
    "secret": "something in the file looks like a credential",
    "too-long": "the template is long before its inputs are in it",
    "no-model": "the prompt does not say which model it is for",
    "unpinned-model": "the model's name may come to mean another model",
    "retiring-model": "the model behind the prompt retires within 60 days, or has",
    "no-tests": "there are no tests beside the prompt",
    "no-owner": "nobody answers for the prompt",
    "review-due": "the day on which it was to be looked at again is over",
    "expired": "the day until which it was to be used is over",
}
"""What is looked for."""


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing a rule has to say."""

    file: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str


def lint(
    library: Library,
    *,
    today: date,
    tested: Callable[[Prompt], bool] | None = None,
    prefix: str = "",
    retiring: RetiringNames | None = None,
) -> list[Finding]:
    """What is doubtful in a library, in the order of files and lines.

    Args:
        tested: whether a prompt has tests; without it nothing is said of tests.
        prefix: the library's folder, with which files are named.
        retiring: what is known of the models that prompts name; without it nothing is said of their end.
    """
    found: set[Finding] = set()
    for problem in library.problems:
        rule, severity = ("invalid", "error") if problem.fatal else ("no-effect", "warning")
        found.add(Finding(problem.file, problem.line, problem.column, rule, severity, problem.message))
    for prompt in library:
        looked = _Looked(prompt, f"{prefix}/" if prefix else "")
        found.update(looked.findings(today))
        if retiring is not None and prompt.model is not None:
            found.update(looked.retiring(retiring.of(prompt.model), today))
        if tested is not None and not tested(prompt) and "tests" not in prompt.settings:
            message = f"there are no tests; write {prompt.name.rpartition('/')[2]}.test.yaml beside it"
            found.add(looked.at(1, 1, "no-tests", "warning", message))
    return sorted(found)


class _Looked:
    """One prompt on the way through the rules."""

    def __init__(self, prompt: Prompt, prefix: str) -> None:
        self._prompt = prompt
        self._prefix = prefix
        files = parsed(prompt.sources)
        self._uses = uses_of(prompt, files)
        self._marked = files[prompt.file].marked

    def at(self, line: int, column: int, rule: str, severity: Severity, message: str, file: str = "") -> Finding:
        """A finding in the prompt's file or another of its files."""
        return Finding(f"{self._prefix}{file or self._prompt.file}", line, column, rule, severity, message)

    def findings(self, today: date) -> Iterator[Finding]:
        """What every rule but that of tests says."""
        yield from self._inputs()
        for use in self._uses:
            yield from self._use(use)
        yield from self._secrets()
        yield from self._length()
        yield from self._model()
        yield from self._served()
        if not self._prompt.settings.get("owner"):
            yield self.at(1, 1, "no-owner", "warning", "nobody answers for the prompt; write 'headgate.owner: name'")
        for setting, rule in (("review_by", "review-due"), ("expires", "expired")):
            day = self._prompt.settings.get(setting)
            if isinstance(day, str) and date.fromisoformat(day) < today:
                place = self._marked.place(f"headgate.{setting}")
                yield self.at(*place, rule, "warning", f"{day} is over; look at the prompt again")

    def retiring(self, models: Sequence[Retirement], today: date) -> Iterator[Finding]:
        """Which of the models it is answered by will not be there for long."""
        for model, day in ((each.model, each.day) for each in models):
            if day <= today + timedelta(days=SOON_DAYS):
                message = f"{model} {'retired' if day <= today else 'retires'} on {day}, as far as is known; "
                message += "write another model, and run its tests"
                yield self.at(*self._marked.place("model"), "retiring-model", "warning", message)

    def _inputs(self) -> Iterator[Finding]:
        used = frozenset[str]().union(*(each.inputs for each in self._uses))
        properties = self._properties()
        if properties is None:
            named = sorted(used - {EVERY})
            if named and self._prompt.input_schema is None:
                message = f"the prompt has inputs ({', '.join(named[:5])}) and no schema; write 'input: {{schema: …}}'"
                yield self.at(1, 1, "no-schema", "warning", message)
            return
        for name in properties:
            if name not in used and EVERY not in used:
                message = f"the template does not use the input '{name}'; take it out"
                yield self.at(*self._place_of(name), "unused-input", "warning", message)
        for at, name in enumerate(self._trusted()):
            if name not in properties and name not in used:
                place = self._marked.place("headgate.trusted", at)
                yield self.at(*place, "no-effect", "warning", f"there is no input '{name}'{suggest(name, properties)}")

    def _properties(self) -> Mapping[str, Any] | None:
        properties = (self._prompt.input_schema or {}).get("properties")
        return properties if isinstance(properties, Mapping) else None

    def _trusted(self) -> list[str]:
        told = self._prompt.settings.get("trusted", ())
        return [told] if isinstance(told, str) else list(told)

    def _place_of(self, name: str) -> tuple[int, int]:
        """Where an input's schema stands, or else what says which schema it is."""
        written = ((self._prompt.raw or {}).get("input") or {}).get("schema")
        keys = [key for key in written if name_of(key) == name] if isinstance(written, Mapping) else []
        steps = (keys[0],) if keys else ("properties", name)
        return self._marked.place("input", "schema", *steps)

    def _use(self, use: Use) -> Iterator[Finding]:
        if use.unknown:
            message = f"the schema has no '{use.path}'{suggest(use.path.rpartition('.')[2], use.known)}"
            yield self._of(use, "undefined-input", "error", message)
            return
        exposed = sorted(each for each in self._named(use) - set(self._trusted()) if self._may_be_words(each))
        if use.shown and "system" in use.roles and exposed:
            named = "all inputs stand" if EVERY in use.inputs else f"the input '{exposed[0]}' stands"
            message = f"{named} in the system's message; move it to the user's, or list it in 'headgate.trusted'"
            yield self._of(use, "input-in-system", "error", message)
        if use.composite and use.shown:
            message = (
                f"'{use.path}' is a mapping, and comes to '[object Object]'; write a member, or {{{{json {use.path}}}}}"
            )
            yield self._of(use, "written-as-object", "warning", message)

    def _named(self, use: Use) -> frozenset[str]:
        """The inputs of a use, one by one if all are used and no others may be given."""
        schema, properties = self._prompt.input_schema or {}, self._properties()
        closed = schema.get("additionalProperties") is False and properties is not None
        return frozenset(properties or ()) if closed and EVERY in use.inputs else use.inputs

    def _may_be_words(self, name: str) -> bool:
        """Whether an input may hold whatever somebody writes, and not only numbers or words that the prompt names."""
        schema = (self._properties() or {}).get(name)
        if not isinstance(schema, dict) or "enum" in schema or "const" in schema:
            return not isinstance(schema, dict)
        types = schema.get("type")
        return not {types} <= _WORDLESS if isinstance(types, str) else not types or not set(types) <= _WORDLESS

    def _secrets(self) -> Iterator[Finding]:
        for file, text in self._prompt.sources.items():
            lower, lines = text.lower(), Lines(text)
            for shape in SHAPES:
                for found in shape.pattern.finditer(text) if shape.hinted(lower) else ():
                    if not _PLACEHOLDER.search(found.group()):
                        message = "this looks like a credential; take it out, and revoke it if it is one"
                        yield self.at(*lines.place(found.start()), "secret", "error", message, file)

    def _length(self) -> Iterator[Finding]:
        size = sum(len(text) for place, text in self._prompt.sources.items() if place.endswith(".prompt"))
        tokens, most = size // _CHARACTERS_PER_TOKEN, self._prompt.settings.get("max_tokens", MAX_TOKENS)
        if tokens > most:
            message = f"the template comes to about {tokens:,} tokens, more than {most:,}; shorten it, or set "
            message += "'headgate.max_tokens'"
            yield self.at(1, 1, "too-long", "warning", message)

    def _model(self) -> Iterator[Finding]:
        model = self._prompt.model
        if model is None:
            yield self.at(1, 1, "no-model", "warning", "the prompt names no model; write 'model: …'")
        elif _unpinned(model):
            message = (
                f"'{model}' may come to mean another model; write the vendor's dated name, or a model of headgate.yaml"
            )
            yield self.at(*self._marked.place("model"), "unpinned-model", "warning", message)

    def _served(self) -> Iterator[Finding]:
        """What would be refused where it is published, and what nobody is sent."""
        for name, message in mistakes(self._prompt.config).items():
            place = self._marked.place("config", name)
            if message:
                yield self.at(*place, "unservable", "error", message)
            else:
                yield self.at(*place, "no-effect", "warning", f"'config.{name}' is sent to no model; take it out")
        try:
            check_name(self._prompt.full_name)
        except Malformed as error:
            yield self.at(1, 1, "unservable", "error", f"the file's name {error}")

    def _of(self, use: Use, rule: str, severity: Severity, message: str) -> Finding:
        return self.at(use.line, use.column, rule, severity, message, use.file)


_DATED = re.compile(r"(?:\d{4}-?\d{2}-?\d{2}|-\d{3,4}|@[\w.\-]+|:\d[\w.\-]*|-v\d[\w.:]*)(?:\b|$)")


def _unpinned(model: str) -> bool:
    """Whether a vendor may put another model behind a name. One without a vendor is a model of the configuration."""
    if model.endswith("latest"):
        return True
    return "/" in model and _DATED.search(model) is None


def failing(findings: Sequence[Finding], *, strict: bool) -> bool:
    """Whether a check of them fails: for errors, and if it is strict for warnings too."""
    return any(strict or each.severity == "error" for each in findings)
