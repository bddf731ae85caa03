"""Where a prompt's templates use its inputs, told without values: which, in whose role, written out or only asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.dotprompt.loading import MAX_NESTING, Parsed, parsed
from headgate.prompts.dotprompt.problem import Lines
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.syntax import Block, Call, Expression, Inline, Literal, Mustache, Partial, Path, Program

EVERY: Final = "*"
"""In the place of an input's name: all of them."""

_MAX_STATEMENTS = 200_000
"""Looked at, those of a partial as often as it is gone into: once for each value and role it is rendered for."""


class Use(msgspec.Struct, frozen=True):
    """One place at which something of the inputs stands."""

    file: str
    """Its place in the library."""
    line: int
    column: int
    inputs: frozenset[str]
    roles: frozenset[str]
    """In whose message it may be."""
    shown: bool
    """Whether it is written out; else it only decides what is."""
    path: str
    """As written."""
    unknown: bool = False
    """Whether the schema says that there is no such thing."""
    known: tuple[str, ...] = ()
    """For one that is not there, what is."""
    composite: bool = False
    """Whether it is a mapping, or a list of them, written as plain text."""


@dataclass(frozen=True, slots=True)
class _Value:
    """What an expression is: parts of which inputs, and their schema where it is known."""

    inputs: frozenset[str] = frozenset()
    schema: Any = None
    root: bool = False
    """Whether it is all the inputs."""
    named: Mapping[str, _Value] = field(default_factory=dict[str, "_Value"])
    """What a partial was given by name on top."""
    unknown: bool = False
    known: tuple[str, ...] = ()
    """For one that is not there, what is."""

    def key(self) -> object:
        """The same for values that are the same."""
        named = tuple((name, value.key()) for name, value in sorted(self.named.items()))
        return self.inputs, id(self.schema), self.root, self.unknown, self.known, named


_NOTHING = _Value()


@dataclass(frozen=True, slots=True)
class _Scope:
    around: tuple[_Value, ...]
    """What `this` is, behind what it was around that."""
    params: Mapping[str, _Value]
    place: str
    depth: int

    def inside(self, this: _Value, params: Mapping[str, _Value]) -> _Scope:
        return _Scope((*self.around, this), {**self.params, **params}, self.place, self.depth)


def uses_of(prompt: Prompt, files: Mapping[str, Parsed] | None = None) -> list[Use]:
    """Every use of an input in a prompt and its partials, in the order of files and lines. `files` are those it needs,
    parsed, where somebody has them.
    """
    return _Walk(prompt, parsed(prompt.sources) if files is None else files).uses()


