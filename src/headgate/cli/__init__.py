"""The command `headgate`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line of this process and exit: 0 fine, 1 the thing checked failed, 2 usage, 3 could not run."""
    from headgate.cli.app import run  # a command line's parser, which importing this module should not cost

    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has seen enough: `headgate explain chat | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)
