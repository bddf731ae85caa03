"""A mapping of a foreign configuration that is read member by member, so that nothing in it is passed over unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from math import isfinite
from typing import Any

from headgate.importing.report import Report


class Section:
    """One mapping, and where it stands."""

    def __init__(self, tree: Any, place: str, area: str, report: Report) -> None:
        self.place = place
        self.area = area
        self.report = report
        self._tree: Mapping[str, Any] = tree if isinstance(tree, Mapping) else {}
        self._seen: set[str] = set()
        if tree is not None and not isinstance(tree, Mapping):
            self.report.cannot(area, place, "is not read", why="it is no mapping", do="mend it, and import again")

    def __contains__(self, name: str) -> bool:
        return name in self._tree

    def __bool__(self) -> bool:
        return bool(self._tree)

    def at(self, name: str) -> str:
        """Where a member stands."""
        return f"{self.place}.{name}" if self.place else name

    def take(self, name: str, default: Any = None) -> Any:
        """A member's value, which is dealt with from here on; `default` where it is not there, or null."""
        self._seen.add(name)
        value = self._tree.get(name)
        return default if value is None else value

    def number(self, name: str) -> float | None:
        """A member that is to be a number, as one or as a text of one."""
        value = self.take(name)
        if value is None:
            return None
        with suppress(TypeError, ValueError, OverflowError):
            if not isinstance(value, bool) and isfinite(number := float(value)):
                return number
        self.report.cannot(
            self.area, self.at(name), "is not carried", why="it is no number", do="write what it stands for"
        )
        return None

    def positive(self, name: str) -> float | None:
        """A member that is to be a number above 0; 0 is as good as none."""
        value = self.number(name)
        if value is not None and value < 0:
            self._wrong(name, self.area, "it is below 0")
        return value if value is not None and value > 0 else None

    def count(self, name: str) -> int | None:
        """A member that is to be a whole number."""
        value = self.number(name)
        return None if value is None else int(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """A member that is to be a mapping of no settings, such as names to names."""
        value = self.take(name, {})
        if isinstance(value, dict):
            return value
        self._wrong(name, self.area, "it is no mapping")
        return {}

    def values(self, name: str) -> list[Any]:
        """A member that is to be a list; a single value is one of one."""
        value = self.take(name, [])
        return value if isinstance(value, list) else [value]

    def section(self, name: str, area: str | None = None) -> Section:
        """A member that is a mapping of its own."""
        return Section(self.take(name), self.at(name), area or self.area, self.report)

    def sections(self, name: str, area: str | None = None) -> list[Section]:
        """The mappings of a member that is a list."""
        value = self.take(name, [])
        if not isinstance(value, list):
            self._wrong(name, area or self.area, "it is no list")
            return []
        return [
            Section(each, f"{self.at(name)}[{index}]", area or self.area, self.report)
            for index, each in enumerate(value)
        ]

    def _wrong(self, name: str, area: str, why: str) -> None:
        self.report.cannot(area, self.at(name), "is not read", why=why, do="mend it, and import again")

    def before(self, others: Mapping[str, Any]) -> Section:
        """The same with what others say where it says nothing itself."""
        found = Section({**others, **self._tree}, self.place, self.area, self.report)
        found._seen |= self._seen
        return found

    def rest(self) -> Iterator[str]:
        """The members nobody has taken."""
        return iter([name for name in self._tree if name not in self._seen])

    def close(self, notes: Mapping[str, Note] | None = None) -> None:
        """Say of each member nobody has taken what becomes of it: what `notes` say, else that it is not known."""
        for name in self.rest():
            note = (notes or {}).get(name)
            if note is not None:
                note.tell(self.report, self.area, self.at(name))
                continue
            self.report.cannot(
                self.area,
                self.at(name),
                "is left out",
                why="this importer does not know it",
                do=f"look whether you need it; {self.report.guide} has what is known",
            )


class Note:
    """What becomes of a setting that has no member of its own here."""

    __slots__ = ("_do", "_kind", "_what", "_why")

    def __init__(self, kind: str, what: str, why: str = "", do: str = "") -> None:
        self._kind, self._what, self._why, self._do = kind, what, why, do

    def tell(self, report: Report, area: str, place: str) -> None:
        if self._kind == "carries":
            report.carries(area, place, self._what)
        elif self._kind == "changes":
            report.changes(area, place, self._what, why=self._why, do=self._do)
        else:
            report.cannot(area, place, self._what, why=self._why, do=self._do)
