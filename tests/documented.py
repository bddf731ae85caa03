"""The code blocks of README.md and docs/*.md, and a reader who follows a page: types in its commands, in order, in a folder of
its own, with a gateway beside it. What is started for it does not outlive the run, however that ends.

What is to be done with a block stands in a comment on the line before it, `<!-- test: … -->`, where it is not the usual:

    skip: reason       it is not tried, for that reason
    file NAME          it is also saved under that name, for the blocks after it
    start              the reader leaves it running and goes on once it takes calls
    open               it is about a gateway without keys
    script             YAML that is a script of the simulator
    exits N            the command ends with that code, or one of several: exits 0 or 1
    shows              it is what the commands before it print at a terminal: its words, not its figures
    after              the commands on the comment's next lines come first: what the reader has from elsewhere

Usually YAML is a configuration, or a part of one, and has to pass `headgate check`; JSON and TOML have to be that; commands
and Python have to run.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from upstream import unused_port

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"sh", "python", "yaml", "json", "toml"}
ADMIN_KEY = "hg-the-readers-own-admin-key-of-this-page"
START_S = 60.0
COMMAND_S = 120.0

_BLOCK = re.compile(r"(?:^<!-- test: ((?:(?!-->).)*?)\s*-->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\$\{file:(/[^}]*)\}")
_FILE_HERE = re.compile(r"\$\{file:([^/}][^}]*)\}")
_PRINTED = re.compile(r"\$\{exec:cat ([^}]+)")
_WORD = re.compile(r"[A-Za-z][\w./-]+")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_NAME = re.compile(r"\$\{([A-Z_]+)")

README_SKIPS = {"make serve ": "sets up a machine"}
"""README.md has no comments for a test: by the beginning of a block, why it is not tried."""
README_OPEN = ("curl http://127.0.0.1:8080", "from openai import OpenAI")

TOOLS = ("vault", "aws", "gcloud", "az")
"""Programs of others, of which something that prints a key is put in place."""

SERVER = "server: {host: 127.0.0.1, port: PORT, auth: AUTH}\naudit: {every_s: 0.2}  # a reader takes ten seconds, a test none\n"
CONFIG = """
providers: {sim: {kind: simulator}, openai: {kind: openai, api_key: sk-a-secret}}
models:
  chat: {targets: [sim/gpt-4o-mini]}
  embed: {targets: [sim/text-embedding-3-small]}
"""
REST: dict[str, Any] = {
    "server": {"auth": "keys"},
    "providers": {
        "openai": {"kind": "openai", "api_key": "k"},
        "claude": {"kind": "anthropic", "api_key": "k"},
        "azure": {"kind": "azure", "base_url": "https://x.openai.azure.com", "api_key": "k"},
        "local": {"kind": "vllm", "base_url": "http://127.0.0.1:8000/v1"},
        "sim": {"kind": "simulator"},
    },
}

_WATCHER = """
cat > /dev/null
while read -r group; do kill -KILL "-$group"; done < "$1/.groups"
rm -rf "$1"
"""
"""Waits for the end of whoever holds its standard input, and cleans up after it."""


@dataclass(frozen=True)
class Block:
    """One code block."""

    page: Path
    line: int
    language: str
    text: str
    note: str

    @property
    def name(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """Under which name it is saved."""
        return self.note.removeprefix("file ") if self.note.startswith("file ") else None

    @property
    def before(self) -> str:
        """Commands that come before it."""
        return self.note.removeprefix("after\n") + "\n" if self.note.startswith("after\n") else ""

    @property
    def tried(self) -> bool:
        return not self.skipped and (self.language in LANGUAGES or self.file is not None or self.note == "shows")

    @property
    def skipped(self) -> str | None:
        """Why it is not tried."""
        return self.note.removeprefix("skip:").strip() if self.note.startswith("skip:") else None


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in the languages that can be tried."""
    text = page.read_text()
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        note, language, code = match.groups()
        line = text[: match.start(2)].count("\n") + 1
        if page.name == "README.md" and not note:
            note = _note_of_readme(code)
        found.append(Block(page, line, language, code, note or ""))
    return found


