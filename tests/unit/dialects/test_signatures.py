"""Signatures carried through a dialect that has no field for them."""

from __future__ import annotations

import pytest

from headgate.dialects.hub import Part, Reasoning, Signature, Text, ToolCall
from headgate.dialects.signatures import Carrier, What, attach, carried, seal, unseal

GEMINI = Signature("gemini", "c2ln.with.dots==")


def test_a_native_signature_is_neither_sealed_nor_changed() -> None:
    own = Signature("anthropic", "ErUB")
    assert seal(own, "anthropic") == "ErUB"
    assert seal(own, "anthropic", "redacted") == "ErUB"
    assert unseal("ErUB", "anthropic") == (own, "reasoning")
    assert unseal("ErUB", "anthropic", "redacted") == (own, "redacted")


@pytest.mark.parametrize("what", ["reasoning", "redacted", "call", "prior_call", "text"])
def test_a_foreign_signature_comes_out_of_its_seal_as_it_went_in(what: What) -> None:
    assert unseal(seal(GEMINI, "anthropic", what), "anthropic") == (GEMINI, what)


def test_a_native_signature_of_a_call_is_sealed_so_that_it_is_not_taken_for_reasoning() -> None:
    assert unseal(seal(GEMINI, "gemini", "call"), "gemini") == (GEMINI, "call")


@pytest.mark.parametrize("text", ["hg1.", "hg1.gemini", "hg1.gemini.novelty.x", "hg2.gemini.call.x", ""])
def test_what_only_looks_like_a_seal_is_the_vendors_own(text: str) -> None:
    assert unseal(text, "anthropic") == (Signature("anthropic", text), "reasoning")


def test_only_signed_calls_and_texts_need_a_block_to_carry_their_signature() -> None:
    assert carried(ToolCall(id="1", name="f", arguments="{}", signature=GEMINI), "anthropic") == seal(
        GEMINI, "anthropic", "call"
    )
    assert carried(Text(text="t", signature=GEMINI), "anthropic") == seal(GEMINI, "anthropic", "text")
    assert carried(Text(text="t"), "anthropic") is None
    assert carried(Reasoning(text="t", signature=GEMINI), "anthropic") is None


def call(id: str, signature: Signature | None = None) -> ToolCall:
    return ToolCall(id=id, name="f", arguments="{}", signature=signature)


def test_a_carrier_gives_its_signature_to_the_call_after_it() -> None:
    parts: list[Part] = [call("1"), Carrier(signature=GEMINI, what="call"), call("2"), call("3")]
    assert attach(parts) == (call("1"), call("2", GEMINI), call("3"))


def test_a_carrier_may_give_its_signature_to_the_call_before_it() -> None:
    parts: list[Part] = [call("1"), Carrier(signature=GEMINI, what="prior_call"), call("2")]
    assert attach(parts) == (call("1", GEMINI), call("2"))


def test_a_carrier_gives_its_signature_to_the_text_before_it() -> None:
    parts: list[Part] = [Text(text="t"), Carrier(signature=GEMINI, what="text")]
    assert attach(parts) == (Text(text="t", signature=GEMINI),)


@pytest.mark.parametrize("what", ["call", "prior_call", "text"])
def test_a_carrier_whose_part_is_gone_is_left_out(what: What) -> None:
    assert attach([Reasoning(text="r"), Carrier(signature=GEMINI, what=what)]) == (Reasoning(text="r"),)
