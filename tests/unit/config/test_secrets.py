"""Secrets are taken anew where they change, and kept where they are gone."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from headgate.config import Secrets, load, loads
from headgate.config.commands import MAX_OUTPUT_BYTES
from headgate.config.secrets import MAX_FILE_BYTES, ExecRules, Unreadable
from headgate.errors import ConfigError

OLD, NEW = "sk-the-old-secret-1111", "sk-the-new-secret-2222"


def secrets(**rules: object) -> Secrets:
    made = Secrets({"PATH": os.environ["PATH"], "HEADGATE_SECRET": "mine", "VAULT_TOKEN": "t"})
    made.rules = ExecRules(allowed=True, **rules)  # type: ignore[arg-type]
    return made


def python(code: str) -> str:
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


# ── files ──


def test_a_file_that_changes_is_noticed_once(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(OLD + "\n")
    held = secrets()
    assert held.file(file) == OLD
    assert not held.refresh()
    file.write_text(NEW + "\r\n")
    assert held.file(file) == OLD, "until it is looked at again"
    assert held.refresh()
    assert held.file(file) == NEW
    assert not held.refresh()


def test_links_that_are_swapped_as_kubernetes_does_it(tmp_path: Path):
    """The file is a link through `..data`, a link to a folder, which is put in another's place by a rename."""
    for name, key in (("..1", OLD), ("..2", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(key)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "key").symlink_to("..data/key")
    held = secrets()
    assert held.file(tmp_path / "key") == OLD
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert held.refresh()
    assert held.file(tmp_path / "key") == NEW


GONE = {
    "is missing": lambda file: file.unlink(),
    "is empty": lambda file: file.write_text("\n"),
    "is binary": lambda file: file.write_bytes(b"\xff\xfe"),
    "is endless": lambda file: file.write_bytes(b"x" * (MAX_FILE_BYTES + 1)),
    "is a folder": lambda file: (file.unlink(), file.mkdir()),
    "is a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
}


@pytest.mark.parametrize("how", GONE)
def test_what_cannot_be_used_any_more_stays_as_it_was_and_is_told_once(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    file = tmp_path / "key"
    file.write_text(OLD)
    file.chmod(0o600)
    held = secrets()
    assert held.file(file) == OLD
    GONE[how](file)
    descriptors = len(os.listdir("/dev/fd"))
    for _ in range(3):
        assert not held.refresh()
    assert len(os.listdir("/dev/fd")) == descriptors
    assert held.file(file) == OLD
    [record] = caplog.records
    assert str(file) in record.message
    assert "stays in use" in record.message
    file.rmdir() if file.is_dir() else file.unlink(missing_ok=True)
    file.write_text(NEW)
    file.chmod(0o600)
    assert held.refresh()
    assert "can be used again" in caplog.text
    assert OLD not in caplog.text
    assert NEW not in caplog.text


def test_a_file_that_may_not_be_read_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "key"
    file.write_text(OLD)
    held = secrets()
    held.file(file)

    def refused(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    assert not held.refresh()
    assert held.file(file) == OLD


def test_a_file_that_is_still_being_written_waits_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "key"
    file.write_text(OLD)
    held = secrets()
    held.file(file)
    file.write_text(NEW[:5])
    monkeypatch.setattr("headgate.config.secrets.sleep", lambda _: file.write_text(NEW))
    assert not held.refresh()
    assert held.file(file) == OLD
    assert held.refresh()
    assert held.file(file) == NEW


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_that_everyone_can_read_is_warned_of(
    tmp_path: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
):
    file = tmp_path / "key"
    file.write_text(OLD)
    file.chmod(mode)
    held = secrets()
    held.file(file)
    held.refresh()
    assert caplog.text.count("can be read by everyone") == warned


def test_what_is_not_used_any_more_is_forgotten(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(OLD)
    held = secrets()
    held.file(tmp_path / "a")
    held.prune()
    held.file(tmp_path / "b")
    held.prune()
    (tmp_path / "a").write_text(NEW)
    assert not held.refresh()
    (tmp_path / "b").write_text(NEW)
    assert held.refresh()


# ── commands ──


def test_a_command_gets_words_and_no_shell(tmp_path: Path):
    printed = python("import sys; print(sys.argv[1:])") + " 'a b' '$HOME' '|' ';'"
    assert secrets().output(printed, tmp_path) == "['a b', '$HOME', '|', ';']"


def test_a_command_runs_in_the_configurations_folder_without_our_own_secrets(tmp_path: Path):
    printed = python("import os; print(os.getcwd(), 'HEADGATE_SECRET' in os.environ, os.environ['VAULT_TOKEN'])")
    assert secrets().output(printed, tmp_path) == f"{tmp_path.resolve()} False t"


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("no-such-program-at-all", "cannot be started"),
        ("", "names no command"),
        ("echo 'a", "is no command line"),
        (python(f"import sys; sys.stderr.write('{OLD}'); print('{OLD}'); sys.exit(3)"), "exit code 3"),
        (python(f"print('{OLD}' * {MAX_OUTPUT_BYTES})"), "printed more than"),
        (python(f"import time; print('{OLD}', flush=True); time.sleep(60)"), "not done within"),
        (python("import os, time; os.close(1); time.sleep(60)"), "not done within"),
        (python("import sys; sys.stdout.buffer.write(bytes([255]))"), "not UTF-8"),
        ("true", "empty"),
        (f"VAULT_TOKEN={OLD} vault kv get x", "begins with VAULT_TOKEN=…"),
    ],
)
def test_a_command_that_gives_nothing_is_told_without_what_it_printed(
    tmp_path: Path, command: str, what: str, capfd: pytest.CaptureFixture[str]
):
    began = time.monotonic()
    with pytest.raises(Unreadable) as refused:
        secrets(timeout_s=1.0).output(command, tmp_path)
    assert time.monotonic() - began < 10
    assert what in str(refused.value)
    assert OLD not in str(refused.value) + "".join(capfd.readouterr())


def test_what_a_command_started_ends_with_it(tmp_path: Path):
    child = "import time; time.sleep(60)"
    code = f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', '{child}']); open('pid', 'w').write(str(p.pid)); time.sleep(60)"
    with pytest.raises(Unreadable):
        secrets(timeout_s=1.0).output(python(code), tmp_path)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(500):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z":
                return
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("it goes on")


def test_a_command_runs_again_when_asked_or_when_its_time_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr("headgate.config.secrets.monotonic", lambda: now)
    (tmp_path / "key").write_text(OLD)
    held = secrets(every_s=60.0)
    assert held.output("cat key", tmp_path) == OLD
    (tmp_path / "key").write_text(NEW)
    assert not held.refresh()
    assert held.refresh(asked=True)
    (tmp_path / "key").write_text(OLD)
    now += 59
    assert not held.refresh()
    now += 1
    assert held.refresh()
    assert held.output("cat key", tmp_path) == OLD


def test_a_command_that_fails_later_keeps_what_it_gave(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "key").write_text(OLD)
    held = secrets()
    held.output("cat key", tmp_path)
    (tmp_path / "key").unlink()
    assert not held.refresh(asked=True)
    assert held.output("cat key", tmp_path) == OLD
    assert "'cat', which failed with exit code 1" in caplog.text


# ── in a configuration ──

FILE = """
server: {{auth: none{allowed}}}
providers: {{v: {{kind: openai, api_key: "${{exec:cat key}}"}}}}
models: {{chat: {{targets: [v/gpt-4o-mini]}}}}
"""


@pytest.mark.parametrize("allowed", ["", ", allow_exec: false", ', allow_exec: "${YES}"'])
def test_commands_are_refused_unless_the_configuration_allows_them(tmp_path: Path, allowed: str):
    with pytest.raises(ConfigError) as refused:
        loads(FILE.format(allowed=allowed), "h.yaml", {"YES": "true"}, tmp_path)
    [problem] = refused.value.problems
    assert problem.startswith("h.yaml:3: providers.v.api_key: runs a command, which is not allowed; write server:")


def test_commands_run_where_it_does(tmp_path: Path):
    (tmp_path / "key").write_text(OLD)
    config = loads(FILE.format(allowed=", allow_exec: true"), "h.yaml", dict(os.environ), tmp_path)
    assert config.providers["v"].api_key == OLD
    assert OLD not in repr(config)


def test_a_reload_cannot_allow_commands(tmp_path: Path):
    (tmp_path / "key").write_text(OLD)
    file = tmp_path / "h.yaml"
    file.write_text(FILE.format(allowed="").replace("exec:cat ", "file:"))
    held = Secrets(os.environ)
    assert load(file, os.environ, held).providers["v"].api_key == OLD
    file.write_text(FILE.format(allowed=", allow_exec: true"))
    with pytest.raises(ConfigError, match="restart"):
        load(file, os.environ, held)


def test_a_list_of_prices_runs_nothing(tmp_path: Path):
    (tmp_path / "prices.yaml").write_text('a: {input: "${exec:echo 1}"}')
    text = FILE.format(allowed=", allow_exec: true").replace("exec:cat key", "HOME") + "price_file: prices.yaml\n"
    with pytest.raises(ConfigError, match="not allowed"):
        loads(text, "h.yaml", {"HOME": "x", "PATH": os.environ["PATH"]}, tmp_path)


def test_an_empty_file_is_no_secret(tmp_path: Path):
    (tmp_path / "key").write_text("\n")
    with pytest.raises(ConfigError, match="which is empty"):
        loads(FILE.format(allowed="").replace("exec:cat ", "file:"), "h.yaml", {}, tmp_path)
