"""An administrative act is one transaction with its audit record, and known at once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from administered import Administered
from headgate.errors import StoreUnavailable
from headgate.server.admin import Admin
from headgate.storage.database import Transaction
from headgate.storage.records import AuditRecord


@pytest.fixture
async def administered(database_url: str) -> AsyncIterator[Administered]:
    async with Administered(database_url) as administered:
        yield administered


class NoAudit:
    """An audit log that cannot be written."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def append(self, transaction: Transaction, records: Sequence[AuditRecord]) -> None:
        raise self._error


async def everything(administered: Administered) -> list[tuple[str, str, Any]]:
    """One act of each kind, on things that are there."""
    team = await administered.made("/admin/teams", {"name": "Research"})
    project = await administered.made("/admin/projects", {"name": "Apollo"})
    user = await administered.made("/admin/users", {"name": "Ada"})
    organisation = await administered.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    key = await administered.key(budget_usd=1, limits=[{"concurrent": 1}])
    credential = f"/admin/teams/{team['id']}/provider-keys"
    await administered.ask("PUT", f"{credential}/sim", {"credential": "sk-held-already-here"})
    attempt = "cor_" + "0" * 32
    correction = {
        "id": attempt, "parent": "openai:2026-11-01:gpt-4o", "model": "gpt-4o", "target": "paid/gpt-4o",
        "started_at": "2026-11-01T00:00:00Z", "usage": {"input_tokens": 5}, "cost_usd": "0.01",
    }  # fmt: skip
    return [
        ("POST", "/admin/organisations", {"name": "Other"}),
        ("PATCH", f"/admin/organisations/{organisation['id']}", {"name": "Acme & Co"}),
        ("DELETE", f"/admin/organisations/{organisation['id']}", None),
        ("POST", "/admin/teams", {"name": "New"}),
        ("PATCH", f"/admin/teams/{team['id']}", {"timezone": "Europe/Berlin"}),
        ("POST", "/admin/projects", {"name": "New"}),
        ("PATCH", f"/admin/projects/{project['id']}", {"team": "Research"}),
        ("DELETE", f"/admin/projects/{project['id']}", None),
        ("POST", "/admin/users", {"name": "Eve"}),
        ("PATCH", f"/admin/users/{user['id']}", {"roles": ["developer"]}),
        ("DELETE", f"/admin/users/{user['id']}", None),
        ("POST", "/admin/keys", {"name": "new", "budget_usd": 1, "limits": [{"concurrent": 1}]}),
        ("PATCH", f"/admin/keys/{key['id']}", {"models": ["chat"]}),
        ("POST", f"/admin/keys/{key['id']}/rotate", {"overlap_s": 5}),
        ("POST", f"/admin/keys/{key['id']}/revoke", None),
        ("POST", "/admin/limits", {"subject": "team:Research", "per": "hour", "tokens": 5}),
        ("PATCH", f"/admin/limits/{key['limits'][0]['id']}", {"concurrent": 2}),
        ("DELETE", f"/admin/limits/{key['limits'][0]['id']}", None),
        ("POST", "/admin/budgets", {"subject": "team:Research", "amount_usd": 5}),
        ("PATCH", f"/admin/budgets/{key['budgets'][0]['id']}", {"amount_usd": 2}),
        ("DELETE", f"/admin/budgets/{key['budgets'][0]['id']}", None),
        ("PUT", f"{credential}/paid", {"credential": "sk-new-one-of-theirs"}),
        ("PUT", f"{credential}/sim", {"credential": "sk-another-one-here"}),
        ("DELETE", f"{credential}/sim", None),
        ("POST", "/admin/ledger/corrections", {"corrections": [correction]}),
        ("DELETE", f"/admin/teams/{team['id']}", None),
    ]


