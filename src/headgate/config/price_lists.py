"""The price list that counts: the built-in one, or a newer one that was installed and signed by somebody trusted.

A signed list is a signed note (C2SP signed-note, Ed25519) whose text is the JSON of `catalog/prices.json`, so it can be
carried to a machine without a network and be checked there. Nothing here fetches anything.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from pathlib import Path

from headgate.catalog import Catalog, PriceList, PriceListConfig, price_list, read_price_list
from headgate.config.schema import Config
from headgate.errors import ConfigError

MAX_BYTES = 8 * 1024 * 1024

_EDITION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\+[0-9a-f]{8}")

log = logging.getLogger("headgate.prices")


class NoPriceList(Exception):
    """What was given is no price list that may be used; the message says why."""


def catalog_of(config: Config) -> Catalog:
    """What the models of a configuration cost, by the list that counts and the operator's own prices.

    Raises:
        ConfigError: an installed list cannot be used.
    """
    return Catalog(config.prices, in_force(config.price_list), lambda edition: kept(config.price_list, edition))


def in_force(config: PriceListConfig) -> PriceList:
    """The newer one of the built-in list and the installed one.

    Raises:
        ConfigError: the installed one cannot be used.
    """
    found = installed(config)
    if found is None:
        return price_list()
    if found.age < price_list().age:
        log.info("%s is older than the built-in prices of %s, which count", config.file, price_list().date)
        return price_list()
    return found


def installed(config: PriceListConfig) -> PriceList | None:
    """The list that is installed; None where there is none, or no key to check it with.

    Raises:
        ConfigError: it cannot be used.
    """
    if not config.keys:
        return None
    check_keys(config)
    try:
        with Path(config.file).open("rb") as file:
            note = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError([f"price_list.file: {config.file} cannot be read: {error.strerror}"]) from None
    try:
        return read_signed(note, config)
    except NoPriceList as error:
        hint = "install it again with 'headgate prices update', or remove it"
        raise ConfigError([f"price_list.file: {config.file} cannot be used: {error}; {hint}"]) from None


def kept(config: PriceListConfig, edition: str) -> PriceList | None:
    """A list that was installed before, for ledger rows it has priced; None where it is not there as it was signed."""
    if not config.keys or not _EDITION.fullmatch(edition):
        return None
    try:
        found = read_signed(kept_path(config, edition).read_bytes(), config)
    except (OSError, NoPriceList):
        return None
    return found if found.edition == edition else None


def kept_path(config: PriceListConfig, edition: str) -> Path:
    """Where a list is kept once another has taken its place."""
    return Path(f"{config.file}.{edition}")


def check_keys(config: PriceListConfig) -> None:
    """Raise `ConfigError` for a key that is none."""
    from headgate.audit.notes import Verifier

    for index, text in enumerate(config.keys):
        try:
            Verifier.from_text(text)
        except ValueError as error:
            raise ConfigError([f"price_list.keys[{index}]: is no public key: {error}"]) from None


def read_signed(note: bytes, config: PriceListConfig) -> PriceList:
    """A list that one of the configured keys has signed.

    Raises:
        NoPriceList: it is none, or not signed by one of them as it is.
    """
    return _read(note, tuple(config.keys))


@lru_cache(maxsize=4)
def _read(note: bytes, keys: tuple[str, ...]) -> PriceList:
    from headgate.audit.notes import Verifier, opened  # signatures are for who has a list to check

    try:
        text = opened(note.decode(), [Verifier.from_text(key) for key in keys], MAX_BYTES)
        return read_price_list(text.encode())
    except UnicodeDecodeError:
        raise NoPriceList("it is not UTF-8") from None
    except ValueError as error:
        raise NoPriceList(str(error)) from None


def stamp(config: PriceListConfig) -> tuple[int, int, int] | None:
    """What changes when the installed list does; None where there is none."""
    try:
        found = Path(config.file).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
