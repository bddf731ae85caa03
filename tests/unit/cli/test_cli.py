"""The command line: what each command says, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import headgate
from headgate.cli.app import run
from headgate.config import Config

GOOD = """\
server: {auth: none}
providers: {sim: {kind: simulator}, local: {kind: vllm}}
models:
  chat: {targets: [sim/gpt-4o-mini, {target: local/qwen, weight: 2}]}
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and an environment that say nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


class Served:
    """Stands in for the servers: remembers what it was asked to serve."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.error = error

    def __call__(self, *arguments: Any, **named: Any) -> None:
        self.calls.append((arguments, named))
        if self.error is not None:
            raise self.error


# ── init and check ──


def test_init_writes_a_file_that_check_finds_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init"]) == 0
    assert "Next: 'headgate check'" in capsys.readouterr().out
    assert run(["check"]) == 0
    assert "headgate.yaml is fine" in capsys.readouterr().out


def test_init_leaves_a_file_that_is_there_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headgate.yaml").write_text("mine")
    assert run(["init"]) == 3
    assert (tmp_path / "headgate.yaml").read_text() == "mine"
    assert "is there already" in capsys.readouterr().err


def test_init_says_why_it_cannot_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "no/such/folder.yaml"]) == 3
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_check_says_every_mistake_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("server: {prot: 1}\nproviders: {p: {kind: x}}\n")
    assert run(["check", "--config", "bad.yaml"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("bad.yaml:1: ")


def test_check_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text("server: {prot: 1}\n" + GOOD.split("\n", 1)[1])
    assert run(["check", "-c", "bad.yaml", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert len(found["problems"]) == 1
    (tmp_path / "good.yaml").write_text(GOOD)
    assert run(["check", "-c", "good.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "good.yaml", "ok": True, "problems": [], "warnings": []}


def test_check_tells_of_targets_that_retire(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(
        "providers: {oa: {kind: openai, api_key: k}}\nmodels:\n  chat:\n    targets:\n    - oa/gone\n    - oa/stays\n"
        "retirements: {openai/gone: 2026-01-31, stays: never}\n"
    )
    assert run(["check", "--config", str(file)]) == 0
    told = capsys.readouterr()
    assert told.err == (
        f"{file}:5: models.chat.targets[0]: oa/gone retired on 2026-01-31, as far as is known; "
        "write another model, or what holds under 'retirements'\n"
    )
    assert told.out.startswith(f"{file} is fine.")
    assert run(["models", "--config", str(file)]) == 0
    assert [line.rpartition("\t")[2] for line in capsys.readouterr().out.splitlines()] == ["2026-01-31", "-"]
    assert run(["check", "--config", str(file), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 1


def test_check_finds_what_only_making_the_parts_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headgate.yaml").write_text(GOOD + "stages: [{use: 'no_such_module:Stage', after: cache}]\n")
    assert run(["check"]) == 1
    assert "no_such_module" in capsys.readouterr().err


def test_check_without_a_file_could_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 3
    assert "Try 'headgate init'" in capsys.readouterr().err


def test_check_needs_no_admin_key(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_text(GOOD.replace("auth: none", "auth: keys"))
    assert run(["check"]) == 0


# ── serve and simulate ──


def test_serve_takes_the_starter_where_there_is_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Served()
    monkeypatch.setattr("headgate.server.run.serve", served)
    assert run(["serve"]) == 0
    config, path, *_ = served.calls[0][0]
    assert isinstance(config, Config)
    assert path is None
    assert "'chat' is simulator/gpt-4o-mini" in capsys.readouterr().err


def test_serve_takes_the_file_and_what_the_command_line_says_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served()
    monkeypatch.setattr("headgate.server.run.serve", served)
    (tmp_path / "headgate.yaml").write_text(GOOD)
    assert run(["serve", "--port", "9999", "--host", "127.0.0.2"]) == 0
    config, path, *_ = served.calls[0][0]
    assert (config.server.port, config.server.host, path) == (9999, "127.0.0.2", Path("headgate.yaml"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve", "--host", "0.0.0.0"], "cannot be 'none' where others can reach"),
        (["serve", "--workers", "2"], "server.workers: need storage they can share"),
        (["serve", "--config", "nowhere.yaml"], "there is no file nowhere.yaml"),
    ],
)
def test_serve_does_not_begin_with_what_cannot_be_served(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Served()
    monkeypatch.setattr("headgate.server.run.serve", served)
    assert run(arguments) == 3
    assert words in capsys.readouterr().err
    assert served.calls == []


def test_serve_says_that_the_address_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("headgate.server.run.serve", Served(OSError("Address already in use")))
    assert run(["serve"]) == 3
    assert "cannot listen on 127.0.0.1:8080: Address already in use" in capsys.readouterr().err


def test_simulate_hands_on_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served()
    monkeypatch.setattr("headgate.server.simulate.serve", served)
    assert run(["simulate", "--port", "9998", "--seed", "7", "--script", "s.json", "--instant"]) == 0
    assert served.calls[0][1] == {
        "host": "127.0.0.1", "port": 9998, "seed": 7, "script": Path("s.json"), "latency": "none",
    }  # fmt: skip


# ── what it knows ──


def test_models_lists_where_calls_go_and_what_they_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headgate.yaml").write_text(GOOD)
    assert run(["models"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "chat\tsim/gpt-4o-mini\t1\t1\t0.15\t0.6\t-",
        "chat\tlocal/qwen\t1\t2\tunknown\tunknown\t-",
    ]
    assert run(["models", "--json"]) == 0
    [model] = json.loads(capsys.readouterr().out)
    assert model["targets"][0]["price"]["cached_tokens"] == "0.075"
    assert model["targets"][1]["price"] is None


def test_prices_show_one_model_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "show", "anthropic/claude-sonnet-4-5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["price"]["cache_write_1h_tokens"] == "6"
    assert found["tiers"][0]["over_tokens"] == 200_000
    assert found["max_output_tokens"] == 64_000
    assert run(["prices", "show", "anthropic/claude-sonnet-4-5"]) == 0
    assert "over 200,000 prompt tokens:" in capsys.readouterr().out


def test_prices_show_takes_the_configuration_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headgate.yaml").write_text(GOOD + "prices: {mine: {input: 0.5}}\n")
    assert run(["prices", "show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["price"]["input_tokens"] == "0.5"


def test_a_price_that_is_not_known_fails_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "show", "opnai/gpt-4o"]) == 1
    assert "did you mean 'openai'?" in capsys.readouterr().err
    assert run(["prices", "list", "opnai"]) == 1


def test_prices_list_a_vendor_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prices", "list", "openai"]) == 0
    assert "openai/gpt-4o\t2.5\t10" in capsys.readouterr().out.splitlines()
    assert run(["prices", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) > 1000


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "headgate.yaml"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["headgate"] == headgate.__version__
    assert run(["--version"]) == 0
    assert headgate.__version__ in capsys.readouterr().out


# ── usage ──


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (["serv"], "serv", "Try 'headgate --help'."),
        (["serve", "--prot", "1"], "--prot", "Try 'headgate serve --help'."),
        (["serve", "--port", "x"], "--port", "Try 'headgate serve --help'."),
        (["prices", "show"], "MODEL", "Try 'headgate prices show --help'."),
        (["keys", "lits"], "lits", "Try 'headgate keys --help'."),
        (
            ["keys", "create", "a", "--tema", "b"],
            "--tema here; did you mean 'team'?",
            "Try 'headgate keys create --help'",
        ),
        (
            ["limits", "set", "team:a", "requests=5", "--per", "total"],
            "no option --per here; known: ",
            "requests=100/minute",
        ),
        (["ledger", "list", "--limit", "-1"], "--limit. Must be >= 1", "Try 'headgate ledger list --help'."),
        (["ledger", "list", "--limit", "999999999999"], "Must be <= 100000", "Try 'headgate ledger list --help'."),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2_and_the_next_command(
    arguments: list[str], words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    complaint = capsys.readouterr().err
    assert words in complaint
    assert hint in complaint


def test_help_names_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for name in ("init", "check", "serve", "simulate", "models", "prices", "schema", "version"):
        assert name in told
    assert "Write a commented headgate.yaml" in told


def test_the_process_ends_with_the_code_and_no_trace() -> None:
    command = [sys.executable, "-m", "headgate"]
    done = subprocess.run([*command, "version"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([*command, "nonsense"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_importing_the_command_line_is_cheap() -> None:
    code = "import sys, headgate.cli; print([m for m in ('cyclopts', 'rich', 'granian', 'yaml') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_text(GOOD)
    command = f"{sys.executable} -m headgate schema | head -n 1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=30)
    assert (ended.returncode, ended.stderr) == (0, "")