@pytest.mark.parametrize("error", [StoreUnavailable("the log is away"), OSError("the disk is full"), RuntimeError("x")])
async def test_an_act_whose_audit_record_cannot_be_written_does_not_happen(
    administered: Administered, error: Exception
):
    acts = await everything(administered)
    before = await administered.snapshot()
    audited = administered.admin
    administered.admin = Admin(administered.make(replace(administered.ports, audit=NoAudit(error))))
    for method, path, body in acts:
        told = await administered.ask(method, path, body)
        assert told.status in (500, 503), (method, path, told.body)
        assert b'"key"' not in told.body
    assert await administered.snapshot() == before
    administered.admin = audited
    assert (await administered.ask("POST", "/admin/teams", {"name": "Later"})).status == 201


async def test_every_act_is_written_down_with_who_what_and_where(administered: Administered):
    for method, path, body in await everything(administered):
        before = await administered.records()
        told = await administered.ask(method, path, body)
        assert told.status in (200, 201), (method, path, told.body)
        fresh = (await administered.records())[len(before) :]
        assert fresh, (method, path)
        for record in fresh:
            assert record["actor"] == "key:admin"
            assert record["address"] == "127.0.0.1"
            assert record["outcome"] == "done"
            assert record["subject"].partition(":")[2]
            assert record["at_us"] == administered.clock.now_us()


async def test_what_a_change_was_is_written_down(administered: Administered):
    key = await administered.key(models=["chat"])
    await administered.ask("PATCH", f"/admin/keys/{key['id']}", {"models": ["chat", "gpt-*"], "name": "new"})
    record = (await administered.records())[-1]
    assert record["action"] == "keys.change"
    assert record["detail"] == {"models": "chat -> chat, gpt-*", "name": "k -> new"}


async def test_what_is_personal_is_not_written_into_a_log_that_is_for_ever(administered: Administered):
    user = await administered.made("/admin/users", {"name": "Ada Lovelace", "email": "ada@example.com"})
    await administered.ask("PATCH", f"/admin/users/{user['id']}", {"email": "new@example.com", "name": "Ada King"})
    text = str(await administered.records())
    assert "Lovelace" not in text
    assert "example.com" not in text
    assert "changed" in text


async def test_a_failed_act_leaves_nothing(administered: Administered):
    before = await administered.snapshot()
    for body in (
        {"name": "k", "team": "nobody", "budget_usd": 1},
        {"name": "k", "roles": ["x"]},
        {"name": "k", "limits": [{"per": "minute", "requests": 1}, {"per": "minute", "tokens": 1}]},
    ):
        assert (await administered.ask("POST", "/admin/keys", body)).status == 422
    assert await administered.snapshot() == before


async def test_an_act_is_known_in_this_process_when_it_is_over(administered: Administered):
    before = administered.directory.generation
    key = await administered.key()
    assert administered.directory.generation > before
    assert administered.identity(key["key"]).key_id == key["id"]


async def test_an_act_stands_though_it_cannot_be_made_known_yet(administered: Administered):
    class Away:
        async def refresh(self) -> None:
            raise StoreUnavailable("the database is away")

    administered.admin = Admin(administered.make(replace(administered.ports, directory=Away())))
    key = await administered.key()
    await administered.directory.refresh()
    assert administered.identity(key["key"]).key_id == key["id"]


async def test_changes_at_the_same_time_have_one_winner(administered: Administered):
    key = await administered.key()
    path = f"/admin/keys/{key['id']}"
    told = await asyncio.gather(
        *(administered.ask("PATCH", path, {"name": f"n{number}", "version": 1}) for number in range(10))
    )
    assert sorted(each.status for each in told) == [200] + [409] * 9
    winner = next(each.json["name"] for each in told if each.status == 200)
    now = (await administered.ask("GET", path)).json
    assert (now["name"], now["version"]) == (winner, 2)


async def test_names_are_one_teams_only(administered: Administered):
    told = await asyncio.gather(*(administered.ask("POST", "/admin/teams", {"name": "Research"}) for _ in range(5)))
    assert sorted(each.status for each in told) == [201] + [409] * 4
    [team] = await administered.walk("/admin/teams", 10)
    assert (await administered.ask("DELETE", f"/admin/teams/{team['id']}")).status == 200
    assert (await administered.ask("POST", "/admin/teams", {"name": "Research"})).status == 201


