"""What is wrong with what an estimate is asked of."""

from __future__ import annotations


class BadEstimate(ValueError):
    """It cannot be estimated; the message says what is wrong, and where."""
