"""Prompts at hand: what labels stand for now, in memory. The request path asks no database for them.

A move of a label puts another mapping in the place of this one, so a call that has begun keeps the version it found.
The last one stays in force while the database is away. What is moved in this process is known once the move has
returned; what is moved elsewhere, within the time in which keys and limits are (`access.directory.POLL_S`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress

from headgate.errors import HeadgateError, NotFound
from headgate.prompts.at_hand import Served
from headgate.prompts.reference import Reference
from headgate.storage.database import Database
from headgate.storage.records import PromptLabel, PromptVersion
from headgate.storage.tables import PROMPT_LABELS, PROMPT_VERSIONS, revision

log = logging.getLogger("headgate.prompts")

FALLBACK = "default"
"""The organisation whose prompts serve those that have none of that name and label."""

MAX_FETCHED = 256
"""Versions kept at hand that nothing stands for: those that were asked for by their digits."""

MAX_MISSING = 1_024
"""Versions that are known not to be there."""

RETRY_S = 1.0

Place = tuple[str, str, str]
"""Organisation, name, and label or version."""


class Shelf:
    """The prompts of one process."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._files: Mapping[str, Served] = {}
        self._labels: Mapping[Place, Served] = {}
        self._made: dict[tuple[str, str], Served] = {}
        """By name and version, those that something stands for."""
        self._fetched: dict[Place, Served] = {}
        self._missing: set[Place] = set()
        self._fetching = asyncio.Lock()
        self._pins: frozenset[Reference] = frozenset()
        self._known = -1
        self._stale = False
        self._following = asyncio.Lock()
        self._wanted = asyncio.Event()

    # ── what calls ask ──

    def get(self, organisation: str, asked: Reference) -> Served | None:
        """A prompt that is at hand; None where it is not."""
        found = self._files.get(asked.name)
        if found is not None and (asked.digest is None or asked.fits(found.version)):
            return found
        if asked.label is not None:
            labels = self._labels
            found = labels.get((organisation, asked.name, asked.label))
            return found or labels.get((FALLBACK, asked.name, asked.label))
        version = asked.digest or ""
        return self._fetched.get((organisation, asked.name, version)) or self._fetched.get(
            (FALLBACK, asked.name, version)
        )

    async def find(self, organisation: str, asked: Reference) -> Served:
        """A prompt, looked up in the database where it is not at hand.

        Raises:
            PromptNotFound: there is none.
            StoreUnavailable: it is not at hand, and the database cannot be reached.
        """
        found = self.get(organisation, asked)
        if found is None and asked.digest is not None and self._database is not None:
            async with self._fetching:
                found = self.get(organisation, asked) or await self._fetched_for(self._database, organisation, asked)
        if found is None:
            from headgate.prompts.dotprompt import PromptNotFound  # a template language is for who has prompts

            raise PromptNotFound(str(asked), self.names(organisation))
        return found

    def names(self, organisation: str) -> list[str]:
        """What an organisation could ask for, as `name@label`."""
        known = {f"{name}@{label}" for owner, name, label in self._labels if owner in (organisation, FALLBACK)}
        return sorted(known | set(self._files))

    @property
    def files(self) -> Mapping[str, Served]:
        """Those that are served straight from files, by name."""
        return self._files

    # ── keeping it fresh ──

    def use(self, files: Mapping[str, Served], pins: Iterable[Reference]) -> None:
        """Serve these files from now on, and have these versions at hand."""
        self._files = files
        pins = frozenset(pins)
        if pins - self._pins:
            self._wanted.set()
        self._pins = pins

    async def load(self) -> None:
        """Read all labels.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        assert self._database is not None, "there is a database where labels are"
        async with self._following:
            await self._take_over(await revision(self._database))

    async def follow(self, now: int) -> None:
        """Take over what has changed up to a revision. While the database is away, what is known stays in force."""
        if now == self._known:
            return
        async with self._following:
            try:
                await self._take_over(now)
            except Exception as error:  # noqa: BLE001  # whatever a store raises, it must not end the looking
                if not self._stale:
                    log.warning("prompts stay as they were last seen: %s", error)
                self._stale = True
                return
        if self._stale:
            self._stale = False
            log.info("prompts are up to date again")

    async def run(self) -> None:
        """Keep the versions at hand that models are pinned to. Goes on until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                for pin in self._pins:
                    with suppress(NotFound):  # who asks for it is told
                        await self.find(FALLBACK, pin)
            except HeadgateError as error:
                log.warning("a pinned prompt is not at hand yet: %s", error.message)
                await asyncio.sleep(RETRY_S)
                self._wanted.set()

    async def _take_over(self, now: int) -> None:
        assert self._database is not None, "there is a database where labels are"
        again = now < self._known  # somebody has restored a backup
        self._missing.clear()
        changed = await PROMPT_LABELS.changed_since(self._database, -1 if again else self._known)
        if changed or again:
            await self._move({} if again else dict(self._labels), changed)
        self._known = now

    async def _move(self, labels: dict[Place, Served], changed: Iterable[PromptLabel]) -> None:
        """Put another mapping in the place of the one there is, all its prompts made."""
        for row in changed:
            place = row.organisation, row.name, row.label
            if row.archived_us is not None:
                labels.pop(place, None)
                continue
            made = self._made.get((row.name, row.digest)) or await self._version(row)
            if made is not None:
                labels[place] = made
        self._made = {(each.name, each.version): each for each in labels.values()}
        self._labels = labels

    async def _version(self, row: PromptLabel) -> Served | None:
        """What a label stands for; None where this release cannot use it: what it stood for stays."""
        assert self._database is not None, "there is a database where labels are"
        filters = {"name": row.name, "digest": row.digest}
        found, _ = await PROMPT_VERSIONS.list(self._database, row.organisation, filters, limit=1)
        return await self._usable(found[0]) if found else None

    async def _fetched_for(self, database: Database, organisation: str, asked: Reference) -> Served | None:
        """A version of an organisation's, else of the fallback's. What is not there is not looked for again before
        something has changed.
        """
        for owner in dict.fromkeys((organisation, FALLBACK)):
            place = owner, asked.name, asked.digest or ""
            if place in self._missing:
                continue
            found = await self._fetch(database, owner, asked)
            if found is not None:
                return found
            if len(self._missing) >= MAX_MISSING:
                self._missing.clear()
            self._missing.add(place)
        return None

    async def _fetch(self, database: Database, organisation: str, asked: Reference) -> Served | None:
        rows = await database.fetch(
            f"SELECT {', '.join(PROMPT_VERSIONS.columns)} FROM prompt_versions "  # noqa: S608
            "WHERE organisation = $1 AND name = $2 AND digest LIKE $3 LIMIT 2",
            organisation,
            asked.name,
            f"{asked.digest}%",
        )
        if len(rows) != 1:  # two that begin alike are none that is meant
            return None
        made = await self._usable(PROMPT_VERSIONS.decode(rows[0]))
        if made is not None:
            if len(self._fetched) >= MAX_FETCHED:
                pinned = {(FALLBACK, pin.name, pin.digest or "") for pin in self._pins}
                self._fetched = {place: each for place, each in self._fetched.items() if place in pinned}
            self._fetched[organisation, asked.name, asked.digest or ""] = made
        return made

    async def _usable(self, row: PromptVersion) -> Served | None:
        try:
            return await asyncio.to_thread(compiled, row)
        except (HeadgateError, ValueError) as error:
            log.error("%s@%s of %s cannot be used: %s", row.name, row.digest, row.organisation, error)  # noqa: TRY400
            return None


def compiled(row: PromptVersion) -> Served:
    """The prompt of a stored version.

    Raises:
        PromptsInvalid, PromptNotFound, Unservable: this release cannot use it.
    """
    from headgate.prompts.dotprompt import load_sources  # a template language is for who has prompts
    from headgate.prompts.serving import served

    return served(load_sources(row.sources).get(row.name))
