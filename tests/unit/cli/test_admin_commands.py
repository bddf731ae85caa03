"""The commands over the admin API: against a server that runs, and in their own process where none does."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given

from headgate.access.minting import well_formed
from headgate.cli import output
from headgate.cli.administering import limits_of, pairs_of, seconds_of
from headgate.cli.app import app, run
from headgate.cli.exits import Misused
from headgate.cli.ledgering import row_of
from headgate.ledger.exports import plain
from headgate.storage.records import LedgerRow
from ledger_rows import rows
from serving import Serving
from upstream import unused_port

ADMIN_KEY = "hg-the-first-admin-key"
CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}, openai: {kind: openai, api_key: sk-x}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""

Said = Callable[..., Any]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and an environment that say nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "HEADGATE_ADMIN_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A configuration of which nobody serves."""
    config = CONFIG.replace("sqlite:///:memory:", "sqlite:///records.db")
    (tmp_path / "headgate.yaml").write_text(f"server: {{port: {unused_port()}}}\n{config}")
    return tmp_path


@pytest.fixture
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """A server, and an environment that names it and its first key."""
    serving = Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys")
    await serving.gateway.open()
    async with serving:
        monkeypatch.setenv("HEADGATE_URL", serving.url)
        monkeypatch.setenv("HEADGATE_ADMIN_KEY", ADMIN_KEY)
        yield serving


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def ran(*arguments: str) -> Ran:
        code = run(arguments)
        told = capsys.readouterr()
        return Ran(code, told.out, told.err)

    return ran


async def beside(ran: Callable[..., Ran], *arguments: str) -> Ran:
    """A command while the server of this loop goes on."""
    return await asyncio.to_thread(ran, *arguments)


# ── in this process ──


def test_a_key_is_printed_alone_and_once(here: Path, ran: Callable[..., Ran]):
    made = ran("keys", "create", "ci", "--role", "caller", "--model", "chat", "--limit", "requests=5/minute")
    assert made.code == 0
    assert well_formed(made.out.strip())
    assert "The key is shown this once" in made.err
    listed = ran("keys", "list")
    assert made.out.strip() not in listed.out
    assert "requests=5/minute" in listed.out
    assert (here / "records.db").stat().st_mode & 0o077 == 0


def test_who_works_at_the_shell_is_written_down(here: Path, ran: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "ada")
    ran("teams", "create", "Research")
    from headgate.cli.client import HERE, reached

    with reached(HERE) as client:
        [record] = client.ask("GET", "/audit")["data"]
    assert (record["actor"], record["action"]) == ("shell:ada", "teams.create")


def test_a_life_of_a_key(here: Path, ran: Callable[..., Ran]):
    assert ran("teams", "create", "Research", "--timezone", "Europe/Berlin").code == 0
    options = (
        "--team",
        "Research",
        "--budget",
        "3",
        "--budget-period",
        "day",
        "--expires",
        "90d",
        "--tag",
        "a=b",
        "--network",
        "10.0.0.0/8",
    )
    ran("keys", "create", "ci", *options)
    shown = ran("keys", "show", "ci", "--json").json
    assert shown["budgets"][0]["amount_usd"] == "3"
    assert shown["tags"] == {"a": "b"}
    days = (datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)).days
    assert days in (89, 90)
    new = ran("keys", "rotate", "ci", "--overlap", "1h")
    assert well_formed(new.out.strip())
    assert ran("keys", "show", "ci", "--json").json["replaces"] == shown["id"], "the newest of a name that rotated"
    usage = ran("keys", "usage", "ci", "--json").json
    assert (usage["cost_usd"], usage["budget_usd"], usage["budget_period"]) == ("0", "3", "day")
    assert "budget period\tday" in ran("keys", "usage", "ci").out
    assert ran("keys", "revoke", "ci").code == 0
    assert ran("keys", "revoke", shown["id"]).code == 0
    assert {each["status"] for each in ran("keys", "list", "--json").json} == {"revoked"}


