"""Prompts through the admin API: versions, labels, two people and a protected label, the way back."""

from __future__ import annotations

from typing import Any

import pytest

from administered import Administered
from headgate.prompts.reference import parse
from headgate.prompts.shelf import Shelf

CONFIG = """
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  triage: {prompt: support/triage, targets: [sim/gpt-4o-mini]}
  tried: {prompt: support/triage@staging, targets: [sim/gpt-4o-mini]}
prompts: {protected: [production]}
"""
TRIAGE = "support/triage"


def library(text: str) -> dict[str, str]:
    return {
        "support/triage.prompt": f"---\nmodel: chat\n---\n{text} {{{{> tone}}}}",
        "support/_tone.prompt": "Politely.",
    }


@pytest.fixture
async def at():
    async with Administered(config=CONFIG) as at:
        yield at


@pytest.fixture
async def shelf(at: Administered):
    shelf = Shelf(at.database)
    await shelf.load()
    at.directory.followed_by(shelf.follow)
    return shelf


async def published(at: Administered, text: str, **more: Any) -> str:
    at.clock.advance(1)
    made = await at.made("/admin/prompts", {"sources": library(text), **more})
    return made["data"][0]["version"]


async def moved(at: Administered, label: str, to: str | None, **more: Any) -> Any:
    at.clock.advance(1)
    return await at.made("/admin/prompts/moves", {"name": TRIAGE, "label": label, "to": to}, **more)


async def person(at: Administered, name: str, *roles: str) -> tuple[str, str]:
    """Somebody with a key: the key, and the user."""
    user = await at.made("/admin/users", {"name": name, "email": f"{name}@example.com"})
    made = await at.key(name, user=user["id"], roles=list(roles or ("operator",)))
    return made["key"], user["id"]


async def test_a_version_stands_alone_and_never_changes(at: Administered):
    first = await published(at, "One.", git_commit="0123abc", note="the first")
    again = (await at.made("/admin/prompts", {"sources": library("One.")}))["data"]
    assert [(each["version"], each["created"]) for each in again] == [(first, False)]
    shown = (await at.ask("GET", "/admin/prompts/show", prompt=f"{TRIAGE}@{first[:10]}")).json
    assert shown["sources"] == library("One.")
    assert (shown["git_commit"], shown["note"], shown["model"], shown["labels"]) == ("0123abc", "the first", "chat", [])
    assert shown["published_by"].startswith("key:")
    other = await published(at, "Two.")
    assert other != first
    assert [row["version"] for row in await at.walk("/admin/prompts/versions", 1, name=TRIAGE)] == [first, other]


async def test_two_people_and_a_protected_label(at: Administered, shelf: Shelf):
    anna, anna_id = await person(at, "anna")
    bert, bert_id = await person(at, "bert")
    asked, production = {"name": TRIAGE, "label": "production"}, parse(f"{TRIAGE}@production")
    first = await published(at, "One.")
    waiting = await at.made("/admin/prompts/moves", {**asked, "to": first, "reason": "it is good"}, key=anna)
    assert (waiting["status"], waiting["from_version"], waiting["to_version"]) == ("waiting", None, first)
    assert shelf.get("default", production) is None
    approve = f"/admin/prompts/moves/{waiting['id']}/approve"
    assert "second person" in (await at.ask("POST", approve, {}, key=anna)).error["message"]
    again = await at.key("anna's other", user=anna_id, roles=["operator"])
    assert (await at.ask("POST", approve, {}, key=again["key"])).status == 403
    assert "takes a person" in (await at.ask("POST", approve, {})).error["message"]  # a key of nobody's
    developer, _ = await person(at, "dora", "developer")
    assert (await at.ask("POST", approve, {}, key=developer)).status == 403
    done = await at.ask("POST", approve, {"reason": "I read it"}, key=bert)
    assert done.json["status"] == "done"
    found = shelf.get("default", production)
    assert found is not None
    assert found.version == first
    assert (await at.ask("POST", approve, {}, key=bert)).status == 409
    trail = [record for record in await at.records() if record["action"].startswith("prompts.")]
    assert [record["action"] for record in trail] == ["prompts.publish", "prompts.label.ask", "prompts.label.approve"]
    assert trail[1]["actor"] == waiting["asked_by"]
    assert trail[2]["detail"] == {
        "label": "production", "from": "nothing", "to": first, "move": waiting["id"], "reason": "I read it",
        "asked_by": waiting["asked_by"],
    }  # fmt: skip
    assert trail[2]["actor"] == done.json["decided_by"] != trail[1]["actor"]
    history = (await at.ask("GET", "/admin/prompts/moves", name=TRIAGE, label="production")).json["data"]
    assert [(each["status"], each["reason"], each["decision"]) for each in history] == [
        ("done", "it is good", "I read it")
    ]
    assert bert_id != anna_id


