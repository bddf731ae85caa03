"""What a model does about each kind of failure, told from its configuration."""

from __future__ import annotations

import msgspec

from headgate.errors import HeadgateError
from headgate.routing.causes import KINDS, remedy_of
from headgate.routing.config import ModelConfig


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What is done about one kind of failure."""

    failure: str
    """Its name in the configuration, or the error's code where only the caller can mend it."""
    attempts: int
    """Most attempts at the target that shows it."""
    elsewhere: bool
    """Whether the model's other targets are tried."""
    fallback: list[str]
    """Where the call goes then, in order."""
    status: int
    """What the client is told if all that fails too."""
    code: str
    counts: bool
    """Whether the target's breaker counts it."""


def outcomes(config: ModelConfig) -> list[Outcome]:
    """What a model of that configuration does about every kind of failure."""
    return [_outcome(config, kind) for kind in KINDS]


def _outcome(config: ModelConfig, kind: type[HeadgateError]) -> Outcome:
    remedy = remedy_of(kind(""))
    cause = remedy.cause
    attempts = config.retry.attempts if cause is None else config.retry.rules.get(cause, config.retry.attempts)
    entries = [] if cause is None else [*config.fallback.get(cause, ()), *config.fallback.get("any", ())]
    return Outcome(
        failure=cause or kind.code,
        attempts=attempts if remedy.again else 1,
        elsewhere=remedy.elsewhere and len(config.targets) > 1,
        fallback=[entry.use for entry in entries],
        status=kind.status,
        code=kind.code,
        counts=remedy.counts,
    )