def test_limits_are_set_and_set_again(here: Path, ran: Callable[..., Ran]):
    ran("teams", "create", "R")
    first = ran("limits", "set", "team:R", "requests=5/minute", "tokens=100/minute", "cost=2.50/day", "concurrent=3")
    assert first.code == 0
    again = ran("limits", "set", "team:R", "requests=6/minute", "--json").json
    assert (again[0]["requests"], again[0]["tokens"]) == (6, 100)
    listed = ran("limits", "list", "team:R", "--json").json
    assert {each["per"] for each in listed} == {"minute", "day", "total"}
    assert next(each["cost_usd"] for each in listed if each["per"] == "day") == "2.5"
    removed = ran("limits", "remove", again[0]["id"])
    assert removed.code == 0
    assert len(ran("limits", "list", "--json").json) == 2


def test_budgets_are_set_and_set_again(here: Path, ran: Callable[..., Ran]):
    assert ran("budgets", "set", "organisation:*", "100", "--alert", "50").code == 0
    changed = ran("budgets", "set", "organisation:*", "200.50", "--json").json
    assert (changed[0]["amount_usd"], changed[0]["alert_percent"], changed[0]["version"]) == ("200.5", [50], 2)
    assert ran("budgets", "set", "organisation:*", "50", "--soft").code == 0
    listed = ran("budgets", "list", "--json").json
    assert sorted((each["amount_usd"], each["hard"]) for each in listed) == [("200.5", True), ("50", False)]
    assert ran("budgets", "remove", listed[0]["id"]).code == 0


def test_tenants_are_made_listed_and_taken_out_of_use(here: Path, ran: Callable[..., Ran]):
    assert ran("organisations", "create", "Acme", "--id", "acme").out.strip() == "acme"
    assert ran("organisations", "list").out == "default\tdefault\nacme\tAcme\n"
    assert ran("teams", "create", "R", "--organisation", "acme").code == 0
    assert ran("teams", "list", "--json").json == []
    assert len(ran("teams", "list", "--organisation", "acme", "--json").json) == 1
    ran("teams", "create", "R")
    assert ran("projects", "create", "P", "--team", "R").code == 0
    assert ran("users", "create", "Ada", "--email", "ada@example.com", "--role", "developer").code == 0
    assert ran("teams", "change", "R", "--name", "Research").code == 0
    for kind, name in (("projects", "P"), ("users", "Ada"), ("teams", "Research")):
        assert name in ran(kind, "list").out
        assert name in ran(kind, "show", name).out
        assert "is out of use" in ran(kind, "archive", name).out
        assert ran(kind, "list", "--json").json == []


def test_the_ledger_is_listed_added_up_and_exported(here: Path, ran: Callable[..., Ran]):
    assert ran("ledger", "list", "--json").json == []
    assert ran("ledger", "totals", "--json").json[0]["calls"] == 0
    assert ran("ledger", "totals", "model", "tag:feature").code == 0
    assert ran("ledger", "export", "--format", "csv", "--output", "ledger.csv").code == 0
    assert (here / "ledger.csv").read_text().startswith("id,call_id")
    assert ran("ledger", "statement", "*", "2026-11").out.startswith("default, 2026-11")
    assert ran("ledger", "statement", "*", "2026-11", "--json").json["total"]["cost_usd"] == "0"
    assert ran("whoami", "--json").json["organisations"] is True


