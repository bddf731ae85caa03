"""What names somebody or belongs to them is taken out, and what only looks like it stays."""

from __future__ import annotations

import time

import pytest

from headgate.checks.personal import KINDS, Personal, is_card, is_iban

EVERY = Personal(list(KINDS))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("write to Ann.Lee+x@mail.example.co.uk, please", "write to [email], please"),
        ("card 4111 1111 1111 1111.", "card [card]."),
        ("card 4111-1111-1111-1111 or 378282246310005", "card [card] or [card]"),
        ("to DE89 3704 0044 0532 0130 00 AT ONCE", "to [iban] AT ONCE"),
        ("GB29NWBK60161331926819", "[iban]"),
        ("call +44 20 7946 0958 or (212) 555-0123", "call [phone] or [phone]"),
        ("ssn 078-05-1120", "ssn [ssn]"),
        ("from 192.0.2.17:443", "from [ip]:443"),
    ],
)
def test_what_is_personal_is_taken_out(text: str, cleaned: str):
    taken: dict[str, int] = {}
    assert EVERY.clean(text, taken) == cleaned
    assert sum(taken.values()) == cleaned.count("[")


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112", "0000000000000000", "version 1.2.3.4.5", "300.1.2.3", "DE00 3704 0044 0532 0130 00",
        "on 2026-11-26 at 10:00", "3.14159265358979", "@decorator", "f(x) = 1234567", "ISBN 978-3-16-148410-0",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(text: str):
    taken: dict[str, int] = {}
    assert (EVERY.clean(text, taken), taken) == (text, {})


def test_words_of_ones_own_are_taken_out_however_they_are_written():
    taken: dict[str, int] = {}
    assert Personal([], ["Project X", "Project X-ray"]).clean("PROJECT X-RAY, project x", taken) == "[word], [word]"
    assert taken == {"word": 2}


def test_only_the_kinds_that_are_named_are_looked_for():
    assert Personal(["card"]).clean("a@b.example 4111111111111111", {}) == "a@b.example [card]"


def test_check_digits():
    assert is_card("4012888888881881")
    assert not is_card("4012888888881882")
    assert is_iban("FR1420041010050500013M02606")
    assert not is_iban("FR1420041010050500013M02607")


@pytest.mark.parametrize("piece", ["a", "1", "1 ", "a@", "AA11", "+1", "1.", "(111) ", "a.a@a."])
def test_no_text_takes_long(piece: str):
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    EVERY.clean(text, {})
    assert time.process_time() - began < 2
