"""No credential comes through redaction, of any kind, in any place; ordinary texts do as they are."""

from __future__ import annotations

import logging
import re
import string
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials import NAMED, OPAQUE, PLACES, SELF_EVIDENT, part_left
from headgate.checks.redaction import Redactor
from headgate.telemetry.logs.lines import FIELDS, Format, Lines

ORDINARY = [
    "/etc/headgate/headgate.yaml reloaded",
    "worker 3 has died (-9); starting another",
    "openai/gpt-4o-mini has no known price: its calls cost an unknown amount, and are in no budget",
    "the journal cannot be written, calls are missing in lists and sums: [Errno 28] No space left on device",
    "risk-management-and-compliance uses task-oriented disk-backed desk-research",
    "input_tokens=120 max_tokens=4000 first_token_ms=12.5 key=key_0192abcdef team=team_1 code=timeout",
    "80 % of the budget b_12 of key:key_0192abcdef is spent or set aside",
    "listening on http://127.0.0.1:8080",
    "cannot reach postgresql://db.example.com:5432/headgate: connection refused",
    "request req_0123456789abcdef01234567 failed",
    "the keys of https://login.example.com/realms/acme cannot be fetched: HTTP 503",
    "GET /v1/models?limit=20&after=gpt-4o HTTP/1.1",
]


@pytest.mark.parametrize("kind", SELF_EVIDENT)
@settings(max_examples=40)
@given(st.data())
def test_no_key_that_says_itself_what_it_is_comes_through(kind: str, data: st.DataObject):
    key, secret = data.draw(SELF_EVIDENT[kind])
    place = data.draw(st.sampled_from(sorted(PLACES)))
    before, behind = (data.draw(st.text(string.printable, max_size=12)) for _ in range(2))
    text = f"{before} {PLACES[place](key)} {behind}"
    assert part_left(Redactor().clean(text), secret) is None


@pytest.mark.parametrize("place", NAMED)
@settings(max_examples=25)
@given(OPAQUE)
def test_no_secret_comes_through_where_its_name_stands_before_it(place: str, secret: str):
    assert part_left(Redactor().clean(NAMED[place](secret)), secret) is None


@settings(max_examples=200)
@given(st.text(min_size=8, max_size=40).filter(lambda text: len(set(text)) > 3), st.sampled_from(sorted(PLACES)))
def test_no_known_secret_comes_through_whatever_it_is_made_of(secret: str, place: str):
    said = Redactor([secret]).clean(PLACES[place](secret))
    assert secret not in said
    assert secret not in unescaped(said)


@given(st.sampled_from(ORDINARY))
def test_ordinary_texts_stay_as_they_are(text: str):
    assert Redactor(["a-known-secret"]).clean(text) == text


@settings(max_examples=200)
@given(st.one_of(st.text(max_size=200), st.sampled_from(sorted(NAMED)).map(lambda place: NAMED[place]("s3cret" * 4))))
def test_what_is_clean_stays_as_it_is(text: str):
    redactor = Redactor(["known-one"])
    clean = redactor.clean(text)
    assert redactor.clean(clean) == clean


@pytest.mark.parametrize(
    "piece", ["eyJ", "a", "sk-", "://", "bearer ", "-----BEGIN PRIVATE KEY-----", "cookie:", "token", "%3d", "' "]
)
def test_no_text_takes_long(piece: str):
    text = (piece * 32_768)[:32_768] + " @ key token secret eyJ JQQJ99 bearer basic cookie private key"
    began = perf_counter()
    Redactor(["known"]).clean(text)
    assert perf_counter() - began < 2


def unescaped(said: str) -> str:
    return re.sub(r"\\+(.)", r"\1", said)


# ── at the sink ──


class Boom(Exception):
    pass


def record(message: str, *arguments: object, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord("headgate.test", logging.ERROR, "f.py", 1, message, arguments, exc_info)
    if fields:
        setattr(made, FIELDS, fields)
    return made


def raised(text: str) -> BaseException:
    """An error that comes of another, as from a user's own stage."""
    try:
        try:
            raise ValueError(text)
        except ValueError as error:
            raise Boom(f"while sending: {text}") from error
    except Boom as error:
        return error


@pytest.mark.parametrize("format", ["text", "json"])
@settings(max_examples=60)
@given(st.data())
def test_nothing_secret_is_in_any_line_stack_traces_included(format: Format, data: st.DataObject):
    key, secret = data.draw(SELF_EVIDENT[data.draw(st.sampled_from(sorted(SELF_EVIDENT)))])
    known = data.draw(
        st.text(string.printable, min_size=12, max_size=40).filter(
            lambda text: len(set(text)) > 6 and "://" not in text
        )
    )
    said = PLACES[data.draw(st.sampled_from(sorted(PLACES)))](key) + " " + known
    lines = Lines(Redactor([known]), worker=2)
    lines.format = format
    line = lines.line(
        record("call to %s failed: %r", said, {"k": said}, error=raised(said), model=said, count=3)
    ).decode()
    assert part_left(line, secret) is None
    assert known.strip() not in line
    assert known.strip() not in unescaped(line)