def test_an_export_that_cannot_be_written_leaves_nothing(here: Path, ran: Callable[..., Ran]):
    (here / "text").write_text("text")
    for file, hint in (("no/such/folder.csv", "Make its folder"), ("text/x", "in a folder"), (".", "Name a file in")):
        told = ran("ledger", "export", "--output", file)
        assert (told.code, "cannot be written" in told.err, hint in told.err) == (3, True, True), told.err
    assert {each.name for each in here.iterdir() if "part" in each.name} == set()
    assert ran("ledger", "totals", "nonsense", "--json").code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "told", "next"),
    [
        (["keys", "show", "nobody"], 1, "there is no key called 'nobody'", "Try 'headgate keys list'."),
        (["keys", "show", "key_nobody"], 1, "There is no key 'key_nobody'", "Try 'headgate keys list'."),
        (["users", "archive", "nobody"], 1, "there is no user called 'nobody'", "Try 'headgate users list'."),
        (["keys", "create", "x", "--team", "nobody"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["keys", "list", "--project", "nobody"], 1, "there is no project 'nobody'", "Try 'headgate projects list'."),
        (["keys", "list", "--user", "nobody"], 1, "there is no user 'nobody'", "Try 'headgate users list'."),
        (["projects", "list", "--team", "nobody"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["ledger", "list", "--of-key", "nobody"], 1, "there is no key 'nobody'", "Try 'headgate keys list'."),
        (["ledger", "totals", "--of-key", "nobody"], 1, "there is no key 'nobody'", "Try 'headgate keys list'."),
        (["ledger", "list", "--team", "nobody"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["ledger", "export", "--team", "nobody"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["ledger", "statement", "nobody", "2026-11"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["ledger", "statement", "*", "2026-13"], 2, "write it as 2026-11", "Try 'headgate ledger statement --help'."),
        (["ledger", "list", "--from", "soon"], 2, "--from must be a time", "Try 'headgate ledger list --help'."),
        (["ledger", "reconcile"], 2, "no export was named", "Try 'headgate ledger reconcile --help'."),
        (["ledger", "reconcile", "none.csv"], 3, "none.csv cannot be read", "Name a file that is there."),
        (["limits", "list", "key:nobody"], 1, "there is no key 'nobody'", "Try 'headgate keys list'."),
        (["limits", "set", "user:nobody", "concurrent=1"], 1, "there is no user 'nobody'", "Try 'headgate users list'."),
        (["budgets", "set", "team:nobody", "5"], 1, "there is no team 'nobody'", "Try 'headgate teams list'."),
        (["budgets", "set", "project:nobody", "5"], 1, "there is no project 'nobody'", "Try 'headgate projects list'."),
        (["keys", "list", "--organisation", "nobody"], 1, "no organisation 'nobody'", "headgate organisations list"),
        (["whoami", "--organisation", "nobody"], 1, "no organisation 'nobody'", "headgate organisations list"),
        (["keys", "create", "x", "--budget", "-3"], 2, "--budget must be more than 0", "headgate keys create --help"),
        (["keys", "create", "x", "--soft"], 2, "there is no budget", "Name its dollars with --budget."),
        (["keys", "create", "x", "--role", "boss"], 1, "no role 'boss'; known: admin", "headgate keys create --help"),
        (["keys", "create", "x", "--limit", "requests=many/minute"], 2, "--limit requests must be a whole number", "Try"),
        (["keys", "create", "x", "--limit", "rainbows=1/minute"], 2, "is no limit", "Write requests|tokens"),
        (["keys", "create", "x", "--expires", "someday"], 2, "is no time", "Write 2027"),
        (["keys", "create", "x", "--tag", "a"], 2, "is no tag", "Write name=value."),
        (["keys", "rotate", "x", "--overlap", "soon"], 2, "is no length of time", "Write 3600"),
        (["limits", "set", "planet:mars", "requests=1/minute"], 2, "is no subject", "headgate limits set --help"),
        (["limits", "set", "team:nobody"], 2, "no limit was given", "headgate limits set team:nobody requests=100/minute"),
        (["limits", "set", "team:a", "requests=5"], 2, "has no window", "Write requests=5/second|minute|"),
        (["limits", "set", "team:a", "requests=5/total"], 2, "a window there is not: 'total'", "Write requests=5/second|"),
        (["limits", "set", "team:a", "cost=5/total"], 2, "a window there is not: 'total'", "headgate budgets set"),
        (["limits", "set", "team:a", "concurrent=5/day"], 2, "has a window, and calls", "Write concurrent=5."),
        (["limits", "remove", "team:x"], 2, "is a subject", "Try 'headgate limits list team:x'."),
        (["budgets", "remove", "nothing"], 1, "There is no budget 'nothing'", "Try 'headgate budgets list'."),
        (["budgets", "set", "customer:*", "lots"], 2, "AMOUNT must be a decimal number", "headgate budgets set --help"),
        (["teams", "change", "R"], 2, "nothing to change was given", "Try 'headgate teams change --help'."),
        (["keys"], 0, "", ""),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_with_what_to_try(
    here: Path, ran: Callable[..., Ran], arguments: list[str], code: int, told: str, next: str
):
    found = ran(*arguments)
    assert found.code == code, found.err
    assert told in found.err
    assert next in found.err


def test_what_is_there_already_is_told_with_the_list_of_it(here: Path, ran: Callable[..., Ran]):
    ran("teams", "create", "R")
    told = ran("teams", "create", "R")
    assert (told.code, told.err.splitlines()[-1]) == (1, "Try 'headgate teams list'.")


def test_a_name_of_several_is_told_with_the_list_of_them(here: Path, ran: Callable[..., Ran]):
    for _ in range(2):
        ran("keys", "create", "ci")
        ran("users", "create", "Ann")
    for arguments, code, told, hint in (
        (["keys", "show", "ci"], 1, "2 keys are called 'ci'; name one by its id", "Try 'headgate keys list'."),
        (["ledger", "list", "--of-key", "ci"], 2, "--of-key is the name of more than one", "Try 'headgate keys list'."),
        (["keys", "list", "--user", "Ann"], 2, "--user is the name of more than one", "Try 'headgate users list'."),
        (["budgets", "set", "user:Ann", "3"], 2, "the name of more than one user", "Try 'headgate users list'."),
    ):
        found = ran(*arguments)
        assert (found.code, told in found.err, hint in found.err) == (code, True, True), found.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["keys", "list"], "There are no keys. Try 'headgate keys create NAME'."),
        (["keys", "list", "--status", "revoked"], "No keys fit. Try 'headgate keys list'."),
        (["teams", "list"], "There are no teams. Try 'headgate teams create NAME'."),
        (["limits", "list"], "There are no limits. Try 'headgate limits set SUBJECT requests=100/minute'."),
        (["budgets", "list", "model:x"], "There are no budgets of model:x. Try 'headgate budgets set model:x 100'."),
        (["ledger", "list"], "There are no attempts yet: a call makes one."),
        (["ledger", "list", "--model", "x"], "No attempts fit. Try 'headgate ledger list'."),
    ],
)
def test_an_empty_list_says_so_on_standard_error(here: Path, ran: Callable[..., Ran], arguments: list[str], told: str):
    found = ran(*arguments)
    assert (found.code, found.out, found.err) == (0, "", f"{told}\n")
    assert ran(*arguments, "--json").json == []


def test_every_command_that_is_suggested_is_one():
    """What the commands' own code suggests, as far as it is written out there."""
    sources = "".join(file.read_text() for file in Path(output.__file__).parent.glob("*.py"))
    suggested = {match[1] for match in re.finditer(r"'headgate ((?:[a-z-]+ ?)+)", sources)}
    assert len(suggested) > 20
    for words in map(str.split, suggested):
        group = [name for name in app[words[0]] if not name.startswith("-")]
        assert not group or words[1:2] == ["--help"] or words[1] in group, words


# ── who is asked ──


def test_where_there_is_nothing_nothing_is_made(
    tmp_path: Path, ran: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("headgate.cli.client._answers", lambda _: False)
    told = ran("keys", "list")
    assert told.code == 3
    assert "there is no database here" in told.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("database", "told"),
    [("postgresql://h/x", "the database is no file"), ("sqlite:///:memory:", "nothing is kept")],
)
def test_a_database_that_is_no_file_is_the_servers(tmp_path: Path, ran: Callable[..., Ran], database: str, told: str):
    config = CONFIG.replace("sqlite:///:memory:", database)
    shared = 'storage: {shared: "redis://h", ' if database.startswith("postgres") else "storage: {"
    text = f"server: {{port: {unused_port()}}}\n{config.replace('storage: {', shared)}"
    (tmp_path / "headgate.yaml").write_text(text)
    found = ran("keys", "list")
    assert found.code == 3
    assert told in found.err
    assert "HEADGATE_URL" in found.err


def test_a_file_somebody_serves_from_is_left_alone(here: Path, ran: Callable[..., Ran]):
    from headgate.storage.sqlite import SqliteDatabase

    async def held() -> None:
        database = await SqliteDatabase.open(here / "records.db")
        try:
            told = await asyncio.to_thread(ran, "keys", "list")
        finally:
            await database.close()
        assert told.code == 3
        assert "HEADGATE_URL" in told.err

    asyncio.run(held())


async def test_a_running_server_is_asked(serving: Serving, ran: Callable[..., Ran]):
    made = await beside(ran, "keys", "create", "ci", "--limit", "requests=5/minute")
    assert made.code == 0, made.err
    key = made.out.strip()
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
    response = await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})
    assert response.status == 200
    usage = (await beside(ran, "keys", "usage", "ci", "--json")).json
    assert (usage["calls"], usage["attempts"]) == (1, 1)
    [row] = (await beside(ran, "ledger", "list", "--json")).json
    assert row["cost_usd"] == response.headers["x-headgate-cost-usd"]
    exported = await beside(ran, "ledger", "export")
    assert json.loads(exported.out)["id"] == row["id"]
    assert (await beside(ran, "keys", "revoke", "ci")).code == 0
    assert (await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})).status == 401


