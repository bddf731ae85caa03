"""The one form of a record that is hashed."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_logs import record
from headgate.audit.errors import Malformed
from headgate.audit.leaves import MAX_TEXT_CHARACTERS, canonical, escaped, leaf, parse, storable
from headgate.storage.records import AuditRecord

texts = st.text(st.characters(exclude_categories=[]), max_size=20)
records = st.builds(
    AuditRecord,
    id=texts,
    at_us=st.integers(-(2**63), 2**63 - 1),
    organisation=texts,
    actor=texts,
    address=st.none() | texts,
    action=texts,
    subject=texts,
    outcome=st.sampled_from(["done", "denied", "failed"]),
    detail=st.dictionaries(texts, st.none() | st.booleans() | texts | st.integers(-(2**53), 2**53), max_size=4),
)


def test_a_leaf_is_sorted_json_without_blanks() -> None:
    assert leaf(record(7, detail={"b": True, "a": None, "ü": 1})) == (
        '{"action":"keys.create","actor":"key:admin","address":"192.0.2.7","at_us":1800000007000000,'
        '"detail":{"a":null,"b":true,"ü":1},"id":"aud_000007","organisation":"default","outcome":"done",'
        '"subject":"key:7"}'
    )


@pytest.mark.parametrize(
    ("given_", "written"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\u001b[31mred"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x85\x9b", r"\u0085\u009b"),
        ("\ufeff", r"\ufeff"),
        ('"\\', r"\"\\"),
        ("Grüße 🎉", "Grüße 🎉"),
    ],
)
def test_nothing_in_a_leaf_acts_on_a_terminal_or_breaks_its_line(given_: str, written: str) -> None:
    line = leaf(record(subject=given_))
    assert f'"subject":"{written}"' in line
    assert parse(line)["subject"] == given_


@given(records)
def test_a_storable_records_leaf_is_read_as_it_was(given_: AuditRecord) -> None:
    kept = storable(given_)
    line = leaf(kept)
    line.encode()
    assert len(line.splitlines()) == 1
    assert all(character.isprintable() or ord(character) > 0x9F for character in line)
    assert parse(line) == msgspec.to_builtins(kept)
    assert json.loads(line) == msgspec.to_builtins(kept)
    assert storable(kept) == kept


def test_what_no_database_keeps_is_replaced_and_what_is_endless_cut() -> None:
    kept = storable(record(actor="a\x00b\ud800c", detail={"x\x00": "y" * 20_000, "n": 3}))
    assert kept.actor == "a�b�c"
    assert kept.detail["n"] == 3
    assert kept.detail["x�"] == "y" * (MAX_TEXT_CHARACTERS - 1) + "…"


def test_a_leaf_with_members_of_a_newer_release_is_read() -> None:
    members = {**msgspec.to_builtins(record()), "newer": [1]}
    assert parse(canonical(members))["newer"] == [1]


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(",", ", ", 1),
        lambda line: line.replace('"default"', r'"\u0064efault"'),
        lambda line: line.replace("{", '{"action":"keys.delete",', 1),  # a member twice
        lambda line: line[:-1] + ',"a":1}',  # not sorted
        lambda line: line.replace('"at_us":', '"at_us":0'),
        lambda line: f"{line}\n",
        lambda line: line.replace('"id"', '"ib"'),
        lambda line: "[1]",
        lambda line: "",
        lambda line: "[" * 100_000,
        lambda line: line.replace("default", "\ud800"),
    ],
)
def test_a_second_form_of_a_leaf_is_refused(change) -> None:
    with pytest.raises(Malformed):
        parse(change(leaf(record())))


def test_what_is_escaped_can_be_seen() -> None:
    assert escaped("a\x1b\u2066b\x00") == "a\\u001b\\u2066b\\u0000"
