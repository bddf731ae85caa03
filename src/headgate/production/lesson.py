"""What production taught somebody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from headgate.production.facts import Facts, Flaws

Theme = Literal["cost", "latency", "reliability", "output", "security", "storage", "observability", "capacity"]


class Lesson(msgspec.Struct, frozen=True):
    """One lesson. `find` gives every place that is not as it has it, and raises `Unseen` where it could not look."""

    name: str
    theme: Theme
    serious: bool
    """Whether a server should not go into production like that."""
    why: str
    """One sentence."""
    find: Callable[[Facts], Flaws]
