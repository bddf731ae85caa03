"""The Merkle tree of RFC 6962, section 2.1, with the checks of RFC 9162, sections 2.1.3.2 and 2.1.4.2. SHA-256.

A tree of n leaves is the pair of a complete tree over the largest power of two below n and of a tree over the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Span = tuple[int, int]
"""Leaves from the first position up to and without the second."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """What a tree needs to grow: the roots of its complete subtrees, the largest first, one per bit set in its size.

    Adding a leaf and the root take O(log n) hashes.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if size < 0 or len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {max(size, 0).bit_count()} subtrees, not {len(self.hashes)}")

    @classmethod
    def from_text(cls, size: int, text: str) -> Frontier:
        """The frontier that `text` wrote.

        Raises:
            ValueError: it is none of that size.
        """
        hashes = [bytes.fromhex(each) for each in text.split()]
        if any(len(each) != HASH_BYTES for each in hashes):
            raise ValueError("a hash has another length")
        return cls(size, hashes)

    @property
    def text(self) -> str:
        """The hashes in hexadecimal digits, a blank between."""
        return " ".join(each.hex() for each in self.hashes)

    def copy(self) -> Frontier:
        return Frontier(self.size, self.hashes)

    def add(self, leaf: bytes) -> None:
        """Add the hash of one more leaf."""
        hashes = self.hashes
        hashes.append(leaf)
        self.size += 1
        complete = self.size
        while not complete & 1:
            right = hashes.pop()
            hashes[-1] = node_hash(hashes[-1], right)
            complete >>= 1

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def shared(self, size: int) -> Frontier:
        """The part of this that was there already when the tree had `size` leaves: the largest subtrees it still has
        of then. Those leaves after it have to be read again to know the frontier of then.
        """
        differ = (self.size ^ size).bit_length()
        same = size >> differ << differ
        return Frontier(same, self.hashes[: same.bit_count()])


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose roots are the inclusion proof of a leaf, in the proof's order: from its sibling upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The subtrees whose roots prove that a tree of `new` leaves goes on from one of `old`, in the proof's order."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {new} leaves does not go on from one of {old}")
    spans: list[Span] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the leaf with that hash stands at `index` of the tree."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(step, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def extends(old_root: bytes, old: int, new_root: bytes, new: int, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the new tree begins with all leaves of the old one, in their order."""
    if not 0 < old < new:
        return old == new and old_root == new_root and not path
    steps = list(path)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found_new = node_hash(step, found_old), node_hash(step, found_new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, step)
        at, last = at >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
