"""From the files of a library to its prompts: each read, compiled, and brought together with what it needs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import JsonSchema, compiled
from headgate.prompts.dotprompt.compiling import Compiler, inlines_of
from headgate.prompts.dotprompt.definitions import Definitions
from headgate.prompts.dotprompt.files import find, is_above, is_partial, partial_name
from headgate.prompts.dotprompt.front import Front, front_of, note_unread
from headgate.prompts.dotprompt.marked import Marked
from headgate.prompts.dotprompt.parsing import parse
from headgate.prompts.dotprompt.picoschema import Schema
from headgate.prompts.dotprompt.problem import Notes, Problem
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.running import Cell
from headgate.prompts.dotprompt.source import File
from headgate.prompts.dotprompt.syntax import Program
from headgate.registry import suggest

MAX_NESTING: Final = 40
"""Partials within partials."""

FORMATS: Final = ("json", "text")
"""What `output.format` may be to have an effect."""


def parsed(sources: Mapping[str, str]) -> dict[str, Parsed]:
    """The templates among files given as texts, for who looks at what they are made of."""
    loader = Loader(sources, "")
    loader.load()
    return loader.parsed()


class Parsed(msgspec.Struct, frozen=True):
    """A template, the partials it names, and where its front matter says what."""

    program: Program
    text: str
    partials: Mapping[str, str]
    """Their files by the names they are called by."""
    marked: Marked


class Loader:
    def __init__(self, sources: Mapping[str, str], prefix: str) -> None:
        self._sources = sources
        self._files = {
            place: File(place, text, Notes(posixpath.join(prefix, place), text)) for place, text in sources.items()
        }
        self._cells = {place: Cell(place) for place in sources if is_partial(place)}
        self._definitions = Definitions(self._files)
        self.broken: dict[str, list[Problem]] = {}

    def load(self) -> tuple[dict[str, Prompt], list[Problem]]:
        templates = [each for each in self._files.values() if each.place.endswith(".prompt")]
        for each in templates:
            self._parse(each)
        inlines = frozenset(name for each in templates for name in inlines_of(each.program))
        for each in templates:
            self._compile(each, inlines)
        self._definitions.read()
        self._find_cycles()
        self._find_parts()
        prompts: dict[str, Prompt] = {}
        for each in templates:
            made = None if is_partial(each.place) else self._prompt(each)
            if made is not None:
                prompts[made.full_name] = made
        return prompts, [problem for each in self._files.values() for problem in each.notes.found]

    def parsed(self) -> dict[str, Parsed]:
        """The templates by the places of their files."""
        return {
            each.place: Parsed(each.program, each.text, each.partials, _marked(each))
            for each in self._files.values()
            if each.program is not None
        }

    def _parse(self, file: File) -> None:
        start, end = 0, len(file.text)
        if is_partial(file.place):
            note_unread(file.text, file.notes)
        else:
            file.front = front_of(file.text, file.notes)
            start, end = file.front.start, file.front.end
        file.program = parse(file.text, start, end, file.notes)

    def _compile(self, file: File, inlines: frozenset[str]) -> None:
        folder = posixpath.dirname(file.place)

        def resolve(name: str, offset: int | None) -> Cell | None:
            place = find(self._files, folder, name, lambda base: [f"_{base}.prompt"])
            if place is None:
                return None
            if offset is not None:
                file.needs.setdefault(place, offset)
                file.partials[name] = place
            return self._cells[place]

        compiler = Compiler(file.notes, resolve, lambda: self._partials(folder))
        assert file.program is not None
        file.op = compiler.template(file.program, inlines)
        if file.place in self._cells:
            self._cells[file.place].op = file.op
            self._cells[file.place].parts = compiler.parts
        if compiler.dynamic:
            for place in self._cells:
                if place != file.place:
                    file.needs.setdefault(place, -1)

    def _partials(self, folder: str) -> list[str]:
        return [partial_name(place) for place in self._cells if is_above(posixpath.dirname(place), folder)]

    def _find_cycles(self) -> None:
        """Note partials that would never end, each circle once."""
        done: set[str] = set()

        def visit(place: str, way: list[str]) -> None:
            file = self._files[place]
            for needed, offset in sorted(file.needs.items(), key=lambda each: each[1]):
                if offset < 0:
                    continue
                if needed in way:
                    circle = [*way[way.index(needed) :], needed]
                    shown = " -> ".join(partial_name(each) for each in circle)
                    file.notes.note(offset, f"the partial renders itself: {shown}")
                elif needed not in done:
                    if len(way) == MAX_NESTING:
                        file.notes.note(offset, f"partials are nested more than {MAX_NESTING} deep")
                        return
                    visit(needed, [*way, needed])
            done.add(place)

        for place in self._cells:
            if place not in done:
                visit(place, [place])

    def _find_parts(self) -> None:
        """Let every partial know whether those in it make more than text."""
        callers: dict[str, list[str]] = {}
        for place in self._cells:
            for called in self._files[place].partials.values():
                callers.setdefault(called, []).append(place)
        left = [place for place, cell in self._cells.items() if cell.parts]
        while left:
            for caller in callers.get(left.pop(), ()):
                if not self._cells[caller].parts:
                    self._cells[caller].parts = True
                    left.append(caller)

    # ── prompts ──

    def _prompt(self, file: File) -> Prompt | None:
        front = file.front
        assert front is not None
        base = posixpath.basename(file.place).removesuffix(".prompt")
        stem, dot, variant = base.partition(".")
        if not stem or (dot and not variant):
            file.notes.at((1, 1), "is no name of a prompt's file; write name.prompt or name.variant.prompt")
            return None
        if "." in variant:
            message = f"'{variant}' has a dot, which other runtimes do not take in a variant's name"
            file.notes.at((1, 1), message, fatal=False)
        name = posixpath.join(posixpath.dirname(file.place), stem)
        _check_names(front, (stem, name), variant, file.notes)
        given, made = front.get("input", dict) or {}, front.get("output", dict) or {}
        schemas = [
            self._definitions.json_schema(written.get("schema"), file, front.marked, (key, "schema"))
            for key, written in (("input", given), ("output", made))
        ]
        checker = _checker(schemas[0], front, file.notes)
        _check_defaults(given.get("default"), schemas[0], front, file.notes)
        unknown, tools = self._definitions.tools(file, front)
        needed = self._needed(file)
        problems = [problem for each in needed for problem in each.notes.found]
        if any(problem.fatal for problem in problems):
            self.broken[f"{name}.{variant}" if variant else name] = problems
            return None
        sources = {each.place: each.text for each in sorted(needed, key=lambda each: each.place)}
        default = given.get("default")
        return Prompt(
            name=name,
            variant=variant or None,
            version=version_of(sources),
            file=file.place,
            model=front.get("model", str),
            config=front.get("config", dict) or {},
            description=front.get("description", str),
            input_default=default if isinstance(default, dict) else {},
            input_schema=schemas[0],
            output_schema=schemas[1],
            output_format=made.get("format"),
            tools=tuple(unknown),
            tool_defs=tuple(tools),
            settings=front.settings,
            ext=front.ext,
            metadata=front.get("metadata", dict) or {},
            raw=front.raw,
            sources=sources,
            template=file.op,
            asks_metadata=any("metadata" in text for text in sources.values()),
            checked=checker,
        )

    def _needed(self, file: File) -> list[File]:
        """A file and all it needs."""
        found = {file.place: file}
        left = [file]
        while left:
            for place in left.pop().needs:
                if place not in found:
                    found[place] = self._files[place]
                    left.append(found[place])
        return list(found.values())


def _marked(file: File) -> Marked:
    return file.front.marked if file.front is not None else Marked({}, {})


def version_of(sources: Mapping[str, str]) -> str:
    """The version of a prompt that needs these files, by their places: SHA-256 over each place and its text, each
    behind its length in bytes, in the order of places.
    """
    digest = sha256(b"headgate prompt 1\n")
    for part in (part.encode() for item in sorted(sources.items()) for part in item):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _check_names(front: Front, names: tuple[str, str], variant: str, notes: Notes) -> None:
    """Note a name that the file's own overrules, and a form of answers that nobody makes."""
    for key, known in (("name", names), ("variant", (variant,))):
        said = front.get(key, str)
        if said is not None and said not in known:
            told = f"'{known[-1]}'" if known[-1] else "without one"
            notes.at(front.marked.place(key), f"'{key}' has no effect: by its file the prompt is {told}", fatal=False)
    form = (front.get("output", dict) or {}).get("format")
    if isinstance(form, str) and form not in FORMATS:
        place = front.marked.place("output", "format")
        notes.at(place, f"the format '{form}' has no effect; known: {', '.join(FORMATS)}", fatal=False)


