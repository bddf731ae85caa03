"""What goes wrong with tests and runs, as commands tell it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headgate.cli import output
from headgate.cli.exits import CannotRun
from headgate.evals.problems import BadTests, CannotEvaluate

Made = TypeVar("Made")


def tried(work: Callable[[], Made], hint: str = "") -> Made:
    """Do something with tests or runs. `hint` is what to try where that cannot be done.

    Raises:
        CannotRun: there is something wrong with them.
    """
    try:
        return work()
    except BadTests as error:
        lines = "\n".join(output.printable(each.told()) for each in error.problems)
        raise CannotRun(f"the tests cannot be run\n{lines}") from None
    except CannotEvaluate as error:
        raise CannotRun(output.printable(str(error)), hint) from None
    except BaseExceptionGroup as group:
        known = [each for each in group.exceptions if isinstance(each, CannotEvaluate)]
        if not known:
            raise
        raise CannotRun(output.printable(str(known[0])), hint) from None
