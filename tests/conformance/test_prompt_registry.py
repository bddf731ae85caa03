"""The registry of prompts on every kind of database: what one replica releases another serves, also while the database is
away.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from administered import Administered
from headgate.access import Directory, Roles
from headgate.errors import StoreUnavailable
from headgate.prompts.dotprompt import PromptNotFound
from headgate.prompts.reference import parse
from headgate.prompts.shelf import PromptWithdrawn, Shelf

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
PRODUCTION = parse("triage@production")


def says(shelf: Shelf, organisation: str = "default") -> str | None:
    found = shelf.get(organisation, PRODUCTION)
    return None if found is None else found.prompt.render({}).messages[0].plain()["content"][0]["text"]


async def test_what_one_replica_releases_another_serves(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        shelf, directory = Shelf(at.database), Directory(at.database, Roles())
        await directory.load()
        await shelf.load()
        directory.followed_by(shelf.follow)
        versions: list[str] = []
        for text in ("One.", "Two."):
            at.clock.advance(1)
            made = await at.made("/admin/prompts", {"sources": {"triage.prompt": text}})
            versions.append(made["data"][0]["version"])
            move = {"name": "triage", "label": "production", "to": versions[-1]}
            await at.made("/admin/prompts/moves", move)
            assert says(shelf) != text
            held = shelf.get("default", PRODUCTION)
            await directory.refresh()
            assert says(shelf) == text
            if held is not None:  # a call that has begun with it
                assert held.prompt.render({}).messages[0].plain()["content"] == [{"text": "One."}]
        away = shelf._database
        shelf._database = Away()  # type: ignore[assignment]
        at.clock.advance(1)
        await at.made("/admin/prompts/rollback", {"name": "triage", "label": "production", "reason": "it was worse"})
        await directory.refresh()
        assert says(shelf) == "Two."
        with pytest.raises(StoreUnavailable):
            await shelf.find("default", parse(f"triage@{versions[0][:8]}"))
        shelf._database = away
        await directory.refresh()
        assert says(shelf) == "One."
        assert (await shelf.find("other", parse(f"triage@{versions[1][:8]}"))).version == versions[1]
        with pytest.raises(PromptNotFound, match="triage@stagin'"):
            await shelf.find("default", parse("triage@stagin"))
        rows = (await at.ask("GET", "/admin/prompts/moves", label="production")).json["data"]
        assert [(row["kind"], row["from_version"], row["to_version"]) for row in rows] == [
            ("move", None, versions[0]), ("move", versions[0], versions[1]), ("rollback", versions[1], versions[0]),
        ]  # fmt: skip


async def test_what_is_not_there_is_looked_for_once(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        shelf = Shelf(at.database)
        await shelf.load()
        at.directory.followed_by(shelf.follow)
        version = "ac9b98f03aca7c19a9b62ec78bb9bc8ec48ad1e2a8ea73ee1ec2f9b0f8b2ac6f"
        for _ in range(2):
            with pytest.raises(PromptNotFound):
                await shelf.find("default", parse(f"triage@{version}"))
        assert len(shelf._missing) == 1
        made = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        assert not shelf._missing
        assert (await shelf.find("default", parse(f"triage@{made[:12]}"))).version == made


async def test_what_one_replica_withdraws_another_serves_no_more(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        shelf, directory = Shelf(at.database), Directory(at.database, Roles())
        await directory.load()
        await shelf.load()
        directory.followed_by(shelf.follow)
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        await directory.refresh()
        asked = parse(f"triage@{version[:9]}")
        assert (await shelf.find("default", asked)).version == version
        about = {"prompt": f"triage@{version}", "reason": "it is wrong"}
        assert (await at.ask("POST", "/admin/prompts/withdraw", about)).status == 200
        await directory.refresh()
        for organisation in ("default", "other"):
            with pytest.raises(PromptWithdrawn, match=f"triage@{version[:9]}' was withdrawn"):
                await shelf.find(organisation, asked)
        late = Shelf(at.database)  # a replica that starts now
        await late.load()
        with pytest.raises(PromptWithdrawn):
            await late.find("default", asked)
        assert (await at.ask("POST", "/admin/prompts/restore", {"prompt": f"triage@{version}"})).status == 200
        await directory.refresh()
        assert (await shelf.find("default", asked)).version == version


async def test_what_an_organisation_has_withdrawn_it_gets_from_no_other(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        acme = (await at.made("/admin/organisations", {"name": "Acme"}))["id"]
        shelf = Shelf(at.database)
        await shelf.load()
        at.directory.followed_by(shelf.follow)
        sources = {"sources": {"triage.prompt": "One."}}
        version = (await at.made("/admin/prompts", sources))["data"][0]["version"]
        await at.made("/admin/prompts/moves", {"name": "triage", "label": "production", "to": version})
        await at.made("/admin/prompts", sources, organisation=acme)
        asked = parse(f"triage@{version}")
        for organisation in ("default", acme):
            assert (await shelf.find(organisation, asked)).version == version
            assert says(shelf, organisation) == "One."
        about = {"prompt": f"triage@{version}", "reason": "it is wrong"}
        assert (await at.ask("POST", "/admin/prompts/withdraw", about, organisation=acme)).status == 200
        assert (await shelf.find("default", asked)).version == version
        assert [says(shelf, each) for each in ("default", acme)] == ["One.", None]
        with pytest.raises(PromptWithdrawn):
            await shelf.find(acme, asked)


async def test_a_version_is_looked_up_once_for_all_who_ask(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        shelf = Shelf(at.database)
        await shelf.load()
        counted = Counted(at.database)
        shelf._database = counted  # type: ignore[assignment]
        asked = parse(f"triage@{version[:9]}")
        first = asyncio.create_task(shelf.find("default", asked))
        await asyncio.sleep(0)
        first.cancel()  # whose client has gone
        found = await asyncio.gather(*(shelf.find("default", asked) for _ in range(20)))
        assert {each.version for each in found} == {version}
        assert (counted.asked, shelf._looking) == (1, {})


async def test_versions_that_nothing_stands_for_are_kept_up_to_a_number(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("headgate.prompts.shelf.MAX_FETCHED", 3)
    async with Administered(database_url, config=CONFIG) as at:
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        shelf = Shelf(at.database)
        await shelf.load()
        shelf.use({}, [parse(f"triage@{version[:8]}")])
        for digits in range(8, 20):
            assert (await shelf.find("default", parse(f"triage@{version[:digits]}"))).version == version
        assert [digest for _, _, digest in shelf._fetched] == [version[:8], version[:18], version[:19]]


async def person(at: Administered, name: str) -> str:
    """Somebody's key."""
    user = await at.made("/admin/users", {"name": name, "email": f"{name}@example.com"})
    return (await at.key(name, user=user["id"], roles=["operator"]))["key"]