async def test_a_key_made_by_the_same_person_is_no_second_one(at: Administered):
    anna, _ = await person(at, "anna", "admin")
    machine = (await at.key("a machine's", by=anna, roles=["operator"]))["key"]
    first = await published(at, "One.")
    waiting = await moved(at, "production", first, key=machine)
    told = await at.ask("POST", f"/admin/prompts/moves/{waiting['id']}/approve", {}, key=anna)
    assert (told.status, "second person" in told.error["message"]) == (403, True)


async def test_going_back_is_at_once_and_goes_back_further(at: Administered, shelf: Shelf):
    anna, _ = await person(at, "anna")
    bert, _ = await person(at, "bert")
    versions = [await published(at, text) for text in ("One.", "Two.", "Three.")]
    for version in versions:
        waiting = await moved(at, "production", version, key=anna)
        await at.ask("POST", f"/admin/prompts/moves/{waiting['id']}/approve", {}, key=bert)
    back = {"name": TRIAGE, "label": "production"}
    for expected in (versions[1], versions[0]):
        told = await at.made("/admin/prompts/rollback", back, key=anna)
        assert (told["status"], told["kind"], told["to_version"]) == ("done", "rollback", expected)
        found = shelf.get("default", parse(f"{TRIAGE}@production"))
        assert found is not None
        assert found.version == expected
    assert (await at.ask("POST", "/admin/prompts/rollback", back, key=anna)).status == 404
    forward = await at.made("/admin/prompts/rollback", {**back, "to": versions[2][:9]}, key=anna)
    assert forward["to_version"] == versions[2]
    never = await published(at, "Four.")
    assert (await at.ask("POST", "/admin/prompts/rollback", {**back, "to": never}, key=anna)).status == 409


async def test_what_was_asked_is_overtaken_or_refused(at: Administered):
    anna, _ = await person(at, "anna")
    bert, _ = await person(at, "bert")
    one, two, three = [await published(at, text) for text in ("One.", "Two.", "Three.")]
    first, second = [await moved(at, "production", version, key=anna) for version in (one, two)]
    await at.ask("POST", f"/admin/prompts/moves/{second['id']}/approve", {}, key=bert)
    assert (await at.ask("POST", f"/admin/prompts/moves/{first['id']}/approve", {}, key=bert)).status == 409
    third = await moved(at, "production", three, key=anna)
    refused = (await at.ask("POST", f"/admin/prompts/moves/{third['id']}/refuse", {"reason": "no"}, key=bert)).json
    assert (refused["status"], refused["decision"]) == ("refused", "no")
    rows = (await at.ask("GET", "/admin/prompts/moves")).json["data"]
    assert [row["status"] for row in rows] == ["overtaken", "done", "refused"]


async def test_labels_that_are_not_protected_move_at_once(at: Administered, shelf: Shelf):
    one, two = await published(at, "One."), await published(at, "Two.")
    assert (await moved(at, "staging", one[:7]))["status"] == "done"
    assert (await at.ask("POST", "/admin/prompts/moves", {"name": TRIAGE, "label": "staging", "to": one})).status == 409
    await moved(at, "canary", "staging")
    await moved(at, "staging", two)
    found = {label: shelf.get("default", parse(f"{TRIAGE}@{label}")) for label in ("staging", "canary")}
    assert {label: each and each.version for label, each in found.items()} == {"staging": two, "canary": one}
    listed = (await at.ask("GET", "/admin/prompts")).json["data"]
    assert [(row["name"], row["labels"], row["versions"]) for row in listed] == [
        (TRIAGE, {"canary": one, "staging": two}, 2)
    ]