async def test_without_a_key_a_server_says_what_to_set(
    serving: Serving, ran: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HEADGATE_ADMIN_KEY")
    told = await beside(ran, "keys", "list")
    assert (told.code, "no key was given" in told.err, "HEADGATE_ADMIN_KEY" in told.err) == (3, True, True)
    told = await beside(ran, "keys", "list", "--key", "hg-wrong")
    assert (told.code, "the key is not valid" in told.err) == (3, True)
    assert "hg-wrong" not in told.err


async def test_a_key_without_the_scope_is_told_which(serving: Serving, ran: Callable[..., Ran]):
    caller = (await beside(ran, "keys", "create", "c")).out.strip()
    told = await beside(ran, "keys", "list", "--key", caller)
    assert told.code == 3
    assert "'keys.read'" in told.err
    assert "headgate whoami" in told.err


async def test_a_server_without_keys_is_administered_by_nobody(ran: Callable[..., Ran]):
    serving = Serving(CONFIG)
    await serving.gateway.open()
    async with serving:
        told = await beside(ran, "keys", "list", "--url", serving.url)
    assert told.code == 3
    assert "'auth: none'" in told.err
    assert "stop it" in told.err


def test_nobody_at_that_address(ran: Callable[..., Ran]):
    told = ran("keys", "list", "--url", f"http://127.0.0.1:{unused_port()}")
    assert told.code == 3
    assert "headgate serve" in told.err


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://", "http://gate.example.com"])
def test_a_key_is_not_sent_where_it_should_not_go(ran: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("HEADGATE_ADMIN_KEY", ADMIN_KEY)
    told = ran("keys", "list", "--url", url)
    assert told.code == 3
    assert "https" in told.err
    assert ADMIN_KEY not in told.err


# ── what is printed ──


def test_a_name_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]):
    evil = "a\x1b]0;owned\x07\x9b31m\u202eb"
    output.table(("name",), [[evil]])
    output.json({"name": evil, "wide": "日本 🌊", "bidi": "\U000e0041"})
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\x9b" not in told
    assert "\u202e" not in told
    assert "日本 🌊" in told
    assert json.loads(told.partition("\n")[2]) == {"name": evil, "wide": "日本 🌊", "bidi": "\U000e0041"}


