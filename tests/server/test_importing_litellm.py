"""A database of LiteLLM's brought in by the command: who there is, their keys, their budgets, what they have spent."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import services
from headgate.cli.app import run
from headgate.importing import parts as in_parts
from serving import Serving
from upstream import unused_port

FOLDER = Path(__file__).parents[1] / "litellm"
ADMIN_KEY = "sk-the-master-key-that-was-there-before"
CONFIG = """
model_list:
  - {model_name: chat, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/UPSTREAM}}
  - {model_name: small-1, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/UPSTREAM}}
litellm_settings: {max_budget: 1000, budget_duration: 30d}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
"""
SERVED = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}, small-1: {targets: [sim/gpt-4o-mini]}}
prices: {gpt-4o-mini: {input: 1, output: 2}}
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}


@cache
def template() -> str:
    """A database with the rows, to be copied."""
    name = services.postgres().create()
    services.postgres().sql((FOLDER / "tables.sql").read_text("utf-8"), name)
    return name


class Incumbent:
    """LiteLLM's database."""

    def __init__(self) -> None:
        self._server = services.postgres()
        self._name = self._server.create(template())
        self.url = self._server.url(self._name)

    def sql(self, statement: str) -> None:
        self._server.sql(statement, self._name)

    def drop(self) -> None:
        self._server.drop(self._name)


@pytest.fixture
def incumbent() -> Iterator[Incumbent]:
    found = Incumbent()
    yield found
    found.drop()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UPSTREAM", "k")
    monkeypatch.setenv("LITELLM_MASTER_KEY", ADMIN_KEY)
    monkeypatch.setenv("HEADGATE_ADMIN_KEY", ADMIN_KEY)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    serving = Serving(SERVED, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys")
    await serving.gateway.open()
    async with serving:
        monkeypatch.setenv("HEADGATE_URL", serving.url)
        yield serving


class Ran:
    def __init__(self, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
        self.code = run(arguments)
        told = capsys.readouterr()
        self.out, self.err = told.out, told.err

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


async def imported(capsys: pytest.CaptureFixture[str], incumbent: Incumbent, *more: str) -> Any:
    """What the command says, beside a server of this loop."""
    arguments = ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url, "--json", *more)
    return (await asyncio.to_thread(Ran, capsys, arguments)).json


async def ask(serving: Serving, path: str) -> Any:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    return (await serving.request("GET", path, headers=headers)).json


async def call(serving: Serving, key: str, path: str = "/chat/completions", **more: Any) -> Any:
    """A call, again where the server sheds it: the command runs in this process, and may have held its loop up."""
    while True:
        answer = await serving.post(path, {**BODY, **more}, {"authorization": f"Bearer {key}"})
        if answer.status != 503:
            return answer
        await asyncio.sleep(0.05)


async def spent(serving: Serving) -> dict[str, str]:
    """What has been spent of budgets, by whose and how long they are."""
    keys = {each["id"]: each["name"] for each in (await ask(serving, "/admin/keys?limit=500"))["data"]}
    teams = {each["id"]: each["name"] for each in (await ask(serving, "/admin/teams"))["data"]}
    users = {each["id"]: each["name"] for each in (await ask(serving, "/admin/users"))["data"]}
    names = {**keys, **teams, **users}
    found: dict[str, str] = {}
    for each in (await ask(serving, "/admin/budgets"))["data"]:
        kind, _, name = each["subject"].partition(":")
        found[f"{kind}:{names.get(name, name)}/{each['period']}"] = each["spent_usd"]
    return found


# ── a dry run ──


def test_a_dry_run_writes_nothing_and_says_so(
    incumbent: Incumbent, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url))
    assert ran.code == 0
    assert "LiteLLM has 2 models, 1 provider, 3 teams, 2 users, 7 keys, $11.55 spent by keys to date." in ran.out
    assert "Nothing is written." in ran.out
    assert sorted(each.name for each in folder.iterdir()) == ["config.yaml"]


def test_the_report_of_the_rows_is_as_expected(incumbent: Incumbent, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url))
    assert ran.out == (FOLDER / "tables.expected").read_text("utf-8")


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://headgate@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_read_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", url))
    assert ran.code == 3
    assert "--database" in ran.err


