"""Jinja2 templates in Handlebars, which come to the same text; and what there is in Nunjucks of them.

What Handlebars has nothing for is noted by its line, and left out with a comment in its place: most filters of lists,
assignments within blocks, arithmetic. A filter of texts is noted, and what it changes stands there as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes

from headgate.prompts.importing.conditions import Choice, condition, is_empty, one_of, sides
from headgate.prompts.importing.expressions import Expressions
from headgate.prompts.importing.handlebars import Said, Tag, Token, Unwritable, text
from headgate.prompts.importing.handlebars import template as written
from headgate.prompts.importing.written import Field, Note, partial_of

MOST_TWICE: Final = 1_000
"""Characters that may be written twice, where Handlebars has no 'and' and 'or'."""
MOST_TAGS_TWICE: Final = 100
"""Tags and texts that may."""

_OF_TEXTS: Final = frozenset(
    {
        "capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "nl2br",
        "replace", "strip", "striptags", "title", "trim", "truncate", "upper", "urlencode", "urlize",
        "wordwrap",
    }
)  # fmt: skip
_OF_NUMBERS: Final = frozenset({"abs", "float", "int", "round"})
_AS_IT_IS: Final = frozenset({"safe", "string"})


class BadTemplate(ValueError):
    """A text is no Jinja2 template. `line` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Template(NamedTuple):
    """A template of Handlebars, and its inputs in the order they come."""

    text: str
    inputs: dict[str, Field]


def handlebars(
    source: str,
    notes: list[Note],
    first_line: int = 1,
    *,
    trim: bool = False,
    nunjucks: bool = False,
    parts: Mapping[str, str] | None = None,
    declared: Collection[str] = (),
) -> Template:
    """A template in Handlebars.

    Args:
        first_line: that of the file in which the template begins.
        trim: it is rendered with Jinja2's `trim_blocks` and `lstrip_blocks`.
        nunjucks: it is one of Nunjucks, which writes values as JavaScript does, as Handlebars.
        parts: names that stand for no text, and the tag they become.
        declared: inputs whose types are known.

    Raises:
        BadTemplate: it is none of Jinja2's.
    """
    try:
        parsed = Environment(autoescape=False, trim_blocks=trim, lstrip_blocks=trim).parse(source)  # noqa: S701 - nothing is rendered
    except TemplateSyntaxError as error:
        raise BadTemplate(error.lineno + first_line - 1, error.message or "it is no template of Jinja2") from None
    except RecursionError:
        raise BadTemplate(first_line, "it is nested too deep") from None
    for each in parsed.find_all(nodes.Extends):
        raise BadTemplate(each.lineno + first_line - 1, "it extends another template; write out what both come to")
    writer = _Writer(notes, first_line - 1, parts or {}, nunjucks=nunjucks)
    try:
        order = [each.name for each in parsed.find_all(nodes.Name)]
        tokens = writer.all(parsed.body)
    except RecursionError:
        raise BadTemplate(first_line, "it is nested too deep") from None
    if not nunjucks:
        writer.note_values(declared)
    return Template(written(tokens), writer.names.fields(order, typed=not nunjucks))


