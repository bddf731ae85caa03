"""What makes a value of an administrative request right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.administration import values
from headgate.money import from_decimal, to_decimal


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12.50", "12.50"),
        ("0.000000000001", "0.000000000001"),
        ("9000000", "9000000"),
        (3, "3"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("1.5000000000000000"), "1.5"),
        (Decimal("9E6"), "9000000"),
    ],
)
def test_money_is_taken_exactly(text: str | int | Decimal, amount: str):
    assert values.dollars(text) == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "0.0", "-1", "1e3", "NaN", "Infinity", "-Infinity", "1,000", " 1", "1 ", "0x10", "١", "9000000.000001",
        "0.0000000000001", "1" * 31, 0, -3, 9_000_001, 10**4000, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"),
        Decimal(-1), Decimal("1E+99999999"), Decimal("1E-99999999"), Decimal("1E-13"), Decimal("0E-99999999"),
    ],
)  # fmt: skip
def test_no_money_is_refused(text: str | int | Decimal):
    with pytest.raises(ValueError, match=r"must (be|have)"):
        values.dollars(text)


@given(st.integers(1, 9_000_000 * 10**12))
def test_every_amount_survives_its_decimal_form(picodollars: int):
    told = values.usd_of(picodollars)
    assert told is not None
    assert from_decimal(values.dollars(told)) == picodollars
    assert from_decimal(values.dollars(to_decimal(picodollars))) == picodollars


@pytest.mark.parametrize("text", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_time_zones(text: str):
    assert values.timezone(text) == text


@pytest.mark.parametrize(
    "text", ["Mars", "../../etc/passwd", "/etc/localtime", "Europe", "Europe/", "", "UTC\0", "europe/berlin ", "."]
)
def test_no_time_zones(text: str):
    with pytest.raises(ValueError, match="is no time zone"):
        values.timezone(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::1", "::1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_networks(text: str, read: str):
    assert values.network(text) == read


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0", "10.0.0.0/33", "example.com", "010.0.0.1", "1", "::1/0x1"])
def test_no_networks(text: str):
    with pytest.raises(ValueError, match=r"is no address|has bits set"):
        values.network(text)


def test_a_network_with_bits_set_is_told_what_to_write():
    with pytest.raises(ValueError, match=r"write 10\.0\.0\.0/8"):
        values.network("10.1.2.3/8")


@pytest.mark.parametrize("text", ["gpt-*", "*", "chat", "openai/gpt-4o"])
def test_patterns(text: str):
    assert values.pattern(text) == text


@pytest.mark.parametrize("text", ["g*t", "**", "*a", " chat"])
def test_no_patterns(text: str):
    with pytest.raises(ValueError, match=r"must not|has a"):
        values.pattern(text)


@pytest.mark.parametrize("text", ["team:research", "customer:*", "tag:a=b", "model:gpt-*", "key:key_1", "user:*"])
def test_subjects(text: str):
    assert values.subject(text) == text


@pytest.mark.parametrize("text", ["research", "team:", "planet:mars", "tag:a", "team:re*", "model:g*t", "key:"])
def test_no_subjects(text: str):
    with pytest.raises(ValueError, match=r"is no|names no|has a"):
        values.subject(text)


def test_microseconds_and_back():
    assert values.microseconds(values.moment(1_800_000_000_000_001)) == 1_800_000_000_000_001