async def test_a_label_is_taken_away_and_comes_back(at: Administered, shelf: Shelf):
    one, two = await published(at, "One."), await published(at, "Two.")
    asked = {"name": TRIAGE, "label": "staging"}
    assert (await at.ask("POST", "/admin/prompts/moves", {**asked, "to": None})).status == 404
    await moved(at, "staging", one)
    await moved(at, "staging", two)
    gone = await at.made("/admin/prompts/moves", {**asked, "to": None, "reason": "nobody tries it"})
    assert (gone["kind"], gone["status"], gone["from_version"], gone["to_version"]) == ("remove", "done", two, None)
    assert gone["models"] == ["tried"]
    assert shelf.get("default", parse(f"{TRIAGE}@staging")) is None
    assert (await at.ask("GET", "/admin/prompts")).json["data"][0]["labels"] == {}
    assert (await at.ask("GET", "/admin/prompts/show", prompt=f"{TRIAGE}@staging")).status == 422
    assert (await at.ask("POST", "/admin/prompts/moves", {**asked, "to": None})).status == 404
    at.clock.advance(1)
    back = await at.made("/admin/prompts/rollback", asked)
    assert (back["from_version"], back["to_version"]) == (None, two)
    further = await at.made("/admin/prompts/rollback", asked)
    assert (further["from_version"], further["to_version"]) == (two, one)
    found = shelf.get("default", parse(f"{TRIAGE}@staging"))
    assert found is not None
    assert found.version == one
    await moved(at, "staging", None)
    assert (await moved(at, "staging", two))["from_version"] is None
    record = next(each for each in await at.records() if each["action"] == "prompts.label.remove")
    assert (record["detail"]["from"], record["detail"]["to"], record["detail"]["reason"]) == (
        two, "nothing", "nobody tries it",
    )  # fmt: skip


async def test_a_protected_label_is_taken_away_by_two(at: Administered, shelf: Shelf):
    anna, _ = await person(at, "anna")
    bert, _ = await person(at, "bert")
    one = await published(at, "One.")
    waiting = await moved(at, "production", one, key=anna)
    await at.ask("POST", f"/admin/prompts/moves/{waiting['id']}/approve", {}, key=bert)
    asked = await moved(at, "production", None, key=anna)
    assert (asked["status"], asked["kind"], asked["to_version"]) == ("waiting", "remove", None)
    production = parse(f"{TRIAGE}@production")
    assert shelf.get("default", production) is not None
    assert (await at.ask("POST", f"/admin/prompts/moves/{asked['id']}/approve", {}, key=anna)).status == 403
    done = (await at.ask("POST", f"/admin/prompts/moves/{asked['id']}/approve", {}, key=bert)).json
    assert (done["status"], done["models"]) == ("done", ["triage"])
    assert shelf.get("default", production) is None
    assert (await at.records())[-1]["detail"]["to"] == "nothing"
    assert (await at.made("/admin/prompts/rollback", {"name": TRIAGE, "label": "production"}, key=anna))[
        "to_version"
    ] == one


