"""How one target is doing, over all models and calls that use it. Outlives a reload."""

from __future__ import annotations

from math import inf

from headgate.routing.breaker import Breaker
from headgate.routing.config import BreakerConfig, Cause, TargetConfig
from headgate.routing.latency import PeakEwma
from headgate.routing.limiter import Limiter
from headgate.routing.quota import Quota
from headgate.types import Allowance


class Target:
    """What is known of one place calls can go. Times are monotonic seconds."""

    __slots__ = (
        "answered_by", "breaker", "cause", "cooling_until", "down", "first_token", "limiter", "name", "quota", "whole",
    )  # fmt: skip

    def __init__(self, config: TargetConfig, breaker: BreakerConfig) -> None:
        self.name = config.target
        self.breaker = Breaker(breaker)
        self.limiter = Limiter(config.max_concurrent)
        self.quota = Quota(config.rpm, config.tpm) if config.rpm or config.tpm else None
        """None while there is nothing to count."""
        self.whole = PeakEwma()
        """Time of whole answers."""
        self.first_token = PeakEwma()
        """Time to a stream's first content."""
        self.cooling_until = 0.0
        """Until when it asked not to be called."""
        self.down = False
        """Its provider's health check fails."""
        self.cause: Cause = "overloaded"
        """Why it failed last."""
        self.answered_by: str | None = None
        """What its vendor called the model that answered last; None where that is not known, or many are behind it."""

    def free(self, now: float) -> bool:
        """Whether a call may go there at once."""
        return self.limiter.free and self.rested(now)

    def rested(self, now: float) -> bool:
        """Whether it is well enough to be called, a place in it apart."""
        return (
            self.breaker.open_until <= now
            and self.cooling_until <= now
            and not self.down
            and (self.quota is None or self.quota.room(now))
        )

    def has_room(self, now: float) -> bool:
        """Whether there is a place and quota for one more call, however it is."""
        return self.limiter.free and (self.quota is None or self.quota.room(now))

    def why(self, now: float) -> Cause:
        """Why it would not be called now."""
        if self.down:
            return "connection"
        return self.cause if self.quota is None or self.quota.room(now) else "rate_limited"

    def ready_at(self, now: float) -> float:
        """When it is well enough to be called, as far as is known; infinity while its health check fails."""
        if self.down:
            return inf
        quota = now if self.quota is None else self.quota.ready_at(now)
        return max(self.breaker.open_until, self.cooling_until, quota)

    def cool(self, until: float) -> None:
        """Leave it alone until then; a sooner end that was told before or is told later does not count."""
        self.cooling_until = max(self.cooling_until, until)

    def learn(self, now: float, told: Allowance) -> None:
        """Take over what its headers say of its quota."""
        if self.quota is None:
            self.quota = Quota()
        self.quota.learn(now, told)

    def forgive(self) -> None:
        """Do not hold it against a target that is back that it failed."""
        self.limiter.forgive()
        self.whole.forgive()
        self.first_token.forgive()

    def average(self, stream: bool) -> PeakEwma:
        """What an answer takes lately."""
        return self.first_token if stream else self.whole
