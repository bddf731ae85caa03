"""`headgate audit`: what each command says, and how it ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import audit_logs
from audit_logs import ORIGIN, OTHER_SEED, SEED, record, signer
from headgate.cli.app import run
from headgate.clock import SystemClock

KEY = str(signer().verifier)
MODELS = "server: {auth: none}\nproviders: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/x]}}\n"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a configuration, and with a log of 40 records that is signed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_CONFIG", raising=False)
    (tmp_path / "headgate.yaml").write_text(
        f"{MODELS}audit: {{key: '{SEED}', origin: {ORIGIN}, checkpoint_file: audit.checkpoints}}\n"
    )

    async def make() -> None:
        async with audit_logs.signed(tmp_path, f"sqlite:///{tmp_path}/headgate.db"):
            pass

    asyncio.run(make())
    return tmp_path


def change(folder: Path, sql: str) -> None:
    async def work() -> None:
        async with audit_logs.kept(folder, f"sqlite:///{folder}/headgate.db") as kept:
            await kept.change(sql)

    asyncio.run(work())


# ── verify ──


def test_a_log_that_is_what_was_signed_is_fine(capsys: Capture) -> None:
    assert run(["audit", "verify"]) == 0
    said = capsys.readouterr()
    assert said.out == "The log is what was signed: 40 of 40 records under 6 checkpoints.\n"
    assert said.err == ""


def test_a_log_that_was_changed_fails_and_says_where(log: Path, capsys: Capture) -> None:
    change(log, "UPDATE audit_records SET actor = 'key:thief' WHERE position = 17")
    assert run(["audit", "verify"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "problem: record 17: its column 'actor' is not what its leaf says (changed)" in said.err
    assert "is not what was signed, from record 17 on" in said.err


def test_verify_prints_json(log: Path, capsys: Capture) -> None:
    change(log, "DELETE FROM audit_records WHERE position >= 30")
    assert run(["audit", "verify", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["first"], found["records"], found["signed"]) == (False, 30, 30, 25)
    assert found["problems"][0] == {"code": "missing", "message": "records 30 to 39 are missing", "position": 30}


def test_a_checkpoint_kept_elsewhere_counts(log: Path, capsys: Capture) -> None:
    elsewhere = log / "elsewhere"
    elsewhere.write_text((log / "audit.checkpoints").read_text())
    assert run(["audit", "verify", "--checkpoint", "elsewhere"]) == 0
    lines = elsewhere.read_text().splitlines(keepends=True)
    elsewhere.write_text(lines[0] + lines[2])
    assert run(["audit", "verify", "--checkpoint", "elsewhere", "--checkpoint", "audit.checkpoints"]) == 0
    elsewhere.write_text(signer().sign(f"{ORIGIN}\n41\n{'A' * 43}=\n"))
    capsys.readouterr()
    assert run(["audit", "verify", "--checkpoint", "elsewhere"]) == 1
    assert "is of 41 records, and there are 40 (truncated)" in capsys.readouterr().err


def test_the_key_may_be_given_as_it_is_or_in_a_file(log: Path, capsys: Capture) -> None:
    (log / "key").write_text(f"{KEY}\n")
    assert run(["audit", "verify", "--key", KEY]) == 0
    assert run(["audit", "verify", "--key", "key"]) == 0
    assert run(["audit", "verify", "--key", str(signer(OTHER_SEED).verifier)]) == 1
    assert "not a key that is trusted here" in capsys.readouterr().err
    assert run(["audit", "verify", "--key", f"{KEY[:-1]}A"]) == 3
    assert run(["audit", "verify", "--key", "no such file"]) == 3


def test_what_is_injected_into_the_log_is_not_let_out_at_the_terminal(log: Path, capsys: Capture) -> None:
    change(log, "UPDATE audit_checkpoints SET note = char(27) || '[2Jall is well' WHERE size = 10")
    assert run(["audit", "verify"]) == 1
    assert "\x1b" not in "".join(capsys.readouterr())


def test_a_log_in_memory_or_not_there_cannot_be_checked(log: Path, capsys: Capture) -> None:
    (log / "headgate.db").unlink()
    assert run(["audit", "verify"]) == 3
    assert "there is no " in capsys.readouterr().err
    assert not (log / "headgate.db").exists()
    config = (log / "headgate.yaml").read_text()
    (log / "headgate.yaml").write_text(f"{config}storage: {{database: 'sqlite:///:memory:'}}\n")
    assert run(["audit", "verify"]) == 3
    assert "in memory" in capsys.readouterr().err


def test_a_key_that_was_made_is_found_beside_the_journal(log: Path, capsys: Capture) -> None:
    config = (log / "headgate.yaml").read_text()
    (log / "headgate.yaml").write_text(config.replace(f"key: '{SEED}', ", ""))
    assert run(["audit", "verify"]) == 3
    assert "Name the public key with --key." in capsys.readouterr().err
    (log / "headgate.journal").mkdir()
    (log / "headgate.journal" / "audit.key").write_text(SEED)
    assert run(["audit", "verify"]) == 0


def test_a_log_on_postgres_is_checked_from_a_machine_without_its_files(
    log: Path, postgres_url: str, capsys: Capture
) -> None:
    async def make() -> None:
        async with audit_logs.signed(log / "elsewhere", postgres_url):
            pass

    (log / "elsewhere").mkdir()
    asyncio.run(make())
    (log / "headgate.yaml").write_text(
        f"{MODELS}storage: {{database: '{postgres_url}', shared: 'redis://127.0.0.1:1'}}\naudit: {{origin: {ORIGIN}}}\n"
    )
    assert run(["audit", "verify"]) == 3
    assert run(["audit", "verify", "--key", KEY]) == 0
    assert run(["audit", "verify", "--key", KEY, "--checkpoint", "elsewhere/audit.checkpoints"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"The log is what was signed: 40 of 40 records under {count} checkpoints." for count in (3, 6)
    ]


# ── proofs ──


def test_a_record_is_proved_and_checked_by_the_public_key_alone(log: Path, capsys: Capture) -> None:
    assert run(["audit", "prove", "aud_000017", "-o", "17.tlog-proof"]) == 0
    assert "check-proof 17.tlog-proof" in capsys.readouterr().out
    for each in ("headgate.db", "headgate.yaml", "audit.checkpoints"):
        (log / each).unlink()
    assert run(["audit", "check-proof", "17.tlog-proof", "--key", KEY]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Proved: record 17 of the log {ORIGIN} of 40 records is aud_000017, 2027-01-15T08:00:17")
    assert said.endswith("key:admin keys.create key:17 done\n")
    assert run(["audit", "check-proof", "17.tlog-proof", "--key", KEY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["kind"], found["position"], found["size"]) == (True, "inclusion", 17, 40)
    assert found["record"]["subject"] == "key:17"


def test_a_proof_is_printed_and_may_be_against_an_older_checkpoint(log: Path, capsys: Capture) -> None:
    first = (log / "audit.checkpoints").read_text().splitlines(keepends=True)[0]
    (log / "old").write_text(first)
    assert run(["audit", "prove", "3", "--to", "old"]) == 0
    assert "\nindex 3\n" in capsys.readouterr().out
    assert run(["audit", "prove", "17", "--to", "old"]) == 3
    assert "is of 10 records, and has to be of 18" in capsys.readouterr().err


def test_growth_is_proved(log: Path, capsys: Capture) -> None:
    (log / "old").write_text((log / "audit.checkpoints").read_text().splitlines(keepends=True)[0])
    assert run(["audit", "prove", "--from", "old", "-o", "growth"]) == 0
    capsys.readouterr()
    assert run(["audit", "check-proof", "growth"]) == 0
    said = capsys.readouterr().out
    assert said == f"Proved: the log {ORIGIN} of 40 records begins with that of 10, unchanged.\n"
    assert run(["audit", "check-proof", "growth", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["earlier_size"] == 10


def test_a_proof_that_proves_nothing_fails(log: Path, capsys: Capture) -> None:
    assert run(["audit", "prove", "17", "-o", "proof"]) == 0
    text = (log / "proof").read_text()
    (log / "proof").write_text(text.replace("index 17", "index 18"))
    assert run(["audit", "check-proof", "proof"]) == 1
    assert "is not number 18 of the 40 that were signed" in capsys.readouterr().err
    assert run(["audit", "check-proof", "proof", "--key", str(signer(OTHER_SEED).verifier)]) == 1
    assert "Name the public key of its log with --key" in capsys.readouterr().err
    (log / "proof").write_text("nothing\x1b")
    assert run(["audit", "check-proof", "proof"]) == 1
    assert "Name what 'headgate audit prove' wrote." in capsys.readouterr().err
    assert run(["audit", "check-proof", "proof", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert run(["audit", "check-proof", "none"]) == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2), (["3", "--from", "audit.checkpoints"], 2), (["none"], 3), (["40"], 3), (["9" * 30], 3),
        (["3", "--to", "x"], 3),
    ],
)  # fmt: skip
def test_what_cannot_be_proved_is_said(arguments: list[str], code: int, capsys: Capture) -> None:
    assert run(["audit", "prove", *arguments]) == code
    assert capsys.readouterr().err.startswith("headgate: ")


# ── files ──


@pytest.mark.parametrize(
    ("arguments", "told", "next"),
    [
        (["verify", "--file", "none"], "none cannot be read", "Name a file that is there."),
        (["verify", "--file", "folder"], "folder cannot be read", "Name a file, not a folder."),
        (["verify", "--file", "text"], "there is no text.checkpoint", "--checkpoint"),
        (["verify", "--checkpoint", "none"], "none cannot be read", "Name a file that is there."),
        (["verify", "--key", "none"], "none cannot be read", "'headgate audit key' prints it."),
        (["verify", "--key", "text"], "no Ed25519 key", "'headgate audit key' prints one"),
        (["check-proof", "none"], "none cannot be read", "Name a file that is there."),
        (["check-proof", "folder"], "folder cannot be read", "Name a file, not a folder."),
        (["prove", "--from", "none"], "none cannot be read", "Name a file that is there."),
        (["prove", "3", "--to", "text"], "text holds no checkpoint", "Name a checkpoint file"),
        (["prove", "3", "-o", "no/such"], "no/such cannot be written", "Make its folder first"),
        (["prove", "3", "-o", "folder"], "folder cannot be written", "Name a file in it."),
        (["prove", "3", "-o", "text/x"], "text/x cannot be written", "Name a file in a folder."),
        (["export", "no/such"], "no/such cannot be written", "Make its folder first"),
        (["export", "folder"], "folder cannot be written: it is there already", "Name another file"),
        (["export", "."], ". cannot be written: it is there already", "Name another file"),
        (["export", "text/x"], "text/x cannot be written", "Name a file in a folder."),
        (["list", "--config", "none"], "there is no file none", "Try 'headgate init none'."),
        (["list", "--config", "folder"], "there is no file folder", "Try 'headgate init folder/headgate.yaml'."),
        (["list", "--config", "text.yaml"], "is damaged or no database", "Try 'headgate storage status'."),
        (["list", "--config", "folder.yaml"], "folder is a folder, and no database", "Name a file in it"),
        (["list", "--config", "none.yaml"], "there is no ", "The log begins with 'headgate serve'."),
    ],
)
def test_a_file_that_is_of_no_use_is_told_with_what_to_do(
    log: Path, arguments: list[str], told: str, next: str, capsys: Capture
) -> None:
    (log / "folder").mkdir()
    (log / "text").write_text("text")
    for name in ("none", "text", "folder"):
        (log / f"{name}.yaml").write_text(f"{MODELS}storage: {{database: 'sqlite:///{name}'}}\n")
    assert run(["audit", *arguments]) == 3
    said = capsys.readouterr()
    assert (said.out, told in said.err, next in said.err) == ("", True, True), said.err


def test_what_may_not_be_read_or_written_is_told(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "x":
            raise PermissionError(13, "Permission denied", "x")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    assert run(["audit", "check-proof", "x", "--key", KEY]) == 3
    assert "x cannot be read: Permission denied\nTry 'ls -l' on it" in capsys.readouterr().err
    assert run(["audit", "export", "x"]) == 3
    assert "x cannot be written: Permission denied\nName a file in a folder you may" in capsys.readouterr().err


def test_a_log_that_was_changed_proves_nothing(log: Path, capsys: Capture) -> None:
    change(log, "DELETE FROM audit_records WHERE position = 3")
    assert run(["audit", "prove", "17"]) == 1
    assert "Try 'headgate audit verify'" in capsys.readouterr().err


# ── export and list ──


def test_an_export_is_verified_without_the_database(log: Path, capsys: Capture) -> None:
    assert run(["audit", "export", "out.jsonl"]) == 0
    assert "out.jsonl is written, 40 records." in capsys.readouterr().out
    (log / "headgate.db").unlink()
    assert run(["audit", "verify", "--file", "out.jsonl", "--key", KEY]) == 0
    assert "40 of 40 records under 1 checkpoint." in capsys.readouterr().out
    lines = (log / "out.jsonl").read_text().splitlines(keepends=True)
    (log / "out.jsonl").write_text("".join(lines[:20]))
    assert run(["audit", "verify", "--file", "out.jsonl", "--key", KEY, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["first"] == 20
    (log / "out.jsonl.checkpoint").unlink()
    assert run(["audit", "verify", "--file", "out.jsonl", "--key", KEY]) == 3
    assert run(["audit", "verify", "--file", "out.jsonl", "--key", KEY, "--checkpoint", "audit.checkpoints"]) == 1


def test_an_export_leaves_a_file_that_is_there_alone(log: Path, capsys: Capture) -> None:
    for name in ("out.jsonl", "other.jsonl.checkpoint"):
        (log / name).write_text("mine")
    assert run(["audit", "export", "out.jsonl"]) == 3
    assert run(["audit", "export", "other.jsonl"]) == 3
    assert not (log / "other.jsonl").exists()
    assert (log / "out.jsonl").read_text() == "mine"
    assert run(["audit", "export", "no/such/folder.jsonl"]) == 3


def test_an_export_may_be_csv(log: Path, capsys: Capture) -> None:
    assert run(["audit", "export", "out.csv"]) == 0
    lines = (log / "out.csv").read_text().splitlines()
    assert len(lines) == 41
    assert lines[0].startswith("position,id,at,")
    assert not (log / "out.csv.checkpoint").exists()
    assert run(["audit", "export", "other", "--format", "csv"]) == 0
    assert (log / "other").read_text() == (log / "out.csv").read_text()


def test_an_export_of_a_damaged_log_fails(log: Path, capsys: Capture) -> None:
    change(log, "DELETE FROM audit_records WHERE position = 3")
    assert run(["audit", "export", "out.jsonl"]) == 1
    assert "record 3 is missing" in capsys.readouterr().err


def test_records_are_listed_the_newest_first(capsys: Capture) -> None:
    assert run(["audit", "list", "-n", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{at}\t2027-01-15T08:00:{at}.000000Z\tkey:admin\t192.0.2.7\tkeys.create\tkey:{at}\tdone" for at in (39, 38)
    ]


def test_records_are_found_by_what_they_say(capsys: Capture) -> None:
    when = ["--since", "2027-01-15T08:00:03Z", "--until", "2027-01-15T08:00:05"]
    assert run(["audit", "list", "--action", "keys.*", "--outcome", "done", *when, "--json"]) == 0
    assert [each["position"] for each in json.loads(capsys.readouterr().out)] == [4, 3]
    for nothing in (["--actor", "nobody"], ["--organisation", "other"], ["--subject", "key:99"]):
        assert run(["audit", "list", *nothing]) == 0
        assert tuple(capsys.readouterr()) == ("", "No records fit. Try 'headgate audit list'.\n")
    assert run(["audit", "list", "--outcome", "lost"]) == 2
    for number in ("-1", "0", "99999999999"):
        assert run(["audit", "list", "-n", number]) == 2
        assert "Try 'headgate audit list --help'." in capsys.readouterr().err


def test_what_was_injected_is_not_let_out_by_a_list(log: Path, capsys: Capture) -> None:
    async def work() -> None:
        async with audit_logs.kept(log, f"sqlite:///{log}/headgate.db") as kept:
            await kept.write(record(40, actor="\x1b[2J\n\u2028", subject="a\tb"))

    asyncio.run(work())
    assert run(["audit", "list", "-n", "1"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split("\t")[2] == "\\u001b[2J\\u000a\\u2028"
    assert line.split("\t")[5] == "a\\u0009b"


# ── key ──


def test_the_public_key_is_printed(capsys: Capture) -> None:
    assert run(["audit", "key"]) == 0
    assert capsys.readouterr().out == f"{KEY}\n"
    assert run(["audit", "key", "--pem"]) == 0
    assert capsys.readouterr().out.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert run(["audit", "key", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["origin"], found["key"]) == (ORIGIN, KEY)
    assert SEED not in json.dumps(found)


def test_a_log_in_use_is_read_beside_the_server(log: Path, capsys: Capture) -> None:
    """Through the same files, while another connection has an open transaction."""
    from headgate.storage.opening import open_database

    async def work() -> int:
        database = await open_database(f"sqlite:///{log}/headgate.db", clock=SystemClock())
        try:
            async with database.transaction() as transaction:
                await transaction.execute("UPDATE audit_tree SET size = 1")
                return await asyncio.to_thread(run, ["audit", "verify"])
        finally:
            await database.close()

    assert asyncio.run(work()) == 0
