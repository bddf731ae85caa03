"""Other gateways on the same core and calls. Installed into a temporary folder, never into the tree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import setting
import wrk
from processes import GATEWAY_CORE, Process, find, free_port
from scenes import Row, Say


def unary(folder: Path, seconds: float, say: Say) -> list[Row]:
    """Calls a second and CPU per 0.3 KB call. A peer that cannot be installed is left out, and that is said."""
    home = Path(os.environ.get("BENCH_PEERS_HOME", folder / "peers"))
    home.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with setting.mock(folder) as mock_port:
        for name, begin in (("LiteLLM", _litellm), ("Portkey", _portkey)):
            say(f"installing {name}")
            try:
                process, port, headers = begin(home, folder, mock_port)
                with process:
                    process.wait_for(port, 90)
                    say(name)
                    load = wrk.chat(0.3, model="gpt-4o-mini")
                    wrk.run(folder, process, port, load, 2, headers=headers)
                    result = wrk.run(folder, process, port, load, seconds, headers=headers)
            except (subprocess.CalledProcessError, RuntimeError, SystemExit) as error:
                print(f"{name} is left out, it does not run here: {error}", file=sys.stderr)
                continue
            rows.append({"what": name, "calls/s": round(result.calls_per_s), "cpu µs/call": round(result.cpu_us)})
    return rows


def _litellm(home: Path, folder: Path, mock_port: int) -> tuple[Process, int, dict[str, str]]:
    venv = home / "litellm"
    if not (venv / "bin" / "litellm").exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run([str(venv / "bin" / "pip"), "install", "-q", "litellm[proxy]"], check=True)
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n  - model_name: gpt-4o-mini\n    litellm_params:\n      model: openai/gpt-4o-mini\n"
        f"      api_base: http://127.0.0.1:{mock_port}/v1\n      api_key: bench\n"
    )
    port = free_port()
    environ = {"LITELLM_LOG": "ERROR", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    command = [str(venv / "bin" / "litellm"), "--config", str(config), "--port", str(port), "--num_workers", "1"]
    return Process(command, GATEWAY_CORE, folder / "litellm.log", environ), port, {}


def _portkey(home: Path, folder: Path, mock_port: int) -> tuple[Process, int, dict[str, str]]:
    package = home / "portkey"
    if not (package / "node_modules").exists():
        package.mkdir(parents=True, exist_ok=True)
        subprocess.run([find("npm"), "install", "--prefix", str(package), "@portkey-ai/gateway"], check=True)
    port = free_port()
    script = package / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    command = [find("node"), str(script), f"--port={port}", "--headless"]
    headers = {
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{mock_port}/v1",
        "authorization": "Bearer bench",
    }
    return Process(command, GATEWAY_CORE, folder / "portkey.log", {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"}), port, headers
