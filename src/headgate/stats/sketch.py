"""Quantiles of streams of positive numbers, from sketches that can be merged.

DDSketch (C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error
Guarantees", PVLDB 12 (2019), 2195-2205): values are counted in buckets whose bounds grow by a constant factor, so a
quantile is known within a relative error whatever the distribution, and merging is adding counts: in any order, in any
grouping, the same sketch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from math import ceil, exp, isfinite, log

ERROR = 0.0075
"""Most relative error of a quantile."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_PER_LOG = 1 / log(_GAMMA)
_MIDDLE = 2 / (1 + _GAMMA)

SMALLEST = 1.0
"""Values below it count as 0: sketches are of microseconds."""

FEW = 8
"""Fewer sketches than that are merged without numpy."""

_LETTERS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""What `struct` calls whole numbers so many bytes wide."""

_TYPES = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<i8"}
"""And numpy."""

_HEAD = 9
"""Bytes before the buckets."""


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
        seen, last = self.zeros, None
        for share in shares:
            if not self.total:
                found.append(None)
                continue
            rank = int(share * (self.total - 1))
            while seen <= rank:
                last, count = next(buckets)
                seen += count
            found.append(0.0 if last is None else value_of(last))
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
        """As bytes, all little-endian: how wide a count is, the zeros (8 bytes), buckets in ascending order (2 bytes
        each), their counts.
        """
        buckets = sorted(self.counts)
        counts = [self.counts[bucket] for bucket in buckets]
        most = max(counts, default=0)
        width = next(width for width in _LETTERS if most < 256**width)
        number = len(buckets)
        return struct.pack(f"<BQ{number}H{number}{_LETTERS[width]}", width, self.zeros, *buckets, *counts)

    @classmethod
    def decode(cls, data: bytes) -> Sketch:
        """The sketch whose bytes these are.

        Raises:
            ValueError: they are not one's.
        """
        sketch = cls()
        width, number = _shape(data)
        _, sketch.zeros, *both = struct.unpack(f"<BQ{number}H{number}{_LETTERS[width]}", data)
        sketch.counts = dict(zip(both[:number], both[number:], strict=True))
        sketch.total = sketch.zeros + sum(both[number:])
        return sketch

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and (self.zeros, self.counts) == (other.zeros, other.counts)

    __hash__ = None  # type: ignore[assignment]  # it changes


def value_of(bucket: int) -> float:
    """What stands for a bucket: as far from its lower bound as from its upper one, relatively."""
    return _MIDDLE * exp(bucket / _PER_LOG)


def _shape(data: bytes) -> tuple[int, int]:
    """How wide the counts of an encoded sketch are, and how many.

    Raises:
        ValueError: it is none.
    """
    width = data[0] if data else 0
    number, rest = divmod(len(data) - _HEAD, 2 + width)
    if width not in _LETTERS or number < 0 or rest:
        raise ValueError(f"{len(data)} bytes are no sketch")
    return width, number


def merged(encoded: Sequence[bytes]) -> Sketch:
    """All the values of sketches in bytes: of thousands in milliseconds.

    Raises:
        ValueError: some are not a sketch's.
    """
    sketch = Sketch()
    if len(encoded) < FEW:
        for data in encoded:
            sketch.merge(Sketch.decode(data))
        return sketch
    import numpy as np

    sums = np.zeros(2**16, dtype=np.int64)
    zeros = 0
    parts: dict[int, tuple[list[bytes], list[bytes]]] = {}
    for data in encoded:
        width, number = _shape(data)
        zeros += int.from_bytes(data[1:_HEAD], "little")
        middle = _HEAD + 2 * number
        buckets, counts = parts.setdefault(width, ([], []))
        buckets.append(data[_HEAD:middle])
        counts.append(data[middle:])
    for width, (buckets, counts) in parts.items():
        places = np.frombuffer(b"".join(buckets), dtype="<u2")
        np.add.at(sums, places, np.frombuffer(b"".join(counts), dtype=_TYPES[width]).astype(np.int64))
    there = np.flatnonzero(sums)
    sketch.counts = dict(zip(there.tolist(), sums[there].tolist(), strict=True))
    sketch.zeros, sketch.total = zeros, zeros + int(sums.sum())
    return sketch