class _Writer(Expressions):
    def __init__(self, notes: list[Note], shift: int, parts: Mapping[str, str], *, nunjucks: bool) -> None:
        super().__init__(notes, shift, parts, nunjucks=nunjucks)
        self._depth = 0

    def all(self, body: Iterable[nodes.Node]) -> list[Token]:
        return [token for each in body for token in self._node(each)]

    # ── statements ──

    def _node(self, node: nodes.Node) -> list[Token]:
        if isinstance(node, nodes.Output):
            return [token for each in node.nodes for token in self._tried(each, self._output)]
        return self._tried(node, self._statement)

    def _tried(self, node: Any, write: Any) -> list[Token]:
        """What is written for a node; a comment where Handlebars has nothing for it."""
        state = self.names.state()
        try:
            return write(node)
        except Unwritable as error:
            self.names.restore(state)
            self.note(node.lineno, f"{error}; it was left out")
            return [Tag("comment", f"line {node.lineno + self._shift} was left out: {error}".replace("}}", "} }"))]

    def _statement(self, node: nodes.Node) -> list[Token]:
        match node:
            case nodes.If():
                return self._if(node)
            case nodes.For():
                return self._for(node)
            case nodes.Include():
                return self._include(node)
            case nodes.Assign():
                return self._assign(node)
            case nodes.Macro():
                return self._macro(node)
            case nodes.Block(body=body):
                return self._inside(body)
            case _:
                raise Unwritable(f"'{type(node).__name__.lower()}' has nothing like it in Handlebars")

    def _inside(self, body: Sequence[nodes.Node]) -> list[Token]:
        self._depth += 1
        try:
            return self.all(body)
        finally:
            self._depth -= 1

    def _if(self, node: nodes.If) -> list[Token]:
        arms = [(node.test, node.body), *((each.test, each.body) for each in node.elif_)]
        other = self._inside(node.else_)
        for test, body in reversed(arms):
            other = self._choice(test, self._inside(body), other, chained=test is not arms[-1][0])
        return other

    def _choice(
        self, test: nodes.Node, yes: list[Token], no: list[Token], *, negated: bool = False, chained: bool = False
    ) -> list[Token]:
        """One or the other, by a condition. `chained`: the other is a condition of the same `if`."""
        while isinstance(test, nodes.Not) or is_empty(test):
            negated ^= isinstance(test, nodes.Not)
            test = _inner(test)
        test = one_of(test)
        if isinstance(test, nodes.And | nodes.Or):
            both = isinstance(test, nodes.And) != negated
            self._twice(test.lineno, no if both else yes)
            inner = self._choice(test.right, yes, no, negated=negated)
            outer = (inner, no) if both else (yes, inner)
            return self._choice(test.left, *outer, negated=negated)
        found = condition(self.names, self.resolved(test))
        return _block(found.negated() if negated else found, yes, no, chained=chained)

    def _twice(self, line: int, tokens: list[Token]) -> None:
        if not tokens:
            return
        if len(text(tokens)) > MOST_TWICE or len(tokens) > MOST_TAGS_TWICE:
            raise Unwritable("'and' and 'or' have nothing like them in Handlebars, and this is too long to write twice")
        self.note(line, "Handlebars has no 'and' and 'or', so a part is written twice; make a partial of it")

    def _for(self, node: nodes.For) -> list[Token]:
        if node.recursive:
            raise Unwritable("a loop into itself has nothing like it in Handlebars")
        over, pairs = _over(self.resolved(node.iter))
        names = _targets(node.target, pairs=pairs)
        if node.test is not None and (node.else_ or _uses_loop(node)):
            raise Unwritable("a loop with a condition that is counted has nothing like it in Handlebars")
        head = f"each {self.names.path(over, 'whole' if pairs else 'list')}"
        if isinstance(node.iter, nodes.Filter):
            self.names.use(over, "tested")
        head = f"{head} as |{' '.join(self.names.enter_loop(over, names))}|"
        try:
            body = self._inside(node.body)
            if node.test is not None:
                body = self._choice(node.test, body, [])
        finally:
            self.names.leave_loop()
        other = [Tag("else", "else"), *self._inside(node.else_)] if node.else_ else []
        return [Tag("open", head), *body, *other, Tag("close", "each")]

    def _include(self, node: nodes.Include) -> list[Token]:
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            raise Unwritable("a template chosen by a value has nothing like it in a prompt")
        file = node.template.value
        name = partial_of(file.rsplit(".", 1)[0])
        self.note(node.lineno, f"import '{file}' too, with --partial, as the partial '{name}'")
        given = "".join(f" {segment}={path}" for segment, path in self.names.here().items())
        return [Tag("partial", f"{name} @root{given}" if self.names.nested else name)]

    def _assign(self, node: nodes.Assign) -> list[Token]:
        if not isinstance(node.target, nodes.Name):
            raise Unwritable("'set' of something that is no name has nothing like it in Handlebars")
        self.set_.pop(node.target.name, None)
        if self._depth or not isinstance(node.node, nodes.Const | nodes.Name | nodes.Getattr | nodes.Getitem):
            raise Unwritable(f"'set' has nothing like it in Handlebars, and '{node.target.name}' is an input now")
        self.set_[node.target.name] = self.resolved(node.node)
        return []

    def _macro(self, node: nodes.Macro) -> list[Token]:
        names = [each.name for each in node.args]
        around = self.names.enter_macro(names)
        try:
            body = self._inside(node.body)
        finally:
            self.names.leave_macro(around)
        self.macros[node.name] = node
        return [Tag("open", f'*inline "{node.name}"'), *body, Tag("close", "inline")]

    # ── values ──

    def _output(self, node: nodes.Node) -> list[Token]:
        node = self.resolved(node)
        match node:
            case nodes.Name(name=name) if name in self.parts and not self.names.is_local(name):
                return [Tag("value", self.parts[name])]
            case nodes.TemplateData(data=data):
                return [Said(data)]
            case nodes.Const(value=value):
                return [Said(str(value))]
            case nodes.Concat(nodes=parts):
                return [token for each in parts for token in self._output(each)]
            case nodes.CondExpr(test=test, expr1=yes, expr2=no):
                return self._choice(test, self._output(yes), self._output(no) if no is not None else [])
            case nodes.Or(left=left, right=right):
                return self._choice(left, self._output(left), self._output(right))
            case nodes.Filter(node=inner) if inner is not None:
                return self._filtered(node, inner)
            case nodes.Call():
                return self._called(node)
            case _:
                return [Tag("value", self.shown(node))]

    def _filtered(self, node: nodes.Filter, inner: nodes.Node) -> list[Token]:
        match node.name:
            case "tojson" | "dump":
                return [Tag("value", self.json(node, inner))]
            case "default" | "d":
                return self._default(node, inner)
            case "length" | "count":
                return [Tag("value", f"{self.names.path(inner, 'list')}.length")]
            case "first":
                self.of_texts(inner)
                return [Tag("value", f"{self.names.path(inner, 'list')}.[0]")]
            case "join":
                return self._join(inner, node.args[0] if node.args else nodes.Const(""), bool(node.args[1:]))
            case name if name in _AS_IT_IS:
                return self._output(inner)
            case name if name in _OF_TEXTS or name in _OF_NUMBERS:
                self.note(node.lineno, f"the filter '{name}' has nothing like it in Handlebars; the value is as it is")
                if name in _OF_NUMBERS:
                    self.names.path(inner, "whole")
                return self._output(inner)
            case name:
                raise Unwritable(f"the filter '{name}' has nothing like it in Handlebars")

    def _default(self, node: nodes.Filter, inner: nodes.Node) -> list[Token]:
        other = self._output(node.args[0]) if node.args else []
        empty = len(node.args) > 1 or any(each.key == "boolean" for each in node.kwargs)
        value = self._output(inner)
        self.names.use(inner, "tested")
        if empty:
            return self._choice(inner, value, other)
        path = self.names.path(inner, "tested")
        return _block(Choice("unlessEquals", f"{path} undefined"), value, other, chained=False)

    def _join(self, inner: nodes.Node, by: nodes.Node, of_parts: bool) -> list[Token]:
        if of_parts or not isinstance(by, nodes.Const):
            raise Unwritable("'join' by a value, or of parts, has nothing like it in Handlebars")
        path = self.names.path(inner, "list")
        self.of_texts(inner)
        between = [Tag("open", "unless @last"), Said(str(by.value)), Tag("close", "unless")] if by.value else []
        return [Tag("open", f"each {path}"), Tag("value", "this"), *between, Tag("close", "each")]

    def _called(self, node: nodes.Call) -> list[Token]:
        match node.node:
            case nodes.Name(name=name) if name in self.macros:
                return [Tag("partial", self.macro_call(node, self.macros[name]))]
            case nodes.Getattr(node=nodes.Const(value=str()) as by, attr="join") if len(node.args) == 1:
                return self._join(node.args[0], by, of_parts=False)
            case nodes.Getattr(node=inner, attr=attr) if attr in _OF_TEXTS:
                self.note(node.lineno, f"'{attr}(…)' has nothing like it in Handlebars; the value is as it is")
                return self._output(inner)
            case _:
                return [Tag("value", self.shown(node))]


