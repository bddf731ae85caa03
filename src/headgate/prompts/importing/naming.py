"""What the names of a template stand for, and what of its inputs is used how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from jinja2 import nodes

from headgate.prompts.dotprompt.helpers import HELPERS
from headgate.prompts.importing.handlebars import Unwritable, segment, variable
from headgate.prompts.importing.written import Field

_LOOP: Final = {"index0": "@index", "first": "@first", "last": "@last"}


class Naming:
    """The scopes around a place in a template of Jinja2."""

    def __init__(self) -> None:
        self._scopes: list[dict[str, str]] = []
        self._loops: list[nodes.Expr] = []
        """What the loops around go over; those of a macro begin anew."""
        self._in_macro = False
        self._origins: dict[str, str] = {}
        """The inputs that names of loops are of."""
        self._items: dict[str, str] = {}
        """The inputs that names of loops are items of."""
        self._uses: dict[str, set[str]] = {}

    # ── scopes ──

    def enter_loop(self, over: nodes.Expr, names: list[str]) -> list[str]:
        """Names of a loop's values as Handlebars has them, which stand for them until it is left."""
        origin = self.origin(over)
        written = [f"{name}_" if name in HELPERS or segment(name) != name else name for name in names]
        self._scopes.append(dict(zip(names, written, strict=True)))
        self._origins |= dict.fromkeys(names, origin)
        self._items |= dict.fromkeys(names, origin if isinstance(over, nodes.Name) and len(names) == 1 else "")
        self._loops.append(over)
        return written

    def leave_loop(self) -> None:
        self._scopes.pop()
        self._loops.pop()

    def enter_macro(self, names: list[str]) -> Any:
        """What is to be given back on leaving it."""
        around = self._scopes, self._loops, self._in_macro
        self._scopes, self._loops, self._in_macro = [dict.fromkeys(names, "")], [], True
        return around

    def leave_macro(self, around: Any) -> None:
        self._scopes, self._loops, self._in_macro = around

    @property
    def nested(self) -> bool:
        """Whether what is here is not all inputs."""
        return bool(self._scopes)

    def here(self) -> dict[str, str]:
        """The names of the loops around, and how they are written."""
        return {name: path for scope in self._scopes for name, path in scope.items() if path}

    def is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)

    # ── paths ──

    def path(self, node: nodes.Node, use: str) -> str:
        """A value by its names. `use` is what becomes of it: `text`, `list`, `tested`, `whole`.

        Raises:
            Unwritable: it is none, or Handlebars has nothing like it.
        """
        match node:
            case nodes.Name(name=name):
                return self._named(name, use)
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=attr) if self._loops:
                if use == "text" and attr in ("first", "last"):
                    raise Unwritable(f"'loop.{attr}' as text, True or False, has nothing like it in Handlebars")
                return self._of_loop(attr)
            case nodes.Getattr(node=inner, attr=attr):
                return f"{self.path(inner, 'inside')}.{segment(attr)}"
            case nodes.Getitem(node=inner, arg=nodes.Const(value=place)) if isinstance(place, str | int):
                return f"{self.path(inner, 'inside')}.{segment(place)}"
            case nodes.Getitem():
                raise Unwritable(
                    "a place chosen by a value, or counted from the end, has nothing like it in Handlebars"
                )
            case nodes.Call(node=nodes.Getattr(node=inner, attr="get"), args=[nodes.Const(value=str() as place)]):
                return f"{self.path(inner, 'inside')}.{segment(place)}"
            case nodes.Call(node=nodes.Name(name=name) | nodes.Getattr(attr=name)):
                raise Unwritable(f"'{name}(…)' has nothing like it in Handlebars")
            case nodes.Filter(name=name):
                raise Unwritable(f"the filter '{name}' has nothing like it in Handlebars")
            case _:
                raise Unwritable(f"'{type(node).__name__.lower()}' has nothing like it in Handlebars")

    def _named(self, name: str, use: str) -> str:
        for scope in reversed(self._scopes):
            if name in scope:
                self._of_items(name, use)
                above = "../" * len(self._loops) or "./" * (name in HELPERS)
                return scope[name] or f"{above}{segment(name)}"
        self._uses.setdefault(name, set()).add(use)
        return f"@root.{segment(name)}" if self._scopes or self._in_macro else variable(name)

    def _of_items(self, name: str, use: str) -> None:
        """Note what becomes of what a list holds."""
        if origin := self._items.get(name):
            self._uses.setdefault(origin, set()).add("item" if use in ("text", "tested", "compared") else "within")

    def use(self, node: nodes.Node, use: str) -> None:
        """Note what becomes of an input."""
        if isinstance(node, nodes.Name) and node.name in self._uses:
            self._uses[node.name].add(use)

    def _of_loop(self, attr: str) -> str:
        if attr == "length":
            return f"{self.path(self._loops[-1], 'list')}.length"
        if attr == "index":
            raise Unwritable("'loop.index' counts from 1, and '@index' of Handlebars from 0")
        if attr not in _LOOP:
            raise Unwritable(f"'loop.{attr}' has nothing like it in Handlebars")
        return _LOOP[attr]

    # ── inputs ──

    def origin(self, node: nodes.Node) -> str:
        """The input a value is of; empty where it is of none."""
        while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Call | nodes.Filter) and node.node is not None:
            node = node.node
        if not isinstance(node, nodes.Name) or (node.name == "loop" and self._loops):
            return ""
        return self._origins.get(node.name, "") if self.is_local(node.name) else node.name

    def state(self) -> dict[str, set[str]]:
        """What is known of inputs, to be given back by `restore`."""
        return {name: set(uses) for name, uses in self._uses.items()}

    def restore(self, state: dict[str, set[str]]) -> None:
        self._uses = state

    def fields(self, order: Iterable[str], *, typed: bool) -> dict[str, Field]:
        """The inputs, in an order of names. `typed`: those that are written out have to be text."""
        return {name: _field(self._uses[name], typed=typed) for name in dict.fromkeys(order) if name in self._uses}

    def is_item(self, node: nodes.Node) -> bool:
        """Whether a value is one of a list that is an input."""
        return isinstance(node, nodes.Name) and self.is_local(node.name) and bool(self._items.get(node.name))

    def lists_written(self) -> list[str]:
        """Inputs that are lists, and written out as a whole."""
        return [name for name, uses in self._uses.items() if {"list", "text"} <= uses]

    def mappings_tested(self) -> list[str]:
        """Inputs that are looked into, and asked whether they are empty."""
        return [name for name, uses in self._uses.items() if {"inside", "tested"} <= uses]


def _field(uses: set[str], *, typed: bool) -> Field:
    optional = "tested" in uses
    if "list" in uses:
        texts = typed and "item" in uses and not uses & {"inside", "text", "whole", "within"}
        return Field("string" if texts else "any", optional, "array")
    if typed and "text" in uses and not uses & {"inside", "whole"}:
        return Field("string", optional)
    return Field("any", optional)