def _note_of_readme(code: str) -> str:
    for start, reason in README_SKIPS.items():
        if code.startswith(start):
            return f"skip: {reason}"
    return "open" if code.startswith(README_OPEN) else ""


def whole(block: Block, folder: Path) -> Path:
    """A configuration in a folder, with what a part of one leaves out, and something behind each of its references."""
    text = _FILE.sub(lambda match: f"${{file:{folder / match[1].lstrip('/')}}}", block.text)
    for match in (*_FILE.finditer(text), *_FILE_HERE.finditer(text)):
        secret(folder / match[1])
    for name in _PRINTED.findall(text):
        secret(folder / name)
    tree = yaml.safe_load(text)
    given = tree.get("providers") or {}
    if prompts := (tree.get("prompts") or {}).get("folder"):
        (folder / prompts).mkdir(exist_ok=True)
    rest = {name: value for name, value in REST.items() if name not in tree}
    if "models" not in tree:
        provider = next(iter(given), "sim")
        rest["models"] = {"chat": {"targets": [f"{provider}/gpt-4o-mini"]}}
    file = folder / "headgate.yaml"
    file.write_text(
        text + "".join(f"{name}: {yaml.safe_dump(value, default_flow_style=True)}" for name, value in rest.items())
    )
    return file


def names(block: Block) -> dict[str, str]:
    """The environment variables a configuration refers to, each with a value."""
    return dict.fromkeys(_NAME.findall(block.text), "something-that-has-to-be-there")


def secret(file: Path) -> None:
    """Something to refer to."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(0o600)
        file.write_text("sk-a-documented-secret\n")


def tools(folder: Path) -> Path:
    """A folder with the programs of others."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).write_text("#!/bin/sh\necho sk-a-documented-secret\n")
        (folder / name).chmod(0o755)
    return folder


def drained(terminal: io.FileIO) -> str:
    """All that is printed at a terminal until nobody has it open any more."""
    printed = b""
    try:
        while part := terminal.read(65536):
            printed += part
    except OSError:
        pass  # what Linux says at the end
    return _COLOUR.sub("", printed.decode(errors="replace"))


