"""Which price list counts: what is signed as it is, by somebody trusted, and not older than the built-in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.catalog import Catalog, PriceListConfig, price_list
from headgate.config import loads
from headgate.config.price_lists import catalog_of, in_force, installed
from headgate.errors import ConfigError
from headgate.types import Usage
from price_notes import KEY, OTHER, price_note


def config(tmp_path: Path, note: bytes | None, *keys: str) -> PriceListConfig:
    file = tmp_path / "headgate.prices"
    if note is not None:
        file.write_bytes(note)
    return PriceListConfig(file=str(file), keys=list(keys or (KEY,)))


def test_a_signed_list_counts_and_says_its_edition(tmp_path: Path) -> None:
    found = in_force(config(tmp_path, price_note()))
    assert found.date == "2099-01-01"
    catalog = Catalog(None, found)
    price = catalog.price("openai", "gpt-4o-mini")
    assert price is not None
    assert price.version == f"{found.edition}:openai/gpt-4o-mini"
    assert catalog.cost("openai", "gpt-4o-mini", Usage(input_tokens=1_000_000)) == 10**12
    assert catalog.limits("openai", "gpt-4o-mini") is not None
    assert catalog.price("openai", "gpt-4o") is None, "what a list does not have has no price, whatever another says"


def test_rows_of_the_built_in_list_can_still_be_told_apart(tmp_path: Path) -> None:
    built_in = price_list().find("openai", "gpt-4o-mini")
    assert built_in is not None
    assert built_in.price is not None
    catalog = Catalog(None, in_force(config(tmp_path, price_note())))
    found = catalog.versioned(built_in.price.version)
    assert found is not None
    assert found.rates == built_in.price.rates
    now = catalog.price("openai", "gpt-4o-mini")
    assert now is not None
    again = catalog.versioned(now.version)
    assert again is not None
    assert again.version == now.version


def test_without_a_key_or_a_file_the_built_in_list_counts(tmp_path: Path) -> None:
    assert in_force(PriceListConfig(file=str(tmp_path / "headgate.prices"))) is price_list()
    assert in_force(config(tmp_path, None)) is price_list()
    (tmp_path / "headgate.prices").write_bytes(b"anything")
    assert in_force(PriceListConfig(file=str(tmp_path / "headgate.prices"))) is price_list()


def test_an_older_list_than_the_built_in_one_does_not_count(tmp_path: Path) -> None:
    settings = config(tmp_path, price_note(date="2020-01-01"))
    assert installed(settings) is not None
    assert in_force(settings) is price_list()


def test_one_of_several_keys_is_enough(tmp_path: Path) -> None:
    assert installed(config(tmp_path, price_note(), str(OTHER.verifier), KEY)) is not None


@pytest.mark.parametrize(
    ("note", "why"),
    [
        (price_note().replace(b'"1"', b'"0"'), "is not of this text"),
        (price_note(signer=OTHER), "not a key that is trusted"),
        (price_note().rpartition(b"\n\n")[0], "a note is"),
        (b"", "a note is"),
        (b"\xff\xfe", "not UTF-8"),
        (price_note(vendors={"openai": {"fallback": [], "models": [[["?", "x"], {"input": "1"}]]}}), "no kind of rule"),
        (price_note(vendors={"openai": {"fallback": [], "models": [[["=", "x"], {"inputs": "1"}]]}}), "cannot be read"),
        (price_note(vendors={"openai": {"fallback": [], "models": [[["=", "x"], {"input": "x"}]]}}), "cannot be read"),
        (price_note(vendors={"openai": {"fallback": [], "models": [[["~", "("], {"input": "1"}]]}}), "cannot be read"),
        *(
            (
                price_note(vendors={"openai": {"fallback": [], "models": [[["=", "x"], {"input": rate}]]}}),
                "not decimal dollars",
            )
            for rate in ("-1", "1e999999999", "1/3", "1_0", "")
        ),
        *(
            (
                price_note(vendors={"openai": {"fallback": [], "models": [[["=", "x"], {"input": "1"}, *more]]}}),
                "no number of",
            )
            for more in ([[[-5, {"input": "2"}]]], [[], -3], [[], "many"])
        ),
        (price_note(vendors=[]), "no price list"),
        (price_note(date="soon"), "no price list"),
        (price_note(more=1), "no price list"),
    ],
)
def test_what_is_not_as_it_was_signed_or_no_list_is_refused(note: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        in_force(config(tmp_path, note))


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"price_list\.keys\[1\]: is no public key"):
        in_force(config(tmp_path, price_note(), KEY, "nonsense"))


def test_the_file_is_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "mine.prices").write_bytes(price_note())
    models = "\nproviders: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/gpt-4o-mini]}}"
    text = f'price_list: {{file: mine.prices, keys: ["{KEY}"]}}{models}'
    assert catalog_of(loads(text, directory=tmp_path)).listed.date == "2099-01-01"
    text = f'price_list: {{keys: ["{KEY}"]}}{models}'
    assert loads(text, directory=tmp_path).price_list.file == str(tmp_path / "headgate.prices")
