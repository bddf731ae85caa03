"""Which version of a prompt a call gets: the model's, its key's, or the one it asks for where it may."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from msgspec.structs import replace

from calls import call
from headgate.errors import BadRequest, Overloaded
from headgate.prompts.aside import MAX_AT_ONCE, MAX_WAITING, Aside
from headgate.prompts.at_hand import Served, Spelling
from headgate.prompts.config import PromptConfig
from headgate.prompts.dotprompt import PromptNotFound, RenderRefused, load_sources
from headgate.prompts.reference import parse
from headgate.prompts.serving import served
from headgate.prompts.shelf import Shelf
from headgate.prompts.stage import Prompt
from headgate.types import Call, Identity, Payload, Prompting, Reply


def made(text: str) -> Served:
    return served(load_sources({"a.prompt": text}).get("a"))


ONE, TWO, THREE = made("one"), made("two"), made("three")


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    shelf._labels = {
        ("default", "a", "production"): ONE, ("default", "a", "canary"): TWO, ("acme", "a", "production"): THREE,
    }  # fmt: skip
    return shelf


def told(*_: Any) -> None:
    """Counts nothing."""


async def passed(stage: Prompt, asked: Call) -> Call:
    seen: list[Call] = []

    async def after(call: Call) -> Any:
        seen.append(call)
        return Reply(payload=Payload("openai_chat", tree={}))

    await stage(asked, after)
    return seen[0]


def stage(shelf: Shelf, use: str = "a", *override: Any) -> Prompt:
    return Prompt(shelf, lambda _: Spelling(), told, PromptConfig(use=use, override=list(override)), parse(use))


async def test_the_models_label_by_the_callers_organisation(shelf: Shelf):
    for organisation, expected in (("default", ONE), ("acme", THREE), ("other", ONE)):
        found = await passed(stage(shelf), call(identity=Identity(organisation=organisation)))
        assert found.prompt is not None
        assert (found.prompt.used, found.account.prompt) == (expected.label, expected.label)


async def test_a_keys_own_label_where_the_prompt_has_it(shelf: Shelf):
    for organisation, expected in (("default", TWO), ("acme", TWO)):
        asked = call(identity=Identity(organisation=organisation, prompt_label="canary"))
        assert (await passed(stage(shelf), asked)).account.prompt == expected.label
    asked = call(identity=Identity(prompt_label="unknown"))
    assert (await passed(stage(shelf), asked)).account.prompt == ONE.label


async def test_another_version_only_where_it_may_be_asked_for(shelf: Shelf):
    asked = replace(call(), prompt=Prompting(version="canary"))
    assert (await passed(stage(shelf, "a", "version"), asked)).account.prompt == TWO.label
    with pytest.raises(BadRequest, match="no other version"):
        await passed(stage(shelf), asked)
    same = replace(call(), prompt=Prompting(version=ONE.version[:9]))
    assert (await passed(stage(shelf), same)).account.prompt == ONE.label
    with pytest.raises(BadRequest, match="neither a label nor a version"):
        await passed(stage(shelf, "a", "version"), replace(call(), prompt=Prompting(version="!")))


async def test_a_version_is_asked_for_by_a_key_with_a_label_of_its_own(shelf: Shelf):
    canary = Identity(prompt_label="canary")
    for version in ("canary", TWO.version[:9]):
        asked = replace(call(identity=canary), prompt=Prompting(version=version))
        assert (await passed(stage(shelf), asked)).account.prompt == TWO.label
    with pytest.raises(BadRequest, match="no other version"):
        await passed(stage(shelf), replace(call(identity=canary), prompt=Prompting(version=THREE.version[:9])))
    with pytest.raises(PromptNotFound, match="'b@production'"):
        await passed(stage(shelf, "b"), replace(call(), prompt=Prompting(version="staging")))


async def test_each_rendering_is_counted_once_by_its_label(shelf: Shelf):
    counted: list[tuple[str, str, str]] = []

    def counts(prompt: str, label: str, outcome: str, seconds: float) -> None:
        assert 0 <= seconds < 5
        counted.append((prompt, label, outcome))

    def made(use: str, *override: Any) -> Prompt:
        return Prompt(shelf, lambda _: Spelling(), counts, PromptConfig(use=use, override=list(override)), parse(use))

    await passed(made("a"), call(identity=Identity(prompt_label="canary")))
    await passed(made("a", "version"), replace(call(), prompt=Prompting(version="canary")))
    shelf._fetched["default", "a", ONE.version[:9]] = ONE
    await passed(made(f"a@{ONE.version[:9]}"), call())
    with pytest.raises(PromptNotFound):
        await passed(made("a@staging"), call())
    with pytest.raises(PromptNotFound):
        await passed(made("a", "version"), replace(call(), prompt=Prompting(version="made-up")))
    typed = served(
        load_sources({"b.prompt": "---\ninput: {schema: {list(array): string}}\n---\n{{#each list}}x{{/each}}"}).get(
            "b"
        )
    )
    shelf.use({"b": typed}, [])
    for inputs, error in (
        ({}, BadRequest),
        ({"list": ["x"] * 9_000}, None),
        ({"list": ["x"] * 300_000}, RenderRefused),
    ):
        asked = replace(call(), prompt=Prompting(inputs=inputs))
        if error is None:
            await passed(made("b"), asked)
        else:
            with pytest.raises(error):
                await passed(made("b"), asked)
    assert counted == [
        ("a", "canary", "ok"), ("a", "canary", "ok"), ("a", "(version)", "ok"), ("a", "staging", "prompt_not_found"),
        ("a", "(version)", "prompt_not_found"),
        ("b", "(file)", "input_invalid"), ("b", "(file)", "ok"), ("b", "(file)", "render_too_long"),
    ]  # fmt: skip


@pytest.mark.parametrize("operation", ["embed", "rerank", "moderate", "image", "speech", "transcribe"])
async def test_what_is_no_chat_is_told_what_to_call(shelf: Shelf, operation: Any):
    with pytest.raises(BadRequest, match=f"no '{operation}': POST /v1/chat/completions"):
        await passed(stage(shelf), replace(call(), operation=operation))


async def test_what_takes_long_waits_for_a_place_and_not_in_any_number():
    aside, free = Aside(), threading.Event()
    waiting = [asyncio.create_task(aside(free.wait)) for _ in range(MAX_AT_ONCE + MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await aside(lambda: True)
    for each in waiting[:MAX_AT_ONCE]:
        each.cancel()  # whose clients have gone: their places are taken until the work is over
    await asyncio.sleep(0)
    assert aside._places.locked()
    free.set()
    assert all(await asyncio.gather(*waiting[MAX_AT_ONCE:]))
    assert not aside._places.locked()


async def test_a_call_keeps_what_it_has_found(shelf: Shelf):
    before = await passed(stage(shelf), call())
    shelf._labels = {("default", "a", "production"): TWO}
    after = await passed(stage(shelf), call())
    assert [each.request.tree["messages"][-1]["content"] for each in (before, after)] == ["one", "two"]


async def test_what_takes_long_holds_up_no_other_call(shelf: Shelf):
    shelf.use({"a": served(load_sources({"a.prompt": "{{#each list}}{{this}}{{/each}}"}).get("a"))}, [])
    asked = replace(call(), prompt=Prompting(inputs={"list": ["x"] * 30_000}))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    found = await passed(stage(shelf), asked)
    beside.cancel()
    assert len(found.request.tree["messages"][-1]["content"]) == 30_000
    assert turns > 1
    with pytest.raises(RenderRefused):
        await passed(stage(shelf), replace(asked, prompt=Prompting(inputs={"list": ["x"] * 300_000})))


async def test_what_is_not_there(shelf: Shelf):
    with pytest.raises(PromptNotFound, match="'a@staging'"):
        await passed(stage(shelf, "a@staging"), call())
    empty = Prompt(shelf, lambda _: Spelling(), told, None, parse("b"))
    shelf.use({"b": served(load_sources({"b.prompt": "{{#if x}}y{{/if}}"}).get("b"))}, [])
    with pytest.raises(BadRequest, match="comes to nothing"):
        await passed(empty, call(request=Payload("openai_chat", tree={"model": "m", "messages": []})))
