"""From the files of a library to its prompts: each read, compiled, and brought together with what it needs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import JsonSchema, compiled
from headgate.prompts.dotprompt.compiling import Compiler, inlines_of
from headgate.prompts.dotprompt.files import DATA_ENDINGS, data_kind, is_above, is_partial, partial_name
from headgate.prompts.dotprompt.front import Front, front_of
from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.parsing import parse
from headgate.prompts.dotprompt.picoschema import Schema, json_schema
from headgate.prompts.dotprompt.problem import Notes, Problem
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.running import Cell, Op, nothing
from headgate.prompts.dotprompt.syntax import Program
from headgate.registry import suggest

MAX_NESTING: Final = 40
"""Partials within partials."""


def parsed(sources: Mapping[str, str]) -> dict[str, Parsed]:
    """The templates among files given as texts, for who looks at what they are made of."""
    loader = Loader(sources, "")
    loader.load()
    return loader.parsed()


class Parsed(msgspec.Struct, frozen=True):
    """A template, and the partials it names."""

    program: Program
    text: str
    partials: Mapping[str, str]
    """Their files by the names they are called by."""


@dataclass(slots=True)
class File:
    """One file on its way."""

    place: str
    text: str
    notes: Notes
    needs: dict[str, int] = field(default_factory=dict)
    """Files it needs, and the offset at which it says so."""
    partials: dict[str, str] = field(default_factory=dict)
    front: Front | None = None
    program: Program | None = None
    op: Op = nothing
    schema: Schema | None = None
    tool: Mapping[str, Any] | None = None


class Loader:
    def __init__(self, sources: Mapping[str, str], prefix: str) -> None:
        self._sources = sources
        self._files = {
            place: File(place, text, Notes(posixpath.join(prefix, place), text)) for place, text in sources.items()
        }
        self._cells = {place: Cell(place) for place in sources if is_partial(place)}
        self._under_way: list[str] = []
        self.broken: dict[str, list[Problem]] = {}

    def load(self) -> tuple[dict[str, Prompt], list[Problem]]:
        templates = [each for each in self._files.values() if each.place.endswith(".prompt")]
        for each in templates:
            self._parse(each)
        inlines = frozenset(name for each in templates for name in inlines_of(each.program))
        for each in templates:
            self._compile(each, inlines)
        for each in self._files.values():
            if data_kind(each.place) == "schema":
                self._schema_of(each)
            elif data_kind(each.place) == "tool":
                self._tool_of(each)
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
            each.place: Parsed(each.program, each.text, each.partials)
            for each in self._files.values()
            if each.program is not None
        }

    def _parse(self, file: File) -> None:
        start, end = 0, len(file.text)
        if not is_partial(file.place):
            file.front = front_of(file.text, file.notes)
            start, end = file.front.start, file.front.end
        file.program = parse(file.text, start, end, file.notes)

    def _compile(self, file: File, inlines: frozenset[str]) -> None:
        folder = posixpath.dirname(file.place)

        def resolve(name: str, offset: int | None) -> Cell | None:
            place = self._find(folder, name, lambda base: [f"_{base}.prompt"])
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

    def _find(self, folder: str, name: str, spelt: Any) -> str | None:
        """The file of a name: in a folder, or one above it."""
        before, base = posixpath.split(name)
        if not base or ".." in before.split("/") or name.startswith("/"):
            return None
        while True:
            for spelling in spelt(base):
                place = posixpath.join(folder, before, spelling)
                if place in self._files:
                    return place
            if not folder:
                return None
            folder = posixpath.dirname(folder)

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

    # ── schemas and tools ──

    def _schema_of(self, file: File) -> Schema | None:
        if file.schema is None and file.place not in self._under_way:
            self._under_way.append(file.place)
            marked = read(file.text, file.notes)
            file.schema = self._json_schema(marked.value, file, marked, ())
            self._under_way.remove(file.place)
        return file.schema

    def _named_schema(self, file: File, name: str) -> Schema | None:
        place = self._find(
            posixpath.dirname(file.place), name, lambda base: [f"{base}.schema{e}" for e in DATA_ENDINGS]
        )
        if place is None or place in self._under_way:
            return None
        file.needs.setdefault(place, -1)
        return self._schema_of(self._files[place])

    def _json_schema(self, written: Any, file: File, marked: Marked, steps: tuple[str | int, ...]) -> Schema | None:
        schema = json_schema(
            written,
            lambda name: self._named_schema(file, name),
            lambda inner, message: file.notes.at(marked.place(*steps, *inner), message),
        )
        if schema is not None:
            try:
                compiled(schema)
            except Uncheckable as error:
                file.notes.at(marked.place(*steps), f"{error}")
        return schema

    def _tool_of(self, file: File) -> Mapping[str, Any] | None:
        if file.tool is not None:
            return file.tool
        marked = read(file.text, file.notes)
        if not isinstance(marked.value, dict):
            file.notes.at(marked.place(), "a tool is a mapping; write 'description: …' and 'inputSchema: …'")
            return None
        name = posixpath.basename(file.place).split(".tool.")[0]
        tool = {"name": name, **marked.value}
        for key in ("inputSchema", "outputSchema"):
            if tool.get(key) is not None:
                tool[key] = self._json_schema(tool[key], file, marked, (key,))
        file.tool = tool
        return tool

    def _tools(self, file: File, front: Front) -> tuple[list[str], list[Mapping[str, Any]]]:
        """The tools a prompt names: those the library does not know, and those it does."""
        defined: list[Mapping[str, Any]] = list(front.get("toolDefs", list) or ())
        unknown: list[str] = []
        for at, name in enumerate(front.get("tools", list) or ()):
            place = self._find(
                posixpath.dirname(file.place), str(name), lambda base: [f"{base}.tool{e}" for e in DATA_ENDINGS]
            )
            if place is None:
                unknown.append(str(name))
                file.notes.at(
                    front.marked.place("tools", at),
                    f"there is no file {name}.tool.yaml; the caller has to bring the tool",
                    fatal=False,
                )
                continue
            file.needs.setdefault(place, -1)
            tool = self._tool_of(self._files[place])
            defined += [] if tool is None else [tool]
        return unknown, defined

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
        given, made = front.get("input", dict) or {}, front.get("output", dict) or {}
        schemas = [
            self._json_schema(written.get("schema"), file, front.marked, (key, "schema"))
            for key, written in (("input", given), ("output", made))
        ]
        _check_defaults(given.get("default"), schemas[0], front, file.notes)
        unknown, tools = self._tools(file, front)
        needed = self._needed(file)
        name = posixpath.join(posixpath.dirname(file.place), stem)
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
            checked=_checker(schemas[0]),
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


def version_of(sources: Mapping[str, str]) -> str:
    """The version of a prompt that needs these files, by their places: SHA-256 over each place and its text, each
    behind its length in bytes, in the order of places.
    """
    digest = sha256(b"headgate prompt 1\n")
    for part in (part.encode() for item in sorted(sources.items()) for part in item):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _checker(schema: Schema | None) -> JsonSchema | None:
    """What inputs are checked against: nothing where the schema is not one of a mapping, which inputs are."""
    if schema is None:
        return None
    kind = schema.get("type", "object")
    return compiled(schema) if kind == "object" or (isinstance(kind, list) and "object" in kind) else None


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
        if faults:
            notes.at(place, f"the default of '{name}' does not fit the schema: {faults[0].what}")
