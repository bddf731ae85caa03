"""The example of `docs/shadow.md` does what the page says, as whole processes; only at other ports, and faster."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from upstream import unused_port

PAGE = (Path(__file__).parents[2] / "docs" / "shadow.md").read_text("utf-8")
EXAMPLE = PAGE.partition("<!-- the example that tests run -->")[2]
REALISTIC = bool(os.environ.get("HEADGATE_FULL"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has the library only")


def block(language: str) -> str:
    """The first code block in a language."""
    found = re.search(rf"```{language}\n(.*?)```", EXAMPLE, re.DOTALL)
    assert found is not None
    return found[1]


@asynccontextmanager
async def running(folder: Path, environ: dict[str, str], port: int, *command: str) -> AsyncIterator[None]:
    """`headgate` with a command that serves, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "headgate", *command, cwd=folder, env=environ, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    assert process.returncode is None
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield
    finally:
        process.terminate()
        await process.wait()


async def ran(folder: Path, environ: dict[str, str], *command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=folder, env=environ, stdout=PIPE)
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_the_example_ends_with_the_page_it_shows(tmp_path: Path):
    ports = {"8080": str(unused_port()), "8090": str(unused_port())}
    config, load = (re.sub("8080|8090", lambda match: ports[match[0]], block(each)) for each in ("yaml", "python"))
    (tmp_path / "headgate.yaml").write_text(config)
    (tmp_path / "load.py").write_text(load)
    environ = {**os.environ, "HEADGATE_ADMIN_KEY": "hg-" + "k" * 40, "PYTHONWARNINGS": "ignore"}
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL"):
        environ.pop(name, None)
    async with AsyncExitStack() as stack:
        pace = [] if REALISTIC else ["--instant"]
        command = ["simulate", "--port", ports["8090"], *pace]
        await stack.enter_async_context(running(tmp_path, environ, int(ports["8090"]), *command))
        await stack.enter_async_context(running(tmp_path, environ, int(ports["8080"]), "serve"))
        assert await ran(tmp_path, environ, "load.py") == (0, "300 answers\n")
        async with asyncio.timeout(20):
            while True:
                command = ["-m", "headgate", "shadow", "verdict", "chat"]
                _, text = await ran(tmp_path, environ, *command, "--json")
                found = json.loads(text)
                if found["pairs"] + sum(found["dropped"].values()) == 300:
                    break
        assert found["dropped"] == {}
        assert found["errors"]["shadow"]["estimate"] == 0, found
        assert found["same_shape"]["low"] > 0.97, found
        code, text = await ran(tmp_path, environ, *command)
        shown = block("text").splitlines()
        lines = text.splitlines()
        assert lines[0] == shown[0]
        if REALISTIC:
            print(text)
            assert (code, without_figures(lines[2])) == (0, without_figures(shown[2]))


def without_figures(text: str) -> str:
    return re.sub(r"\d+\.\d+", "…", text)


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_each_configuration_of_the_page_is_one(text: str):
    from headgate.config import loads

    assert loads(text, "headgate.yaml", {"OPENAI_API_KEY": "k", "LITELLM_KEY": "k"}).models["chat"].shadow is not None
