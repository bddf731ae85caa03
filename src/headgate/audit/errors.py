"""What is wrong with an audit log, or with a proof of it."""

from __future__ import annotations

from headgate.errors import HeadgateError


class Tampered(HeadgateError):
    """The log is not what was signed before. Nothing is signed and nothing rebuilt: it is evidence.

    `position` is the first record known to be wrong, counted from 0; None where it is not a record's.
    """

    code = "audit_log_damaged"
    public_message = "The gateway's audit log does not fit its own signatures. The operator has to look into it."

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class Malformed(ValueError):
    """A note, a checkpoint, a key or a proof is not in its form."""


class NotSigned(ValueError):
    """A note carries no valid signature of a key that is trusted."""


class Disproved(ValueError):
    """A proof does not prove what it says."""
