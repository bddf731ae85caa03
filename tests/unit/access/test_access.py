"""Whether a caller may make a call."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from calls import call
from headgate.access.roles import ROLES
from headgate.access.stage import Access, check_scope
from headgate.errors import BadRequest, Forbidden, ModelNotFound
from headgate.types import Call, Headers, Identity, Operation, Payload, Reply

Tags = tuple[tuple[str, str], ...]


async def through(made: Call) -> Call:
    """The call as it comes out of the stage."""
    passed: list[Call] = []

    async def last(call: Call) -> Reply:
        passed.append(call)
        return Reply(payload=Payload("openai_chat", b"{}"))

    await Access()(made, last)
    return passed[0]


def by(who: dict[str, Any], **changes: Any) -> Call:
    return call(identity=Identity(**{"scopes": frozenset({"call"}), **who}), **changes)


async def test_who_may_call_calls_unchanged():
    made = by({})
    assert await through(made) is made


async def test_without_the_scope_nothing_is_called():
    with pytest.raises(Forbidden, match="'call'"):
        await through(by({"scopes": ROLES["auditor"]}))


async def test_a_model_that_is_not_allowed_is_as_unknown_as_one_that_is_not_there():
    with pytest.raises(ModelNotFound) as caught:
        await through(by({"models": ("gpt-*",)}, model="claude"))
    assert (caught.value.message, caught.value.param) == (ModelNotFound("claude").message, "model")


@pytest.mark.parametrize("model", ["gpt-4o", "chat"])
async def test_a_model_that_is_allowed_is_called(model: str):
    await through(by({"models": ("gpt-*", "chat")}, model=model))


async def test_what_a_model_stands_for_is_not_asked():
    """The name the client asked for counts: what it is made of is the operator's grant."""
    await through(by({"models": ("chat",)}, model="chat", label="gpt-*"))


async def test_what_names_no_model_is_not_a_models_matter():
    await through(by({"models": ("chat",)}, operation="responses", model=""))


@pytest.mark.parametrize("operation", get_args(Operation))
async def test_each_operation_needs_to_be_allowed(operation: Operation):
    await through(by({"endpoints": frozenset({operation})}, operation=operation))
    with pytest.raises(Forbidden, match=f"'{operation}'"):
        await through(by({"endpoints": frozenset(set(get_args(Operation)) - {operation})}, operation=operation))


@pytest.mark.parametrize(
    ("own", "asked", "together"),
    [
        ((), (("a", "1"),), (("a", "1"),)),
        ((("team", "x"),), (), (("team", "x"),)),
        ((("team", "x"),), (("a", "1"), ("team", "x")), (("team", "x"), ("a", "1"))),
        ((("team", "x"),), (("team", "x"), ("team", "x")), (("team", "x"),)),
    ],
)
async def test_a_keys_tags_are_on_each_of_its_calls(own: Tags, asked: Tags, together: Tags):
    assert (await through(by({"tags": own}, tags=asked))).tags == together


@pytest.mark.parametrize("asked", [(("team", "y"),), (("team", "x"), ("team", "y")), (("team", ""),)])
async def test_a_client_cannot_say_otherwise(asked: Tags):
    with pytest.raises(Forbidden, match="'team=x'"):
        await through(by({"tags": (("team", "x"),)}, tags=asked))


@pytest.mark.parametrize("header", [b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"])
async def test_a_credential_of_ones_own_needs_a_scope(header: bytes):
    value = b"Bearer sk-own" if header == b"authorization" else b"sk-own"
    headers = Headers({b"x-headgate-key": b"hg-1", header: value})
    with pytest.raises(Forbidden, match="'byo_credential'"):
        await through(by({}, headers=headers))
    call = await through(by({"scopes": frozenset({"call", "byo_credential"})}, headers=headers))
    assert call.account.brought is not None
    assert call.account.brought.secret == "sk-own"
    assert "sk-own" not in repr(call.account.brought)


@pytest.mark.parametrize(
    "brought",
    [
        {b"authorization": b"Bearer hg-another"},
        {b"x-api-key": b"hg-1"},
        {b"authorization": b"Bearer sk-own", b"x-api-key": b"sk-own"},
        {b"authorization": b"Basic c2stb3du"},
        {b"authorization": b"sk-own"},
    ],
)
async def test_what_a_vendor_must_not_see_is_no_credential_of_ones_own(brought: dict[bytes, bytes]):
    headers = Headers({b"x-headgate-key": b"hg-1", **brought})
    with pytest.raises(BadRequest) as caught:
        await through(by({"scopes": frozenset({"call", "byo_credential"})}, headers=headers))
    assert "own" not in caught.value.message.replace("your own", "")


@pytest.mark.parametrize(
    "headers", [{b"x-headgate-key": b"hg-1"}, {b"authorization": b"Bearer hg-1"}, {b"x-api-key": b"hg-1"}]
)
async def test_a_key_alone_is_no_credential_of_ones_own(headers: dict[bytes, bytes]):
    await through(by({}, headers=Headers(headers)))


def test_a_lacking_scope_is_named():
    with pytest.raises(Forbidden, match=r"'audit\.read'"):
        check_scope(Identity(scopes=ROLES["operator"]), "audit.read")
    check_scope(Identity(scopes=ROLES["auditor"]), "audit.read")
