"""Ids of a vendor account mean something to one organisation only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.access.ids import Held, IdCodec
from headgate.errors import NotFound

CODEC = IdCodec(b"secret")


@given(st.text(min_size=1).filter(lambda text: "\n" not in text), st.text(min_size=1), st.text())
def test_a_wrapped_id_comes_back_as_it_was(target: str, vendor_id: str, organisation: str):
    held = Held(target, vendor_id)
    try:
        f"{target}{vendor_id}{organisation}".encode()
    except UnicodeEncodeError:
        return
    assert CODEC.unwrap(organisation, CODEC.wrap(organisation, held)) == held


def test_the_vendors_prefix_is_kept_for_clients_that_look_at_it():
    assert CODEC.wrap("a", Held("openai/gpt", "resp_0123")).startswith("resp_hg_")
    assert CODEC.wrap("a", Held("openai/gpt", "file-0123")).startswith("id_hg_")


def test_another_organisation_cannot_use_it():
    shown = CODEC.wrap("a", Held("openai/gpt", "resp_1"))
    with pytest.raises(NotFound):
        CODEC.unwrap("b", shown)


def test_another_secret_cannot_read_it():
    shown = CODEC.wrap("a", Held("openai/gpt", "resp_1"))
    with pytest.raises(NotFound):
        IdCodec(b"other").unwrap("a", shown)


@pytest.mark.parametrize(
    "shown", ["resp_1", "", "resp_hg_", "resp_hg_AAAA", "resp_hg_%%%", "hg_", "resp_hg_é", "x" * 9999]
)
def test_what_is_not_ours_is_not_found(shown: str):
    with pytest.raises(NotFound):
        CODEC.unwrap("a", shown)


def test_no_character_of_it_can_be_changed():
    shown = CODEC.wrap("a", Held("openai/gpt", "resp_1"))
    for at in range(len("resp_hg_"), len(shown)):
        changed = shown[:at] + ("A" if shown[at] != "A" else "B") + shown[at + 1 :]
        try:
            assert CODEC.unwrap("a", changed) == Held("openai/gpt", "resp_1")
            assert at == len(shown) - 1, "only the unused bits of the last character may differ"
        except NotFound:
            pass
