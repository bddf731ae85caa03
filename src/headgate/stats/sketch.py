"""Quantiles of streams of positive numbers, from sketches that can be merged.

DDSketch (C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
Guarantees", PVLDB 12 (2019), 2195-2205): values are counted in buckets whose bounds grow by a constant factor, so a
quantile is known within a relative error whatever the distribution, and merging is adding counts: in any order, in any
grouping, the same sketch.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, exp, isfinite, log

ERROR = 0.0075
"""Most relative error of a quantile."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_PER_LOG = 1 / log(_GAMMA)
_MIDDLE = 2 / (1 + _GAMMA)

SMALLEST = 1.0
"""Values below it count as 0: sketches are of microseconds."""


class Sketch:
    """Counts of values by bucket. A value of 0 or less is a 0."""

    __slots__ = ("counts", "total", "zeros")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        """By bucket: number k holds what is above γ^(k-1), and not above γ^k."""
        self.zeros = 0
        self.total = 0
        """Of all values, those that are 0 included."""

    def add(self, value: float, times: int = 1) -> None:
        """Count a value.

        Raises:
            ValueError: it is no finite number.
        """
        if not isfinite(value):
            raise ValueError(f"{value} has no place among quantiles")
        self.total += times
        if value < SMALLEST:
            self.zeros += times
            return
        bucket = ceil(log(value) * _PER_LOG)
        counts = self.counts
        counts[bucket] = counts.get(bucket, 0) + times

    def merge(self, other: Sketch) -> None:
        """Add another's values to this one's."""
        self.total += other.total
        self.zeros += other.zeros
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count

    def quantiles(self, shares: Iterable[float]) -> list[float | None]:
        """The values that such shares of all are not above, of shares in ascending order: the lower of two where it
        falls between them. None of an empty sketch.
        """
        found: list[float | None] = []
        buckets = iter(sorted(self.counts.items()))
        seen, value = self.zeros, 0.0
        for share in shares:
            if not self.total:
                found.append(None)
                continue
            rank = int(share * (self.total - 1))
            while seen <= rank:
                bucket, count = next(buckets)
                seen += count
                value = _value(bucket)
            found.append(value)
        return found

    def quantile(self, share: float) -> float | None:
        """The value that such a share of all is not above; None of an empty sketch."""
        return self.quantiles([share])[0]

    def share_above(self, value: float) -> float | None:
        """The share of all values in buckets above a value's own; None of an empty sketch."""
        if not self.total:
            return None
        own = ceil(log(value) * _PER_LOG) if value >= SMALLEST else None
        above = sum(count for bucket, count in self.counts.items() if own is None or bucket > own)
        return above / self.total

    def encode(self) -> bytes:
        """As bytes: zeros, then each bucket's distance from the one before and its count, as LEB128 numbers (DWARF 5,
        section 7.6); the first distance is from 0.
        """
        out = bytearray()
        _put(out, self.zeros)
        before = 0
        for bucket, count in sorted(self.counts.items()):
            _put(out, bucket - before)
            _put(out, count)
            before = bucket
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> Sketch:
        """The sketch whose bytes these are."""
        sketch = cls()
        sketch.merge_encoded(data)
        return sketch

    def merge_encoded(self, data: bytes) -> None:
        """Add the values of a sketch in bytes.

        Raises:
            ValueError: they are not one's.
        """
        numbers = _numbers(data)
        if len(numbers) % 2 == 0:
            raise ValueError(f"{len(data)} bytes are no sketch")
        counts = self.counts
        self.zeros += numbers[0]
        self.total += numbers[0]
        bucket = 0
        for at in range(1, len(numbers), 2):
            bucket += numbers[at]
            count = numbers[at + 1]
            counts[bucket] = counts.get(bucket, 0) + count
            self.total += count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and (self.zeros, self.counts) == (other.zeros, other.counts)

    __hash__ = None  # type: ignore[assignment]  # it changes


def _value(bucket: int) -> float:
    """What stands for a bucket: as far from its lower bound as from its upper one, relatively."""
    return _MIDDLE * exp(bucket / _PER_LOG)


def _put(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _numbers(data: bytes) -> list[int]:
    numbers: list[int] = []
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
        else:
            numbers.append(number)
            number = shift = 0
    if shift:
        raise ValueError(f"{len(data)} bytes end within a number")
    return numbers