class _Walk:
    def __init__(self, prompt: Prompt, files: Mapping[str, Parsed]) -> None:
        self._prompt = prompt
        self._files = files
        self._lines = {place: Lines(each.text) for place, each in files.items()}
        self._found: dict[Use, None] = {}
        self._statements = 0
        self._rendered: dict[object, frozenset[str]] = {}
        """The roles that may speak behind a partial, by what it was rendered for."""
        schema = prompt.input_schema if prompt.checked is not None else None
        self._root = _Value(frozenset({EVERY}), schema, root=True)

    def uses(self) -> list[Use]:
        scope = _Scope((self._root,), {}, self._prompt.file, 0)
        self._program(self._files[self._prompt.file].program, scope, frozenset({"user"}))
        return sorted(self._found, key=lambda each: (each.file, each.line, each.column))

    def _program(self, program: Program | None, scope: _Scope, roles: frozenset[str]) -> frozenset[str]:
        """Note what a program uses; the roles that may speak behind it."""
        for statement in program.body if program is not None else ():
            self._statements += 1
            if self._statements > _MAX_STATEMENTS:
                break
            match statement:
                case Mustache(call=call):
                    roles = self._mustache(call, scope, roles)
                case Block():
                    roles = self._block(statement, scope, roles)
                case Partial():
                    roles = self._partial(statement, scope, roles)
                case Inline(program=inner):
                    self._program(inner, scope, roles)
                case _:
                    pass
        return roles

    def _mustache(self, call: Call, scope: _Scope, roles: frozenset[str]) -> frozenset[str]:
        name = _helper(call, scope)
        if name == "role" and isinstance(call.params[0], Literal):
            return frozenset({call.params[0].original})
        if name == "history":
            return frozenset({"model"})
        if name is None:
            self._note(call.path, scope, roles, shown=True, plain=True)
        else:
            for each in (*call.params, *(value for _, value in call.named)):
                self._note(each, scope, roles, shown=name != "log", plain=name == "media")
        return roles

    def _block(self, block: Block, scope: _Scope, roles: frozenset[str]) -> frozenset[str]:
        name = _helper(block.call, scope)
        subjects = block.call.params if name is not None else (block.call.path,)
        for each in subjects:
            self._note(each, scope, roles, shown=False, plain=False)
        inner = scope
        names = block.program.names if block.program is not None else ()
        if name in ("each", "with", None) and subjects:
            value = self._value(subjects[0], scope)
            this = _items(value) if name == "each" or _kind(value.schema) == "array" else value
            inner = scope.inside(this, dict(zip(names, (this, _NOTHING), strict=False)))
        other = self._program(block.inverse, scope, roles)
        behind = self._program(block.program, inner, roles)
        if not behind <= roles:  # a loop begins again in the role its end is in
            behind |= self._program(block.program, inner, roles | behind)
        return roles | behind | other

    def _partial(self, partial: Partial, scope: _Scope, roles: frozenset[str]) -> frozenset[str]:
        call = partial.call
        this = self._value(call.params[0], scope) if call.params else scope.around[-1]
        for _, value in call.named:
            self._note(value, scope, roles, shown=False, plain=False)
        if call.named:
            named = {**this.named, **{name: self._value(value, scope) for name, value in call.named}}
            this = _Value(this.inputs, this.schema, this.root, named)
        roles = roles | self._program(partial.block, scope, roles)
        partials = self._files[scope.place].partials
        if isinstance(call.path, Call):
            self._note(call.path, scope, roles, shown=False, plain=False)
            targets: Iterable[str] = [place for place in self._files if place != scope.place]
        else:
            targets = [partials[call.path.original]] if call.path.original in partials else []
        if scope.depth < MAX_NESTING:
            for target in targets:
                roles = roles | self._file(target, this, roles, scope.depth + 1)
        return roles

    def _file(self, place: str, this: _Value, roles: frozenset[str], depth: int) -> frozenset[str]:
        """The same for a partial's file."""
        key = place, this.key(), roles
        if key not in self._rendered:
            self._rendered[key] = roles  # for one that comes to itself again by names that values choose
            scope = _Scope((this,), {}, place, depth)
            self._rendered[key] = self._program(self._files[place].program, scope, roles)
        return self._rendered[key]

    def _note(self, expression: Expression, scope: _Scope, roles: frozenset[str], *, shown: bool, plain: bool) -> None:
        if isinstance(expression, Call):
            for each in (*expression.params, *(value for _, value in expression.named)):
                self._note(each, scope, roles, shown=shown, plain=False)
            return
        value = self._value(expression, scope)
        if not value.inputs:
            return
        line, column = self._lines[scope.place].place(expression.offset)
        use = Use(
            file=scope.place,
            line=line,
            column=column,
            inputs=value.inputs,
            roles=roles,
            shown=shown,
            path=expression.original,
            unknown=value.unknown,
            known=value.known,
            composite=plain and (value.root or _is_composite(value.schema)),
        )
        self._found[use] = None

    def _value(self, expression: Expression, scope: _Scope) -> _Value:
        if isinstance(expression, Literal):
            return _NOTHING
        if isinstance(expression, Call):
            parts = [self._value(each, scope) for each in expression.params]
            return _Value(frozenset[str]().union(*(each.inputs for each in parts)))
        if expression.data:
            if expression.depth or expression.parts[:1] != ("root",):
                return _NOTHING
            return self._down(self._root, expression.parts[1:])
        if expression.parts and not expression.scoped and expression.parts[0] in scope.params:
            return self._down(scope.params[expression.parts[0]], expression.parts[1:])
        if expression.depth >= len(scope.around):
            return _NOTHING
        return self._down(scope.around[-1 - expression.depth], expression.parts)

    def _down(self, value: _Value, parts: Sequence[str]) -> _Value:
        for part in parts:
            if part in value.named:
                value = value.named[part]
                continue
            inputs = frozenset({part}) if value.root else value.inputs
            try:
                value = _Value(inputs, _member(value.schema, part))
            except KeyError:
                value = _Value(inputs, unknown=True, known=tuple(value.schema.get("properties") or ()))
        return value


def _helper(call: Call, scope: _Scope) -> str | None:
    simple = isinstance(call.path, Path) and call.path.simple
    name = call.path.original if simple and isinstance(call.path, Path) else ""
    return name if name in HELPERS and name not in scope.params else None


def _kind(schema: Any) -> Any:
    kind = schema.get("type") if isinstance(schema, dict) else None
    if isinstance(kind, list):
        kinds = [each for each in kind if each != "null"]
        return kinds[0] if len(kinds) == 1 else None
    return kind


def _items(value: _Value) -> _Value:
    """What a loop goes over."""
    schema: Any = None
    if _kind(value.schema) == "array":
        schema = value.schema.get("items")
    return _Value(value.inputs, schema)


def _member(schema: Any, name: str) -> Any:
    """The schema of what is under a name, None where that may be anything.

    Raises:
        KeyError: there can be no such thing.
    """
    if not isinstance(schema, dict):
        return None
    kind, properties = _kind(schema), schema.get("properties")
    if isinstance(properties, dict) and name in properties:
        return properties[name]
    others = schema.get("additionalProperties", True)
    if kind == "object":
        if others is False and "patternProperties" not in schema:
            raise KeyError(name)
        return others
    if kind in ("array", "string"):
        if name == "length" or name.isdecimal():
            return schema.get("items") if kind == "array" and name != "length" else None
        raise KeyError(name)
    if kind in ("boolean", "integer", "null", "number"):
        raise KeyError(name)
    return None


def _is_composite(schema: Any) -> bool:
    kind = _kind(schema)
    return kind == "object" or (kind == "array" and _kind(schema.get("items")) == "object")