def test_a_database_of_something_else_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    url = services.postgres().url()
    ran = Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", url))
    assert (ran.code, "it is not LiteLLM's" in ran.err) == (3, True)


def test_urls_as_prisma_writes_them_are_taken(incumbent: Incumbent, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"{incumbent.url}?schema=public&connection_limit=5&pool_timeout=60"
    assert Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", url)).code == 0


# ── writing ──


def test_a_configuration_that_says_something_else_is_left_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("import", "litellm", "--config", "config.yaml", "--write")
    assert "headgate.yaml is written" in Ran(capsys, command).out
    assert "headgate.yaml is unchanged" in Ran(capsys, command).out
    (folder / "headgate.yaml").write_text("mine")
    refused = Ran(capsys, command)
    assert (refused.code, (folder / "headgate.yaml").read_text()) == (3, "mine")
    assert "--replace" in refused.err
    assert "headgate.yaml is replaced" in Ran(capsys, (*command, "--replace")).out


def test_what_the_configuration_needs_of_the_environment_is_asked_for_first(
    incumbent: Incumbent, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UPSTREAM")
    ran = Ran(capsys, ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url, "--write"))
    assert (ran.code, "UPSTREAM" in ran.err, (folder / "headgate.yaml").exists()) == (3, True, False)


def test_without_a_server_the_rows_go_into_the_file(
    incumbent: Incumbent, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice: the second time changes nothing, down to the audit log."""
    command = ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url, "--write")
    assert "7 keys" in Ran(capsys, command).out
    config = folder / "headgate.yaml"
    config.write_text(config.read_text().replace("port: 4000", f"port: {unused_port()}"))
    before = Ran(capsys, ("audit", "list", "--json")).json
    again = Ran(capsys, (*command, "--records-only")).out
    assert "headgate.yaml is left as it is" in again
    assert "Rows made: none" in again
    assert Ran(capsys, ("audit", "list", "--json")).json == before
    assert len(Ran(capsys, ("audit", "list", "--action", "imports.create", "--json")).json) == 1
    assert Ran(capsys, ("audit", "verify")).code == 0


# ── beside a server ──


async def test_clients_keep_their_keys_and_paths_and_names(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    for path in ("/chat/completions", "/v1/chat/completions"):
        assert (await call(serving, "sk-research", path)).status == 200
    by_header = await serving.post("/v1/messages", BODY, {"x-api-key": "sk-research"})
    assert by_header.status == 200
    assert (await call(serving, "sk-ada", model="small-1")).status == 200
    listed = await serving.request("GET", "/v1/models", headers={"authorization": "Bearer sk-research"})
    assert [each["id"] for each in listed.json["data"]] == ["chat"]


async def test_who_may_not_there_may_not_here(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    expected = {
        ("sk-research", "small-1"): 404,  # the key's models, within the team's
        ("sk-apps", "chat"): 403,  # its routes are embeddings
        ("sk-blocked", "chat"): 401,
        ("sk-expired", "chat"): 401,
        ("sk-gone", "chat"): 401,  # its team is blocked
        ("plain-key", "chat"): 404,  # a key LiteLLM keeps as it is, without any model
        ("sk-page", "chat"): 401,
        ("sk-unknown", "chat"): 401,
    }
    found = {(key, model): (await call(serving, key, model=model)).status for key, model in expected}
    assert found == expected


async def test_a_customer_that_is_blocked_there_is_blocked_here(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    assert [(await call(serving, "sk-research", user=name)).status for name in ("eve", "jo")] == [429, 200]
    incumbent.sql("""UPDATE "LiteLLM_EndUserTable" SET blocked = true""")
    await imported(capsys, incumbent, "--write", "--records-only")
    assert (await call(serving, "sk-research", user="jo")).status == 429


async def test_what_was_spent_is_where_budgets_begin(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    assert await spent(serving) == {
        "organisation:default/month": "0",
        "tag:litellm-organisation=o-1/month": "12.5",
        "team:Research/month": "12.5",
        "user:Ada/week": "1.25",
        "tag:litellm-member=t-research/ada/month": "10.3",
        "key:research/day": "10.3",
        "key:ada/day": "0.5",
        "key:sk-...apps/total": "0.75",
        "key:gone/total": "0",
        "customer:jo/month": "4.2",
    }


async def test_a_call_adds_to_all_that_was_spent_to_the_picodollar(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    before = await spent(serving)
    answer = await call(serving, "sk-research")
    cost = Decimal(answer.headers["x-headgate-cost-usd"])
    await serving.rows(answer)
    after = await spent(serving)
    changed = {name: Decimal(after[name]) - Decimal(before[name]) for name in after if after[name] != before[name]}
    assert changed == dict.fromkeys(
        (
            "organisation:default/month",
            "tag:litellm-organisation=o-1/month",
            "team:Research/month",
            "tag:litellm-member=t-research/ada/month",
            "key:research/day",
        ),
        cost,
    )


async def test_the_ledger_has_every_dollar_once(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of teams what LiteLLM has of them, of all together what keys and teams have spent."""
    await imported(capsys, incumbent, "--write", "--records-only")
    teams = {each["id"]: each["name"] for each in (await ask(serving, "/admin/teams"))["data"]}
    by_team = (await ask(serving, "/admin/ledger/totals?by=team"))["data"]
    costs = {teams.get(each["group"]["team"], "none"): each["cost_usd"] for each in by_team}
    assert (costs["Research"], costs["Apps"]) == ("12.5", "0.75")
    [whole] = (await ask(serving, "/admin/ledger/totals"))["data"]
    assert (whole["cost_usd"], whole["calls"], whole["attempts"]) == ("13.75", 0, 0)


async def test_again_changes_nothing_and_more_is_brought_up_to_date(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys, incumbent, "--write", "--records-only")
    again = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]
    assert not any(again["made"].values())
    assert (again["left"], again["revoked"]) == ([], 0)
    incumbent.sql(
        """UPDATE "LiteLLM_VerificationToken" SET spend = 11, blocked = key_alias = 'ada' WHERE key_alias IN
        ('research', 'ada'); UPDATE "LiteLLM_VerificationToken" SET spend = 0.5 WHERE key_alias = 'ada';
        UPDATE "LiteLLM_TeamTable" SET spend = 13.2 WHERE team_id = 't-research'"""
    )
    later = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]
    assert {name: count for name, count in later["made"].items() if count} == {"spend": 4}
    assert later["revoked"] == 1
    budgets = await spent(serving)
    assert (budgets["key:research/day"], budgets["team:Research/month"]) == ("11", "13.2")
    assert budgets["user:Ada/week"] == "1.25"
    assert (await call(serving, "sk-ada")).status == 401


