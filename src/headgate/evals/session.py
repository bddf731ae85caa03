"""A run from its files to its end: what the command and whoever else runs tests share."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headgate import __version__
from headgate.clock import Clock
from headgate.config import Config
from headgate.config.schema import StorageConfig
from headgate.evals.case import Assertion, Case, Cell, Suite
from headgate.evals.checking import problems_of
from headgate.evals.models import AskedModels
from headgate.evals.problems import BadTests, Place, Problem
from headgate.evals.prompting import Prompts
from headgate.evals.reading import read
from headgate.evals.running import Done, Key, Run
from headgate.evals.runs import End, Header, Result, RunFile, results_of
from headgate.evals.selection import Selection, problems_in
from headgate.evals.subjects import AsServed, Placed, Request, Subjects, Unrenderable
from headgate.prompts.dotprompt import Library, PromptsInvalid, load_folder

FOLDER = Path(".headgate", "evals")
"""Where runs and answers are kept, in the folder a command is run in."""


NEVER_CUT = 2**62
"""As the least output a call is cut down to."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to run."""

    concurrency: int = 16
    precision: float | None = None
    seed: int = 0


class Loaded(msgspec.Struct, frozen=True):
    """Suites, and the prompts they are of."""

    suites: list[Suite]
    subjects: Mapping[str, Subjects]
    """By the names of suites."""

    def request(self, suite: str, cell: Cell, case: Case) -> Request:
        return self.subjects[suite].request(cell, case)

    def asked_of(self, models: AskedModels) -> Loaded:
        """The same, where models that are prompts themselves render their cases."""
        return Loaded(self.suites, {name: AsServed(each, models.takes_inputs) for name, each in self.subjects.items()})

    @property
    def prompts(self) -> list[str]:
        """The names of the prompts that are tested, variants among them."""
        cells = [cell for suite in self.suites for cell in suite.cells]
        return list(dict.fromkeys(name for cell in cells if (name := cell.full_name) is not None))

    @property
    def models(self) -> list[str]:
        """The names of all models that may be asked, judges among them."""
        found: dict[str | None, None] = {}
        for suite in self.suites:
            found |= dict.fromkeys(each.model for each in suite.judges.values()) | {suite.embeddings: None}
            found |= dict.fromkeys(name for case in suite.cases for name in _vectorising(case.assertions))
            for cell in suite.cells:
                found[cell.model or self._model(suite, cell)] = None
        return [each for each in found if each is not None]

    def _model(self, suite: Suite, cell: Cell) -> str | None:
        """The model a prompt names itself; None where none of the cases makes a request."""
        for case in suite.cases:
            with suppress(Unrenderable):
                return self.request(suite.name, cell, case).body["model"]
        return None


def _vectorising(assertions: Iterable[Assertion]) -> Iterator[str]:
    """The models for embeddings that assertions name themselves."""
    for each in assertions:
        if isinstance(name := each.options.get("model"), str):
            yield name
        yield from _vectorising(each.members)


def load(paths: Sequence[Path], prompts: Path | None = None, *, elsewhere: bool = False) -> Loaded:
    """Read test files, and the libraries of their prompts: the folder `prompts`, else the one each stands in. Where the
    prompts that are tested come from `elsewhere`, it is nothing to these tests what is wrong in the libraries.

    Raises:
        BadTests: what is wrong in tests or prompts.
    """
    selected = Selection(paths, prompts)
    problems = [*selected.problems, *(() if elsewhere else selected.mistakes)]
    suites: list[Suite] = []
    subjects: dict[str, Subjects] = {}
    for root, library in selected.libraries.items():
        try:
            files = [each.file for each in selected.tests if each.root == root]
            mine = read(files, selected.prompt_in(root), root, named_by=selected.named_by)
        except BadTests as error:
            problems += error.problems
            continue
        for suite in mine:
            if suite.name in subjects:
                other = next(each.file for each in suites if each.name == suite.name)
                what = f"is called {suite.name}, as {other} is; name one of their folders, or give one a 'name:'"
                problems.append(Problem(Place(suite.file), what))
            subjects[suite.name] = Prompts(library, root)
            suites.append(suite)
    if problems := problems or selected.untested(suites):
        raise BadTests(list(dict.fromkeys(problems)))
    return Loaded(suites, subjects)


