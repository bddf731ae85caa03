"""`headgate eval judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.configs import Json
from headgate.cli.evals.asking import NOTHING_SAID, Asking, ask
from headgate.cli.evals.trying import tried
from headgate.cli.exits import FAILED, OK, CannotRun
from headgate.evals.checking import unknown_judges
from headgate.evals.models import AskedModels
from headgate.evals.problems import BadTests
from headgate.evals.reports.documents import interval
from headgate.evals.session import load
from headgate.evals.trusting import Trust, all_examined


def judge(
    paths: Annotated[tuple[Path, ...], Parameter(negative="")] = (Path(),),
    /,
    *,
    library: Path | None = None,
    asking: Asking = NOTHING_SAID,
    json: Json = False,
) -> int:
    """Tell how far the judges of tests agree with people, by Cohen's kappa. Ends with 1 where one agrees less than it
    has to.

    Parameters
    ----------
    paths
        Test files, prompts, or folders of them, whose judges have labels.
    library
        The folder of prompts; else the one called 'prompts' around the tests, or their own.
    json
        Print JSON.
    """
    loaded = tried(lambda: load(paths, library))
    judges = [each for suite in loaded.suites for each in suite.judges.values() if each.labels is not None]
    if not judges:
        raise CannotRun("no judge of these tests has labels", "Write 'labels: file.jsonl' beside its model.")
    _ = asking.budget_usd
    found: list[Trust] = []

    async def work(models: AskedModels) -> None:
        await models.learn(dict.fromkeys(each.model for each in judges))
        if unknown := [each for suite in loaded.suites for each in unknown_judges(suite, models)]:
            raise BadTests(unknown)
        found.extend(await all_examined(loaded.suites, models))

    ask(asking, work)
    if json:
        output.json([_document(each) for each in found])
    else:
        output.say("\n".join(output.printable(each.told()) for each in found))
    return OK if all(each.trusted for each in found) else FAILED


def _document(found: Trust) -> dict[str, Any]:
    """A judge's test as JSON."""
    return {
        "judge": found.judge,
        "model": found.model,
        "trusted": found.trusted,
        "required_kappa": found.required,
        "labels": found.agreement.things,
        "without_verdict": found.unreadable,
        "kappa": interval(found.agreement.kappa),
        "agreement": interval(found.agreement.share),
        "pairs": found.leanings.pairs,
        "prefers_first": found.leanings.first,
        "prefers_last": found.leanings.last,
        "kinder_to_longer": found.leanings.longer,
        "kinder_by_chance": found.leanings.longer_chance,
    }
