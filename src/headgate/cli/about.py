"""`headgate version`."""

from __future__ import annotations

import platform
from typing import Annotated

from cyclopts import Parameter

from headgate import __version__
from headgate.cli import output
from headgate.cli.exits import OK


def version(*, json: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Say which version this is.

    Parameters
    ----------
    json
        Print JSON.
    """
    from headgate.catalog import price_list

    known = price_list()
    facts = {
        "headgate": __version__,
        "python": platform.python_version(),
        "prices": {"source": known.source, "date": known.date},
    }
    if json:
        output.json(facts)
    else:
        output.say(f"headgate {__version__} (Python {facts['python']}, prices of {known.date})")
    return OK