def library_in(folder: Path) -> Library:
    """The prompts in a folder.

    Raises:
        BadTests: what is wrong in it.
    """
    try:
        return load_folder(folder)
    except PromptsInvalid as error:
        raise BadTests(problems_in(error)) from None


def of_library(loaded: Loaded, library: Library, root: Path, *, placed: bool = False) -> Loaded:
    """The same tests of the prompts in another library, that of `root`: of the version that is released, say. Prompts
    that are not in it are left out, and so are models alone; but where what is tested is to be `placed` where the
    tests' own prompts are, models are tested as before.
    """
    prompts = Prompts(library, root)
    suites: list[Suite] = []
    for suite in loaded.suites:
        cells = tuple(
            cell for cell in suite.cells if (placed if cell.full_name is None else cell.full_name in library.prompts)
        )
        suites += [replace(suite, cells=cells)] if cells else []
    subjects = {name: Placed(prompts, own) if placed else prompts for name, own in loaded.subjects.items()}
    return Loaded(suites, subjects)


def for_tests(config: Config, concurrency: int, *, bounded: bool = False, book: bool = False) -> Config:
    """The configuration as tests use it: nothing evaluated or mirrored beside, room for so many calls at once, and
    where a budget bounds them no answer cut down to fit it. The ledger is in memory unless `book` says otherwise.
    """
    models = {name: replace(each, shadow=None, evaluate=None) for name, each in config.models.items()}
    limits = config.limits
    if bounded:
        limits = replace(limits, unknown_price="refuse", store_unavailable="refuse", min_output_tokens=NEVER_CUT)
    server = replace(config.server, max_concurrent=max(config.server.max_concurrent, 2 * concurrency))
    storage = config.storage if book else StorageConfig()
    return replace(config, models=models, limits=limits, server=server, storage=storage)


def check(loaded: Loaded, models: AskedModels, *, inputs: bool = True) -> None:
    """Raise `BadTests` for prompts and models there are not, and for inputs that do not fit; but for those, where the
    tests are of other versions, without `inputs`.
    """
    if problems := problems_of(loaded.suites, loaded.asked_of(models).subjects, models, inputs=inputs):
        raise BadTests(problems)


class _Of:
    """The subjects of one suite after the other: cells know their suite's prompts."""

    def __init__(self, loaded: Loaded) -> None:
        self._by_cell = {id(cell): loaded.subjects[suite.name] for suite in loaded.suites for cell in suite.cells}

    def request(self, cell: Cell, case: Case) -> Request:
        return self._by_cell[id(cell)].request(cell, case)

    def place(self, cell: Cell) -> Place | None:
        return self._by_cell[id(cell)].place(cell)


def new_id() -> str:
    """The name of a run: when it began, and a few letters."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def done_in(file: Path) -> dict[Key, Done]:
    """What a run that was stopped has come to.

    Raises:
        CannotEvaluate: the file is no run.
    """
    return {
        (each.suite, each.cell, each.case, each.repeat): Done(each.key, each.passed, each.error)
        for each in results_of(file)
    }


async def carry_out(
    loaded: Loaded,
    models: AskedModels,
    file: Path,
    options: Options,
    *,
    name: str,
    clock: Clock,
    resume: bool = False,
    told: Callable[[Result, bool], None] | None = None,
    planned: Callable[[int], None] | None = None,
) -> End:
    """Run suites into a run file, a new one or one that goes on. It gets its end also where this is cancelled.

    Raises:
        CannotEvaluate: the file cannot be used.
    """
    done = done_in(file) if resume else {}
    writing = RunFile(file)
    run = Run(
        loaded.suites,
        _Of(loaded.asked_of(models)),
        models,
        writing,
        concurrency=options.concurrency,
        done=done,
        precision=options.precision,
        seed=options.seed,
        told=told,
    )
    if planned is not None:
        planned(run.planned)
    if resume:
        writing.go_on()
    else:
        files = [suite.file for suite in loaded.suites]
        writing.begin(Header(id=name, began_us=clock.now_us(), headgate=__version__, files=files, planned=run.planned))
    why = "interrupted"
    try:
        why = await run.run()
    finally:
        paid, known = models.bill()
        end = End(ended_us=clock.now_us(), why=why, told=run.told, spent_picodollars=paid, cached=known)
        with suppress(Exception):
            writing.add(end)
        writing.close()
    return end
