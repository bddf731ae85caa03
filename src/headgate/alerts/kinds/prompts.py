"""Released prompts: those whose review or expiry is over, and those, and models, that do worse in their tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from headgate.alerts.config import PromptRule
from headgate.alerts.judged import Judged, percent
from headgate.alerts.kinds.look import Look
from headgate.alerts.retiring import going
from headgate.alerts.rules import Rule
from headgate.catalog.retirements import RetiringNames
from headgate.prompts.reference import SHORT
from headgate.prompts.upkeep import Upkeep, Upkeeps
from headgate.stats.detection import Standing, Verdict
from headgate.storage.tables import PROMPT_VERSIONS

MOST = 500
"""Released prompts of one organisation that are looked at."""

KNOWN_DAYS = 90
"""Days after which a test says nothing any more."""

_DAY_US = 86_400_000_000

_LABELS = (
    "SELECT name, label, digest FROM prompt_labels WHERE organisation = $1 AND archived_us IS NULL ORDER BY name, label"
)

_TESTS = (
    "SELECT subject, digest, suite, cell, verdict, figures, comparison FROM (SELECT subject, digest, suite, cell, "
    "verdict, figures, comparison, row_number() OVER (PARTITION BY subject, digest, suite, cell "
    "ORDER BY created_us DESC, id DESC) AS place FROM prompt_tests t WHERE organisation = $1 AND created_us >= $2 "
    "AND NOT EXISTS (SELECT 1 FROM prompt_suites s WHERE s.organisation = t.organisation AND s.name = t.suite "
    "AND s.archived_us IS NOT NULL)) "
    "AS newest WHERE place = 1 ORDER BY subject, suite, cell"
)

_UNTESTED = (
    "SELECT subject, digest, suite, cell, message, times FROM prompt_test_failures WHERE organisation = $1 "
    "ORDER BY subject, suite, cell"
)

_STANDINGS: Mapping[str, Standing] = {"regression": "bad", "not_comparable": "unclear"}

_upkeeps = Upkeeps()


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.prompt
    assert config is not None
    rows = await look.database.fetch(_LABELS, look.organisation)
    released = [(name, label, digest) for name, label, digest in rows if label in config.labels][:MOST]
    today = datetime.fromtimestamp(look.now_us / 1e6, UTC).date()
    found: list[Judged] = []
    current = {(f"prompt:{name}", digest) for name, _, digest in released}
    rows = await look.database.fetch(_TESTS, look.organisation, look.now_us - KNOWN_DAYS * _DAY_US)
    tests = [test for test in rows if test[0].startswith("model:") or (test[0], test[1]) in current]
    models = _models(tests)
    for name, label, digest in released:
        upkeep, what = await _upkeep(look, name, digest), f"prompt:{name}@{label}"
        found += _due(what, upkeep, config, today)
        used = models.get((f"prompt:{name}", digest), set()) | ({upkeep.model} if upkeep.model else set())
        used |= set(look.retiring.prompt(f"{name}@{label}"))
        found += _retiring(what, used, _answering(upkeep), config, look.retiring, today)
    for (subject, _), used in models.items():
        if subject.startswith("model:"):
            found += _retiring(subject, used, "", config, look.retiring, today)
    if config.drift:
        found += [_tested(*test) for test in tests]
        failed = await look.database.fetch(_UNTESTED, look.organisation)
        found += [_untested(*each) for each in failed if each[0].startswith("model:") or each[:2] in current]
    return found


def _models(tests: Sequence[Sequence[Any]]) -> dict[tuple[str, str], set[str]]:
    """By subject and version, the models that answered in the newest tests."""
    found: dict[tuple[str, str], set[str]] = {}
    for subject, digest, _, _, _, figures, _ in tests:
        kind, _, name = subject.partition(":")
        answered = msgspec.json.decode(figures).get("answered_by", [])
        found.setdefault((subject, digest), set()).update(answered, [name] if kind == "model" else [])
    return found


def _retiring(
    what: str, used: set[str], answering: str, config: PromptRule, known: RetiringNames, today: date
) -> Iterator[Judged]:
    """The models it is answered by that are about to go."""
    for name, (model, day) in sorted(going(used, config.retiring, known).items()):
        if today >= day - timedelta(days=config.retire_days):
            verdict = Verdict("bad", float((day - today).days), None)
            told = f"{what} is answered by {model}, which retires on {day}{answering}"
            yield Judged(f"{what} retires {name}", verdict, told)


def _answering(upkeep: Upkeep) -> str:
    return f"; {upkeep.owner} answers for it" if upkeep.owner else ""


async def _upkeep(look: Look, name: str, digest: str) -> Upkeep:
    sources: Mapping[str, str] | None = None
    if _upkeeps.missing(name, digest):
        at = {"name": name, "digest": digest}
        versions, _ = await PROMPT_VERSIONS.list(look.database, look.organisation, at, limit=1)
        sources = versions[0].sources if versions else None
    return await asyncio.to_thread(_upkeeps.of, name, digest, sources)


def _due(what: str, upkeep: Upkeep, config: PromptRule, today: date) -> Iterator[Judged]:
    """The days that are over, or soon are. Those that are not are left out, and an alert of one ends."""
    for kind, day, over, soon in (
        ("review", upkeep.review_by, "was to be looked at again by", "is to be looked at again by"),
        ("expiry", upkeep.expires, "was to be used until", "is to be used until"),
    ):
        if day is not None and day < today + timedelta(days=config.ahead_days):
            told = f"{what} {over if day < today else soon} {day}{_answering(upkeep)}"
            yield Judged(f"{what} {kind}", Verdict("bad", float((today - day).days), 0.0), told)


def _untested(subject: str, digest: str, suite: str, cell: str, message: str, times: int) -> Judged:
    """What the server was to test, and could not."""
    version = f"@{digest[:SHORT]}" if digest else ""
    summary = f"{subject}{version} could not be tested by '{suite}' ({cell}): {message}"
    return Judged(f"{subject} untested {suite} {cell}", Verdict("bad", float(times), None), summary)


def _tested(subject: str, digest: str, suite: str, cell: str, verdict: str, figures: str, comparison: str) -> Judged:
    """How the newest tests of a prompt or model came out against their baseline."""
    standing = _STANDINGS.get(verdict, "fine")
    told: dict[str, Any] = msgspec.json.decode(comparison)
    difference = (told.get("difference") or [None])[0]
    rate = msgspec.json.decode(figures)["pass_rate"][0]
    version = f"@{digest[:SHORT]}" if digest else ""
    summary = f"{subject}{version} does as before in its tests '{suite}' ({cell})"
    if standing == "bad" and difference is not None and rate is not None:
        worse = ", ".join(each["case"] for each in told.get("worse", ())[:3])
        summary = (
            f"{subject}{version} does worse in its tests '{suite}' ({cell}): {percent(rate)} of answers pass, "
            f"{percent(rate - difference)} did; worst: {worse}"
        )
    return Judged(f"{subject} tests {suite} {cell}", Verdict(standing, rate, None), summary)
