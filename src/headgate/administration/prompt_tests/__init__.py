"""What came of tests of released prompts and of models, each held against what came of the same before."""

from __future__ import annotations

from collections.abc import Callable

from headgate.administration.acting import Acts, Ports
from headgate.administration.prompt_tests.keeping import Keeping, Ran
from headgate.administration.prompt_tests.reading import Reading, last, newest
from headgate.administration.prompt_tests.views import Reason, SidesView, TestView
from headgate.config import Config

__all__ = ["PromptTests", "Ran", "Reason", "SidesView", "TestView", "last", "newest"]


class PromptTests:
    """All that is done with them."""

    def __init__(self, ports: Ports, acts: Acts, config: Callable[[], Config]) -> None:
        reading = Reading(ports)
        self.list = reading.list
        self.standing = reading.standing
        self.sides = reading.sides
        self.latest = reading.latest
        keeping = Keeping(acts, config)
        self.keep = keeping.keep
        self.accept = keeping.accept
