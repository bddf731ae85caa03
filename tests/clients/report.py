"""The table of the matrix, for the terminal and for docs/clients.md."""

from __future__ import annotations

import datetime as dt
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import headgate
from clients.matrix import Client
from clients.scenes import SCENES

HEADINGS = {
    "chat": "chat", "stream": "stream", "tools": "tools", "structured": "structured output", "images": "images",
    "errors": "errors", "cancel": "cancel", "long": "long body",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A client in a scene: by route what was amiss, None where nothing was."""

    client: Client
    scene: str
    amiss: dict[str, str | None]

    @property
    def is_green(self) -> bool:
        return not any(self.amiss.values())

    @property
    def mark(self) -> str:
        if self.is_green:
            return "yes"
        return "no" if all(self.amiss.values()) else "in part"


def table(cells: Sequence[Cell]) -> str:
    """One line per client."""
    scenes = [scene for scene in SCENES if any(cell.scene == scene for cell in cells)]
    rows = [["client", "release", *(HEADINGS[scene] for scene in scenes)]]
    for client in dict.fromkeys(cell.client for cell in cells):
        marks = [cell.mark for scene in scenes for cell in cells if (cell.client, cell.scene) == (client, scene)]
        rows.append([client.name, client.version, *marks])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(each.ljust(width) for each, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def page(cells: Sequence[Cell], own: Mapping[str, str | None]) -> str:
    """The page docs/clients.md."""
    green = sum(cell.is_green for cell in cells)
    failed = [cell for cell in cells if not cell.is_green]
    amiss = "".join(
        f"- **{cell.client.name}, {HEADINGS[cell.scene]}**, over {route}: {' '.join(what.split())[-300:]}\n"
        for cell in failed
        for route, what in cell.amiss.items()
        if what
    )
    dialects = "".join(
        f"| {client.name} | `{client.package}` {client.version} | {client.speaks} |\n"
        for client in dict.fromkeys(cell.client for cell in cells)
    )
    brought = "".join(f"- {name}: {' '.join(what.split())[-300:] if what else 'yes'}\n" for name, what in own.items())
    return f"""# Clients

Made by `make clients-page` on {dt.datetime.now(dt.UTC):%d %B %Y}, with Headgate {headgate.__version__}, Python
{platform.python_version()} and Node {_node()}. **{green} of {len(cells)} cells are green.**

{table(cells)}

A cell is a small program, or a run of the agent's command, that asserts what the client really got. It is played twice:
over a target that speaks the client's own dialect, where bytes pass, and over one of the other vendor's, where
everything is translated; it says `yes` where both are as they have to be. Each time the ledger is held against the
simulated vendor's own record as well: one row per request by the vendor's id of it, with the same tokens in every
category and a cost, and in the scene `cancel` a vendor that was told of the end.

{"What is not green:" + chr(10) * 2 + amiss if failed else "Nothing had to be explained."}

Beyond the scenes, both agents are run with a credential of the person's own beside the Headgate key
([how](coding-agents.md#the-persons-own-subscription)); the vendor has to see that one, and the ledger to say who paid:

{brought}
## What the scenes ask

| scene | an SDK | an agent |
|---|---|---|
| chat | the text that the model said, and its usage | the text on standard output |
| stream | the same text in more than three pieces | Claude Code: the pieces in `stream-json`; Codex, which always streams: the message in `--json` |
| tools | a call with its arguments, the result sent back, the final text | a file written with the agent's own tool, read back with it, the final text |
| structured output | an object of the client's own schema | `--json-schema`, `--output-schema` |
| images | a picture that reached the model byte by byte | read with the agent's own tool (Claude Code), attached (Codex) |
| errors | the SDK's own exception for a context that is too long, and for a wrong key | both times an exit code, and the vendor's words |
| cancel | the stream left after its first piece: the vendor's answer ends | interrupted as by Ctrl-C |
| long body | a message of a megabyte, both ends of which arrive | the same on standard input |

## Which releases, in which dialect

| client | package | speaks |
|---|---|---|
{dialects}
Releases are pinned with hashes in `tests/clients/*.lock` and `tests/clients/package-lock.json`, and installed below
`.clients/`, one folder for each set that fits together. Nothing of it comes near Headgate's own environment.
"""


def _node() -> str:
    """Which Node.js ran the programs that need one."""
    try:
        return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()[1:]
    except OSError:
        return "none"
