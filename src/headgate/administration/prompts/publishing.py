"""Publishing: versions of prompts that are kept for good."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from headgate.administration.acting import Act, Actor, Acts, within_organisation
from headgate.administration.problems import Invalid, Problem, problem
from headgate.administration.prompts.rows import WHAT
from headgate.administration.prompts.views import PublishedView
from headgate.administration.requests import NewPrompts
from headgate.administration.views import Page
from headgate.prompts.dotprompt import Library, Prompt, load_sources
from headgate.prompts.reference import Malformed, check_name, is_place
from headgate.prompts.serving import Unservable, served
from headgate.storage.records import PromptVersion
from headgate.storage.tables import PROMPT_HEADS, PROMPT_VERSIONS

Wanted = tuple[Prompt, Sequence[str]]
"""A prompt to publish, and what of its `config` has no effect."""


class Publishing:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    async def publish(self, actor: Actor, request: NewPrompts) -> Page[PublishedView]:
        """Keep versions of prompts for good. One that is there already stays as it is.

        Raises:
            Invalid: with every mistake of every file.
        """
        within_organisation(actor, WHAT)
        wanted = await asyncio.to_thread(_wanted, request.sources, request.names)
        async with self._acts.begin(actor) as act:
            return Page([await _published(act, prompt, unsent, request) for prompt, unsent in wanted], None)


async def _published(act: Act, prompt: Prompt, unsent: Sequence[str], request: NewPrompts) -> PublishedView:
    at = {"name": prompt.full_name, "digest": prompt.version}
    there, _ = await PROMPT_HEADS.list(act.transaction, act.actor.organisation, at, limit=1)
    if not there:
        await _keep(act, prompt, request)
    return PublishedView(
        name=prompt.full_name,
        version=prompt.version,
        created=not there,
        withdrawn=bool(there) and there[0].withdrawn_us is not None,
        unsent=list(unsent),
    )


async def _keep(act: Act, prompt: Prompt, request: NewPrompts) -> None:
    row = PromptVersion(
        **act.common("prompt"),
        name=prompt.full_name,
        digest=prompt.version,
        file=prompt.file,
        sources=dict(prompt.sources),
        git_commit=request.git_commit,
        note=request.note,
        published_by=act.actor.name,
    )
    await PROMPT_VERSIONS.insert(act.transaction, row)
    detail = {"version": row.digest, "git_commit": row.git_commit}
    act.record("prompts.publish", f"prompt:{row.name}", {name: each for name, each in detail.items() if each})


def _wanted(sources: Mapping[str, str], names: Sequence[str] | None) -> list[Wanted]:
    """The prompts that are to be published.

    Raises:
        Invalid: with every mistake of every file; one that is wanted is not there, or has a name nobody can ask for.
    """
    problems = [
        problem(("sources", place), "invalid_value", "is no place of a file; write folder/name, without '..'")
        for place in sources
        if not is_place(place)
    ]
    if problems:
        raise Invalid(problems)
    library = load_sources(sources, strict=False)
    problems = [
        problem(("sources", each.file), "invalid_value", f"at {each.line}:{each.column}: {each.message}")
        for each in library.problems
        if each.fatal
    ]
    wanted: list[Wanted] = []
    for name in library.prompts if names is None else dict.fromkeys(names):
        found = _usable(library, name)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            wanted.append(found)
    if not wanted and not problems:
        problems.append(problem(("sources",), "invalid_value", "hold no prompt; give at least one *.prompt"))
    if problems:
        raise Invalid(problems)
    return wanted


def _usable(library: Library, name: str) -> Wanted | Problem:
    prompt = library.prompts.get(name)
    if prompt is None:
        return problem(("names",), "not_found", f"name no prompt that can be used: '{name[:100]}'")
    try:
        check_name(name)
        return prompt, served(prompt).unsent
    except (Malformed, Unservable) as error:
        return problem(("sources", prompt.file), "invalid_value", str(error))
