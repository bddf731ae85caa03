"""The schemas and tools of a library: in files of their own, and where prompts write them out."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import compiled
from headgate.prompts.dotprompt import picoschema
from headgate.prompts.dotprompt.files import DATA_ENDINGS, data_kind, data_name, find
from headgate.prompts.dotprompt.front import Front
from headgate.prompts.dotprompt.marked import Marked, Place, Steps, read
from headgate.prompts.dotprompt.picoschema import SCALARS, Schema, Unnamed
from headgate.prompts.dotprompt.source import File
from headgate.prompts.dotprompt.tools import Tool, tool_of


class Definitions:
    """Reads each schema and tool once, when somebody needs it."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files
        self._under_way: list[str] = []

    def read(self) -> None:
        """Read every file that has one."""
        for each in self._files.values():
            kind = data_kind(each.place)
            if kind == "schema":
                self._schema_of(each)
            elif kind == "tool":
                self._tool_of(each)
            if kind is not None:
                self._note_shadowed(each, kind)

    def json_schema(self, written: Any, file: File, marked: Marked, steps: Steps) -> Schema | None:
        """The JSON Schema that is meant by what a file has at some steps; None for none, and for what is neither."""
        wrong = len(file.notes.found)
        schema = picoschema.json_schema(
            written,
            lambda name: self._named_schema(file, name),
            lambda inner, message: file.notes.at(marked.place(*steps, *inner), message),
        )
        if schema is not None and len(file.notes.found) == wrong:
            try:
                compiled(schema)
            except Uncheckable as error:
                file.notes.at(marked.place(*steps, *error.place), f"{error}")
        return schema

    def tools(self, file: File, front: Front) -> tuple[list[str], list[Tool]]:
        """The tools a prompt names: those the library does not know, and those it does."""
        defined: dict[str, Tool] = {}
        unknown: list[str] = []

        def define(tool: Tool | None, place: Place) -> None:
            if tool is not None and defined.setdefault(str(tool["name"]), tool) is not tool:
                file.notes.at(place, f"the tool '{tool['name']}' is there a second time; keep one")

        for at, written in enumerate(front.get("toolDefs", list) or ()):
            steps = ("toolDefs", at)
            define(self._tool(written, None, file, front.marked, steps), front.marked.place(*steps))
        folder = posixpath.dirname(file.place)
        for at, name in enumerate(str(each) for each in front.get("tools", list) or ()):
            said = front.marked.place("tools", at)
            place = find(self._files, folder, name, lambda base: [f"{base}.tool{e}" for e in DATA_ENDINGS])
            if place is not None:
                file.needs.setdefault(place, -1)
                define(self._tool_of(self._files[place]), said)
            elif name not in defined:
                unknown.append(name)
                message = f"there is no file {name}.tool.yaml; the caller has to bring the tool"
                file.notes.at(said, message, fatal=False)
        return list(dict.fromkeys(unknown)), list(defined.values())

    # ── each file once ──

    def _schema_of(self, file: File) -> Schema:
        """What a schema's file says; anything goes where it has a mistake."""
        if not file.looked:
            file.looked = True
            self._under_way.append(file.place)
            marked = read(file.text, file.notes)
            file.schema = self.json_schema(marked.value, file, marked, ())
            if file.schema is None and not file.notes.found:
                file.notes.at((1, 1), "the file has no schema in it; write one")
            self._under_way.remove(file.place)
        return file.schema or {}

    def _named_schema(self, file: File, name: str) -> Schema:
        folder = posixpath.dirname(file.place)
        place = find(self._files, folder, name, lambda base: [f"{base}.schema{e}" for e in DATA_ENDINGS])
        if place is None:
            raise Unnamed(f"there is no type or schema '{name}'{file.notes.hint(name, self._schema_names)}")
        if place in self._under_way:
            circle = " -> ".join(data_name(each) for each in (*self._under_way[self._under_way.index(place) :], place))
            raise Unnamed(f"the schema is made of itself: {circle}; write it as JSON Schema, with '$ref'")
        file.needs.setdefault(place, -1)
        return self._schema_of(self._files[place])

    def _schema_names(self) -> list[str]:
        return [*SCALARS, *sorted({data_name(each) for each in self._files if data_kind(each) == "schema"})]

    def _tool_of(self, file: File) -> Tool | None:
        """What a tool's file says."""
        if not file.looked:
            file.looked = True
            marked = read(file.text, file.notes)
            if marked.value is not None or not file.notes.found:
                file.tool = self._tool(marked.value, data_name(file.place), file, marked, ())
        return file.tool

    def _tool(self, written: Any, name: str | None, file: File, marked: Marked, steps: Steps) -> Tool | None:
        return tool_of(
            written,
            name,
            marked,
            file.notes,
            lambda inner, where: self.json_schema(inner, file, marked, where),
            steps,
        )

    def _note_shadowed(self, file: File, kind: str) -> None:
        """Note that a file is not read by anybody, since one of another ending has its name."""
        stem = file.place[: file.place.rindex(f".{kind}.")]
        first = next(f"{stem}.{kind}{e}" for e in DATA_ENDINGS if f"{stem}.{kind}{e}" in self._files)
        if first != file.place:
            file.notes.at((1, 1), f"has no effect: {posixpath.basename(first)} has its name", fatal=False)
