"""A start that reaches for nothing outside: in a network of its own, where every packet that leaves is counted.

The namespace has loopback and one way out, to a link that swallows everything; its resolver is out there too, so that
looking up a name is seen as well as connecting.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ALONE = """
set -e
ip link set lo up
ip link add out type veth peer name nowhere
for name in out nowhere; do
  [ ! -e /proc/sys/net/ipv6/conf/$name ] || echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6
done
ip link set out arp off up
ip link set nowhere arp off up
ip addr add 192.0.2.2/24 dev out
ip route add default via 192.0.2.1
echo 'nameserver 192.0.2.53' > "$1/resolv.conf"
mount --bind "$1/resolv.conf" "$(realpath /etc/resolv.conf)"
shift
sent() { sed -n 's/^ *out: *//p' /proc/net/dev | awk '{ print $10 }'; }
before="$(sent)"
"$@"
echo "packets that left: $(( $(sent) - before ))"
"""

_SERVE = """
import http.client, json, signal, socket, subprocess, sys, time
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
serving = subprocess.Popen([sys.executable, "-m", "headgate", "serve", "--port", str(port)])
ended = time.monotonic() + 20
while True:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        body = json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello"}]})
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        print("answer:", connection.getresponse().status)
        break
    except OSError:
        assert serving.poll() is None and time.monotonic() < ended
        time.sleep(0.02)
serving.send_signal(signal.SIGTERM)
serving.wait()
"""

_CONNECT = """
import socket
try:
    socket.create_connection(("198.51.100.7", 443), timeout=0.05)
except OSError:
    pass
"""

_LOOK_UP = """
import os, socket, threading
looking = threading.Thread(target=socket.getaddrinfo, args=("vendor.example", 443))
looking.start()
looking.join(0.5)
os._exit(0)
"""


def _alone(folder: Path, code: str) -> str:
    """What Python code says, and how many packets it sent out."""
    if sys.platform != "linux" or shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("network namespaces need Linux, util-linux and iproute2")
    apart = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if subprocess.run([*apart, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not allow network namespaces")
    environ = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = [*apart, "sh", "-c", _ALONE, "sh", str(folder), sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_start_without_a_configuration_sends_nothing_out(tmp_path: Path) -> None:
    said = _alone(tmp_path, _SERVE)
    assert "answer: 200" in said
    assert "packets that left: 0" in said


def test_a_start_with_vendors_sends_nothing_out_before_a_call(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_text(
        "server: {auth: none}\n"
        "providers:\n"
        "  sim: {kind: simulator}\n"
        "  openai: {kind: openai, api_key: not-a-key}\n"
        '  far: {kind: vllm, base_url: "http://198.51.100.7:8000/v1"}\n'
        "models:\n"
        "  chat: {targets: [sim/gpt-4o-mini]}\n"
        "  vendors: {targets: [openai/gpt-4o-mini, far/x]}\n"
    )
    said = _alone(tmp_path, _SERVE)
    assert "answer: 200" in said
    assert "packets that left: 0" in said


@pytest.mark.parametrize("code", [_CONNECT, _LOOK_UP], ids=["connecting", "looking up a name"])
def test_reaching_out_would_be_seen(tmp_path: Path, code: str) -> None:
    said = _alone(tmp_path, code)
    assert int(said.rpartition(":")[2]) > 0
