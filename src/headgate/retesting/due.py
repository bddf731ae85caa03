"""When something is to be tested again, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import Any

import msgspec

from headgate.administration.prompt_tests import Reason

SPREAD = 0.1
"""By which share of the time tests come sooner than they have to, each by another one, so that not all come at once."""

RESTS_US = 3_600 * 1_000_000
"""How long after a test it does not matter that vendors say another model answers: for some time both do."""

FIRST_AGAIN_S, SLOWER, MOST_SLOWER = 900.0, 4.0, 4
"""What could not be tested is tried again after a quarter of an hour, then after an hour, four, ten; never less often
than it is tested anyway."""

_S = 1_000_000


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the newest test of something; nothing where there is none."""

    ran_us: int | None = None
    suite: str | None = None
    """The digest of the suite. Not known of tests that were posted, as what follows."""
    models: str | None = None
    """A digest of what the configuration said of the models that were asked."""
    answering: Mapping[str, Sequence[str]] = {}
    """By target, what its vendor called the models that answered."""
    retiring: Sequence[str] | None = None
    """The last days of models that were near then."""


class Failed(msgspec.Struct, frozen=True):
    """That it could not be tested since."""

    at_us: int
    times: int
    state: str


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """How things stand."""

    us: int
    suite: str
    models: str
    answering: Mapping[str, AbstractSet[str]]
    """By target, what its vendor called models that answered lately."""
    retiring: Sequence[str] = ()
    """The last days of models it is answered by, those that are near."""

    @property
    def state(self) -> str:
        """What a failure depends on: with another one it is worth trying again."""
        return sha256(f"{self.suite}\0{self.models}".encode()).hexdigest()[:32]


def due(name: str, last: Last, failed: Failed | None, now: Now, *, every_s: float, on_change: bool) -> Reason | None:
    """Why something is to be tested now; None where it is not. `name` tells it from everything else."""
    reason = _reason(name, last, now, every_s, on_change)
    if reason is None or failed is None or failed.state != now.state:
        return reason
    wait_s = min(every_s, FIRST_AGAIN_S * SLOWER ** min(failed.times - 1, MOST_SLOWER))
    return reason if now.us - failed.at_us >= wait_s * _S else None


def _reason(name: str, last: Last, now: Now, every_s: float, on_change: bool) -> Reason | None:
    if last.ran_us is None:
        return "released"
    if last.suite is not None and last.suite != now.suite:
        return "suite_changed"
    if on_change and _model_changed(last, now):
        return "model_changed"
    if on_change and last.retiring is not None and not set(now.retiring) <= set(last.retiring):
        return "retiring"
    sooner = SPREAD * int(sha256(name.encode()).hexdigest()[:8], 16) / 2**32
    return "schedule" if now.us - last.ran_us >= every_s * (1 - sooner) * _S else None


def _model_changed(last: Last, now: Now) -> bool:
    if last.models is not None and last.models != now.models:
        return True
    if last.ran_us is None or now.us - last.ran_us < RESTS_US:
        return False
    return any(not now.answering.get(target, set()) <= set(names) for target, names in last.answering.items() if names)


def last_of(figures: Mapping[str, Any], ran_us: int) -> Last:
    """What is kept of a test, as far as it matters here."""
    return Last(
        ran_us=ran_us,
        suite=figures.get("suite"),
        models=figures.get("models"),
        answering=figures.get("answering", {}),
        retiring=figures.get("retiring"),
    )