async def test_of_those_who_decide_at_once_one_does(database_url: str):
    async with Administered(database_url, config=f"{CONFIG}prompts: {{protected: [production]}}\n") as at:
        anna, bert, carl = [await person(at, name) for name in ("anna", "bert", "carl")]
        label = {"name": "triage", "label": "production"}
        waiting: list[str] = []
        for text in ("One.", "Two.", "Three."):
            at.clock.advance(1)
            made = await at.made("/admin/prompts", {"sources": {"triage.prompt": text}})
            moved = await at.made("/admin/prompts/moves", {**label, "to": made["data"][0]["version"]}, key=anna)
            waiting.append(moved["id"])
        told = await asyncio.gather(
            *(
                at.ask("POST", f"/admin/prompts/moves/{each}/approve", {}, key=key)
                for each in waiting
                for key in (bert, carl)
            ),
            at.ask("POST", f"/admin/prompts/moves/{waiting[2]}/refuse", {}, key=anna),
        )
        done = [each.json for each in told if each.status == 200]
        assert [each["status"] for each in done if each["status"] == "done"] == ["done"]
        assert {each.status for each in told} == {200, 409}
        [row] = await at.database.fetch("SELECT digest FROM prompt_labels")
        assert [each["to_version"] for each in done if each["status"] == "done"] == [row[0]]
        statuses = [each["status"] for each in (await at.ask("GET", "/admin/prompts/moves")).json["data"]]
        assert (statuses.count("done"), statuses.count("waiting")) == (1, 0)


