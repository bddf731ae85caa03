"""The list of models, in the shape of whoever asks. Any other name works as well."""

from __future__ import annotations

import msgspec

from headgate.providers.simulator.made import Arrival
from headgate.types import JSON

NAMES = ("sim-small", "sim-large", "sim-reasoning", "sim-embedding")
_MADE = 1_767_225_600  # 2026-01-01
_MADE_TEXT = "2026-01-01T00:00:00Z"


def models(arrival: Arrival) -> bytes:
    """The answer to `GET /models` or `GET /models/{name}`."""
    name = arrival.path.removeprefix("/models").removeprefix("/")
    anthropic = "anthropic-version" in arrival.headers
    show = _anthropic if anthropic else _openai
    if name:
        return msgspec.json.encode(show(name))
    shown = [show(each) for each in NAMES]
    if anthropic:
        return msgspec.json.encode({"data": shown, "first_id": NAMES[0], "last_id": NAMES[-1], "has_more": False})
    return msgspec.json.encode({"object": "list", "data": shown})


def _openai(name: str) -> JSON:
    return {"id": name, "object": "model", "created": _MADE, "owned_by": "headgate-simulator"}


def _anthropic(name: str) -> JSON:
    return {"type": "model", "id": name, "display_name": f"{name} (simulated)", "created_at": _MADE_TEXT}