def _checker(schema: Schema | None, front: Front, notes: Notes) -> JsonSchema | None:
    """What inputs are checked against: nothing where the schema is not one of a mapping, which inputs are."""
    if schema is None:
        return None
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        message = "inputs are not held against the schema: they are given by name; write 'name: type' lines in it"
        notes.at(front.marked.place("input", "schema"), message, fatal=False)
        return None
    try:
        return compiled(schema)
    except Uncheckable:
        return None  # which is noted


def _check_defaults(default: Any, schema: Schema | None, front: Front, notes: Notes) -> None:
    """Note defaults that are not what the schema says."""
    properties = (schema or {}).get("properties")
    if not isinstance(default, dict) or not isinstance(properties, dict):
        return
    for name, value in default.items():
        place = front.marked.place("input", "default", name)
        if name not in properties:
            if (schema or {}).get("additionalProperties") is False:
                notes.at(place, f"the schema has no input '{name}'{suggest(name, properties)}")
            continue
        try:
            faults = compiled(properties[name]).faults(msgspec.json.encode(value).decode(), value)
        except Uncheckable:
            continue  # it refers to other parts of the schema, and is looked at with these
        for fault in faults:
            place = front.marked.place("input", "default", name, *fault.place)
            shown = ".".join(map(str, (name, *fault.place)))
            notes.at(place, f"the default of '{shown}' does not fit the schema: {fault.what}")
