"""What a prompt will use and cost in a month, before anybody has called it: `headgate estimate`."""

from __future__ import annotations

from headgate.estimates.answers import AnswerLengths
from headgate.estimates.errors import BadEstimate
from headgate.estimates.estimate import Asked, Estimate, Interval, Month, estimate
from headgate.estimates.places import Place, places_of
from headgate.estimates.prompt import Prompt
from headgate.estimates.samples import Sample, read_samples

__all__ = [
    "AnswerLengths",
    "Asked",
    "BadEstimate",
    "Estimate",
    "Interval",
    "Month",
    "Place",
    "Prompt",
    "Sample",
    "estimate",
    "places_of",
    "read_samples",
]