async def test_what_is_out_of_use_is_listed_only_when_asked_for_and_does_not_change(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "Research"})
    path = f"/admin/teams/{team['id']}"
    key = await administered.key(team="Research")
    for _ in range(2):
        told = await administered.ask("DELETE", path)
        assert told.status == 200
        assert told.json["archived_at"]
    assert await administered.walk("/admin/teams", 10) == []
    assert len(await administered.walk("/admin/teams", 10, archived="true")) == 1
    assert (await administered.ask("PATCH", path, {"name": "x"})).status == 409
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "team": "Research"})
    assert (told.status, told.params) == (422, ["team"])
    told = await administered.ask("GET", f"/admin/keys/{key['id']}")
    assert told.status == 200


async def test_one_subject_has_one_limit_of_a_window_and_one_budget_of_a_period(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    limit = {"subject": "team:A", "per": "hour", "tokens": 5}
    await administered.made("/admin/limits", limit)
    told = await administered.ask("POST", "/admin/limits", limit)
    assert told.status == 409
    assert "limit_" in told.error["message"]
    budget = {"subject": "team:A", "amount_usd": 5}
    await administered.made("/admin/budgets", budget)
    assert (await administered.ask("POST", "/admin/budgets", budget)).status == 409
    soft = await administered.made("/admin/budgets", {**budget, "hard": False})
    assert (await administered.ask("PATCH", f"/admin/budgets/{soft['id']}", {"hard": True})).status == 409


async def test_a_limit_keeps_limiting_something(administered: Administered):
    limit = await administered.made("/admin/limits", {"subject": "customer:*", "per": "hour", "tokens": 5})
    told = await administered.ask("PATCH", f"/admin/limits/{limit['id']}", {"tokens": None})
    assert told.status == 422
    lease = await administered.made("/admin/limits", {"subject": "customer:*", "concurrent": 5})
    told = await administered.ask("PATCH", f"/admin/limits/{lease['id']}", {"tokens": 5})
    assert told.status == 422


@pytest.mark.parametrize(
    ("subject", "kept"),
    [
        ("team:Research", "team:{team}"),
        ("team:*", "team:*"),
        ("organisation:*", "organisation:default"),
        ("organisation:default", "organisation:default"),
        ("model:gpt-*", "model:gpt-*"),
        ("tag:a=b", "tag:a=b"),
        ("tag:a=*", "tag:a=*"),
        ("customer:*", "customer:*"),
    ],
)
async def test_subjects_are_kept_by_id(administered: Administered, subject: str, kept: str):
    team = await administered.made("/admin/teams", {"name": "Research", "timezone": "Asia/Tokyo"})
    made = await administered.made("/admin/limits", {"subject": subject, "per": "day", "requests": 5})
    assert made["subject"] == kept.format(team=team["id"])
    assert made["timezone"] == ("Asia/Tokyo" if subject == "team:Research" else "UTC")
    listed = await administered.walk("/admin/limits", 10, subject=subject)
    assert [each["id"] for each in listed] == [made["id"]]


async def test_end_users_are_not_named_in_a_log_that_is_for_ever(administered: Administered):
    made = await administered.made("/admin/budgets", {"subject": "customer:jo@example.com", "amount_usd": 1})
    assert "jo@" not in str(await administered.records())
    [listed] = await administered.walk("/admin/budgets", 10, subject="customer:jo@example.com")
    assert listed["id"] == made["id"]
    identity = administered.identity()
    from headgate.ids import end_user_id

    _, [(budget, _)] = administered.rules(identity, end_user_id("default", "jo@example.com"))
    assert budget.id == made["id"]


@pytest.mark.parametrize("subject", ["organisation:other", "team:nobody", "key:key_nobody", "user:x", "project:x"])
async def test_limits_of_what_is_not_there_are_refused(administered: Administered, subject: str):
    told = await administered.ask("POST", "/admin/limits", {"subject": subject, "per": "day", "requests": 5})
    assert (told.status, told.params) == (422, ["subject"])
