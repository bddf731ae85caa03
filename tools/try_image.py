"""Follow deploy/Containerfile where there is no container runtime: its steps in a debootstrap root, then the gateway in
it as the image would run it, and what it must and must not be able to do there.

Usage, as root on Debian: python3 tools/try_image.py FOLDER [SUITE]    FOLDER keeps the base for the next time.

Knows the instructions the Containerfile uses, and fails at any other.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SHOWN = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
"""What of this machine the steps see while they run, read-only, to reach the same package registries."""

BUNDLE = "/run/authorities.pem"
"""Where they see the authorities this machine trusts."""

PASSED = ("PIP_", "http_proxy", "https_proxy", "no_proxy")

_STEP = """
set -e
root="$1" bundle="$2" step="$3"
shift 3
show() {
  [ -e "$1" ] || return 0
  mkdir -p "$(dirname "$root$2")"
  [ -e "$root$2" ] || : >"$root$2"
  mount --bind "$(realpath "$1")" "$root$2"
  mount -o remount,bind,ro "$root$2"
}
for each in "$@"; do show "$each" "$each"; done
mount -t tmpfs tmpfs "$root/run"
show /etc/ssl/certs/ca-certificates.crt "$bundle"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom "$root/dev"
exec chroot "$root" /bin/sh -ec "$step"
"""
"""A step in a mount namespace of its own: nothing of this machine can be written, and nothing has to be undone."""


class Image:
    """One stage of the file, and what it says about how it is run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        self.folder = "/"
        self.user = "0:0"
        self.health: list[str] = []
        self.command: list[str] = []

    def run(self, script: str) -> None:
        """A step."""
        passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED)}
        authorities = {"PIP_CERT": BUNDLE, "SSL_CERT_FILE": BUNDLE}
        environ = {**passed, **authorities, **self.environ, "DEBIAN_FRONTEND": "noninteractive"}
        inside = f"cd {shlex.quote(self.folder)}\n{script}"
        command = ["unshare", "--mount", "sh", "-c", _STEP, "sh", str(self.root), BUNDLE, inside, *SHOWN]
        subprocess.run(command, env=environ, check=True)

    def copy(self, sources: list[Path], to: str) -> None:
        """Files of the build context, or of another stage."""
        target = self.root / str(Path(self.folder, to)).lstrip("/")
        many = to.endswith("/")
        (target if many else target.parent).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy(source, target / source.name if many else target)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction of a Containerfile and what follows it."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.partition(" ")
        yield word, rest.strip()


