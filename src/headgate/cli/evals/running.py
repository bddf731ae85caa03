"""`headgate eval run`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.configs import Json
from headgate.cli.evals import shown
from headgate.cli.evals.asking import NOTHING_SAID, Asking, Flag, ask, hide
from headgate.cli.evals.choosing import Chosen, chosen
from headgate.cli.evals.ending import fresh, of_comparison, of_run
from headgate.cli.evals.files import NO_REPORTS, Reports, sums_of
from headgate.cli.evals.screen import Screen
from headgate.cli.exits import CANNOT_RUN, CannotRun, Misused
from headgate.clock import SystemClock
from headgate.evals.comparison import compare
from headgate.evals.models import AskedModels
from headgate.evals.reports.annotations import failures, regressions, wanted
from headgate.evals.runs import ends_of
from headgate.evals.session import FOLDER, Loaded, Options, carry_out, check, new_id
from headgate.evals.trusting import all_examined

Share = Annotated[float | None, Parameter(validator=Number(gt=0, lt=1))]


def run(
    paths: Annotated[tuple[Path, ...], Parameter(negative="")] = (Path(),),
    /,
    *,
    library: str | None = None,
    model: Annotated[tuple[str, ...], Parameter(name=["--model", "-m"], negative="")] = (),
    repeat: Annotated[int | None, Parameter(validator=Number(gte=1, lte=1000))] = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))] = 16,
    precision: Share = None,
    seed: int = 0,
    expect: Share = None,
    baseline: Path | None = None,
    against: str | None = None,
    tolerate: Annotated[float, Parameter(validator=Number(gte=0, lt=1))] = 0.0,
    output_: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    resume: Path | None = None,
    book: Flag = False,
    asking: Asking = NOTHING_SAID,
    url: str | None = None,
    organisation: str | None = None,
    reports: Reports = NO_REPORTS,
    json: Json = False,
) -> int:
    """Ask what tests ask, and hold the answers against what they assert.

    Ends with 0 where all cases passed, 1 where one failed, 2 where the command line makes no sense, and 3 where there
    is something wrong with tests or no verdict of some. With --baseline, --against or --expect it is they that decide.

    Parameters
    ----------
    paths
        Test files, prompts, or folders of them.
    library
        The prompts: a folder, or those that a label stands for, as @production; else those around the tests.
    model
        Ask this model in place of the tests' own; may be repeated.
    repeat
        Ask each case so often, whatever the tests say.
    concurrency
        Answers under way at once.
    precision
        Ask cases in a drawn order, and no more once the share that passes is known to so much on either side: 0.03.
    seed
        Of that order.
    expect
        Fail only where the share of answers that pass is surely below this: 0.9.
    baseline
        A run of before: fail only where this one is worse beyond noise.
    against
        Other prompts, a folder or @production: ask the same of those first, and hold this run against that.
    tolerate
        With --baseline or --against: how far the share may drop all the same.
    output_
        The run file to write; else one of its own in .headgate/evals.
    resume
        The run file of a run that was stopped: go on with it.
    book
        Keep the ledger in the database the configuration names, rather than in memory only.
    url
        The server that knows what is released; else that of --server, HEADGATE_URL, or the configuration's.
    organisation
        Whose released versions, where not those of the key's own.
    json
        Print JSON.
    """
    _check_options(output_, resume, baseline, against, asking, book=book)
    reports.check()
    before = None if baseline is None else sums_of(baseline)
    what = chosen(paths, library, against, model, repeat, asking.reach(url, organisation))
    name = new_id()
    file = resume or output_ or FOLDER / f"{name}.jsonl"
    base = file.with_suffix(".base.jsonl")
    if file.is_relative_to(FOLDER):
        hide()
    begun = () if resume is None else tuple(each for each in (file, base) if each.exists())
    if resume is not None and not begun:
        raise CannotRun(f"there is no run {resume}", "Name the file of one that was stopped; 'ls .headgate/evals'.")
    options = Options(concurrency=concurrency, precision=precision, seed=seed)

    async def into(models: AskedModels, loaded: Loaded, place: Path) -> None:
        with Screen(quiet=json) as screen:
            await carry_out(
                loaded, models, place, options, name=name, clock=SystemClock(),
                resume=place in begun, told=screen.add, planned=screen.begin,
            )  # fmt: skip

    async def work(models: AskedModels) -> None:
        await _prepare(what, models, quiet=json)
        if what.older is not None:
            await into(models, what.older, base)
            if not json:
                shown.spending(base)
        await into(models, what.tested, file)

    try:
        ask(asking, work, concurrency=concurrency, book=book)
    except KeyboardInterrupt:
        there = file.exists() or base.exists()
        output.complain(f"Stopped. 'headgate eval run … --resume {file}' goes on." if there else "Stopped.")
        return CANNOT_RUN
    sums = sums_of(file)
    before = before if what.older is None else sums_of(base)
    found = None if before is None else compare(before, sums, tolerate=tolerate)
    reports.write(file, sums, found)
    if reports.annotate or wanted(os.environ):
        lines = [*failures(sums.cases)] if found is None else [*regressions(found), *failures(fresh(found, sums))]
        shown.annotate(lines, json=json)
    shown.result(file, sums, found, json=json)
    ends = ends_of(file)
    return of_run(sums, ends, expect) if found is None else of_comparison(found, sums, ends)


def _check_options(
    output_: Path | None,
    resume: Path | None,
    baseline: Path | None,
    against: str | None,
    asking: Asking,
    *,
    book: bool,
) -> None:
    """Raise `Misused` for what does not go together."""
    if resume is not None and output_ is not None:
        raise Misused("--resume goes on with its file, and --output names a new one", "Leave one of them out.")
    if baseline is not None and against is not None:
        raise Misused("--baseline and --against both say what this run is held against", "Leave one of them out.")
    if book and asking.server is not None:
        raise Misused("--book is for calls made here, and --server keeps a ledger of its own", "Leave one of them out.")
    _ = asking.budget_usd


async def _prepare(what: Chosen, models: AskedModels, *, quiet: bool) -> None:
    """All that can be told before anything is asked; and judges, which are asked first.

    Raises:
        BadTests: there is something wrong with tests, or with the labels of judges.
        CannotEvaluate: the server cannot be asked.
        CannotRun: a judge agrees with people less than it has to.
    """
    older = what.older
    await models.learn(dict.fromkeys([*what.tested.models, *(() if older is None else older.models)]))
    check(what.tested, models)
    if older is not None:
        check(older, models, inputs=False)  # cases it does not take are not compared
    judges = await all_examined(what.tested.suites, models)
    for each in judges if not quiet else ():
        output.complain(each.told())
    if refused := [each for each in judges if not each.trusted]:
        raise CannotRun(
            "; ".join(f"the {each.told()}" for each in refused),
            "Word its rubric more clearly, ask a better model, or 'headgate eval judge' for each of its mistakes.",
        )
