"""Which limits and budgets apply to a call.

A subject is `kind:name`. `team:*` gives each team a counter of its own, and so on for every kind; `model:gpt-*` is one
counter for all models it matches, `tag:feature=*` one for each value of that tag. A key that replaces another by
rotation stays under the limits of that one, and on the same counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, cast

from headgate.ids import counted_subject
from headgate.storage.records import Applying, Budget, Limit
from headgate.types import Identity

Rule = TypeVar("Rule", Limit, Budget)

KINDS = ("organisation", "team", "project", "user", "key", "model", "tag", "customer")

MAX_CHARACTERS = 512
"""Longest name of a subject."""

_REMEMBERED = 10_000
"""Callers whose rules are kept at hand: the very same each time, so that what follows from them can be kept too."""


_UNSEEN: Any = object()

_OF_CALLS = frozenset({"model", "tag", "customer"})
"""Kinds of subjects that are not the same for all calls of a caller."""

_Caller = tuple[object, ...]
"""Whose a call is, and what of it rules are about."""


class SubjectError(ValueError):
    """It is no subject."""


def check_subject(subject: str) -> None:
    """Raise `SubjectError`, with what to write, for a text that is no subject."""
    kind, colon, name = subject.partition(":")
    if not colon or kind not in KINDS:
        raise SubjectError(f"is no subject; write kind:name, kind being one of {', '.join(KINDS)}")
    if not name or not name.isprintable() or len(name) > MAX_CHARACTERS:
        raise SubjectError(f"names no {kind}; write {kind}:name, or {kind}:* for each its own")
    if "*" in name[:-1]:
        raise SubjectError("has a '*' that is not at the end; write a whole name, or '*' in its place")
    whole = name == "*" or kind == "model" or (kind == "tag" and name.partition("=")[2] == "*")
    if name.endswith("*") and not whole:
        raise SubjectError(f"has a '*' after a part of a name; write {kind}:* for each its own")
    if kind == "tag" and name != "*" and (name.startswith("=") or "=" not in name):
        raise SubjectError("is no tag; write tag:name=value, tag:name=* or tag:*")


class Rules:
    """The limits and the budgets of one organisation, by what they are about."""

    def __init__(self, lineage: Callable[[str], Sequence[str]]) -> None:
        """`lineage` tells a key and those it came from by rotation."""
        self._limits = _Table[Limit](lineage)
        self._budgets = _Table[Budget](lineage)
        self._of_callers: dict[_Caller, Applying | None] = {}
        self._kinds: frozenset[str] = frozenset()
        """Which kinds of subjects there are that are not the same for all calls of a caller."""

    def __bool__(self) -> bool:
        return bool(self._limits or self._budgets)

    def change(self, before: Limit | Budget | None, after: Limit | Budget | None) -> None:
        """Put a rule in the place of what it was; None where there was, or is, none."""
        if isinstance(before or after, Limit):
            self._limits.change(cast("Limit | None", before), cast("Limit | None", after))
        else:
            self._budgets.change(cast("Budget | None", before), cast("Budget | None", after))
        self._kinds = _OF_CALLS & (self._limits.kinds | self._budgets.kinds)
        self.forget_callers()

    def forget_callers(self) -> None:
        """Look again what applies to each caller: keys have changed."""
        self._of_callers.clear()

    def applying(
        self, identity: Identity, model: str, tags: Sequence[tuple[str, str]], end_user: str | None
    ) -> Applying | None:
        """The rules for a call; None where there are none."""
        caller: _Caller = (identity.key_id, identity.team_id, identity.project_id, identity.user_id)
        kinds = self._kinds
        if kinds:
            model = model if "model" in kinds else ""
            tags = tuple(tags) if "tag" in kinds else ()
            end_user = end_user if "customer" in kinds else None
            caller = (*caller, model, tags, end_user)
        found = self._of_callers.get(caller, _UNSEEN)
        if found is _UNSEEN:
            if len(self._of_callers) >= _REMEMBERED:
                self._of_callers.clear()
            limits = tuple(self._limits.applying(identity, model, tags, end_user))
            budgets = tuple(self._budgets.applying(identity, model, tags, end_user))
            found = self._of_callers[caller] = (limits, budgets) if limits or budgets else None
        return found


class _Table(Generic[Rule]):
    """Rules of one sort."""

    def __init__(self, lineage: Callable[[str], Sequence[str]]) -> None:
        self._lineage = lineage
        self._by_subject: dict[str, tuple[Rule, ...]] = {}
        self._kinds = Counter[str]()
        """How many subjects there are of each kind."""
        self._patterns: dict[str, str] = {}
        """Of models: by subject, the beginning."""

    def __bool__(self) -> bool:
        return bool(self._by_subject)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of their subjects."""
        return frozenset(kind for kind, count in self._kinds.items() if count)

    def change(self, before: Rule | None, after: Rule | None) -> None:
        """In a time that does not grow with the rules: all of them are changes when a process begins."""
        if before is not None:
            subject = counted_subject(before.organisation, before.subject)
            self._put(subject, tuple(rule for rule in self._by_subject.get(subject, ()) if rule.id != before.id))
        if after is not None:
            subject = counted_subject(after.organisation, after.subject)
            self._put(subject, (*self._by_subject.get(subject, ()), after))

    def _put(self, subject: str, rules: tuple[Rule, ...]) -> None:
        """Let a subject have these rules from now on."""
        kind = subject.partition(":")[0]
        pattern = kind == "model" and subject.endswith("*") and subject != "model:*"
        self._kinds[kind] += bool(rules) - (subject in self._by_subject)
        if rules:
            self._by_subject[subject] = rules
            if pattern:
                self._patterns[subject] = subject[6:-1]
        else:
            self._by_subject.pop(subject, None)
            self._patterns.pop(subject, None)

    def applying(
        self, identity: Identity, model: str, tags: Sequence[tuple[str, str]], end_user: str | None
    ) -> Iterator[tuple[Rule, str]]:
        yield from self._of_caller(identity)
        if model:
            yield from self._of_model(model)
        yield from self._of_tags(tags)
        if end_user:
            yield from self._named("customer", end_user)

    def _of_caller(self, identity: Identity) -> Iterator[tuple[Rule, str]]:
        for kind, name in (
            ("organisation", identity.organisation),
            ("team", identity.team_id),
            ("project", identity.project_id),
            ("user", identity.user_id),
        ):
            if name is not None:
                yield from self._named(kind, name)
        *before, first = self._lineage(identity.key_id)
        for subject in (f"key:{key_id}" for key_id in before):
            yield from ((rule, subject) for rule in self._by_subject.get(subject, ()))
        yield from self._named("key", first)

    def _named(self, kind: str, name: str) -> Iterator[tuple[Rule, str]]:
        subject, each = f"{kind}:{name}", f"{kind}:*"
        for rule in self._by_subject.get(subject, ()):
            yield rule, subject
        if subject != each:
            for rule in self._by_subject.get(each, ()):
                yield rule, subject

    def _of_model(self, model: str) -> Iterator[tuple[Rule, str]]:
        yield from self._named("model", model)
        for subject, beginning in self._patterns.items():
            if model.startswith(beginning) and subject != f"model:{model}":
                for rule in self._by_subject[subject]:
                    yield rule, subject

    def _of_tags(self, tags: Sequence[tuple[str, str]]) -> Iterator[tuple[Rule, str]]:
        for name, value in dict.fromkeys(tags):
            yield from self._named("tag", f"{name}={value}")
            if value != "*":
                for rule in self._by_subject.get(f"tag:{name}=*", ()):
                    yield rule, f"tag:{name}={value}"
