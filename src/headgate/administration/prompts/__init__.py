"""Prompts: publishing versions, moving labels, approving what a protected label is to stand for, rolling back."""

from __future__ import annotations

from collections.abc import Callable

from headgate.administration.acting import Acts, Ports
from headgate.administration.prompts.publishing import Publishing
from headgate.administration.prompts.reading import Reading
from headgate.administration.prompts.releasing import Releasing
from headgate.administration.prompts.views import (
    ListedView,
    MoveView,
    PromptView,
    PublishedView,
    VersionView,
    WithdrawalView,
)
from headgate.administration.prompts.withdrawing import Withdrawing
from headgate.config import Config

__all__ = ["ListedView", "MoveView", "PromptView", "Prompts", "PublishedView", "VersionView", "WithdrawalView"]


class Prompts:
    """All that is done with them, each act in a room of its own."""

    def __init__(self, ports: Ports, acts: Acts, config: Callable[[], Config]) -> None:
        reading = Reading(ports, config)
        self.list = reading.list
        self.versions = reading.versions
        self.show = reading.show
        self.diff = reading.diff
        self.moves = reading.moves
        self.publish = Publishing(acts).publish
        releasing = Releasing(acts, config)
        self.move = releasing.move
        self.rollback = releasing.rollback
        self.approve = releasing.approve
        self.refuse = releasing.refuse
        withdrawing = Withdrawing(acts, config)
        self.withdraw = withdrawing.withdraw
        self.restore = withdrawing.restore
