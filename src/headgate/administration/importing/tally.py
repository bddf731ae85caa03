"""What an import has done so far."""

from __future__ import annotations

from headgate.administration.importing.requests import KINDS, ImportMade
from headgate.money import format_usd


class Tally:
    def __init__(self) -> None:
        self.made: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.known: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.left: list[str] = []
        self.revoked = 0
        self.archived = 0
        self.spent_picodollars = 0

    @property
    def changed(self) -> bool:
        return any(self.made.values()) or self.revoked > 0 or self.archived > 0

    def summary(self) -> ImportMade:
        return ImportMade(
            made=self.made,
            known=self.known,
            revoked=self.revoked,
            archived=self.archived,
            spent_usd=format_usd(self.spent_picodollars),
            left=self.left,
        )
