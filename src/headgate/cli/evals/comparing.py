"""`headgate eval compare`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.configs import Json
from headgate.cli.evals import shown
from headgate.cli.evals.asking import Flag
from headgate.cli.evals.files import sums_of
from headgate.cli.exits import CANNOT_RUN, FAILED, OK
from headgate.evals.comparison import ALPHA
from headgate.evals.comparison import compare as held_against
from headgate.evals.reports.annotations import regressions, wanted
from headgate.evals.reports.documents import comparison_document


def compare(
    before: Path,
    after: Path,
    /,
    *,
    alpha: Annotated[float, Parameter(validator=Number(gt=0, lt=0.5))] = ALPHA,
    tolerate: Annotated[float, Parameter(validator=Number(gte=0, lt=1))] = 0.0,
    on: Literal["pass", "score"] = "pass",
    annotate: Flag = False,
    json: Json = False,
) -> int:
    """Tell whether a run is worse than one before it, beyond noise.

    Ends with 1 where it is, and with 3 where the two have no case in common, or most of one has no answer.

    Parameters
    ----------
    before
        A run file: of the released version, say.
    after
        The run file that is held against it.
    alpha
        How likely a regression may be told where there is none.
    tolerate
        How far the share may drop without being told: 0.02.
    on
        What is compared: the share of answers that pass, or the mean score.
    annotate
        Print annotations for GitHub, also outside of its workflows.
    json
        Print JSON.
    """
    found = held_against(sums_of(before), sums_of(after), alpha=alpha, tolerate=tolerate, on=on)
    if annotate or wanted(os.environ):
        shown.annotate(regressions(found), json=json)
    if json:
        output.json(comparison_document(found))
    else:
        shown.comparison(found)
    return FAILED if found.regressed else OK if found.comparable else CANNOT_RUN
