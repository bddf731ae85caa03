"""What is not as it was, or not as it should be: pure functions on counts, sums and sketches, each with its test.

All of them say `bad` only where chance is no explanation, and `fine` only where what was seen is within its bound; in
between they do not know, and an alert stays what it was.
"""

from __future__ import annotations

from headgate.stats.detection.burning import Burn, burning
from headgate.stats.detection.forecast import Forecast, forecast
from headgate.stats.detection.losses import loss
from headgate.stats.detection.season import Expected, Season
from headgate.stats.detection.shares import Window, excess
from headgate.stats.detection.shifts import Usual, shift, usual
from headgate.stats.detection.surges import Amounts, per_call_surge, surge
from headgate.stats.detection.verdict import NO_DATA, Standing, Verdict

__all__ = [
    "NO_DATA",
    "Amounts",
    "Burn",
    "Expected",
    "Forecast",
    "Season",
    "Standing",
    "Usual",
    "Verdict",
    "Window",
    "burning",
    "excess",
    "forecast",
    "loss",
    "per_call_surge",
    "shift",
    "surge",
    "usual",
]
