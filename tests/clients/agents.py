"""The two coding agents, each given a task by its command line. What a scene means for an agent is said at its method."""

from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from clients.scenes import FACTS, SILENCE, SLOWLY, Amiss
from clients.stack import Stack

Json = dict[str, Any]

LIMIT_S = 90.0
OWN = "sim-a-persons-own"
"""The credential of somebody's own at a vendor; the simulator's record shows such a one as it is."""
PERSON = json.dumps(FACTS["structured"]["schema"])


class Agent:
    """One run of an agent in an empty home and an empty folder."""

    name = ""

    def __init__(self, stack: Stack, npm: Path, folder: Path, key: str, model: str) -> None:
        self.stack = stack
        self.program = str(npm / "node_modules" / ".bin" / self.name)
        self.home = folder / "home"
        self.work = folder / "work"
        self.key = key
        self.model = model
        self.home.mkdir()
        self.work.mkdir()
        self.note = self.work / "note.txt"
        self.picture = self.work / "picture.png"

    # ── what differs ──

    def environ(self, key: str) -> dict[str, str]:
        raise NotImplementedError

    def with_own(self, environ: dict[str, str]) -> dict[str, str]:
        """The environment that has `OWN` go upstream, and the key in `x-headgate-key`."""
        raise NotImplementedError

    def command(self, *options: str) -> list[str]:
        raise NotImplementedError

    def call(self, what: str, path: Path, content: str = "") -> Json:
        """The call of the agent's own tool that reads or writes a file."""
        raise NotImplementedError

    # ── running it ──

    def run(self, *options: str, key: str | None = None, stdin: str = "", own: bool = False) -> tuple[int, str, str]:
        """Exit code, standard output and error. `own` brings a credential of one's own beside the key."""
        environ = self.environ(key or self.key)
        done = subprocess.run(
            self.command(*options), input=stdin, text=True, capture_output=True, cwd=self.work,
            env=self.with_own(environ) if own else environ, timeout=LIMIT_S,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def answer(self, *options: str, stdin: str = "") -> str:
        """What it says to a task it completes."""
        code, out, error = self.run(*options, stdin=stdin)
        if code != 0:
            raise Amiss(f"{self.name} ended with {code}: {(out + error)[-600:]}")
        return out

    def expect(self, found: object, wanted: object) -> None:
        if found != wanted:
            raise Amiss(f"{self.name} got {str(found)[-400:]!r}, not {wanted!r}")

    def play(self, scene: str) -> None:
        """Play a scene.

        Raises:
            Amiss: the agent did not do what the scene asks.
        """
        facts = FACTS[scene]
        self.stack.simulator.script([*self.script(scene, facts), SILENCE])
        getattr(self, scene)(facts)

    def script(self, scene: str, facts: Json) -> list[Json]:
        asked = {"body": facts.get("ask", "")}
        match scene:
            case "tools":
                final = {"match": {"text": facts["note"]}, "reply": {"text": facts["text"]}}
                read = {"match": {"text": "success"}, "reply": {"tool_calls": [self.call("read", self.note)]}}
                write = {"match": asked, "reply": {"tool_calls": [self.call("write", self.note, facts["note"])]}}
                return [final, read, write]
            case "errors":
                return [{"match": asked, "fault": {"kind": "bad_request", "message": facts["message"]}}]
            case "cancel":
                return [{"match": asked, "reply": {"tokens": 3000}, "latency": SLOWLY}]
            case "long":
                return [{"match": {"body": facts["end"]}, "reply": {"text": facts["text"]}}]
            case _:
                return [{"match": asked, "reply": {"text": facts["text"]}}]

    def play_own(self, key_id: str) -> None:
        """Answer a question with the person's own credential.

        Raises:
            Amiss: it was not what the vendor saw, or not what the ledger says.
        """
        facts = FACTS["chat"]
        self.stack.simulator.script([*self.script("chat", facts), SILENCE])
        code, out, error = self.run(facts["ask"], own=True)
        self.expect((code, out.strip()), (0, facts["text"]) if code == 0 else (0, (out + error)[-400:]))
        self.expect({asked["key"] for asked in self.stack.simulator.requests() if asked["operation"] == "chat"}, {OWN})
        self.expect({row["payer"] for row in self.stack.rows(key_id) if row["operation"] == "chat"}, {"client"})

    # ── scenes that are the same for both ──

    def chat(self, facts: Json) -> None:
        """A question, answered on standard output."""
        self.expect(self.answer(facts["ask"]).strip(), facts["text"])

    def tools(self, facts: Json) -> None:
        """A file written by the agent's own tool, read back by it, and a closing word."""
        self.expect(self.answer(facts["ask"]).strip(), facts["text"])
        self.expect(self.note.read_text().strip() if self.note.exists() else None, facts["note"])

    def errors(self, facts: Json) -> None:
        """The vendor refuses, then Headgate does: both times the agent fails and says why."""
        code, out, error = self.run(facts["ask"])
        if code == 0 or facts["message"] not in out + error:
            raise Amiss(f"{self.name} ended with {code}, saying {(out + error)[-400:]!r}")
        code, out, error = self.run(facts["ask"], key="hg-this-key-was-never-made")
        if code == 0:
            raise Amiss(f"{self.name} succeeded without a key")

    def cancel(self, facts: Json) -> None:
        """Interrupted, as by Ctrl-C, while the model speaks."""
        process = subprocess.Popen(
            self.command(facts["ask"]), cwd=self.work, env=self.environ(self.key), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + LIMIT_S / 3
            while not any(asked["delivered_tokens"] for asked in self.stack.simulator.requests()):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise Amiss(f"{self.name} asked nothing")
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=15)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def long(self, facts: Json) -> None:
        """A long task on standard input."""
        filler = facts["filler"] * (facts["bytes"] // len(facts["filler"]))
        self.expect(self.answer(stdin=f"{facts['begin']} {filler} {facts['end']}").strip(), facts["text"])


class ClaudeCode(Agent):
    """`claude -p`."""

    name = "claude"

    def environ(self, key: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": self.stack.url,
            "ANTHROPIC_AUTH_TOKEN": key,
            "ANTHROPIC_MODEL": self.model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": self.model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }

    def with_own(self, environ: dict[str, str]) -> dict[str, str]:
        del environ["ANTHROPIC_AUTH_TOKEN"]
        headers = {"ANTHROPIC_CUSTOM_HEADERS": f"x-headgate-key: {self.key}"}
        return {**environ, **headers, "CLAUDE_CODE_OAUTH_TOKEN": OWN}

    def command(self, *options: str) -> list[str]:
        return [self.program, "-p", *options, "--allowedTools", "Read,Write"]

    def call(self, what: str, path: Path, content: str = "") -> Json:
        if what == "read":
            return {"name": "Read", "arguments": {"file_path": str(path)}}
        return {"name": "Write", "arguments": {"file_path": str(path), "content": content}}

    def script(self, scene: str, facts: Json) -> list[Json]:
        if scene == "structured":
            said = {"match": {"body": facts["ask"]}, "times": 1}
            return [{**said, "reply": {"tool_calls": [{"name": "StructuredOutput", "arguments": facts["value"]}]}}]
        if scene == "images":
            seen = {"match": {"body": facts["png"][:64]}, "reply": {"text": facts["text"]}}
            return [seen, {"match": {"body": facts["ask"]}, "reply": {"tool_calls": [self.call("read", self.picture)]}}]
        return super().script(scene, facts)

    def stream(self, facts: Json) -> None:
        """`--output-format stream-json` tells each piece as it comes."""
        options = ("--output-format", "stream-json", "--include-partial-messages", "--verbose")
        told = [json.loads(line) for line in self.answer(facts["ask"], *options).splitlines() if line.startswith("{")]
        events = [each["event"] for each in told if each["type"] == "stream_event"]
        deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
        pieces = [delta["text"] for delta in deltas if delta["type"] == "text_delta"]
        self.expect(len(pieces) > 3, True)
        self.expect("".join(pieces), facts["text"])

    def structured(self, facts: Json) -> None:
        """`--json-schema`, which the agent has the model fill in by a tool."""
        told = json.loads(self.answer(facts["ask"], "--output-format", "json", "--json-schema", PERSON))
        self.expect(told.get("structured_output"), facts["value"])

    def images(self, facts: Json) -> None:
        """A picture the agent reads with its own tool."""
        self.picture.write_bytes(base64.b64decode(facts["png"]))
        self.expect(self.answer(facts["ask"]).strip(), facts["text"])


class Codex(Agent):
    """`codex exec`."""

    name = "codex"

    def environ(self, key: str) -> dict[str, str]:
        folder = self.home / ".codex"
        folder.mkdir(exist_ok=True)
        folder.joinpath("config.toml").write_text(
            f'model = "{self.model}"\nmodel_provider = "headgate"\nweb_search = "disabled"\n\n'
            "[model_providers.headgate]\n"
            f'name = "Headgate"\nbase_url = "{self.stack.url}/v1"\nenv_key = "HEADGATE_KEY"\nwire_api = "responses"\n'
            "request_max_retries = 0\nstream_max_retries = 0\n"
        )
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "HEADGATE_KEY": key}

    def with_own(self, environ: dict[str, str]) -> dict[str, str]:
        config = self.home / ".codex" / "config.toml"
        told = config.read_text().replace('"HEADGATE_KEY"', '"OPENAI_API_KEY"')
        config.write_text(told + 'env_http_headers = { "x-headgate-key" = "HEADGATE_KEY" }\n')
        return {**environ, "OPENAI_API_KEY": OWN}

    def command(self, *options: str) -> list[str]:
        # The model is a script of ours, and a container of continuous integration has no sandbox to offer.
        return [self.program, "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", *options]

    def call(self, what: str, path: Path, content: str = "") -> Json:
        where = shlex.quote(str(path))
        line = f"cat {where}" if what == "read" else f"printf %s {shlex.quote(content)} > {where} && echo success"
        return {"name": "exec_command", "arguments": {"cmd": line}}

    def script(self, scene: str, facts: Json) -> list[Json]:
        if scene == "structured":
            return [{"match": {"body": facts["ask"]}, "reply": {"json": facts["value"]}}]
        if scene == "images":
            return [{"match": {"body": facts["png"][:64]}, "reply": {"text": facts["text"]}}]
        return super().script(scene, facts)

    def stream(self, facts: Json) -> None:
        """It always asks for a stream, and `--json` tells what came of it."""
        told = [json.loads(line) for line in self.answer("--json", facts["ask"]).splitlines() if line.startswith("{")]
        items = [each["item"] for each in told if each["type"] == "item.completed"]
        self.expect([item["text"] for item in items if item["type"] == "agent_message"], [facts["text"]])
        self.expect(told[-1]["type"], "turn.completed")

    def structured(self, facts: Json) -> None:
        """`--output-schema`."""
        schema = self.home / "schema.json"
        schema.write_text(PERSON)
        self.expect(json.loads(self.answer("--output-schema", str(schema), facts["ask"])), facts["value"])

    def images(self, facts: Json) -> None:
        """A picture attached to the task."""
        self.picture.write_bytes(base64.b64decode(facts["png"]))
        self.expect(self.answer(facts["ask"], "-i", str(self.picture)).strip(), facts["text"])
