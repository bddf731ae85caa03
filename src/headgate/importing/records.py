"""What another gateway administered, as it is to be imported."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from headgate.administration.importing import NewImport


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported."""

    whole: NewImport
    spent: Decimal
    """Dollars that the keys have spent to date."""
