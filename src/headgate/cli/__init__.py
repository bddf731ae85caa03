"""The command `headgate`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process and exit: 0 fine, 1 the thing checked failed, 2 usage, 3 could not run."""
    from headgate.cli.app import run  # a command line's parser, which importing this module should not cost

    sys.exit(run(sys.argv[1:]))
