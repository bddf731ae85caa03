"""Two libraries, or two prompts, held against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headgate.catalog import Catalog
from headgate.config import Config
from headgate.evals.reviewing.examples import Example, cases_of, renderings
from headgate.evals.reviewing.results import Results, Tested
from headgate.evals.reviewing.spending import Spending, spending
from headgate.prompts.compatibility import Break
from headgate.prompts.difference import Difference, TextChange, difference
from headgate.prompts.dotprompt import Library, Prompt

GONE = Break("prompt", "", "is not there any more")
NEW = Difference(changes=[], breaks=[], texts=[])


class Side(msgspec.Struct, frozen=True):
    """One of the two: a library, or one prompt of it."""

    label: str
    """As it was named: `prompts@main`."""
    library: Library
    name: str | None = None
    """The prompt, with its variant; None for all of the library."""
    folder: Path | None = None
    """The folder in which its tests are."""

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        return self.library.prompts if self.name is None else {self.name: self.library.get(self.name)}


class PromptReview(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one prompt."""

    name: str
    before: str | None
    """Its version; None where it is new."""
    after: str | None
    """None where it is gone, or cannot be used."""
    model: str | None = None
    difference: Difference
    cases: int = 0
    """That were rendered."""
    examples: list[Example] = []
    """Those that are rendered otherwise."""
    spending: Spending | None = None
    tested: Tested | None = None


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them."""

    before: str
    after: str
    prompts: list[PromptReview]
    """Those that changed, by name."""
    unchanged: int
    problems: list[str]
    """What kept something from being looked at: mistakes in test files, and in prompts that are new."""

    @property
    def breaks(self) -> bool:
        """Whether callers might fail."""
        return any(each.difference.breaks for each in self.prompts)

    @property
    def texts(self) -> list[tuple[TextChange, list[str]]]:
        """What became of files, each with the prompts that need it."""
        found: dict[tuple[str, ...], tuple[TextChange, list[str]]] = {}
        for each in self.prompts:
            for text in each.difference.texts:
                found.setdefault((text.file, *text.lines), (text, []))[1].append(each.name)
        return list(found.values())


def review(
    before: Side, after: Side, *, config: Config, catalog: Catalog, runs: Sequence[Path], folder: Path | None
) -> Review:
    """Hold one against the other. `folder` is where tests are, of which the examples are made.

    Raises:
        CannotEvaluate: one of the `runs` is none.
        PromptNotFound: there is no prompt of a name.
        PromptsInvalid: a prompt cannot be used.
    """
    pairs = _pairs(before, after)
    wanted = frozenset(each.version for pair in pairs for each in pair[1:] if each is not None)
    results = Results(runs, wanted)
    problems = _unusable(before, after)
    found: list[PromptReview] = []
    for name, was, now in pairs:
        if was is not None and now is not None:
            cases, wrong = cases_of(folder, now)
            problems += wrong
            rendered = list(renderings((before.library, was), (after.library, now), cases))
            found.append(
                PromptReview(
                    name=name,
                    before=was.version,
                    after=now.version,
                    model=now.model,
                    difference=difference(was, now),
                    cases=len(rendered),
                    examples=[each.example for each in rendered if each.example is not None],
                    spending=spending(config, catalog, rendered),
                    tested=results.tested(was.version, now.version),
                )
            )
        elif now is not None:
            found.append(PromptReview(name=name, before=None, after=now.version, model=now.model, difference=NEW))
        elif was is not None:
            found.append(PromptReview(name=name, before=was.version, after=None, difference=_gone(after.library, name)))
    return Review(
        before=before.label,
        after=after.label,
        prompts=found,
        unchanged=_same(before, after),
        problems=list(dict.fromkeys(problems)),
    )


def _pairs(before: Side, after: Side) -> list[tuple[str, Prompt | None, Prompt | None]]:
    """Those that are not the same."""
    olds, news = before.prompts, after.prompts
    if before.name is not None and after.name is not None:
        name = after.name if before.name == after.name else f"{before.name} -> {after.name}"
        was, now = olds[before.name], news[after.name]
        return [] if _equal(was, now) else [(name, was, now)]
    names = sorted({*olds, *news})
    return [(name, olds.get(name), news.get(name)) for name in names if not _equal(olds.get(name), news.get(name))]


def _same(before: Side, after: Side) -> int:
    if before.name is not None:
        return int(not _pairs(before, after))
    return sum(_equal(each, after.prompts.get(name)) for name, each in before.prompts.items())


def _equal(one: Prompt | None, two: Prompt | None) -> bool:
    return one is not None and two is not None and (one.full_name, one.version) == (two.full_name, two.version)


def _unusable(before: Side, after: Side) -> list[str]:
    """What is wrong with prompts that were not there, or could not be used before either."""
    broken = after.library.broken if after.name is None else {}
    return [str(each) for name, wrong in broken.items() if name not in before.library.prompts for each in wrong]


def _gone(library: Library, name: str) -> Difference:
    wrong = library.broken.get(name)
    found = [GONE] if wrong is None else [Break("prompt", "", f"cannot be used: {each}") for each in wrong]
    return Difference(changes=[], breaks=found, texts=[])
