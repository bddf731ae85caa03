"""What the programs share: the facts of their scene, where Headgate is, and how they begin."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

URL = os.environ["HEADGATE_URL"]
KEY = os.environ["HEADGATE_KEY"]
MODEL = os.environ["HEADGATE_MODEL"]
WRONG_KEY = "hg-this-key-was-never-made"

Facts = dict[str, Any]


class Person(BaseModel):
    """What is asked for in the scene `structured`."""

    name: str
    age: int
    likes: list[str]


def long_text(facts: Facts) -> str:
    """A text of so many bytes, with a mark at either end."""
    filler = facts["filler"] * (facts["bytes"] // len(facts["filler"]))
    return f"{facts['begin']} {filler} {facts['end']}"


def main(scenes: Mapping[str, Any]) -> None:
    """Play the scene the command line names."""
    facts = json.loads(Path(__file__).parents[1].joinpath("facts.json").read_text())
    scene = sys.argv[1]
    done = scenes[scene](facts[scene])
    if inspect.isawaitable(done):
        asyncio.run(done)  # type: ignore[arg-type]
    print("played", scene)
