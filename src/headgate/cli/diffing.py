"""`headgate prompts diff`: what a change of prompts comes to."""

from __future__ import annotations

import json as stdlib_json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.revisions import current, side
from headgate.config import Config, starter
from headgate.config.price_lists import catalog_of
from headgate.errors import ConfigError
from headgate.evals.problems import CannotEvaluate
from headgate.evals.reviewing import Review, review
from headgate.evals.reviewing.documents import document, dollars, status
from headgate.evals.reviewing.markdown import markdown as written
from headgate.evals.reviewing.results import Tested, runs_in
from headgate.evals.reviewing.review import PromptReview
from headgate.evals.runs import header_of
from headgate.evals.session import FOLDER

SHORT = 12
"""Digits of a version."""


def diff(
    before: str,
    after: str | None = None,
    /,
    *,
    library: Path | None = None,
    run: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    examples: Annotated[int, Parameter(validator=Number(gte=0, lte=1000))] = 3,
    markdown: Annotated[bool, Parameter(negative="")] = False,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Show what a change of prompts comes to: structure, rendered examples, schemas, tokens, costs and tests.

    Each of the two is a prompt's name, its file, or a folder of prompts. FILE@REVISION and FOLDER@REVISION are what git
    has at a revision, NAME@LABEL and NAME@VERSION what is registered. Ends with 1 where callers would break: an input
    is refused that was taken, an answer may be what it was not, a prompt is gone.

    Parameters
    ----------
    before
        What is there: support/triage, prompts/support/triage.prompt@main, prompts@origin/main.
    after
        What is to be there; without it the same file or folder as it is now.
    library
        The folder of prompts; 'prompts' unless given. The test cases in it are the examples.
    run
        Run files of tests or folders of them, the latest last; .headgate/evals unless given.
    examples
        How many test cases of each prompt are shown, of those that are rendered otherwise.
    markdown
        Print Markdown, for a comment on a pull request.
    config
        The file that says how tokens are counted and what they cost; else HEADGATE_CONFIG, else ./headgate.yaml.
    json
        Print JSON.
    """
    if json and markdown:
        raise Misused("--json and --markdown are two ways to print", "Leave one of them out.")
    one, two = side(before, library), side(after or current(before), library)
    if (one.name is None) != (two.name is None):
        raise Misused("a prompt cannot be held against a folder", "Name two prompts, or two folders.")
    loaded = _config(config)
    try:
        found = review(
            one, two, config=loaded, catalog=catalog_of(loaded), runs=_runs(run or (FOLDER,)),
            folder=two.folder or one.folder,
        )  # fmt: skip
    except CannotEvaluate as error:
        raise CannotRun(str(error), "Name run files with --run.") from None
    if json:
        output.json(document(found))
    elif markdown:
        output.say(written(found, examples).rstrip("\n"))
    else:
        _say(found, examples)
    return FAILED if found.breaks else OK


def _runs(paths: Sequence[Path]) -> list[Path]:
    """Run files, those of folders in place of these. Raises CannotEvaluate for a file that is none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir() or path == FOLDER:
            found += runs_in(path)
        else:
            header_of(path)
            found.append(path)
    return found


def _config(path: Path | None) -> Config:
    """The configuration; the starter where nobody names one and the one there is cannot be used, as without keys."""
    try:
        return load_or_starter(path)[0]
    except ConfigError as error:
        if path is not None:
            raise
        output.complain(f"headgate: tokens are not counted by headgate.yaml, which cannot be used: {error.problems[0]}")
        return starter()


# ── for a terminal ──


def _say(found: Review, examples: int) -> None:
    for text, names in found.texts:
        _line(f"{text.file}, of {', '.join(names)}")
        _lines(text.lines)
    for each in found.prompts:
        _prompt(each, examples)
    for problem in found.problems:
        output.complain(output.printable(problem))
    changed = output.counted(len(found.prompts), "prompt")
    verdict = "callers would break" if found.breaks else "callers can stay as they are"
    output.complain(f"{changed} of {len(found.prompts) + found.unchanged} changed; {verdict}")


def _prompt(each: PromptReview, examples: int) -> None:
    _line(f"{each.name} {status(each)}: {(each.before or 'nothing')[:SHORT]} -> {(each.after or 'nothing')[:SHORT]}")
    for broken in each.difference.breaks:
        _line(f"  callers would break: {broken}")
    for change in each.difference.changes:
        _line(f"  {change.what}: {_shown(change.before)} -> {_shown(change.after)}")
    if (spent := each.spending) is not None:
        costs = [dollars(cost) or "unknown" for cost in (spent.before_picodollars, spent.after_picodollars)]
        _line(
            f"  tokens of the prompt: {spent.before_tokens:,.1f} -> {spent.after_tokens:,.1f}"
            f" (${costs[0]} -> ${costs[1]} for 1,000 calls)"
        )
    if each.tested is not None:
        _tests(each.tested)
    for example in each.examples[:examples]:
        _line(f"  === rendered for {example.case}")
        _lines(example.lines)
    if each.cases:
        _line(f"  {each.cases - len(each.examples)} of {output.counted(each.cases, 'test case')} rendered as before")


def _tests(found: Tested) -> None:
    befores = {(each.suite, each.cell): each for each in found.before}
    afters = {(each.suite, each.cell): each for each in found.after}
    for cell in found.comparison.cells:
        was, now = befores.get((cell.suite, cell.before_cell)), afters.get((cell.suite, cell.cell))
        if was is not None and now is not None:
            passed = f"{was.passed} of {was.cases} -> {now.passed} of {now.cases}"
            _line(f"  tests of {cell.cell}: {passed} cases passed, {cell.verdict.replace('_', ' ')}")


def _lines(lines: list[str]) -> None:
    for each in lines:
        _line(f"    {each}")


def _line(text: str) -> None:
    output.say(output.printable(text))


def _shown(value: Any) -> str:
    return "nothing" if value is None else stdlib_json.dumps(value, ensure_ascii=False, default=dict)
