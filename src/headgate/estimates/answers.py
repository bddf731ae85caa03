"""How long answers are, where nobody has any yet."""

from __future__ import annotations

import re
from math import exp, log
from statistics import NormalDist

from headgate.estimates.errors import BadEstimate

STEPS = 20
"""Lengths that stand for a distribution, each as likely as the others."""

_NUMBER = re.compile(r"\d{1,9}")
_RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
_SKEWED = re.compile(r"median=(\d{1,9}),p95=(\d{1,9})")
_P95 = NormalDist().inv_cdf(0.95)


class AnswerLengths:
    """A distribution of answers' tokens, reasoning included, as `STEPS` lengths that are equally likely."""

    def __init__(self, tokens: list[float]) -> None:
        self.tokens = tokens

    @classmethod
    def read(cls, text: str) -> AnswerLengths:
        """`250`; `100..400`, each length as likely; `median=200,p95=900`, log-normal as answers mostly are.

        Raises:
            BadEstimate: it is none of them.
        """
        shares = [(step + 0.5) / STEPS for step in range(STEPS)]
        if _NUMBER.fullmatch(text):
            return cls([float(text)])
        if found := _RANGE.fullmatch(text):
            low, high = float(found[1]), float(found[2])
            if low <= high:
                return cls([low + (high - low) * share for share in shares])
        if found := _SKEWED.fullmatch(text):
            median, p95 = float(found[1]), float(found[2])
            if 0 < median <= p95:
                sigma = log(p95 / median) / _P95
                middles = [exp(log(median) + sigma * NormalDist().inv_cdf(share)) for share in shares]
                scale = (
                    median * exp(sigma * sigma / 2) / (sum(middles) / STEPS)
                )  # a long tail lies beyond the last step
                return cls([each * scale for each in middles])
        raise BadEstimate(f"{text!r} is no length of answers; write 250, 100..400 or median=200,p95=900")
