"""Conditions of Jinja2 as blocks of Handlebars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from jinja2 import nodes

from headgate.prompts.importing.handlebars import Tag, Token, Unwritable, constant
from headgate.prompts.importing.naming import Naming

_OPPOSITE: Final = {"if": "unless", "ifEquals": "unlessEquals", "unless": "if", "unlessEquals": "ifEquals"}
_SIGNS: Final = {"gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}
_ANY: Final = frozenset({("gt", 0), ("ne", 0), ("gteq", 1)})
"""Comparisons of a length that hold where there is anything."""
_NONE: Final = frozenset({("eq", 0), ("lt", 1), ("lteq", 0)})


class Choice(NamedTuple):
    """A block's helper, and what it looks at."""

    helper: str
    of: str

    def negated(self) -> Choice:
        return Choice(_OPPOSITE[self.helper], self.of)


def condition(names: Naming, test: nodes.Node) -> Choice:
    """A block for a condition without 'and', 'or' and 'not'.

    Raises:
        Unwritable: Handlebars has nothing like it.
    """
    match test:
        case nodes.Test(node=node, name=name, args=args):
            return _test(names, node, name, args or [])
        case nodes.Compare(expr=expr, ops=[nodes.Operand(op=op, expr=other)]):
            return _comparison(names, expr, op, other)
        case nodes.Compare():
            raise Unwritable("several comparisons in one have nothing like them in Handlebars")
        case nodes.Const(value=value):
            return Choice("if", "true" if value else "false")
        case _:
            return Choice("if", names.path(test, "tested"))


def _test(names: Naming, node: nodes.Node, name: str, args: Sequence[nodes.Expr]) -> Choice:
    match name:
        case "defined" | "undefined":
            found = Choice("ifEquals", f"{names.path(node, 'tested')} undefined")
            return found.negated() if name == "defined" else found
        case "none":
            return Choice("ifEquals", f"{names.path(node, 'tested')} null")
        case "true" | "false":
            return Choice("ifEquals", f"{names.path(node, 'tested')} {name}")
        case "eq" | "equalto" | "==" | "ne" | "!=" if len(args) == 1:
            return _comparison(names, node, "ne" if name in ("ne", "!=") else "eq", args[0])
        case _:
            raise Unwritable(f"the test '{name}' has nothing like it in Handlebars")


def _comparison(names: Naming, expr: nodes.Node, op: str, other: nodes.Node) -> Choice:
    if isinstance(expr, nodes.Filter) and expr.name in ("length", "count") and expr.node is not None:
        asked = (op, other.value) if isinstance(other, nodes.Const) else None
        if asked in _ANY or asked in _NONE:
            found = Choice("if", names.path(expr.node, "list"))
            return found.negated() if asked in _NONE else found
    if op in ("eq", "ne"):
        found = Choice("ifEquals", f"{_side(names, expr)} {_side(names, other)}")
        return found.negated() if op == "ne" else found
    raise Unwritable(f"the comparison '{_SIGNS.get(op, op)}' has nothing like it in Handlebars")


def _side(names: Naming, node: nodes.Node) -> str:
    return constant(node.value) if isinstance(node, nodes.Const) else names.path(node, "compared")


def one_of(test: nodes.Node) -> nodes.Node:
    """`x in ['a', 'b']` as `x == 'a' or x == 'b'`; any other condition as it is."""
    match test:
        case nodes.Compare(expr=expr, ops=[nodes.Operand(op="in" | "notin" as op, expr=nodes.List(items=items))]) if (
            items
        ):
            asked: nodes.Expr = _equal(expr, items[-1])
            for each in reversed(items[:-1]):
                asked = nodes.Or(_equal(expr, each), asked, lineno=test.lineno)
            return nodes.Not(asked, lineno=test.lineno) if op == "notin" else asked
        case _:
            return test


def _equal(expr: nodes.Expr, other: nodes.Expr) -> nodes.Compare:
    return nodes.Compare(expr, [nodes.Operand("eq", other, lineno=expr.lineno)], lineno=expr.lineno)


def is_empty(test: Any) -> bool:
    """Whether a condition is of a value that would be nothing without it: `x | default(false)`."""
    if not isinstance(test, nodes.Filter) or test.name not in ("default", "d") or test.node is None:
        return False
    other = test.args[0] if test.args else nodes.Const("")
    return (isinstance(other, nodes.Const) and not other.value) or (isinstance(other, nodes.List) and not other.items)


def sides(tokens: Sequence[Token]) -> bool:
    """Whether these are one block and nothing else."""
    depth = 0
    for at, token in enumerate(tokens):
        if isinstance(token, Tag):
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if not depth:
            return at > 0 and at == len(tokens) - 1
    return False
