"""The kinds of values that administrative requests hold, each with what makes one of it right.

A kind is a type for msgspec with `extra["read"]`: a function from a value of the JSON type to the value to use, which
raises `ValueError` with what is wrong, in words that follow the field's name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from headgate.access.subjects import check_subject
from headgate.money import format_usd

MAX_DOLLARS = 9_000_000
"""Most money in one amount: what picodollars leave room for in 64 bits."""

MAX_COUNT = 10**15
"""Highest number of requests, tokens or calls in a limit."""


def _kind(read: Callable[[Any], Any], **bounds: Any) -> Meta:
    return Meta(extra={"read": read}, **bounds)


# ── texts ──


def name(text: str) -> str:
    """A name that people read: without blanks at its ends, so that two that look the same are the same."""
    if text != text.strip():
        raise ValueError("must not begin or end with a blank")
    return text


def timezone(text: str) -> str:
    """An IANA time zone."""
    try:
        return ZoneInfo(text).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("is no time zone; write an IANA name such as Europe/Berlin, or UTC") from None


def network(text: str) -> str:
    """An address, or a network in CIDR notation."""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        whole = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("is no address or network; write 10.0.0.1, 10.0.0.0/8 or 2001:db8::/32") from None
    raise ValueError(f"has bits set behind its length; write {whole}")


def pattern(text: str) -> str:
    """A model's name, or the beginning of names and `*`."""
    if "*" in text[:-1]:
        raise ValueError("has a '*' that is not at its end; write a name, or the beginning of one and '*'")
    return name(text)


def tag_name(text: str) -> str:
    """A tag's name, as `x-headgate-tags` can carry it."""
    return _tag_part(text, "=,")


def tag_value(text: str) -> str:
    """A tag's value, as `x-headgate-tags` can carry it."""
    return _tag_part(text, ",")


def _tag_part(text: str, reserved: str) -> str:
    if any(character in text for character in reserved) or not text.isascii():
        raise ValueError("must be plain ASCII without '=' and ','")
    return name(text)


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def email(text: str) -> str:
    """An address in the form of one; whether it exists is not asked."""
    if not _EMAIL.fullmatch(text):
        raise ValueError("is no e-mail address; write name@example.com")
    return text


def subject(text: str) -> str:
    """What a limit or a budget is for: `kind:name`."""
    check_subject(text)
    return name(text)


# ── numbers and times ──


def dollars(value: str | int | Decimal) -> Decimal:
    """An amount of money, from a decimal string or a JSON number, exactly."""
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError('must be a decimal number of dollars; write "12.50"')
    amount = Decimal(value)
    if not amount.is_finite() or amount <= 0 or amount > MAX_DOLLARS:
        raise ValueError(f"must be more than 0 and at most {MAX_DOLLARS:,} dollars")
    return _exactly(amount)


def change_in_dollars(value: str | int | Decimal) -> Decimal:
    """An amount of money by which something changes: one below zero, too."""
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError('must be a decimal number of dollars; write "-0.25"')
    amount = Decimal(value)
    if not amount.is_finite() or abs(amount) > MAX_DOLLARS:
        raise ValueError(f"must be from -{MAX_DOLLARS:,} to {MAX_DOLLARS:,} dollars")
    return _exactly(amount)


def _exactly(amount: Decimal) -> Decimal:
    with localcontext(prec=100):
        if amount and (amount.adjusted() < -12 or amount != round(amount, 12)):
            raise ValueError("must have at most 12 decimals")
    return amount


_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """Microseconds since the epoch."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The time so many microseconds after the epoch, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def time_of(microseconds: int | None) -> datetime | None:
    """`moment`, of what may be none."""
    return None if microseconds is None else moment(microseconds)


def usd_of(picodollars: int | None) -> str | None:
    """Picodollars as dollars in a decimal string."""
    return None if picodollars is None else format_usd(picodollars)


# ── the kinds ──

Name = Annotated[str, _kind(name, min_length=1, max_length=200)]
Reference = Annotated[str, _kind(name, min_length=1, max_length=200, description="An id or a name")]
Timezone = Annotated[str, _kind(timezone, min_length=1, max_length=64)]
Network = Annotated[str, _kind(network, min_length=1, max_length=64)]
ModelPattern = Annotated[str, _kind(pattern, min_length=1, max_length=512)]
TagName = Annotated[str, _kind(tag_name, min_length=1, max_length=64)]
TagValue = Annotated[str, _kind(tag_value, min_length=1, max_length=190)]
Email = Annotated[str, _kind(email, min_length=3, max_length=254)]
Subject = Annotated[str, _kind(subject, min_length=3, max_length=600)]
Label = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@/-]*$")]
FileText = Annotated[str, Meta(extra={"file": True}, description="The text of a file, whatever is in it")]
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Time = Annotated[datetime, Meta(tz=True)]
Dollars = Annotated[
    Decimal,
    Meta(
        extra={"read": dollars},
        description=f"Dollars, more than 0 and at most {MAX_DOLLARS:,}, with at most 12 decimals",
        extra_json_schema={"type": ["string", "number"], "format": "decimal"},
    ),
]
DollarChange = Annotated[
    Decimal,
    Meta(
        extra={"read": change_in_dollars},
        description="Dollars to add; with a minus to take off",
        extra_json_schema={"type": ["string", "number"], "format": "decimal"},
    ),
]
CountChange = Annotated[int, Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
Credential = Annotated[str, Meta(min_length=1, max_length=8192, extra={"secret": True})]

Usd = Annotated[str, Meta(description="Dollars as a decimal string", extra_json_schema={"format": "decimal"})]
"""Money in an answer."""