async def test_a_version_that_is_withdrawn_is_kept_and_no_label_moves_to_it(at: Administered):
    one, two, three = [await published(at, text) for text in ("One.", "Two.", "Three.")]
    for version in (one, two, three):
        await moved(at, "staging", version)
    asked = {"prompt": f"{TRIAGE}@{two[:12]}", "reason": "it tells secrets"}
    standing = await at.ask("POST", "/admin/prompts/withdraw", {**asked, "prompt": f"{TRIAGE}@{three[:12]}"})
    assert (standing.status, "staging stands for" in standing.error["message"]) == (409, True)
    assert (await at.ask("POST", "/admin/prompts/withdraw", {"prompt": asked["prompt"]})).params == ["reason"]
    told = (await at.ask("POST", "/admin/prompts/withdraw", asked)).json
    assert (told["version"], told["withdrawn"], told["models"]) == (two, True, [])
    again = await at.ask("POST", "/admin/prompts/withdraw", asked)
    assert (again.status, again.error["code"]) == (409, "label_unmoved")
    for path, body in (
        ("/admin/prompts/moves", {"name": TRIAGE, "label": "canary", "to": two}),
        ("/admin/prompts/rollback", {"name": TRIAGE, "label": "staging", "to": two[:9]}),
    ):
        refused = await at.ask("POST", path, body)
        assert (refused.status, refused.error["code"]) == (409, "prompt_withdrawn")
        assert "it tells secrets" in refused.error["message"]
    back = await at.made("/admin/prompts/rollback", {"name": TRIAGE, "label": "staging"})
    assert back["to_version"] == one  # the one before is passed over
    shown = (await at.ask("GET", "/admin/prompts/show", prompt=asked["prompt"])).json
    assert (shown["withdrawn_for"], shown["sources"]) == ("it tells secrets", library("Two."))
    assert shown["withdrawn_by"].startswith("key:")
    assert (await at.ask("GET", "/admin/prompts/diff", before=f"{TRIAGE}@{one}", after=f"{TRIAGE}@{two}")).status == 200
    [again] = (await at.made("/admin/prompts", {"sources": library("Two.")}))["data"]
    assert (again["created"], again["withdrawn"]) == (False, True)
    assert [each["latest"] for each in (await at.ask("GET", "/admin/prompts")).json["data"]] == [three]
    restored = (await at.ask("POST", "/admin/prompts/restore", {"prompt": asked["prompt"]})).json
    assert restored["withdrawn"] is False
    assert (await at.ask("POST", "/admin/prompts/restore", {"prompt": asked["prompt"]})).status == 409
    assert (await moved(at, "canary", two))["status"] == "done"
    acts = [each["action"] for each in await at.records() if each["action"] in ("prompts.withdraw", "prompts.restore")]
    assert acts == ["prompts.withdraw", "prompts.restore"]


async def test_files_are_read_for_who_asks_for_them_alone(at: Administered, monkeypatch: pytest.MonkeyPatch):
    one, two = await published(at, "One."), await published(at, "Two.")
    asked: list[str] = []
    fetch = at.database.fetch

    async def seen(sql: str, *parameters: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, *parameters)

    monkeypatch.setattr(at.database, "fetch", seen)
    assert len(await at.walk("/admin/prompts/versions", 1)) == 2
    await moved(at, "staging", one)
    await at.ask("POST", "/admin/prompts/withdraw", {"prompt": f"{TRIAGE}@{two}", "reason": "no"})
    await at.ask("POST", "/admin/prompts/restore", {"prompt": f"{TRIAGE}@{two}"})
    assert not [sql for sql in asked if "sources" in sql]
    shown = (await at.ask("GET", "/admin/prompts/show", prompt=f"{TRIAGE}@{two}")).json
    assert (shown["sources"], shown["file"]) == (library("Two."), "support/triage.prompt")
    assert [sql for sql in asked if "sources" in sql]


async def test_what_waits_for_a_version_waits_no_more_once_it_is_withdrawn(at: Administered):
    anna, _ = await person(at, "anna")
    bert, _ = await person(at, "bert")
    one = await published(at, "One.")
    waiting = await moved(at, "production", one, key=anna)
    pinned = (await at.ask("POST", "/admin/prompts/withdraw", {"prompt": f"{TRIAGE}@{one}", "reason": "no"})).json
    assert pinned["models"] == []
    assert (await at.ask("POST", f"/admin/prompts/moves/{waiting['id']}/approve", {}, key=bert)).status == 409
    assert [each["status"] for each in (await at.ask("GET", "/admin/prompts/moves")).json["data"]] == ["overtaken"]


async def test_a_key_that_who_asked_has_made_is_no_second_person(at: Administered):
    anna, _ = await person(at, "anna", "admin")
    bert, bert_id = await person(at, "bert")
    first = await published(at, "One.")
    waiting = await moved(at, "production", first, key=anna)
    approve = f"/admin/prompts/moves/{waiting['id']}/approve"
    minted = (await at.key("bert's second", by=anna, user=bert_id, roles=["operator"]))["key"]
    told = await at.ask("POST", approve, {}, key=minted)
    assert (told.status, "has made your key" in told.error["message"]) == (403, True)
    assert (await at.ask("POST", approve, {}, key=bert)).status == 200


