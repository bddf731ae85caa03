"""The simulator's own pages: its bill and its script, below `/_sim/`."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from headgate.errors import ConfigError
from headgate.providers.simulator.record import Record
from headgate.providers.simulator.response import Response
from headgate.providers.simulator.script import Script, read_script

_JSON = (("content-type", "application/json"),)


class Controlled(Protocol):
    """What the pages show and change."""

    script: Script
    record: Record


def control(simulator: Controlled, method: str, path: str, body: bytes) -> Response:
    """The answer to a request of a page."""
    match method, path.partition("?")[0]:
        case "GET", "/_sim/record":
            return _page(simulator.record.shown())
        case "DELETE", "/_sim/record":
            simulator.record.clear()
            return Response(status=204)
        case "GET", "/_sim/script":
            return _page(simulator.script.shown())
        case "PUT", "/_sim/script":
            return _replace(simulator, body)
        case "DELETE", "/_sim/script":
            simulator.script = Script()
            return Response(status=204)
        case _, "/_sim/record" | "/_sim/script":
            return _error(405, f"{path} takes GET and DELETE, the script also PUT.")
        case _:
            return _error(404, f"There is no {path[:200]}: only /_sim/record and /_sim/script.")


def _replace(simulator: Controlled, body: bytes) -> Response:
    """Set another script; a bad one changes nothing."""
    try:
        simulator.script = read_script(body)
    except ConfigError as error:
        return _error(400, error.message)
    return _page(simulator.script.shown())


def _page(value: Any) -> Response:
    return Response(headers=_JSON, body=msgspec.json.encode(value))


def _error(status: int, message: str) -> Response:
    return Response(status=status, headers=_JSON, body=msgspec.json.encode({"error": {"message": message}}))
