"""Configurations of promptfoo made into test files and prompts
(https://www.promptfoo.dev/docs/configuration/reference/), with what could not be taken over told by its line.
"""

from __future__ import annotations

from headgate.evals.promptfoo.writing import configuration, promptfoo

__all__ = ["configuration", "promptfoo"]