def build(folder: Path, suite: str) -> Image:
    """The last stage of the Containerfile."""
    base = folder / "base"
    if not (base / "usr/bin/env").exists():
        subprocess.run(["debootstrap", "--variant=minbase", suite, str(base)], check=True, stdout=subprocess.DEVNULL)
    stages: dict[str, Image] = {}
    image = Image(base)
    for word, rest in instructions((ROOT / "deploy/Containerfile").read_text("utf-8")):
        print(f"{word} {rest}"[:150], flush=True)
        match word:
            case "FROM":
                name = rest.partition(" AS ")[2] or "image"
                root = folder / name
                shutil.rmtree(root, ignore_errors=True)
                subprocess.run(["cp", "-a", str(base), str(root)], check=True)
                image = stages[name] = Image(root)
            case "RUN":
                image.run(rest)
            case "COPY":
                _copy(image, rest, stages)
            case "ENV":
                image.environ |= dict(each.split("=", 1) for each in shlex.split(rest))
            case "WORKDIR":
                image.folder = rest
                (image.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                image.user = rest
            case "HEALTHCHECK":
                image.health = json.loads(rest.partition("CMD ")[2])
            case "ENTRYPOINT" | "CMD":
                image.command += json.loads(rest)
            case "ARG" | "VOLUME" | "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise SystemExit(f"tools/try_image.py does not know {word}")
    return image


def _copy(image: Image, rest: str, stages: dict[str, Image]) -> None:
    """COPY, with or without --from."""
    words = rest.split()
    stage = stages[words.pop(0).removeprefix("--from=")].root if words[0].startswith("--from=") else None
    *sources, to = words
    if stage is not None:
        image.copy([stage / each.lstrip("/") for each in sources], to)
        return
    found = [Path(file) for each in sources for file in glob(str(ROOT / each))]
    if len(found) < len(sources):
        raise SystemExit(f"COPY {rest}: not all of it is there; run 'make wheel'")
    image.copy(found, to)


_INSIDE = """
set -u
say() { echo "  $*"; }
fail() { say "FAILED: $*"; exit 1; }
[ "$(id -u)" = 10001 ] || fail "runs as uid $(id -u)"
capable="$(sed -n 's/^CapEff:.//p' /proc/self/status)"
[ "$capable" = 0000000000000000 ] || fail "has capabilities: $capable"
say "runs as uid $(id -u), without a capability"
for at in /etc/x /opt/headgate/x /x; do
  touch $at 2>/dev/null && fail "$at can be written"
done
say "the root cannot be written"
"$@" >/tmp/log 2>&1 &
serving=$!
for _ in $(seq 100); do
  eval "$HEALTH" 2>/dev/null && break
  kill -0 $serving || { cat /tmp/log; exit 1; }
  sleep 0.1
done
eval "$HEALTH" || fail "the health check"
say "the health check is fine"
python - <<'PY' || { cat /tmp/log; exit 1; }
import json, os, urllib.request as r
asked = r.Request("http://127.0.0.1:8080/v1/chat/completions",
    json.dumps({"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}).encode(),
    {"content-type": "application/json", "authorization": "Bearer " + os.environ["HEADGATE_ADMIN_KEY"]})
print("  a call is answered:", json.load(r.urlopen(asked))["choices"][0]["message"]["content"][:60])
PY
ls /var/lib/headgate | sed 's/^/  written: /'
kill -TERM $serving
wait $serving || fail "ends with $? on SIGTERM"
say "ends on SIGTERM"
"""


def try_out(image: Image) -> None:
    """Run it as a runtime would: its user, no capability, nothing writable but its volume and /tmp, no network."""
    uid, gid = image.user.split(":")
    inside = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]
    health = shlex.join(image.health)
    environ = {**image.environ, "HOME": image.folder, "HEALTH": health, "HEADGATE_ADMIN_KEY": "hg-try-" + "x" * 32}
    setting = [f"{name}={value}" for name, value in environ.items()]
    root = shlex.quote(str(image.root))
    within = shlex.join(["env", "-i", *setting, *inside, "sh", "-c", f"cd {image.folder}\n{_INSIDE}", "sh"])
    script = f"""
    set -e
    ip link set lo up
    mount --bind {root} {root}
    mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
    mount -t tmpfs -o uid={uid},gid={gid},mode=0700 tmpfs {root}{image.folder}
    mount -t proc proc {root}/proc
    mount -t tmpfs tmpfs {root}/dev
    cp -a /dev/null /dev/zero /dev/random /dev/urandom {root}/dev
    mount -o remount,bind,ro {root} {root}
    exec chroot {root} {within} {shlex.join(image.command)}
    """
    subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "sh", "-c", script], check=True)


def main(folder: Path, suite: str) -> None:
    """Build it, look at it, run it."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("tools/try_image.py needs root and debootstrap (Debian: apt-get install debootstrap)")
    folder.mkdir(parents=True, exist_ok=True)
    image = build(folder, suite)
    size = subprocess.run(["du", "-sm", str(image.root)], capture_output=True, text=True, check=True).stdout.split()[0]
    grown = subprocess.run(["du", "-sm", str(folder / "base")], capture_output=True, text=True, check=True).stdout
    print(f"the image: {size} MB, its base {grown.split()[0]} MB of it")
    setuid = subprocess.run(
        ["find", str(image.root / "opt"), "-perm", "/6000", "-o", "-name", "pip"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if setuid:
        sys.exit(f"these do not belong in /opt/headgate:\n{setuid}")
    try_out(image)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python3 tools/try_image.py FOLDER [SUITE]")
    main(Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else "bookworm")
