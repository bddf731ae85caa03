"""Tests of promptfoo made into a test file (https://www.promptfoo.dev/docs/configuration/reference/), with what could
not be taken over told by its line.
"""

from __future__ import annotations

from headgate.evals.promptfoo.configuration import promptfoo

__all__ = ["promptfoo"]