async def test_the_same_is_asked_for_once(at: Administered):
    first = await published(at, "One.")
    waiting = await moved(at, "production", first)
    again = await at.ask("POST", "/admin/prompts/moves", {"name": TRIAGE, "label": "production", "to": first})
    assert (again.status, again.error["code"], waiting["id"] in again.error["message"]) == (409, "label_unmoved", True)


async def test_a_way_back_is_named_by_one_version(at: Administered):
    one, two = await published(at, "One."), await published(at, "Two.")
    await moved(at, "staging", one)
    await moved(at, "staging", two)
    back = {"name": TRIAGE, "label": "staging"}
    for to, status in ((two, 409), ("staging", 422), ("0123456", 409), ("!", 422)):
        assert (await at.ask("POST", "/admin/prompts/rollback", {**back, "to": to})).status == status


async def test_every_mistake_of_a_library_is_told_at_once(at: Administered):
    wrong = {
        "a.prompt": "{{> nowhere}}",
        "b.prompt": "---\nconfig: {temperature: warm}\n---\nHi",
        "c.prompt": "{{#if x}}",
    }
    told = await at.ask("POST", "/admin/prompts", {"sources": wrong})
    assert told.status == 422
    assert sorted(told.params) == ["sources.a.prompt", "sources.b.prompt", "sources.c.prompt"]
    assert not [record for record in await at.records() if record["action"] == "prompts.publish"]
    told = await at.ask("POST", "/admin/prompts", {"sources": {"b.prompt": wrong["b.prompt"]}})
    assert "config.temperature must be a number" in told.body.decode()
    assert (await at.ask("POST", "/admin/prompts", {"sources": {"_a.prompt": "Hi"}})).status == 422


@pytest.mark.parametrize(
    "place", ["../a.prompt", "/a.prompt", "a//b.prompt", "a\\b.prompt", "./a.prompt", "a\n.prompt", ""]
)
async def test_files_have_a_place_within_the_library(at: Administered, place: str):
    told = await at.ask("POST", "/admin/prompts", {"sources": {place: "Hi"}})
    assert told.status == 422


@pytest.mark.parametrize(
    ("body", "param"),
    [({"to": "0123456"}, "to"), ({"label": "abcdef0"}, "label"), ({"name": "../x"}, "name"), ({"to": "nolabel"}, "to")],
)
async def test_moves_that_cannot_be(at: Administered, body: Any, param: str):
    version = await published(at, "One.")
    told = await at.ask("POST", "/admin/prompts/moves", {"name": TRIAGE, "label": "staging", "to": version, **body})
    assert (told.status, told.params) == (422, [param])


async def test_organisations_have_prompts_of_their_own(at: Administered, shelf: Shelf):
    await at.made("/admin/organisations", {"name": "Acme"})
    [acme] = [
        each["id"] for each in (await at.ask("GET", "/admin/organisations")).json["data"] if each["name"] == "Acme"
    ]
    one = await published(at, "One.")
    await moved(at, "staging", one)
    reference = parse(f"{TRIAGE}@staging")
    assert shelf.get(acme, reference) is shelf.get("default", reference)
    two = (await at.made("/admin/prompts", {"sources": library("Two.")}, organisation=acme))["data"][0]["version"]
    await moved(at, "staging", two, organisation=acme)
    found = [shelf.get(each, reference) for each in (acme, "default")]
    assert [each and each.version for each in found] == [two, one]
    assert (await at.ask("GET", "/admin/prompts/show", prompt=f"{TRIAGE}@{two}")).status == 422


async def test_an_act_and_its_record_are_one(at: Administered, shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    one = await published(at, "One.")

    async def broken(*_: Any) -> None:
        raise OSError("no more room")

    monkeypatch.setattr(at.audit, "append", broken)
    told = await at.ask("POST", "/admin/prompts/moves", {"name": TRIAGE, "label": "staging", "to": one})
    assert told.status == 500
    assert (await at.database.fetch("SELECT count(*) FROM prompt_moves")) == [(0,)]
    assert (await at.database.fetch("SELECT count(*) FROM prompt_labels")) == [(0,)]
    assert shelf.get("default", parse(f"{TRIAGE}@staging")) is None
