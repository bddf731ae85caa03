"""What a check of the log found."""

from __future__ import annotations

import msgspec

MOST_FINDINGS = 100
"""Findings that are told one by one; those beyond are counted."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong, or worth knowing."""

    code: str
    """What kind: `changed`, `missing`, `fork`, … as `docs/audit.md` lists them."""
    message: str
    position: int | None = None
    """The first record it is about, counted from 0."""


class Report(msgspec.Struct, kw_only=True):
    """A check's outcome. The log is what was signed if `problems` is empty."""

    records: int = 0
    """Records read."""
    root: str = ""
    """Of the tree over them, in hexadecimal digits."""
    checkpoints: int = 0
    """Checkpoints whose signature and root are right."""
    signed: int = 0
    """Records that the largest of those vouches for."""
    problems: list[Finding] = []
    warnings: list[Finding] = []
    untold: int = 0
    """Problems and warnings beyond those listed."""

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def first(self) -> int | None:
        """The first position known to be wrong."""
        return min((each.position for each in self.problems if each.position is not None), default=None)

    def problem(self, code: str, message: str, position: int | None = None) -> None:
        self._add(self.problems, Finding(code=code, message=message, position=position))

    def warning(self, code: str, message: str, position: int | None = None) -> None:
        self._add(self.warnings, Finding(code=code, message=message, position=position))

    def _add(self, findings: list[Finding], finding: Finding) -> None:
        if len(findings) < MOST_FINDINGS:
            findings.append(finding)
        else:
            self.untold += 1