def test_errors_do_nothing_to_a_terminal(here: Path, ran: Callable[..., Ran]):
    told = ran("keys", "show", "a\x1b[31mb")
    assert told.code == 2
    assert "\x1b" not in told.err


def test_an_export_does_nothing_to_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    from headgate.cli.ledgering import exported

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    exported(iter(["a,\x9b31m\x1b[2J\n日本\r\n".encode()]), None)
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\x9b" not in told
    assert "日本" in told


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        (["requests=5/minute", "tokens=10/minute"], [{"per": "minute", "requests": 5, "tokens": 10}]),
        (["concurrent=3"], [{"concurrent": 3}]),
        (["cost=2.50/day", "input=5/hour"], [{"per": "day", "cost_usd": "2.50"}, {"per": "hour", "input_tokens": 5}]),
    ],
)
def test_limits_as_people_write_them(words: list[str], limits: list[dict[str, Any]]):
    assert limits_of(words) == limits


@pytest.mark.parametrize(
    ("text", "seconds"), [("60", 60), ("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)]
)
def test_lengths_of_time(text: str, seconds: int):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1", "1w", "1.5h", "٣", "1 d"])
def test_no_lengths_of_time(text: str):
    with pytest.raises(Misused):
        seconds_of(text)


def test_pairs():
    assert pairs_of(["a=b", "c=d=e"]) == {"a": "b", "c": "d=e"}
    with pytest.raises(Misused):
        pairs_of(["=b"])


# ── comparing with a vendor ──


@given(rows())
def test_an_exported_row_is_the_row(row: LedgerRow):
    assert row_of(msgspec.json.decode(msgspec.json.encode(plain(row)))) == row


def usage_page(tokens: int) -> str:
    """A page of OpenAI's usage API: one day, one model."""
    day = 1_793_491_200
    result = {
        "object": "organization.usage.completions.result", "input_tokens": tokens, "output_tokens": 5,
        "input_cached_tokens": 0, "input_audio_tokens": 0, "output_audio_tokens": 0, "num_model_requests": 1,
        "model": "gpt-4o-mini-2024-07-18",
    }  # fmt: skip
    bucket = {"object": "bucket", "start_time": day, "end_time": day + 86_400, "results": [result]}
    return json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None})


def test_the_ledger_is_compared_and_corrected(here: Path, ran: Callable[..., Ran]):
    (here / "usage.json").write_text(usage_page(10))
    told = ran("ledger", "reconcile", "usage.json")
    assert told.code == 1, told.err
    assert "do not agree" in told.out
    assert "--correct" in told.out
    told = ran("ledger", "reconcile", "usage.json", "--correct", "--json")
    assert told.code == 0, told.err
    assert told.json["recorded"] == 1
    again = ran("ledger", "reconcile", "usage.json", "--json")
    assert (again.code, again.json["verdict"]) == (0, "equal")
    [row] = ran("ledger", "list", "--json").json
    assert (row["cause"], row["input_tokens"], row["payer"]) == ("correction", 10, "internal")


@pytest.mark.parametrize(
    ("text", "told"), [("", "is empty"), ("{}", "lacks a list 'data'"), ("a,b\n1,2\n", "usage.json")]
)
def test_an_export_that_cannot_be_read_is_told(here: Path, ran: Callable[..., Ran], text: str, told: str):
    (here / "usage.json").write_text(text)
    found = ran("ledger", "reconcile", "usage.json")
    assert found.code == 3
    assert told in found.err