async def test_a_version_is_not_withdrawn_and_released_at_once(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        about = {"prompt": f"triage@{version}", "reason": "no"}
        move = {"name": "triage", "label": "staging", "to": version}
        told = await asyncio.gather(
            at.ask("POST", "/admin/prompts/moves", move), at.ask("POST", "/admin/prompts/withdraw", about)
        )
        assert sorted(each.status < 300 for each in told) == [False, True]
        [(labels, withdrawn)] = await at.database.fetch(
            "SELECT (SELECT count(*) FROM prompt_labels), count(withdrawn_us) FROM prompt_versions"
        )
        assert labels + withdrawn == 1


class Counted:
    """A database, and how often it was asked for versions."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.asked = 0

    async def fetch(self, sql: str, *parameters: Any) -> Any:
        self.asked += "prompt_versions" in sql
        return await self.inner.fetch(sql, *parameters)


class Away:
    """A database that cannot be reached."""

    async def fetch(self, *_: Any) -> Any:
        raise StoreUnavailable("it is away")


async def test_versions_are_immutable_and_labels_refer_to_them(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        [(text,)] = await at.database.fetch("SELECT sources FROM prompt_versions WHERE digest = $1", version)
        assert text == '{"triage.prompt":"One."}'
        with pytest.raises(Exception, match=r"(?i)unique|refers|constraint|already"):
            async with at.database.transaction() as transaction:
                await transaction.execute("UPDATE prompt_versions SET digest = $1", "0" * 64)
                await transaction.execute(
                    "INSERT INTO prompt_labels SELECT id, organisation, version, revision, created_us, updated_us, "
                    "archived_us, name, $1, $2, $1 FROM prompt_versions",
                    "staging",
                    version,
                )


async def test_a_backup_that_is_put_back_is_taken_over_whole(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        version = (await at.made("/admin/prompts", {"sources": {"triage.prompt": "One."}}))["data"][0]["version"]
        await at.made("/admin/prompts/moves", {"name": "triage", "label": "production", "to": version})
        shelf, asked = Shelf(at.database), parse(f"triage@{version[:9]}")
        await shelf.load()
        now = shelf._known
        assert (await shelf.find("default", asked)).version == version
        kept = shelf._labels["default", "triage", "production"]
        shelf._known += 5  # what was known was later, and has never been
        shelf._labels = {("default", "triage", "canary"): kept}
        shelf._withdrawn.add(("default", "triage", version))
        await shelf.follow(now)
        assert list(shelf._labels) == [("default", "triage", "production")]
        assert shelf._withdrawn == set()
        assert shelf._fetched == {}
        assert (await shelf.find("default", asked)).version == version


async def test_what_is_near_is_told_and_looked_for_once(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        made = await at.made("/admin/prompts", {"sources": {"triage.prompt": "One.", "sorting.prompt": "Two."}})
        shelf = Shelf(at.database)
        await shelf.load()
        at.directory.followed_by(shelf.follow)
        for each in made["data"]:
            await at.made("/admin/prompts/moves", {"name": each["name"], "label": "staging", "to": each["version"]})
        for asked, words in (
            ("triage@production", "triage@staging"),
            ("sortng@staging", "did you mean 'sorting@staging'"),
        ):
            with pytest.raises(PromptNotFound, match=words):
                await shelf.find("default", parse(asked))
        with pytest.raises(PromptNotFound, match=r"'zzz@production'$"):
            await shelf.find("default", parse("zzz@production"))
        assert len(shelf._alike) == 3
        away = {"name": "triage", "label": "staging", "to": None}
        await at.made("/admin/prompts/moves", away)
        assert not shelf._alike
