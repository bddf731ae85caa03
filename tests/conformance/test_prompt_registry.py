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
