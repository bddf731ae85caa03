"""Write the SBOM of a deployment: CycloneDX 1.6 JSON of what requirements.lock installs, for Headgate's own version.

Versions and hashes are the lock's; licences and who needs whom are read from what is installed. The same lock gives
the same bytes: the serial number is made from the content, and the time is SOURCE_DATE_EPOCH where that is set.

Usage: python tools/sbom.py [FILE]    FILE is dist/headgate.cdx.json where none is given.

Format: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("postgres", "redis")
"""What the lock has beside the core."""

_PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;]+)")
_SPDX = {  # what packages without a licence expression call theirs
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD-3-Clause License": "BSD-3-Clause",
    "MIT": "MIT",
    "MIT License": "MIT",
    "Apache-2.0": "Apache-2.0",
    "MPL-2.0": "MPL-2.0",
}


class Pinned(NamedTuple):
    """One entry of a lock: a package may be pinned to different versions on different platforms."""

    name: str
    version: str
    hashes: list[str]
    """SHA-256 of every file there is of it."""


def locked(text: str) -> list[Pinned]:
    """The entries of a lock."""
    found: list[Pinned] = []
    for line in text.splitlines():
        if pinned := _PINNED.match(line):
            found.append(Pinned(pinned[1], pinned[2], []))
        elif "--hash=sha256:" in line:
            found[-1].hashes.append(line.partition("sha256:")[2].rstrip(" \\"))
    return found


def sbom(lock: str, moment: datetime) -> dict[str, Any]:
    """The bill of materials of a lock."""
    packages = sorted(locked(lock))
    own = distribution("headgate")
    root = {**_component("headgate", own.version, [], own), "type": "application"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    deployed = [
        *project["dependencies"],
        *(each for extra in EXTRAS for each in project["optional-dependencies"][extra]),
    ]
    components = [_component(each.name, each.version, each.hashes, _installed(each.name)) for each in packages]
    refs: dict[str, list[str]] = {}
    for each in packages:
        refs.setdefault(each.name, []).append(_purl(each.name, each.version))
    graph = [
        {"ref": root["bom-ref"], "dependsOn": _among(deployed, refs)},
        *(
            {"ref": _purl(each.name, each.version), "dependsOn": _among(_requirements(each.name), refs)}
            for each in packages
        ),
    ]
    content = {"component": root, "components": components, "dependencies": graph}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
            "lifecycles": [{"phase": "build"}],
            "component": root,
        },
        "components": components,
        "dependencies": graph,
    }


def _component(name: str, version: str, hashes: list[str], installed: Distribution | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(name, version),
        "name": name,
        "version": version,
        "purl": _purl(name, version),
    }
    if installed is not None:
        if summary := installed.metadata.get("Summary"):
            found["description"] = summary
        if licence := _licence(installed):
            found["licenses"] = [licence]
    if hashes:
        # One per file: CycloneDX gives a component's own hashes, and a package is as many files as there are platforms.
        files = [{"alg": "SHA-256", "content": each} for each in hashes]
        found["externalReferences"] = [{"type": "distribution", "url": _purl(name, version), "hashes": files}]
    return found


def _licence(installed: Distribution) -> dict[str, Any] | None:
    """A licence expression (PEP 639) where the package has one, else what it says in words."""
    if expression := installed.metadata.get("License-Expression"):
        return {"expression": expression}
    said = installed.metadata.get("License") or ""
    if said in _SPDX:
        return {"license": {"id": _SPDX[said]}}
    classified = [each for each in installed.metadata.get_all("Classifier") or [] if each.startswith("License ::")]
    name = classified[0].rpartition(" :: ")[2] if classified else said.strip().partition("\n")[0][:100]
    return {"license": {"name": name}} if name else None


def _requirements(name: str) -> list[str]:
    """What an installed package says it needs."""
    installed = _installed(name)
    return (installed.requires or []) if installed is not None else []


def _among(lines: Iterable[str], refs: Mapping[str, list[str]]) -> list[str]:
    """What requirements come to among what is locked: of a package with several versions, all of them."""
    needed = [each for each in map(Requirement, lines) if each.marker is None or each.marker.evaluate({"extra": ""})]
    return sorted({ref for each in needed for ref in refs.get(canonicalize_name(each.name), ())})


def _installed(name: str) -> Distribution | None:
    """What is installed of a package; None of one for other platforms."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _purl(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def main() -> None:
    """Write it."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist/headgate.cdx.json"
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    moment = datetime.fromtimestamp(epoch, UTC) if epoch else datetime.now(UTC).replace(microsecond=0)
    bill = sbom((ROOT / "requirements.lock").read_text("utf-8"), moment)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill, indent=2) + "\n", "utf-8")
    print(f"{file}: {len(bill['components'])} components")


if __name__ == "__main__":
    main()
