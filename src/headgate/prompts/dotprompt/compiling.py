"""A template's tree as functions, made once, so that rendering reads no syntax.

What is not known while compiling is only values. A helper or a partial that does not exist is noted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from headgate.prompts.dotprompt.helpers import (
    BLOCK_HELPERS,
    HELPERS,
    PART_HELPERS,
    VALUE_HELPERS,
    branch,
    each,
    with_,
)
from headgate.prompts.dotprompt.messages import HISTORY, Role, Section
from headgate.prompts.dotprompt.operations import (
    Target,
    above,
    constant,
    defining,
    filling,
    for_value,
    here,
    including,
    media,
    parameter,
    placing,
    sequence,
    static_target,
    valued,
    variable,
    writing,
    written,
)
from headgate.prompts.dotprompt.parsing import name_of
from headgate.prompts.dotprompt.problem import Notes, RenderRefused
from headgate.prompts.dotprompt.running import Cell, Frame, Get, Op, nothing
from headgate.prompts.dotprompt.syntax import (
    Block,
    Call,
    Comment,
    Content,
    Expression,
    Inline,
    Literal,
    Mustache,
    Partial,
    Path,
    Program,
    Raw,
    Statement,
)
from headgate.prompts.dotprompt.values import UNDEFINED
from headgate.registry import suggest

ROLES: Final = ("system", "user", "model", "tool")

Resolve = Callable[[str, int | None], Cell | None]
"""A partial by the name it is called by, and where it is; nowhere while rendering."""


class Compiler:
    """Compiles the template of one file."""

    def __init__(self, notes: Notes, resolve: Resolve, known: Callable[[], Sequence[str]]) -> None:
        self._notes = notes
        self._resolve = resolve
        self._known = known
        self._inlines: set[str] = set()
        self._names: tuple[str, ...] = ()
        """Block parameters in sight."""
        self._asks = False
        """Whether what has been compiled may look at `@index` and the like, itself or in a partial."""
        self.dynamic = False
        """Whether it renders partials whose names only the values tell."""
        self.parts = False
        """Whether it makes more than text itself."""

    def template(self, program: Program, elsewhere: frozenset[str] = frozenset()) -> Op:
        """A template as a function. `elsewhere` are the inline partials of other files, which may be handed to it."""
        self._inlines = set(inlines_of(program)) | elsewhere
        return self._program(program)

    # ── statements ──

    def _program(self, program: Program | None) -> Op:
        if program is None:
            return nothing
        outer = self._names
        self._names = (*outer, *program.names)
        ops = self._statements(program.body)
        inlines = [(each.name, self._program(each.program)) for each in program.body if isinstance(each, Inline)]
        self._names = outer
        run = sequence(ops, _static(program))
        return defining(inlines, run) if inlines else run

    def _statements(self, body: Sequence[Statement]) -> list[Op]:
        """Statements as functions, texts with the values between them as one."""
        ops: list[Op] = []
        pieces: list[tuple[str, tuple[str, ...]]] = []
        before = ""

        def end() -> None:
            nonlocal before
            if pieces:
                ops.append(filling(tuple(pieces), before))
            elif before:
                ops.append(writing(before))
            pieces.clear()
            before = ""

        for statement in body:
            if isinstance(statement, Content):
                before += statement.value
                continue
            way = self._way(statement)
            if way is not None:
                pieces.append((before, way))
                before = ""
                continue
            op = self._statement(statement)
            if op is not nothing:
                end()
                ops.append(op)
        end()
        return ops

    def _way(self, statement: Statement) -> tuple[str, ...] | None:
        """The way from here to the value that a statement writes; None for one that does something else."""
        if not isinstance(statement, Mustache) or statement.call.given or not isinstance(statement.call.path, Path):
            return None
        path = statement.call.path
        away = path.data or path.depth or not path.parts or self._helper(statement.call) is not None
        return None if away or (not path.scoped and path.parts[0] in self._names) else path.parts

    def _statement(self, statement: Statement) -> Op:
        match statement:
            case Content(value=value):
                return writing(value) if value else nothing
            case Mustache(call=call):
                return self._mustache(call)
            case Block():
                return self._block(statement)
            case Partial():
                return self._partial(statement)
            case Raw(program=program):
                return self._program(program)
            case Comment() | Inline():
                return nothing

    def _mustache(self, call: Call) -> Op:
        name = self._helper(call)
        if name is None:
            return valued(self._value(call))
        if name in PART_HELPERS:
            return self._part(name, call)
        if name in BLOCK_HELPERS:
            return self._wrong(call, f"'{name}' is a block; write {{{{#{name} …}}}}…{{{{/{name}}}}}")
        return valued(self._called(name, call))

    def _part(self, name: str, call: Call) -> Op:
        self.parts = True
        if name == "history":
            return placing(HISTORY) if not call.given else self._wrong(call, "'history' takes nothing")
        if name == "role":
            return self._role(call)
        if name == "section":
            if len(call.params) != 1 or call.named:
                return self._wrong(call, 'write {{section "name"}}')
            purpose = self._get(call.params[0])
            return lambda frame: frame.out.append(Section(written(frame, purpose(frame))))
        named = dict(call.named)
        if call.params or "url" not in named or set(named) - {"url", "contentType"}:
            return self._wrong(call, "write {{media url=… contentType=…}}, the type where it is known")
        return media(self._get(named["url"]), self._get(named["contentType"]) if "contentType" in named else None)

    def _role(self, call: Call) -> Op:
        role = call.params[0] if len(call.params) == 1 else None
        if not isinstance(role, Literal) or not isinstance(role.value, str):
            return self._wrong(call, 'write {{role "user"}}: a role is written out, so that no input can choose it')
        if role.value not in ROLES:
            hint = "; write 'model'" if role.value == "assistant" else suggest(role.value, ROLES)
            return self._wrong(call, f"there is no role '{role.value}'{hint}")
        if not call.named:
            return placing(Role(role.value))
        if any(name == "purpose" and not isinstance(value, Literal) for name, value in call.named):
            return self._wrong(call, "a purpose is written out, so that no input can choose it")
        named = [(name, self._get(value)) for name, value in call.named]
        return lambda frame: frame.out.append(
            Role(role.value, {name: written(frame, get(frame)) for name, get in named})
        )

    def _block(self, block: Block) -> Op:
        call, name = block.call, self._helper(block.call)
        if name is not None and name not in BLOCK_HELPERS:
            return self._wrong(call, f"'{name}' is no block; write {{{{{name} …}}}}")
        gets = [self._get(each) for each in call.params]
        before, self._asks = self._asks, False
        body = self._program(block.program)
        asks, self._asks = self._asks, before or self._asks
        other = self._program(block.inverse)
        names = tuple(block.program.names) if block.program is not None else ()
        if name is None:
            return for_value(self._value(call), body, other, names, asks=asks)
        wanted = 2 if name.endswith("Equals") else 1
        options = {"includeZero"} if name in ("if", "unless") else set[str]()
        if len(gets) != wanted:
            return self._wrong(call, f"'{name}' takes {'two values' if wanted == 2 else 'one value'}")
        for option, _ in call.named:
            if option not in options:
                return self._wrong(call, f"'{name}' has no option '{option}'")
        if name == "each":
            return each(gets[0], body, other, names, asks=asks)
        if name == "with":
            return with_(gets[0], body, other, names)
        zero = self._get(call.named[0][1]) if call.named else None
        return branch(name, gets, zero, body, other)

    # ── partials ──

    def _partial(self, partial: Partial) -> Op:
        call = partial.call
        self._asks = True
        if len(call.params) > 1:
            return self._wrong(call, "a partial takes one value, and others by name: {{> name value one=…}}")
        block = None if partial.block is None else self._program(partial.block)
        supplied = None if partial.block is None else _inlines_at(partial.block)
        inlines = [] if supplied is None else [(each.name, self._program(each.program)) for each in supplied]
        this = self._get(call.params[0]) if call.params else None
        named = [(name, self._get(value)) for name, value in call.named]
        if isinstance(call.path, Call):
            target = self._dynamic(call.path)
        else:
            name = name_of(call)
            found = None if name == "@partial-block" else self._resolve(name, call.offset)
            if found is None and block is None and name not in self._inlines and name != "@partial-block":
                return self._wrong(call, f"there is no partial '{name}'{self._notes.hint(name, self._known)}")
            target = static_target(name, found)
        return including(target, this, named, partial.indent, block, inlines)

    def _dynamic(self, call: Call) -> Target:
        """A partial chosen by a value: a file's that makes nothing but text, since values have no say in messages."""
        self.dynamic = True
        get, resolve = self._get(call), self._resolve

        def target(frame: Frame) -> Op | None:
            cell = resolve(written(frame, get(frame)), None)
            if cell is not None and cell.parts:
                raise RenderRefused("an input has chosen a partial that makes more than text, which only templates may")
            return None if cell is None else cell.op

        return target

    # ── values ──

    def _helper(self, call: Call) -> str | None:
        """The helper a tag calls; None for one that is a value, or is wrong."""
        path = call.path
        if not isinstance(path, Path):
            return None
        name = path.parts[0] if path.simple else ""
        return name if name in HELPERS and name not in self._names else None

    def _value(self, call: Call) -> Get:
        """What a tag without a helper stands for."""
        if call.given or isinstance(call.path, Call):
            hint = self._notes.hint(name_of(call), lambda: sorted(HELPERS))
            self._wrong(call, f"there is no helper '{name_of(call)}'{hint}")
            return constant(UNDEFINED)
        if isinstance(call.path, Literal):
            return self._at(Path((call.path.original,), 0, False, False, call.path.original, call.path.offset))
        return self._at(call.path)

    def _get(self, expression: Expression) -> Get:
        if isinstance(expression, Literal):
            return constant(expression.value)
        if isinstance(expression, Path):
            return self._at(expression)
        name = self._helper(expression)
        if name is None:
            return self._value(expression)
        if name not in VALUE_HELPERS:
            what = "makes a part of a message" if name in PART_HELPERS else "is a block"
            self._wrong(expression, f"'{name}' {what}, and is no value")
            return constant(UNDEFINED)
        return self._called(name, expression)

    def _called(self, name: str, call: Call) -> Get:
        make, wanted, options = VALUE_HELPERS[name]
        gets = [self._get(each) for each in call.params]
        named = {option: self._get(value) for option, value in call.named}
        wrong = set(named) - options
        if wanted is not None and len(gets) != wanted:
            self._wrong(call, f"'{name}' takes {'one value' if wanted == 1 else 'two values'}")
        elif wrong:
            self._wrong(call, f"'{name}' has no option '{min(wrong)}'{suggest(min(wrong), options)}")
        else:
            return make(gets, named)
        return constant(UNDEFINED)

    def _at(self, path: Path) -> Get:
        if path.data:
            self._asks = True
            return variable(path.parts, path.depth)
        if path.parts and not path.depth and not path.scoped and path.parts[0] in self._names:
            return parameter(path.parts[0], path.parts[1:])
        if path.depth:
            return above(path.depth, path.parts)
        return here(path.parts)

    def _wrong(self, call: Call, message: str) -> Op:
        self._notes.note(call.offset, message)
        return nothing


def inlines_of(program: Program | None) -> list[str]:
    """The names of the inline partials anywhere in a template."""
    found: list[str] = []
    for statement in program.body if program is not None else ():
        match statement:
            case Inline(name=name, program=inner):
                found += [name, *inlines_of(inner)]
            case Block(program=inner, inverse=other):
                found += [*inlines_of(inner), *inlines_of(other)]
            case Partial(block=inner):
                found += inlines_of(inner)
            case _:
                pass
    return found


def _inlines_at(program: Program) -> list[Inline]:
    return [each for each in program.body if isinstance(each, Inline)]


def _static(program: Program) -> int:
    """The characters a program writes whatever the values are."""
    return sum(len(each.value) for each in program.body if isinstance(each, Content))
