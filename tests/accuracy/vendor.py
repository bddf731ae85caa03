"""The vendor in a process of its own: neither clients nor servers wait for its work, nor it for theirs.

`python vendor.py PLAN` answers as that function of `plan.py` says, and takes lines on its standard input: `busy` for how
many requests are under way, `bill FILE` to have the bill written there. It ends when that is closed.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop

from accuracy import plan
from billing import Billed, Vendor


class Apart:
    """The vendor, as who started it sees it."""

    def __init__(self, how: str) -> None:
        self.bill: list[Billed] = []
        """As of the last `read`."""
        self.url = ""
        self._how = how

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = f"http://127.0.0.1:{self._told()}/v1"

    def under_way(self) -> int:
        return int(self._ask("busy"))

    def read(self) -> None:
        """Take over its bill as it is now."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "bill"
            self._ask(f"bill {file}")
            self.bill = pickle.loads(file.read_bytes())

    def _ask(self, what: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._told()

    def _told(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


async def _serve(how: str) -> None:
    gc.disable()  # all it makes is kept until the end: looking through that again and again would make answers late
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Vendor(getattr(plan, how)) as vendor:
        print(vendor.port, flush=True)
        while line := (await lines.readline()).decode():
            what, _, file = line.strip().partition(" ")
            if what == "bill":
                _write(Path(file), vendor)
            print(vendor.under_way(), flush=True)


def _write(file: Path, vendor: Vendor) -> None:
    file.write_bytes(pickle.dumps(vendor.bill))


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