async def test_keys_that_are_gone_there_are_told_and_revoked_when_asked_to(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deleted, or rotated: LiteLLM has another row for a key then. Keys that were made here are no matter of theirs."""
    await imported(capsys, incumbent, "--write", "--records-only")
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    own = (await serving.post("/admin/keys", {"name": "own"}, headers)).json["key"]
    incumbent.sql("""DELETE FROM "LiteLLM_VerificationToken" WHERE key_alias = 'ada'""")
    told = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]
    assert (told["missing"], told["revoked"]) == (["ada"], 0)
    assert (await call(serving, "sk-ada")).status == 200
    told = (await imported(capsys, incumbent, "--write", "--records-only", "--revoke-missing"))["done"]["records"]
    assert (told["missing"], told["revoked"]) == ([], 1)
    statuses = [(await call(serving, key)).status for key in ("sk-ada", "sk-research", own)]
    assert statuses == [401, 200, 200]


async def test_an_import_that_breaks_off_says_what_is_in_and_goes_on(
    serving: Serving,
    incumbent: Incumbent,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_parts, "MOST_ROWS", 5)
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    made = (await serving.post("/admin/organisations", {"name": "Other", "id": "other"}, headers)).status
    taken = {"source": "x", "keys": [{"id": "1", "name": "mine", "digest": sha256(b"sk-gone").hexdigest()}]}
    taken_there = (await serving.post("/admin/imports?organisation=other", taken, headers)).status
    assert (made, taken_there) == (201, 201)
    arguments = (
        "import",
        "litellm",
        "--config",
        "config.yaml",
        "--database",
        incumbent.url,
        "--write",
        "--records-only",
    )
    ran = await asyncio.to_thread(Ran, capsys, arguments)
    assert ran.code != 0
    assert re.search(r"1 part before it went in, and stays. Run it again.", ran.err)
    incumbent.sql("""DELETE FROM "LiteLLM_VerificationToken" WHERE key_alias = 'gone'""")
    made = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]["made"]
    assert (made["teams"], made["keys"]) == (0, 6)


async def test_a_budget_that_is_spent_there_is_spent_here(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    incumbent.sql("""UPDATE "LiteLLM_VerificationToken" SET spend = 25 WHERE key_alias = 'research'""")
    await imported(capsys, incumbent, "--write", "--records-only")
    refused = await call(serving, "sk-research")
    assert (refused.status, refused.json["error"]["code"]) == (429, "insufficient_quota")


async def test_a_period_that_is_over_there_begins_at_nothing(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    incumbent.sql(
        """UPDATE "LiteLLM_VerificationToken" SET budget_reset_at = '2020-01-01' WHERE key_alias = 'research'"""
    )
    told = await imported(capsys, incumbent, "--write", "--records-only")
    assert (await spent(serving))["key:research/day"] == "0"
    assert any("begins at nothing spent" in each["what"] for each in told["findings"])


async def test_an_older_database_without_newer_tables_and_columns_is_read(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    incumbent.sql(
        """DROP TABLE "LiteLLM_TeamMembership", "LiteLLM_OrganizationTable", "LiteLLM_ModelTable";
        ALTER TABLE "LiteLLM_VerificationToken" DROP COLUMN allowed_routes, DROP COLUMN auto_rotate;
        ALTER TABLE "LiteLLM_TeamTable" DROP COLUMN organization_id, DROP COLUMN model_id"""
    )
    made = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]["made"]
    assert (made["keys"], made["teams"]) == (7, 3)


async def test_the_master_key_is_no_row_and_goes_on_administering(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    incumbent.sql(
        f"""INSERT INTO "LiteLLM_VerificationToken" (token, key_alias) VALUES
        (encode(sha256('{ADMIN_KEY}'), 'hex'), 'master')"""
    )
    made = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]["made"]
    assert made["keys"] == 7
    assert (await ask(serving, "/admin/whoami"))["roles"] == ["admin"]


async def test_no_key_and_no_password_is_in_what_is_said(
    incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = await asyncio.to_thread(
        Ran, capsys, ("import", "litellm", "--config", "config.yaml", "--database", incumbent.url)
    )
    said = ran.out + ran.err
    assert services.PASSWORD not in said
    assert not re.search(r"[0-9a-f]{64}|plain-key|sk-research|not an address", said)


async def test_odd_names_and_ids_do_not_keep_the_others_out(
    serving: Serving, incumbent: Incumbent, capsys: pytest.CaptureFixture[str]
) -> None:
    incumbent.sql(
        r"""INSERT INTO "LiteLLM_UserTable" (user_id, user_alias, max_budget, spend) VALUES (E' odd*\n', E'\t', 1, 0.5);
        INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, max_budget, spend) VALUES
            ('t-2', 'Research', 1, 0), ('t-3*', repeat('x', 400), 'Infinity', 'NaN'), ('t-4', NULL, 1e12, 0);
        INSERT INTO "LiteLLM_EndUserTable" (user_id, spend) VALUES ('star*', 1), (repeat('y', 600), 1);
        INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, user_id, team_id, spend, models, metadata) VALUES
            (encode(sha256('sk-odd'), 'hex'), 'ada', E' odd*\n', 't-3*', 0.25, '{"a*b",chat}', '{"tags": "text"}'),
            (encode(sha256('sk-lost'), 'hex'), NULL, 'nobody', 'no-team', 0, NULL, '[]')"""
    )
    made = (await imported(capsys, incumbent, "--write", "--records-only"))["done"]["records"]["made"]
    assert (made["keys"], made["teams"], made["users"]) == (9, 6, 3)
    for key in ("sk-odd", "sk-lost", "sk-research"):
        assert (await call(serving, key)).status == 200