def _block(found: Choice, yes: list[Token], no: list[Token], *, chained: bool) -> list[Token]:
    """A block of a helper with two sides, of which one may be empty."""
    if not yes and no:
        found, yes, no = found.negated(), no, []
    opened = Tag("open", f"{found.helper} {found.of}")
    if chained and sides(no):
        first = no[0]
        other: list[Token] = [Tag("chain", first.text), *no[1:-1]]
    else:
        other = [Tag("else", "else"), *no] if no else []
    return [opened, *yes, *other, Tag("close", found.helper)]


def _inner(node: Any) -> nodes.Node:
    return node.node


def _over(iterated: nodes.Expr) -> tuple[nodes.Expr, bool]:
    """What a loop goes over, and whether by names and values."""
    while (
        isinstance(iterated, nodes.Filter) and iterated.node is not None and iterated.name in ("default", "d", "list")
    ):
        iterated = iterated.node
    match iterated:
        case nodes.Call(node=nodes.Getattr(node=inner, attr="items")) | nodes.Filter(node=inner, name="items"):
            assert isinstance(inner, nodes.Expr)
            return inner, True
        case _:
            return iterated, False


def _targets(target: nodes.Node, *, pairs: bool) -> list[str]:
    if isinstance(target, nodes.Name) and not pairs:
        return [target.name]
    if pairs and isinstance(target, nodes.Tuple):
        names = [each.name for each in target.items if isinstance(each, nodes.Name)]
        if len(names) == len(target.items) == 2:
            return names[::-1]
    raise Unwritable("a loop over several names has nothing like it in Handlebars")


def _uses_loop(node: nodes.For) -> bool:
    return any(each.name == "loop" for part in node.body for each in part.find_all(nodes.Name))
