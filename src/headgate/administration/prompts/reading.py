"""Reading what is published: prompts, versions, what differs between two, the history of labels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from headgate.administration.acting import Actor, Ports
from headgate.administration.prompt_diffs import DiffView, difference
from headgate.administration.prompts.rows import found, labels_of, reference
from headgate.administration.prompts.views import ListedView, MoveView, PromptView, VersionView, move_view, version_told
from headgate.administration.register import page
from headgate.administration.requests import DiffAsked, MoveListing, PromptAsked, PromptListing
from headgate.administration.values import moment
from headgate.administration.views import Page
from headgate.config import Config
from headgate.prompts.dotprompt import load_sources
from headgate.prompts.reference import RELEASED
from headgate.prompts.upkeep import Upkeep, Upkeeps
from headgate.storage.records import PromptVersion
from headgate.storage.tables import PROMPT_HEADS, PROMPT_MOVES, PROMPT_VERSIONS

_LISTED = """
SELECT name, digest, versions, created_us FROM (
    SELECT name, digest, created_us, count(*) OVER (PARTITION BY name) AS versions, row_number() OVER (
        PARTITION BY name
        ORDER BY CASE WHEN withdrawn_us IS NULL THEN 0 ELSE 1 END, created_us DESC, id DESC
    ) AS place
    FROM prompt_versions WHERE organisation = $1 AND ($2 = '' OR name = $2)
) AS ranked WHERE place = 1 ORDER BY name
"""
"""Prompts, each with its latest version: of those that are not withdrawn, where there are such."""


class Reading:
    def __init__(self, ports: Ports, config: Callable[[], Config]) -> None:
        self._ports = ports
        self._config = config
        self._upkeeps = Upkeeps()

    async def list(self, actor: Actor, request: PromptListing) -> Page[ListedView]:
        """By name, all of them: there are as many as somebody wrote."""
        database, organisation = self._ports.database, actor.organisation
        rows = await database.fetch(_LISTED, organisation, request.name or "")
        labels: dict[str, dict[str, str]] = {}
        for each in await labels_of(database, organisation, request.name):
            labels.setdefault(each.name, {})[each.label] = each.digest
        meant: dict[str, str] = {name: labels.get(name, {}).get(RELEASED) or latest for name, latest, *_ in rows}
        said = await self._upkeep(organisation, meant)
        today = moment(self._ports.clock.now_us()).date()
        listed = [
            ListedView(
                name=name,
                labels=labels.get(name, {}),
                versions=versions,
                latest=latest,
                published_at=moment(at_us),
                owner=said[name].owner,
                review_by=said[name].review_by,
                expires=said[name].expires,
                due=said[name].due(today),
            )
            for name, latest, versions, at_us in rows
        ]
        return Page(listed, None)

    async def _upkeep(self, organisation: str, meant: Mapping[str, str]) -> Mapping[str, Upkeep]:
        """What versions say of their owner and review."""
        told: dict[str, Upkeep] = {}
        for name, digest in meant.items():
            sources: Mapping[str, str] | None = None
            if self._upkeeps.missing(name, digest):
                at = {"name": name, "digest": digest}
                rows, _ = await PROMPT_VERSIONS.list(self._ports.database, organisation, at, limit=1)
                sources = rows[0].sources if rows else None
            if sources is None:
                told[name] = self._upkeeps.of(name, digest)
            else:
                told[name] = await asyncio.to_thread(self._upkeeps.of, name, digest, sources)
        return told

    async def versions(self, actor: Actor, request: PromptListing) -> Page[VersionView]:
        """From the oldest on."""
        filters = {} if request.name is None else {"name": request.name}
        rows, cursor = await page(
            PROMPT_HEADS, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        labels = await labels_of(self._ports.database, actor.organisation, request.name)
        return Page([VersionView(**version_told(row, labels)) for row in rows], cursor)

    async def show(self, actor: Actor, request: PromptAsked) -> PromptView:
        """One version, withdrawn or not.

        Raises:
            Invalid: there is no such version.
        """
        database, organisation = self._ports.database, actor.organisation
        row = await found(PROMPT_VERSIONS, database, organisation, reference(request.prompt, "prompt"), "prompt")
        labels = await labels_of(database, organisation, row.name)
        library = await asyncio.to_thread(load_sources, row.sources, strict=False)
        prompt = library.get(row.name)
        return PromptView(
            **version_told(row, labels),
            description=prompt.description,
            model=prompt.model,
            config=dict(prompt.config),
            input_schema=None if prompt.input_schema is None else dict(prompt.input_schema),
            output_schema=None if prompt.output_schema is None else dict(prompt.output_schema),
            file=row.file,
            sources=row.sources,
        )

    async def diff(self, actor: Actor, request: DiffAsked) -> DiffView:
        """What is different in one version against another, withdrawn or not.

        Raises:
            Invalid: there is no such version.
        """
        database, organisation = self._ports.database, actor.organisation
        before = await found(PROMPT_VERSIONS, database, organisation, reference(request.before, "before"), "before")
        after = await found(PROMPT_VERSIONS, database, organisation, reference(request.after, "after"), "after")
        return await asyncio.to_thread(_difference, before, after)

    async def moves(self, actor: Actor, request: MoveListing) -> Page[MoveView]:
        """The history of labels, from the oldest on."""
        filters = {name: value for name in ("name", "label", "status") if (value := getattr(request, name)) is not None}
        rows, cursor = await page(
            PROMPT_MOVES, self._ports.database, actor.organisation, request, filters, request.cursor
        )
        config = self._config()
        return Page([move_view(row, config) for row in rows], cursor)


def _difference(before: PromptVersion, after: PromptVersion) -> DiffView:
    one, two = (load_sources(each.sources, strict=False).get(each.name) for each in (before, after))
    return difference(one, two)
