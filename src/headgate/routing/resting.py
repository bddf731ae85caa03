"""The error of a call for which no target would be tried now."""

from __future__ import annotations

from headgate.errors import Overloaded
from headgate.routing.config import Cause


class Resting(Overloaded):
    """Every target rests after failures, so that nothing was sent. `retry_after_s` says when the soonest is back."""

    code = "no_target_available"

    def __init__(self, model: str, cause: Cause, retry_after_s: float) -> None:
        super().__init__(
            f"All targets of '{model}' rest after failures ({cause}); try again in {max(1, round(retry_after_s))} s.",
            retry_after_s=retry_after_s,
        )
        self.cause: Cause = cause