class Reader:
    """Somebody who follows one page."""

    def __init__(self, folder: Path, page: list[Block]) -> None:
        self.folder = folder
        self._serves = any(each.note == "start" and "headgate serve" in each.text for each in page)
        """Whether the page itself has a gateway started."""
        self.folder.mkdir()
        self.port, self.open_port, self.sim_port = unused_port(), unused_port(), unused_port()
        self._started: list[subprocess.Popen[bytes]] = []
        self._served: set[int] = set()
        """By port, what takes calls."""
        self._shown = ""
        """What the latest commands printed."""
        self._environ = folder / ".environ"
        self._log = folder / ".log"
        self._groups = folder / ".groups"
        self._groups.touch()
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, "sh", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        path = f"{Path(sys.executable).parent}:{tools(folder / '.tools')}:{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADGATE_", "OPENAI_"))}
        self._env = {
            **kept,
            "PATH": path,
            "PYTHONPATH": str(ROOT / "src"),
            "HEADGATE_ADMIN_KEY": ADMIN_KEY,
            "HEADGATE_SECRET": "a secret of the reader's",
            "HEADGATE_URL": f"http://127.0.0.1:{self.port}",
            "NEW_KEY": "sk-a-new-secret",
            "CHECKOUT": str(ROOT),
            "COLUMNS": "200",
        }

    def put(self, name: str, block: Block) -> None:
        """Save a block under a name."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._here(block.text, self.port))
        if block.language == "yaml":
            self._env.update(names(block))
            for match in _FILE_HERE.finditer(block.text):
                secret(self.folder / match[1])

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.note == "shows":
            missing = {*_WORD.findall(block.text)} - {*_WORD.findall(self._shown)}
            assert not missing, f"{block.name} shows {sorted(missing)}; printed was:\n{self._shown}"
            return
        if block.note == "start":
            self._start(block)
            return
        port = self.open_port if block.note == "open" else self.port
        if port not in self._served and not self._serves:
            self._serve(port, "none" if block.note == "open" else "keys")
        text = self._here(block.before + block.text, port)
        if block.language == "python":
            self._python(block, text)
        else:
            self._sh(block, text)

    def _serve(self, port: int, auth: str) -> None:
        """Have a gateway beside a page that starts none itself."""
        folder = self.folder if auth == "keys" else self.folder / ".open"
        folder.mkdir(exist_ok=True)
        file = folder / "headgate.yaml"
        config = file.read_text() if file.exists() else CONFIG
        if not config.startswith("server:"):
            config = SERVER + config
        file.write_text(config.replace("PORT", str(port)).replace("AUTH", auth))
        self._run_on(f"headgate serve --config {file}", port)

    def leave(self) -> None:
        """End all that was left running."""
        self._watcher.communicate()
        for process in self._started:
            process.wait()

    def _start(self, block: Block) -> None:
        text = self._here(block.text, self.port).strip().removesuffix("&")
        port = self.sim_port if "simulate" in text else self.port
        text = text.replace("headgate simulate", "headgate simulate --instant")
        if "headgate serve" in text and "--port" not in text:
            text = text.replace("headgate serve", f"headgate serve --port {port}")
        self._run_on(text, port)

    def _run_on(self, command: str, port: int) -> None:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-euc", f"{self._sourced()}{command}"],
                cwd=self.folder, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        with self._groups.open("a") as groups:
            groups.write(f"{process.pid}\n")
        self._started.append(process)
        self._served.add(port)
        end = time.monotonic() + START_S
        while True:
            assert process.poll() is None, f"{command} ended:\n{self._log.read_text()[-2000:]}"
            assert time.monotonic() < end, f"{command} does not get ready:\n{self._log.read_text()[-2000:]}"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.02)

    def _sh(self, block: Block, text: str) -> None:
        script = f"{self._sourced()}trap 'export -p > {self._environ}' EXIT\n{text}\n"
        done = self._ran(["bash", "-euo", "pipefail", "-c", script])
        self._shown = done.stdout
        wanted = block.note.removeprefix("exits ").split(" or ") if block.note.startswith("exits ") else ["0"]
        assert str(done.returncode) in wanted, f"{block.name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"

    def _python(self, block: Block, code: str) -> None:
        run = (
            "import ast, asyncio, inspect, sys\n"
            "code = compile(sys.stdin.read(), 'block', 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)\n"
            "made = eval(code, {'__name__': '__main__'})\n"
            "asyncio.run(made) if inspect.iscoroutine(made) else None\n"
        )
        python = f"{shlex.quote(sys.executable)} -c {shlex.quote(run)}"
        done = self._ran(["bash", "-euc", f"{self._sourced()}{python}"], code)
        assert done.returncode == 0, f"{block.name} ended with {done.returncode}:\n{done.stdout}{done.stderr}"

    def _ran(self, command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        """A command at its end. Its output goes to a terminal, as a reader's does."""
        terminal, end = pty.openpty()
        with open(terminal, "rb", buffering=0) as shown, ThreadPoolExecutor(1) as pool:
            try:
                printed = pool.submit(drained, shown)
                done = subprocess.run(
                    command, cwd=self.folder, env=self._env, input=text, stdout=end, stderr=subprocess.PIPE, text=True,
                    timeout=COMMAND_S,
                )  # fmt: skip
            finally:
                os.close(end)
            done.stdout = printed.result()
        return done

    def _sourced(self) -> str:
        return f". {self._environ}\n" if self._environ.exists() else ""

    def _here(self, text: str, port: int) -> str:
        """A text with the ports and the key of this page."""
        here = text.replace("https://headgate.example.com", f"http://127.0.0.1:{port}")
        return here.replace("8080", str(port)).replace("8090", str(self.sim_port)).replace("hg-…", ADMIN_KEY)
