"""The tree and its proofs against the RFC's own recursive definitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import audit_trees
from headgate.audit.merkle import Frontier, consistency_spans, extends, includes, inclusion_spans, leaf_hash

data = st.lists(st.binary(max_size=4), max_size=70)
some = st.lists(st.binary(max_size=4), min_size=1, max_size=70)


def grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    for each in leaves:
        frontier.add(leaf_hash(each))
    return frontier


def flipped(hash_: bytes, bit: int) -> bytes:
    return (int.from_bytes(hash_) ^ (1 << bit % 256)).to_bytes(32)


@given(data)
def test_the_frontiers_root_is_the_trees(leaves: list[bytes]) -> None:
    assert grown(leaves).root() == audit_trees.mth(leaves)


@given(data, data)
def test_a_frontier_goes_on_from_its_text(before: list[bytes], after: list[bytes]) -> None:
    frontier = grown(before)
    again = Frontier.from_text(frontier.size, frontier.text)
    for each in after:
        again.add(leaf_hash(each))
    assert again.hashes == grown(before + after).hashes


@given(some, st.data())
def test_an_earlier_frontier_is_had_again_from_a_later_one_and_the_leaves_after_what_they_share(
    leaves: list[bytes], draw: st.DataObject
) -> None:
    size = draw.draw(st.integers(0, len(leaves)))
    frontier = grown(leaves).shared(size)
    assert frontier.size <= size
    for each in leaves[frontier.size : size]:
        frontier.add(leaf_hash(each))
    assert frontier.hashes == grown(leaves[:size]).hashes


@given(some, st.data())
def test_inclusion_proofs_are_the_rfcs_and_are_accepted(leaves: list[bytes], draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path = [audit_trees.mth(leaves[start:end]) for start, end in inclusion_spans(index, len(leaves))]
    assert path == audit_trees.path(index, leaves)
    assert includes(audit_trees.mth(leaves), len(leaves), index, leaf_hash(leaves[index]), path)


@given(some, st.data())
def test_consistency_proofs_are_the_rfcs_and_are_accepted(leaves: list[bytes], draw: st.DataObject) -> None:
    old = draw.draw(st.integers(1, len(leaves)))
    path = [audit_trees.mth(leaves[start:end]) for start, end in consistency_spans(old, len(leaves))]
    assert path == audit_trees.proof(old, leaves)
    assert extends(audit_trees.mth(leaves[:old]), old, audit_trees.mth(leaves), len(leaves), path)


@given(some, st.data())
def test_no_inclusion_proof_stands_a_change(leaves: list[bytes], draw: st.DataObject) -> None:
    size = len(leaves)
    index = draw.draw(st.integers(0, size - 1))
    root, leaf, path = audit_trees.mth(leaves), leaf_hash(leaves[index]), audit_trees.path(index, leaves)
    bit = draw.draw(st.integers(0, 255))
    assert not includes(flipped(root, bit), size, index, leaf, path)
    assert not includes(root, size, index, flipped(leaf, bit), path)
    assert not includes(root, size, index, leaf, [*path, leaf])
    assert not includes(root, size, index, leaf, [leaf, *path])
    assert not includes(root, size, size, leaf, path)
    if path:
        at = draw.draw(st.integers(0, len(path) - 1))
        changed = [flipped(each, bit) if number == at else each for number, each in enumerate(path)]
        assert not includes(root, size, index, leaf, changed)
        assert not includes(root, size, index, leaf, path[:at] + path[at + 1 :])
    other = draw.draw(st.integers(0, size - 1))
    if leaves[other] != leaves[index]:
        assert not includes(root, size, other, leaf, path)


@given(some, st.data())
def test_no_consistency_proof_stands_a_change(leaves: list[bytes], draw: st.DataObject) -> None:
    new = len(leaves)
    old = draw.draw(st.integers(1, new))
    old_root, new_root = audit_trees.mth(leaves[:old]), audit_trees.mth(leaves)
    path = audit_trees.proof(old, leaves)
    bit = draw.draw(st.integers(0, 255))
    assert not extends(flipped(old_root, bit), old, new_root, new, path)
    assert not extends(old_root, old, flipped(new_root, bit), new, path)
    assert not extends(old_root, old, new_root, new, [*path, new_root])
    if path:
        at = draw.draw(st.integers(0, len(path) - 1))
        changed = [flipped(each, bit) if number == at else each for number, each in enumerate(path)]
        assert not extends(old_root, old, new_root, new, changed)
        assert not extends(old_root, old, new_root, new, path[:at] + path[at + 1 :])
        assert not extends(new_root, new, old_root, old, path)
