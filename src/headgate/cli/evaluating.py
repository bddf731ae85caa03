"""`headgate eval`: tests of prompts and models."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from headgate.cli import evaluated, output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import CANNOT_RUN, FAILED, OK, CannotRun, Misused
from headgate.cli.files import write_whole, writing
from headgate.clock import SystemClock
from headgate.config.places import placed
from headgate.evals.cache import Cache
from headgate.evals.case import Cell, Repeat, Suite
from headgate.evals.comparison import ALPHA, Comparison
from headgate.evals.comparison import compare as held_against
from headgate.evals.models import GatewayModels, Spent
from headgate.evals.problems import BadTests, CannotEvaluate
from headgate.evals.reports.annotations import failures, regressions, wanted
from headgate.evals.reports.documents import comparison_document, document
from headgate.evals.reports.junit import junit
from headgate.evals.reports.page import page
from headgate.evals.runs import ends_of, header_of, results_of
from headgate.evals.session import FOLDER, Loaded, Options, carry_out, check, for_tests, load, new_id, of_library
from headgate.evals.tally import Sums, exit_verdicts
from headgate.evals.trusting import Trust, all_examined
from headgate.gateway import Gateway

Flag = Annotated[bool, Parameter(negative=())]
Share = Annotated[float | None, Parameter(validator=Number(gt=0, lt=1))]
Written = TypeVar("Written")


def run(
    paths: Annotated[tuple[Path, ...], Parameter(negative="")] = (Path(),),
    /,
    *,
    library: Path | None = None,
    model: Annotated[tuple[str, ...], Parameter(name=["--model", "-m"], negative="")] = (),
    repeat: Annotated[int | None, Parameter(validator=Number(gte=1, lte=1000))] = None,
    concurrency: Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))] = 16,
    budget: str | None = None,
    precision: Share = None,
    seed: int = 0,
    expect: Share = None,
    baseline: Path | None = None,
    against: Path | None = None,
    tolerate: Annotated[float, Parameter(validator=Number(gte=0, lt=1))] = 0.0,
    output_: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    resume: Path | None = None,
    cache: Path | None = None,
    no_cache: Flag = False,
    book: Flag = False,
    junit: Path | None = None,
    html: Path | None = None,
    annotate: Flag = False,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Ask what tests ask, and hold the answers against what they assert.

    Ends with 0 where all cases passed, 1 where one failed, 2 where the command line makes no sense, and 3 where there
    is something wrong with tests or no verdict of some. With --baseline, --against or --expect it is they that decide.

    Parameters
    ----------
    paths
        Test files, or folders of them.
    library
        The folder of prompts; else the one called 'prompts' around the tests, or their own.
    model
        Ask this model in place of the tests' own; may be repeated.
    repeat
        Ask each case so often, whatever the tests say.
    concurrency
        Answers under way at once.
    budget
        The most answers and judges may cost, in US dollars: 0.50. Calls are reserved for as budgets are.
    precision
        Ask cases in a drawn order, and no more once the share that passes is known to so much on either side: 0.03.
    seed
        Of that order.
    expect
        Fail only where the share of answers that pass is surely below this: 0.9.
    baseline
        A run of before: fail only where this one is worse beyond noise.
    against
        A folder of prompts, of the released version, say: ask the same of those first, and hold this run against that.
    tolerate
        With --baseline or --against: how far the share may drop all the same.
    output_
        The run file to write; else one of its own in .headgate/evals.
    resume
        The run file of a run that was stopped: go on with it.
    cache
        The file of answers of before; else .headgate/evals/answers.db.
    no_cache
        Ask everything anew, and keep nothing.
    book
        Keep the ledger in the database the configuration names, rather than in memory only.
    junit
        Write JUnit XML to this file.
    html
        Write a page to this file.
    annotate
        Print annotations for GitHub, also outside of its workflows.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    if resume is not None and output_ is not None:
        raise Misused("--resume goes on with its file, and --output names a new one", "Leave one of them out.")
    if baseline is not None and against is not None:
        raise Misused("--baseline and --against both say what this run is held against", "Leave one of them out.")
    before = None if baseline is None else _sums(baseline)
    loaded = _with(_tried(lambda: load(paths, library)), model, repeat)
    name = new_id()
    file = resume or output_ or FOLDER / f"{name}.jsonl"
    if resume is None and output_ is None:
        _hide()
    money = _dollars(budget)
    options = Options(concurrency=concurrency, precision=precision, seed=seed)
    older = None if against is None else _tried(lambda: of_library(loaded, against))
    base = file.with_suffix(".base.jsonl")
    begun = () if resume is None else (file, base) if base.exists() else (file,)

    async def asked(models: GatewayModels, what: Loaded, into: Path) -> None:
        with evaluated.Screen(quiet=json) as screen:
            await carry_out(
                what, models, into, options, name=name, clock=SystemClock(),
                resume=into in begun, told=screen.add, planned=screen.begin,
            )  # fmt: skip

    async def work(models: GatewayModels) -> None:
        check(loaded, models)
        _trusted(await all_examined(loaded.suites, models), quiet=json)
        if older is not None:
            check(older, models)
            await asked(models, older, base)
        await asked(models, loaded, file)

    kept = None if no_cache else cache or FOLDER / "answers.db"
    try:
        _asking(config, kept, money, book, concurrency, work)
    except KeyboardInterrupt:
        output.complain(f"Stopped. 'headgate eval run … --resume {file}' goes on.")
        return CANNOT_RUN
    sums = _sums(file)
    if older is not None:
        before = _sums(base)
    found = None if before is None else held_against(before, sums, tolerate=tolerate)
    _files(file, sums, junit, html)
    if annotate or wanted(os.environ):
        lines = failures(sums) if found is None else regressions(found)
        (output.complain if json else output.say)("\n".join(lines)) if lines else None
    _show_run(file, sums, found, json)
    return _exit(sums, found, expect)


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

    Ends with 1 where it is, and with 3 where the two have no case in common.

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
    found = held_against(_sums(before), _sums(after), alpha=alpha, tolerate=tolerate, on=on)
    if annotate or wanted(os.environ):
        for line in regressions(found):
            (output.complain if json else output.say)(line)
    if json:
        output.json(comparison_document(found))
    else:
        evaluated.comparison(found)
    return _verdict(found)


def report(
    run: Path | None = None,
    /,
    *,
    junit: Path | None = None,
    html: Path | None = None,
    annotate: Flag = False,
    json: Json = False,
) -> int:
    """Show a run, or write it as JUnit XML or a page. Ends with 1 where a case failed.

    Parameters
    ----------
    run
        Its file; else the latest in .headgate/evals.
    junit
        Write JUnit XML to this file.
    html
        Write a page to this file.
    annotate
        Print annotations for GitHub.
    json
        Print JSON.
    """
    file = run or _latest()
    sums = _sums(file)
    _files(file, sums, junit, html)
    if annotate:
        for line in failures(sums):
            (output.complain if json else output.say)(line)
    _show_run(file, sums, None, json)
    return _exit(sums, None, None)


def judge(
    paths: Annotated[tuple[Path, ...], Parameter(negative="")] = (Path(),),
    /,
    *,
    library: Path | None = None,
    budget: str | None = None,
    cache: Path | None = None,
    no_cache: Flag = False,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Tell how far the judges of tests agree with people, by Cohen's kappa. Ends with 1 where one agrees less than it
    has to.

    Parameters
    ----------
    paths
        Test files, or folders of them, whose judges have labels.
    library
        The folder of prompts; else the one called 'prompts' around the tests, or their own.
    budget
        The most judges may cost, in US dollars.
    cache
        The file of answers of before; else .headgate/evals/answers.db.
    no_cache
        Ask everything anew, and keep nothing.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    loaded = _tried(lambda: load(paths, library))
    found: list[Trust] = []

    async def work(models: GatewayModels) -> None:
        found.extend(await all_examined(loaded.suites, models))

    if cache is None and not no_cache:
        _hide()
    _asking(config, None if no_cache else cache or FOLDER / "answers.db", _dollars(budget), False, 16, work)
    if not found:
        raise CannotRun("no judge of these tests has labels", "Write 'labels: file.jsonl' beside its model.")
    if json:
        output.json([evaluated.trust(each) for each in found])
    else:
        output.say("\n".join(each.told() for each in found))
    return OK if all(each.trusted for each in found) else FAILED


def _asking(
    config: Path | None,
    cache: Path | None,
    budget: Decimal | None,
    book: bool,
    concurrency: int,
    work: Callable[[GatewayModels], Awaitable[None]],
) -> None:
    """Have something done with the models of a configuration.

    Raises:
        CannotRun: it cannot be.
    """
    loaded, path = load_or_starter(config)
    loaded = placed(
        for_tests(loaded, concurrency, bounded=budget is not None, book=book), (path or Path()).parent, kept=False
    )

    async def main() -> None:
        kept = None if cache is None else Cache(cache)
        try:
            async with Gateway(loaded) as gateway:
                await work(GatewayModels(gateway.handle, loaded, kept, budget))
        finally:
            if kept is not None:
                kept.close()

    try:
        _tried(lambda: asyncio.run(main()))
    except Spent as error:
        raise CannotRun(f"the budget has no room for a call: {error}", "Give more by --budget.") from None


def _tried(work: Callable[[], Written]) -> Written:
    """Do something with tests.

    Raises:
        CannotRun: there is something wrong with them.
    """
    try:
        return work()
    except BadTests as error:
        raise CannotRun(f"the tests cannot be run\n{error}") from None
    except CannotEvaluate as error:
        raise CannotRun(str(error)) from None
    except BaseExceptionGroup as group:
        known = [each for each in group.exceptions if isinstance(each, CannotEvaluate)]
        if not known:
            raise
        raise CannotRun(str(known[0])) from None


def _with(loaded: Loaded, models: Sequence[str], repeat: int | None) -> Loaded:
    """Suites with other models or repeats than their own."""

    def changed(suite: Suite) -> Suite:
        cells = suite.cells
        if models:
            cells = tuple(dict.fromkeys(Cell(each.prompt, each.variant, name) for each in cells for name in models))
        cases = suite.cases
        if repeat is not None:
            cases = tuple(replace(case, repeat=_repeated(case.repeat, repeat)) for case in cases)
        return replace(suite, cells=cells, cases=cases)

    return replace(loaded, suites=[changed(each) for each in loaded.suites])


def _repeated(before: Repeat, of: int) -> Repeat:
    """As often, and the same share of them needed."""
    needed = -(-before.needed * of // before.of)
    return Repeat(of, None if before.at_least is None else needed, before.decided)


def _trusted(found: Sequence[Trust], *, quiet: bool) -> None:
    """Raise `CannotRun` where a judge agrees with people less than it has to."""
    for each in found:
        if not quiet:
            output.complain(each.told())
    if refused := [each for each in found if not each.trusted]:
        raise CannotRun(
            "; ".join(f"the {each.told()}" for each in refused),
            "Word its rubric more clearly, ask a better model, or 'headgate eval judge' for each of its mistakes.",
        )


def _sums(file: Path) -> Sums:
    return _tried(lambda: Sums.of(results_of(file)))


def _files(file: Path, sums: Sums, xml: Path | None, html: Path | None) -> None:
    if xml is not None:
        with writing(xml):
            write_whole(xml, "".join(junit(sums)).encode())
    if html is not None:
        with writing(html):
            write_whole(html, "".join(page(header_of(file), sums)).encode())


def _show_run(file: Path, sums: Sums, found: Comparison | None, json: bool) -> None:
    header, ends = header_of(file), ends_of(file)
    if json:
        shown: dict[str, Any] = {**document(header, ends, sums), "file": str(file)}
        output.json(shown if found is None else {**shown, "comparison": comparison_document(found)})
        return
    evaluated.run(sums, ends, file)
    if found is not None:
        evaluated.comparison(found)


def _exit(sums: Sums, found: Comparison | None, expect: float | None) -> int:
    failed, unsaid = exit_verdicts(sums.cases)
    if found is not None:
        return _verdict(found)
    if expect is not None:
        short = [each for each in sums.summaries() if each.pass_rate.high < expect]
        for each in short:
            rate = each.pass_rate
            output.complain(f"{each.suite} ({each.cell}): {rate.estimate:.1%} pass, {rate.high:.1%} at the most")
        return FAILED if short else CANNOT_RUN if not sums.cases else OK
    return FAILED if failed else CANNOT_RUN if unsaid or not sums.cases else OK


def _verdict(found: Comparison) -> int:
    if found.regressed:
        return FAILED
    return OK if found.comparable else CANNOT_RUN


def _dollars(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount <= 0 or amount > 10**9:
        raise Misused(f"a budget is an amount of US dollars, as 0.50, not {output.printable(text)}")
    return amount


def _latest() -> Path:
    runs = sorted(FOLDER.glob("*.jsonl"))
    if not runs:
        raise CannotRun(f"there is no run in {FOLDER}", "Try 'headgate eval run', or name a run file.")
    return runs[-1]


def _hide() -> None:
    """Keep what runs leave out of version control."""
    ignored = FOLDER.parent / ".gitignore"
    with writing(ignored):
        FOLDER.mkdir(parents=True, exist_ok=True)
        if not ignored.exists():
            ignored.write_text("*\n")
