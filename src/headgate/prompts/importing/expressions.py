"""Values in templates of Jinja2, and what is known of them on the way through one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from jinja2 import nodes

from headgate.prompts.importing.handlebars import Unwritable, constant
from headgate.prompts.importing.naming import Naming
from headgate.prompts.importing.written import Note


class Expressions:
    """Values as Handlebars has them. What is not the same there is noted."""

    def __init__(self, notes: list[Note], shift: int, parts: Mapping[str, str], *, nunjucks: bool) -> None:
        self._notes = notes
        self.parts = parts
        self._shift = shift
        self._nunjucks = nunjucks
        self.names = Naming()
        self.set_: dict[str, nodes.Node] = {}
        self.macros: dict[str, nodes.Macro] = {}
        self._loose: dict[str, int] = {}
        """Inputs of which something is written out that may be other than text, and where."""

    def note_values(self, declared: Collection[str]) -> None:
        """Tell where Jinja2 writes values as Python does."""
        loose = dict.fromkeys(self.names.lists_written(), 1) | self._loose
        loose = {name: line for name, line in loose.items() if name not in declared}
        if loose:
            named = ", ".join(f"'{name}'" for name in loose)
            self.note(
                min(loose.values()),
                f"values in {named} have no type: where one is true, null, 1.0 or a list, Jinja2 writes True, None, "
                "1.0 or ['a'], and here it is true, nothing, 1 or a; write their schema",
            )
        for name in self.names.mappings_tested():
            self.note(self._loose.get(name, 1), f"where '{name}' is an empty mapping, it is taken for something here")

    def shown(self, node: nodes.Node) -> str:
        """A value that is written out."""
        path = self.names.path(node, "text")
        origin = self.names.origin(node)
        if origin and node != nodes.Name(origin, "load") and not self.names.is_item(node):
            self._loose.setdefault(origin, node.lineno)
        return path

    def json(self, node: nodes.Filter, inner: nodes.Node) -> str:
        given = [each.value for each in node.kwargs if each.key == "indent"] + node.args
        if node.name == "tojson":
            self.note(
                node.lineno, "'tojson' sorts names, puts spaces between and escapes <, >, & and '; 'json' does not"
            )
        indent = f" indent={self.argument(given[0])}" if given else ""
        return f"json {self.names.path(inner, 'whole')}{indent}"

    def of_texts(self, node: nodes.Node) -> None:
        """Note that what a list holds is written out."""
        if isinstance(node, nodes.Name) and not self.names.is_local(node.name):
            self.names.use(node, "item")
        elif origin := self.names.origin(node):
            self._loose.setdefault(origin, node.lineno)

    def macro_call(self, node: nodes.Call, macro: nodes.Macro) -> str:
        names = [each.name for each in macro.args]
        if node.dyn_args is not None or node.dyn_kwargs is not None or len(node.args) > len(names):
            raise Unwritable(f"'{macro.name}(…)' with these values has nothing like it in Handlebars")
        given: dict[str, str] = dict.fromkeys(names, "undefined")
        behind = names[len(names) - len(macro.defaults) :]
        given |= {name: self.argument(each) for name, each in zip(behind, macro.defaults, strict=True)}
        given |= {name: self.argument(each) for name, each in zip(names, node.args, strict=False)}
        given |= {each.key: self.argument(each.value) for each in node.kwargs}
        for each in (*node.args, *(each.value for each in node.kwargs)):
            if origin := self.names.origin(each):
                self._loose.setdefault(origin, node.lineno)
        if given.keys() - set(names):
            raise Unwritable(f"'{macro.name}(…)' with these values has nothing like it in Handlebars")
        return " ".join([macro.name, *(f"{name}={value}" for name, value in given.items())])

    def argument(self, node: nodes.Node) -> str:
        node = self.resolved(node)
        return constant(node.value) if isinstance(node, nodes.Const) else self.names.path(node, "whole")

    def resolved(self, node: Any) -> Any:
        """What a name stands for that `set` has set."""
        if isinstance(node, nodes.Name) and node.name in self.set_ and not self.names.is_local(node.name):
            return self.set_[node.name]
        if self._nunjucks and isinstance(node, nodes.Getattr) and node.node == nodes.Name("env", "load"):
            raise Unwritable(f"'env.{node.attr}' is of the environment, which no prompt sees; make it an input")
        return node

    def note(self, line: int, message: str) -> None:
        note = Note(line + self._shift, message)
        if note not in self._notes:
            self._notes.append(note)
