"""Our ids of what has one elsewhere. They follow from it, so that the same thing is found again."""

from __future__ import annotations

from hashlib import sha256

from headgate.ids import counted_subject

OWNED = frozenset({"team", "project", "user", "key"})
"""Kinds of subjects whose names are ids."""

_PREFIXES = {"project": "proj"}
"""Of ids, where it is not the kind itself."""


class Ids:
    """The ids of one source's things in one organisation."""

    def __init__(self, organisation: str, source: str) -> None:
        self.organisation = organisation
        self._source = source

    def of(self, kind: str, id: str) -> str:
        """Our id of what is called so there."""
        return f"{self.beginning(kind)}{hashed(self.organisation, self._source, kind, id)[:20]}"

    def beginning(self, kind: str) -> str:
        """What all of them begin with, and no others do but by a chance of 1 in 2^48."""
        return f"{_PREFIXES.get(kind, kind)}_{hashed(self.organisation, self._source)[:12]}"

    def reference(self, kind: str, id: str | None) -> str | None:
        return None if id is None else self.of(kind, id)

    def subject(self, subject: str) -> str:
        """A subject with our ids in place of those it comes with."""
        kind, _, name = subject.partition(":")
        if kind == "organisation":
            return f"organisation:{self.organisation}"
        return f"{kind}:{self.of(kind, name)}" if kind in OWNED and name != "*" else subject

    def account(self, subject: str) -> str:
        """The call that the rows of the ledger belong to which say what a subject has spent. It tells nobody's name."""
        counted = counted_subject(self.organisation, subject)
        return f"imp_{hashed(self.organisation, self._source, 'spend', counted)}"


def hashed(*parts: str) -> str:
    """32 hexadecimal digits that follow from some texts."""
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
