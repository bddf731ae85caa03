"""The clients, and how each plays a scene."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from clients.agents import Agent, ClaudeCode, Codex
from clients.scenes import Amiss, check_books, script
from clients.stack import Stack

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / ".clients"
"""Where the clients are installed."""
LIMIT_S = 90.0


@dataclass(frozen=True)
class Client:
    """One row of the matrix."""

    name: str
    package: str
    speaks: str
    """The dialect: `chat completions`, `responses` or `messages`."""
    lock: str
    """Which lock pins it, and which folder it is installed in."""
    program: str | type[Agent]

    @property
    def version(self) -> str:
        """As the lock has it."""
        if self.lock == "npm":
            packages = json.loads(HERE.joinpath("package-lock.json").read_text())["packages"]
            return packages[f"node_modules/{self.package}"]["version"]
        found = re.search(
            rf"^{re.escape(self.package)}==([^ \\]+)", HERE.joinpath(f"{self.lock}.lock").read_text(), re.MULTILINE
        )
        assert found is not None, f"{self.package} is not in {self.lock}.lock"
        return found[1]


CLIENTS = (
    Client("OpenAI Python", "openai", "chat completions, responses", "sdks", "openai_python.py"),
    Client("OpenAI Node", "openai", "chat completions, responses", "npm", "openai_node.mjs"),
    Client("Anthropic Python", "anthropic", "messages", "sdks", "anthropic_python.py"),
    Client("Anthropic TypeScript", "@anthropic-ai/sdk", "messages", "npm", "anthropic_node.mjs"),
    Client("Vercel AI SDK", "ai", "chat completions", "npm", "vercel_ai.mjs"),
    Client("OpenAI Agents SDK", "openai-agents", "responses", "sdks", "agents_sdk.py"),
    Client("LangChain", "langchain", "chat completions", "sdks", "langchain_openai_chat.py"),
    Client("LlamaIndex", "llama-index-core", "chat completions", "llamaindex", "llamaindex_openai.py"),
    Client("Pydantic AI", "pydantic-ai-slim", "messages", "sdks", "pydantic_ai_agent.py"),
    Client("LiteLLM SDK", "litellm", "chat completions", "litellm", "litellm_sdk.py"),
    Client("Claude Code", "@anthropic-ai/claude-code", "messages", "npm", ClaudeCode),
    Client("Codex", "@openai/codex", "responses", "npm", Codex),
)

OWN, TRANSLATED = "its own dialect", "the other vendor's"


def model_of(client: Client, route: str) -> str:
    """The model whose target speaks the client's own dialect, or the other vendor's."""
    is_anthropic = client.speaks == "messages"
    return "on-anthropic" if is_anthropic == (route == OWN) else "on-openai"


def play(client: Client, scene: str, route: str, stack: Stack) -> str | None:
    """One cell on one of the two routes: None where all was as it has to be, else what was not."""
    stack.simulator.reset()
    key_id, key = stack.key(f"{client.name} {scene} {route}")
    model = model_of(client, route)
    try:
        if isinstance(client.program, str):
            stack.simulator.script(script(scene))
            _run(client.lock, client.program, scene, stack, key, model)
        else:
            with TemporaryDirectory(prefix="client-", ignore_cleanup_errors=True) as folder:
                client.program(stack, FOLDER / "npm", Path(folder), key, model).play(scene)
        check_books(stack, key_id, scene)
    except subprocess.TimeoutExpired:
        return f"was not done within {LIMIT_S:.0f} s"
    except (Amiss, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    return None


def play_own(client: Client, stack: Stack) -> str | None:
    """An agent with its person's own credential: None where all was as it has to be, else what was not."""
    assert not isinstance(client.program, str)
    stack.simulator.reset()
    key_id, key = stack.key(f"{client.name} own", "own")
    try:
        with TemporaryDirectory(prefix="client-", ignore_cleanup_errors=True) as folder:
            agent = client.program(stack, FOLDER / "npm", Path(folder), key, model_of(client, OWN))
            agent.play_own(key_id)
    except subprocess.TimeoutExpired:
        return f"was not done within {LIMIT_S:.0f} s"
    except (Amiss, ValueError, KeyError) as error:
        return str(error) or type(error).__name__
    return None


def _run(lock: str, program: str, scene: str, stack: Stack, key: str, model: str) -> None:
    runner = "node" if lock == "npm" else str(FOLDER / lock / "bin" / "python")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(FOLDER),
        "HEADGATE_URL": stack.url,
        "HEADGATE_KEY": key,
        "HEADGATE_MODEL": model,
        "CLIENTS_NPM": str(FOLDER / "npm"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    command = [runner, str(HERE / "programs" / program), scene]
    done = subprocess.run(command, env=environ, cwd=FOLDER, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise Amiss((done.stderr or done.stdout).strip()[-1500:])
