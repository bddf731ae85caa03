"""Plays every scene with every client, over a target of the client's own dialect and over one of the other vendor's.

python tests/clients [CLIENT ...] [--scene SCENE] [--write]

The exit code is 1 where more than two of the 96 cells are not green. `--write` writes docs/clients.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from clients.matrix import CLIENTS, OWN, TRANSLATED, Client, play, play_own
from clients.report import Cell, page, table
from clients.scenes import SCENES
from clients.stack import running

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
MAY_FAIL = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="make clients")
    parser.add_argument("clients", nargs="*", help="beginnings of clients' names; all without any")
    parser.add_argument("--scene", choices=SCENES, action="append")
    parser.add_argument("--write", action="store_true", help="write docs/clients.md")
    asked = parser.parse_args()
    chosen = [each for each in CLIENTS if not asked.clients or _is_meant(each, asked.clients)]
    cells: list[Cell] = []
    begun = time.monotonic()
    with TemporaryDirectory(prefix="headgate-clients-") as folder, running(Path(folder)) as stack:
        for client in chosen:
            for scene in asked.scene or SCENES:
                cell = Cell(client, scene, {route: play(client, scene, route, stack) for route in (OWN, TRANSLATED)})
                cells.append(cell)
                print("." if cell.is_green else f"\n{client.name}, {scene}: {cell.amiss}\n", end="", flush=True)
        own = {each.name: play_own(each, stack) for each in chosen if not isinstance(each.program, str)}
    print("\n" + table(cells))
    for name, amiss in own.items():
        print(f"{name} with a credential of one's own: {amiss or 'yes'}")
    failed = [cell for cell in cells if not cell.is_green]
    print(f"\n{len(cells) - len(failed)} of {len(cells)} cells in {time.monotonic() - begun:.0f} s")
    if asked.write:
        PAGE.write_text(page(cells, own))
    return 1 if len(failed) > MAY_FAIL or any(own.values()) else 0


def _is_meant(client: Client, names: list[str]) -> bool:
    return any(client.name.lower().startswith(name.lower()) for name in names)


if __name__ == "__main__":
    sys.exit(main())
