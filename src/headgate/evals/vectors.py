"""Vectors of texts that models were asked for before."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence

from headgate.evals.cache import Cache

MOST = 1_000
"""Vectors in memory: of 1,536 numbers each, 6 MB."""


class KnownVectors:
    """The latest in memory, all of them in the file of answers where there is one. Numbers are kept as vendors compute
    them, with 32 bits.
    """

    def __init__(self, cache: Cache | None) -> None:
        self._cache = cache
        self._latest: OrderedDict[bytes, array[float]] = OrderedDict()

    def get(self, key: bytes) -> Sequence[float] | None:
        """The vector that was kept under a key."""
        found = self._latest.get(key)
        if found is not None:
            self._latest.move_to_end(key)
            return found
        raw = None if self._cache is None else self._cache.get(key, counted=False)
        return None if raw is None or len(raw) % 4 else self._remembered(key, array("f", raw))

    def put(self, key: bytes, vector: Sequence[float]) -> Sequence[float]:
        """Keep a vector, and give it as it will be given from now on."""
        numbers = array("f", vector)
        if self._cache is not None:
            self._cache.put(key, numbers.tobytes())
        return self._remembered(key, numbers)

    def _remembered(self, key: bytes, numbers: array[float]) -> Sequence[float]:
        self._latest[key] = numbers
        if len(self._latest) > MOST:
            self._latest.popitem(last=False)
        return numbers
