"""Jinja2 templates in Handlebars, as far as they say the same: values, conditions, loops, includes.

What Handlebars has nothing for is noted by its line, and left out: most filters, macros, assignments, arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.importing.written import Note, literal

_LOOP = {"index0": "@index", "first": "@first", "last": "@last"}


class BadTemplate(ValueError):
    """A text is no Jinja2 template. `line` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def handlebars(source: str, notes: list[Note], first_line: int = 1) -> tuple[str, list[str]]:
    """A template in Handlebars, and the names of its inputs in the order they come.

    Raises:
        BadTemplate: it is none of Jinja2's.
    """
    try:
        parsed = Environment(autoescape=False, keep_trailing_newline=True).parse(source)  # noqa: S701 - nothing is rendered
    except TemplateSyntaxError as error:
        raise BadTemplate(error.lineno + first_line - 1, error.message or "it is no template of Jinja2") from None
    writer = _Writer(notes, first_line)
    return writer.all(parsed.body), list(writer.inputs)


class _Foreign(Exception):
    """Handlebars has nothing for a part of a template."""


class _Writer:
    def __init__(self, notes: list[Note], first_line: int) -> None:
        self._notes = notes
        self._shift = first_line - 1
        self._local: list[str] = []
        self.inputs: dict[str, None] = {}

    def all(self, body: Sequence[nodes.Node]) -> str:
        return "".join(self._node(each) for each in body)

    def _node(self, node: nodes.Node) -> str:
        try:
            match node:
                case nodes.Output():
                    return "".join(self._output(each) for each in node.nodes)
                case nodes.If():
                    return self._if(node)
                case nodes.For():
                    return self._for(node)
                case nodes.Include():
                    return self._include(node)
                case _:
                    raise _Foreign(f"'{type(node).__name__.lower()}' has nothing like it in Handlebars")
        except _Foreign as error:
            self._notes.append(Note(node.lineno + self._shift, f"{error}; it was left out"))
            return ""

    def _output(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.TemplateData):
            return literal(node.data)
        try:
            return f"{{{{{self._value(node)}}}}}"
        except _Foreign as error:
            self._notes.append(Note(node.lineno + self._shift, f"{error}; it was left out"))
            return ""

    def _if(self, node: nodes.If) -> str:
        condition, close = self._condition(node.test)
        text = f"{{{{#{condition}}}}}{self.all(node.body)}"
        for each in node.elif_:
            text += f"{{{{else {self._condition(each.test)[0]}}}}}{self.all(each.body)}"
        if node.else_:
            text += f"{{{{else}}}}{self.all(node.else_)}"
        return f"{text}{{{{/{close}}}}}"

    def _condition(self, test: nodes.Node) -> tuple[str, str]:
        """How a block for it begins, and its helper."""
        negated = False
        while isinstance(test, nodes.Not):
            negated, test = not negated, test.node
        if isinstance(test, nodes.Test) and test.name in ("defined", "undefined", "none"):
            message = f"'is {test.name}' became a look at whether the value is empty"
            self._notes.append(Note(test.lineno + self._shift, message))
            negated ^= test.name != "defined"
            test = test.node
        if isinstance(test, nodes.Compare) and len(test.ops) == 1 and test.ops[0].op in ("eq", "ne"):
            name = "unlessEquals" if negated ^ (test.ops[0].op == "ne") else "ifEquals"
            return f"{name} {self._argument(test.expr)} {self._argument(test.ops[0].expr)}", name
        name = "unless" if negated else "if"
        return f"{name} {self._argument(test)}", name

    def _for(self, node: nodes.For) -> str:
        if node.recursive or node.test is not None:
            raise _Foreign("a loop with a condition or into itself has nothing like it in Handlebars")
        over: Any = node.iter
        called: Any = over.node if isinstance(over, nodes.Call) else None
        items = isinstance(called, nodes.Getattr) and called.attr == "items"
        if items:
            over = called.node
        target: Any = node.target
        if isinstance(target, nodes.Name) and not items:
            names = [target.name]
        elif items and isinstance(target, nodes.Tuple) and all(isinstance(each, nodes.Name) for each in target.items):
            names = [each.name for each in reversed(target.items) if isinstance(each, nodes.Name)]
        else:
            raise _Foreign("a loop over several names has nothing like it in Handlebars")
        head = f"{{{{#each {self._argument(over)} as |{' '.join(map(_local, names))}|}}}}"
        self._local += [*names, "loop"]
        body = self.all(node.body)
        del self._local[-len(names) - 1 :]
        other = f"{{{{else}}}}{self.all(node.else_)}" if node.else_ else ""
        return f"{head}{body}{other}{{{{/each}}}}"

    def _include(self, node: nodes.Include) -> str:
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            raise _Foreign("a template chosen by a value is not taken over")
        name = node.template.value.rsplit(".", 1)[0] if "." in node.template.value else node.template.value
        self._notes.append(
            Note(node.lineno + self._shift, f"import '{node.template.value}' too, as the partial '{name}'")
        )
        return f"{{{{> {name}}}}}"

    def _value(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Filter) and node.name == "tojson" and node.node is not None:
            indent = next((each.value for each in node.kwargs if each.key == "indent"), None)
            return f"json {self._argument(node.node)}" + (f" indent={self._argument(indent)}" if indent else "")
        return self._argument(node)

    def _argument(self, node: nodes.Node) -> str:
        match node:
            case nodes.Const(value=value):
                return _constant(value)
            case nodes.Filter(name="tojson"):
                return f"({self._value(node)})"
            case nodes.Filter(name=name):
                raise _Foreign(f"the filter '{name}' has nothing like it in Handlebars")
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._path(node)
            case _:
                raise _Foreign(f"'{type(node).__name__.lower()}' has nothing like it in Handlebars")

    def _path(self, node: Any) -> str:
        if isinstance(node, nodes.Name):
            if node.name in self._local:
                return _local(node.name)
            self.inputs[node.name] = None
            return f"@root.{_segment(node.name)}" if self._local or node.name in HELPERS else _segment(node.name)
        if isinstance(node, nodes.Getattr):
            if isinstance(node.node, nodes.Name) and node.node.name == "loop" and "loop" in self._local:
                if node.attr not in _LOOP:
                    raise _Foreign(f"'loop.{node.attr}' has nothing like it in Handlebars")
                return _LOOP[node.attr]
            return f"{self._path(node.node)}.{_segment(node.attr)}"
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            return f"{self._path(node.node)}.[{node.arg.value}]"
        raise _Foreign("a place chosen by a value is not taken over")


def _local(name: str) -> str:
    """A loop's name, told from a helper's."""
    return f"{name}_" if name in HELPERS else _segment(name)


def _segment(name: str) -> str:
    return f"[{name}]" if name in ("else", "true", "false", "null", "undefined", "as") else name


def _constant(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        mark = "'" if '"' in value else '"'
        if mark in value:
            raise _Foreign("a text with both kinds of quotes is not taken over")
        return f"{mark}{value}{mark}"
    if isinstance(value, int | float):
        return repr(value)
    raise _Foreign("a list or mapping written out has nothing like it in Handlebars")
