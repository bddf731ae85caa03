"""What is known of targets and models, kept by what makes each what it is: a reload that leaves it so loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Conditions:
    """The live state of one process, borrowed by folds."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, bytes], Any] = {}
        self._used: set[tuple[str, bytes]] = set()

    def borrow(self, name: str, made_of: Any, make: Callable[[], T]) -> T:
        """What stands under a name for what it is made of, made where there is none."""
        key = name, sha256(msgspec.json.encode(made_of)).digest()
        self._used.add(key)
        if key not in self._held:
            self._held[key] = make()
        return self._held[key]

    def prune(self) -> None:
        """Forget what nobody has borrowed since the last time."""
        self._held = {key: value for key, value in self._held.items() if key in self._used}
        self._used = set()

    def of(self, kind: type[T]) -> list[T]:
        """All that is held of one kind."""
        return [value for value in self._held.values() if isinstance(value, kind)]
