"""Prompts, partials, tools and schemas of one folder or package.

support/triage.prompt           a prompt, `support/triage`
support/triage.brief.prompt     its variant `brief`
support/_order.prompt           a partial, `{{> order}}` in this folder and those below
order.tool.yaml                 a tool, in this folder and those below; or .json
Order.schema.yaml               a schema, likewise; or .json
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import JsonSchema, compiled
from headgate.prompts.dotprompt.compiling import Compiler, inlines_of
from headgate.prompts.dotprompt.front import Front, front_of
from headgate.prompts.dotprompt.marked import Marked, read
from headgate.prompts.dotprompt.parsing import parse
from headgate.prompts.dotprompt.picoschema import Schema, json_schema
from headgate.prompts.dotprompt.problem import Lines, Notes, Problem, PromptNotFound, PromptsInvalid
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.running import Cell, Op, nothing
from headgate.prompts.dotprompt.syntax import Program
from headgate.registry import suggest

MAX_BYTES: Final = 1024 * 1024
"""Of one file."""
MAX_FILES: Final = 10_000
MAX_NESTING: Final = 40
"""Partials within partials."""

_DATA_ENDINGS = (".yaml", ".yml", ".json")


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
    return _checked(*_read(_entries(folder), str(folder)), prefix=str(folder), strict=strict)


def load_package(package: str, folder: str = "", *, strict: bool = True) -> Library:
    """The library in an installed Python package, or in a folder of it.

    Raises:
        PromptsInvalid: as `load_folder`, and where there is no such package.
    """
    try:
        root = files(package)
    except (ImportError, TypeError):
        message = "is not installed, or is no package; install it with pip"
        raise PromptsInvalid([Problem(package, 1, 1, message)]) from None
    root = root.joinpath(*folder.split("/")) if folder else root
    return _checked(*_read(_entries(root), package), prefix=package, strict=strict)


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
    loader = _Loader(sources, prefix)
    prompts, problems = loader.load()
    problems += unread
    if strict and any(each.fatal for each in problems):
        raise PromptsInvalid(problems)
    return Library(prompts, problems, sources, loader.broken)


# ── files ──


def wanted(name: str) -> bool:
    """Whether a file is one of a library's, by its name."""
    return name.endswith(".prompt") or _kind(name) is not None


def _kind(name: str) -> str | None:
    for ending in _DATA_ENDINGS:
        for kind in ("schema", "tool"):
            if name.endswith(f".{kind}{ending}"):
                return kind
    return None


def _entries(folder: Path | Traversable, place: str = "", depth: int = 0) -> Iterator[tuple[str, Path | Traversable]]:
    """The files of a library, in the order of their names."""
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.startswith((".", "__pycache__")):
            continue
        here = f"{place}{entry.name}"
        if entry.is_dir():
            if depth < MAX_NESTING and not (isinstance(entry, Path) and entry.is_symlink()):
                yield from _entries(entry, f"{here}/", depth + 1)
        elif wanted(entry.name):
            yield here, entry


def _read(entries: Iterable[tuple[str, Path | Traversable]], prefix: str) -> tuple[dict[str, str], list[Problem]]:
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    for place, entry in entries:
        shown = posixpath.join(prefix, place)
        if len(sources) == MAX_FILES:
            problems.append(Problem(shown, 1, 1, f"is one file too many: a library has at most {MAX_FILES}"))
            break
        try:
            raw = entry.read_bytes()
        except OSError as error:
            problems.append(Problem(shown, 1, 1, f"cannot be read: {error.strerror or 'it is no file'}"))
            continue
        if len(raw) > MAX_BYTES:
            problems.append(Problem(shown, 1, 1, f"is larger than {MAX_BYTES} bytes"))
            continue
        try:
            sources[place] = raw.decode()
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            problems.append(Problem(shown, line, 1, "is not UTF-8 text here; save the file as UTF-8"))
    return sources, problems


# ── from files to prompts ──


def parsed(sources: Mapping[str, str]) -> dict[str, Parsed]:
    """The templates among files given as texts, for who looks at what they are made of."""
    loader = _Loader(sources, "")
    loader.load()
    return loader.parsed()


class Parsed(msgspec.Struct, frozen=True):
    """A template, and the partials it names."""

    program: Program
    text: str
    partials: Mapping[str, str]
    """Their files by the names they are called by."""


@dataclass(slots=True)
class _File:
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


class _Loader:
    def __init__(self, sources: Mapping[str, str], prefix: str) -> None:
        self._sources = sources
        self._files = {
            place: _File(place, text, Notes(posixpath.join(prefix, place), text)) for place, text in sources.items()
        }
        self._cells = {place: Cell(place) for place in sources if _is_partial(place)}
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
            if _kind(each.place) == "schema":
                self._schema_of(each)
            elif _kind(each.place) == "tool":
                self._tool_of(each)
        self._find_cycles()
        self._find_parts()
        prompts: dict[str, Prompt] = {}
        for each in templates:
            made = None if _is_partial(each.place) else self._prompt(each)
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

    def _parse(self, file: _File) -> None:
        start, end = 0, len(file.text)
        if not _is_partial(file.place):
            file.front = front_of(file.text, file.notes)
            start, end = file.front.start, file.front.end
        file.program = parse(file.text, start, end, file.notes)

    def _compile(self, file: _File, inlines: frozenset[str]) -> None:
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
        return [_partial_name(place) for place in self._cells if _above(posixpath.dirname(place), folder)]

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
                    shown = " -> ".join(_partial_name(each) for each in circle)
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

    def _schema_of(self, file: _File) -> Schema | None:
        if file.schema is None and file.place not in self._under_way:
            self._under_way.append(file.place)
            marked = read(file.text, file.notes)
            file.schema = self._json_schema(marked.value, file, marked, ())
            self._under_way.remove(file.place)
        return file.schema

    def _named_schema(self, file: _File, name: str) -> Schema | None:
        place = self._find(
            posixpath.dirname(file.place), name, lambda base: [f"{base}.schema{e}" for e in _DATA_ENDINGS]
        )
        if place is None or place in self._under_way:
            return None
        file.needs.setdefault(place, -1)
        return self._schema_of(self._files[place])

    def _json_schema(self, written: Any, file: _File, marked: Marked, steps: tuple[str | int, ...]) -> Schema | None:
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

    def _tool_of(self, file: _File) -> Mapping[str, Any] | None:
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

    def _tools(self, file: _File, front: Front) -> tuple[list[str], list[Mapping[str, Any]]]:
        """The tools a prompt names: those the library does not know, and those it does."""
        defined: list[Mapping[str, Any]] = list(front.get("toolDefs", list) or ())
        unknown: list[str] = []
        for at, name in enumerate(front.get("tools", list) or ()):
            place = self._find(
                posixpath.dirname(file.place), str(name), lambda base: [f"{base}.tool{e}" for e in _DATA_ENDINGS]
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

    def _prompt(self, file: _File) -> Prompt | None:
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
            checked=_checker(schemas[0]),
        )

    def _needed(self, file: _File) -> list[_File]:
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


def _is_partial(place: str) -> bool:
    return place.endswith(".prompt") and posixpath.basename(place).startswith("_")


def _partial_name(place: str) -> str:
    folder, base = posixpath.split(place)
    return posixpath.join(folder, base.removesuffix(".prompt").removeprefix("_"))


def _above(folder: str, other: str) -> bool:
    return not folder or other == folder or other.startswith(f"{folder}/")
