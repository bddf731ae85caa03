"""`headgate report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import told
from headgate.cli.client import HERE, Client, Reach
from headgate.cli.configs import OutputFile
from headgate.cli.exits import FAILED, OK, Misused
from headgate.cli.files import write_whole, writing


def report(
    period: Literal["day", "week", "month"] = "week",
    /,
    *,
    ending: str | None = None,
    format: Literal["markdown", "html", "json"] | None = None,
    output_: OutputFile = None,
    check: Annotated[bool, Parameter(negative=())] = False,
    reach: Reach = HERE,
) -> int:
    """Review a day, a week or a month: what changed, what it cost, what failed, and what follows.

    Parameters
    ----------
    period
        Which, held against the one of the same length before it.
    ending
        The day after its last one, in UTC: 2026-11-01; else the latest that is over.
    format
        How: Markdown unless given.
    output_
        The file; else standard output.
    check
        Exit with 1 where something has become worse for sure.
    """
    if reach.json and format not in (None, "json"):
        raise Misused(f"--json and --format {format} are two ways to print", "Leave one of them out.")
    kind = format or ("json" if reach.json else "markdown")
    query = {"period": period, "ending": ending}

    def work(client: Client) -> int:
        review: Any = client.ask("GET", "/reviews", query=query) if check or kind == "json" else None
        if kind == "json":
            _write(msgspec.json.format(msgspec.json.encode(review), indent=2) + b"\n", output_)
        else:
            _write(b"".join(client.download("/reviews", {**query, "format": kind})), output_)
        return FAILED if check and review["worse"] else OK

    return told(reach, work, "report")


def _write(text: bytes, file: Path | None) -> None:
    """To a file, which is there only once it is whole, or to standard output.

    Raises:
        CannotRun: the file cannot be written.
    """
    if file is None:
        lines = text.decode().removesuffix("\n").split("\n")
        sys.stdout.write("".join(f"{output.printable(line)}\n" for line in lines))
        return
    with writing(file):
        if file.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        write_whole(file, text)
    output.complain(f"{file} is written.")
