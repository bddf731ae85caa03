"""Make src/headgate/catalog/retirements.json anew from the newest litellm (https://github.com/BerriAI/litellm, MIT).

    python tools/update_retirements.py [--check]

The wheel is downloaded into a temporary folder and one file of data is read from it; nothing of it is installed or
run. Kept per kind of provider: the days on which its models retire, by the names its own API has for them.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "src" / "headgate" / "catalog" / "retirements.json"

DATA = "litellm/model_prices_and_context_window_backup.json"

NEWEST = "litellm!=1.82.7,!=1.82.8"
"""Those two were somebody else's, and are withdrawn."""

KINDS = {
    "openai": "openai",
    "text-completion-openai": "openai",
    "anthropic": "anthropic",
    "azure": "azure",
    "azure_ai": "azure",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "deepseek": "deepseek",
    "fireworks_ai": "fireworks",
    "gemini": "gemini",
    "groq": "groq",
    "mistral": "mistral",
    "codestral": "mistral",
    "together_ai": "together",
    "vertex_ai": "vertex",
    "xai": "xai",
}
"""Our kinds of providers, by their names of them. Where two of theirs tell of one model, the upper one counts."""

SLASHED = ("fireworks", "together", "vertex")
"""Whose own names of models have slashes. Elsewhere what has one is a region, or the size of an image."""

_FOLDER = re.compile(r"^accounts/fireworks/(models|routers)/")
_ELSEWHERE = re.compile(r"^us-gov\.")
"""Models of clouds apart, which live longer."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether the file is what its release gives")
    if parser.parse_args().check:
        kept = FILE.read_text("utf-8")
        source, day = (json.loads(kept)[name] for name in ("source", "date"))
        return 0 if snapshot(*downloaded(source.replace(" ", "==")), date.fromisoformat(day)) == kept else 1
    text = snapshot(*downloaded(NEWEST), datetime.now(UTC).date())
    FILE.write_text(text, "utf-8")
    print(f"{FILE.name}: {text.count(chr(10))} lines of {json.loads(text)['source']}")
    return 0


def downloaded(release: str) -> tuple[str, dict[str, Any]]:
    """The version of a release, and what it knows of models."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", folder)
        subprocess.run([sys.executable, "-m", "pip", "download", *options, release], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            return wheel.name.split("-")[1], json.loads(packed.read(DATA))


def snapshot(version: str, models: Mapping[str, Mapping[str, Any]], today: date) -> str:
    """The file as it was made on a day, one model a line so that a change can be read."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in sorted(set(KINDS.values()))}
    for theirs, kind in KINDS.items():
        for name, day in told(theirs, kind, models):
            found[kind].setdefault(name, day)
    kinds = ",\n".join(written(kind, _shortened(days)) for kind, days in found.items() if days)
    return f'{{"source": "litellm {version}", "date": "{today}", "kinds": {{\n{kinds}\n}}}}\n'


def told(theirs: str, kind: str, models: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The names of one provider's models that retire, and the day."""
    for key, facts in models.items():
        provider, day = facts.get("litellm_provider", ""), facts.get("deprecation_date")
        if provider != theirs and not provider.startswith(f"{theirs}-"):
            continue
        name = _FOLDER.sub("", key.removeprefix(f"{theirs}/").removeprefix(f"{kind}/").lower())
        if not day or ("/" in name and kind not in SLASHED) or _ELSEWHERE.match(name):
            continue
        yield name, date.fromisoformat(day).isoformat()


def _shortened(days: Mapping[str, str]) -> dict[str, str]:
    """Without names that a look-up finds under a shorter one: `eu.` and `@default` of the same day."""
    kept: dict[str, str] = {}
    for name, day in sorted(days.items()):
        shorter = (name.partition(".")[2], name.partition("@")[0])
        if not any(short != name and days.get(short) == day for short in shorter):
            kept[name] = day
    return kept


def written(kind: str, days: Mapping[str, str]) -> str:
    models = ",\n".join(f"{json.dumps(name)}: {json.dumps(day)}" for name, day in days.items())
    return f"{json.dumps(kind)}: {{\n{models}\n}}"


if __name__ == "__main__":
    sys.exit(main())
