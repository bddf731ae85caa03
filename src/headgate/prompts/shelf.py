"""Prompts at hand: what labels stand for now, in memory. The request path asks no database for them.

A move of a label puts another mapping in the place of this one, so a call that has begun keeps the version it found.
The last one stays in force while the database is away. What is moved in this process is known once the move has
returned; what is moved elsewhere, within the time in which keys and limits are (`access.directory.POLL_S`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches

from headgate.errors import HeadgateError, NotFound
from headgate.prompts.aside import Aside
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
"""Versions that are known not to be there, or to be withdrawn."""

MAX_LOOKED_UP = 4
"""Versions that are looked up in the database at a time."""

MAX_NEAR = 12
"""Other labels of a prompt that are named to who asks for one there is not."""

BEGINS, MAX_COMPARED = 3, 50
"""Names that begin with as many characters of the one asked for are compared with it, so many at most: the more there
are, the longer it would hold up other calls.
"""

RETRY_S = 1.0

Place = tuple[str, str, str]
"""Organisation, name, and label or version."""


class PromptWithdrawn(NotFound):
    """A version is there, and served to nobody."""

    code = "prompt_withdrawn"

    def __init__(self, asked: Reference) -> None:
        super().__init__(f"The prompt '{asked}' was withdrawn; ask for another version of it.", param="prompt")


class Shelf:
    """The prompts of one process."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self.aside = Aside()
        """Where prompts are rendered that take long."""
        self._files: Mapping[str, Served] = {}
        self._labels: Mapping[Place, Served] = {}
        self._made: dict[tuple[str, str], Served] = {}
        """By name and version, those that something stands for."""
        self._fetched: dict[Place, Served] = {}
        self._missing: dict[Place, bool] = {}
        """Whether it is there, and withdrawn."""
        self._alike: dict[Place, Sequence[str]] = {}
        """By what was asked for and is not there, what is near."""
        self._withdrawn: set[Place] = set()
        """By whole versions."""
        self._looking: dict[Place, asyncio.Task[Served | None]] = {}
        self._places = asyncio.Semaphore(MAX_LOOKED_UP)
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
        what, shelf = asked.label, self._labels
        if what is None:
            what, shelf = asked.digest or "", self._fetched
        found = shelf.get((organisation, asked.name, what))
        if found is None and organisation != FALLBACK:
            found = shelf.get((FALLBACK, asked.name, what))
            if found is not None and (organisation, asked.name, found.version) in self._withdrawn:
                return None  # who has withdrawn a version of its own does not get it from elsewhere
        return found

    async def find(self, organisation: str, asked: Reference) -> Served:
        """A prompt, looked up in the database where it is not at hand.

        Raises:
            PromptNotFound: there is none.
            PromptWithdrawn: that version is served to nobody.
            StoreUnavailable: it is not at hand, and the database cannot be reached.
        """
        found = self.get(organisation, asked)
        if found is None and asked.digest is not None and self._database is not None:
            found = await self._looked_up(self._database, organisation, asked)
        if found is None:
            from headgate.prompts.dotprompt import PromptNotFound  # a template language is for who has prompts

            raise PromptNotFound(str(asked), self._near(organisation, asked))
        return found

    def labelled(self, organisation: str, asked: Reference, own: str | None) -> tuple[Served | None, Reference]:
        """A prompt that is at hand, by the label of the caller's key where it has one and the prompt too, and what it
        was found by.
        """
        if own is not None and asked.label is not None:
            by = Reference(asked.name, label=own)
            found = self.get(organisation, by)
            if found is not None:
                return found, by
        return self.get(organisation, asked), asked

    def _near(self, organisation: str, asked: Reference) -> Sequence[str]:
        """What else an organisation could ask for: other labels of the prompt, else what is called alike. Looked for
        once, since whoever asks for what is gone may do so at any rate.
        """
        place = organisation, asked.name, str(asked)
        near = self._alike.get(place)
        if near is None:
            known = {
                f"{name}@{label}": name for owner, name, label in self._labels if owner in (organisation, FALLBACK)
            }
            known |= {name: name for name in self._files}
            near = sorted(each for each, name in known.items() if name == asked.name)[:MAX_NEAR]
            if not near:
                begins = asked.name[:BEGINS]
                alike = [each for each in known if each.startswith(begins)][:MAX_COMPARED]
                near = get_close_matches(str(asked), alike, n=1)
            if len(self._alike) >= MAX_MISSING:
                self._alike.clear()
            self._alike[place] = near
        return near

    @property
    def files(self) -> Mapping[str, Served]:
        """Those that are served straight from files, by name."""
        return self._files

    # ── keeping it fresh ──

    def use(self, files: Mapping[str, Served], pins: Iterable[Reference]) -> None:
        """Serve these files from now on, and have these versions at hand."""
        self._files = files
        self._alike.clear()
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
        told = False
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                for pin in self._pins:
                    with suppress(NotFound):  # who asks for it is told
                        await self.find(FALLBACK, pin)
                told = False
            except HeadgateError as error:
                if not told:
                    log.warning("a pinned prompt is not at hand yet: %s", error.message)
                told = True
                await asyncio.sleep(RETRY_S)
                self._wanted.set()

    async def _take_over(self, now: int) -> None:
        assert self._database is not None, "there is a database where labels are"
        again = now < self._known  # somebody has restored a backup
        since = -1 if again else self._known
        if again:
            self._withdrawn.clear()
            self._fetched.clear()
            self._wanted.set()
        self._missing.clear()
        await self._withdraw(self._database, since)
        changed = await PROMPT_LABELS.changed_since(self._database, since)
        if changed or again:
            await self._move({} if again else dict(self._labels), changed)
        self._known = now

    async def _withdraw(self, database: Database, since: int) -> None:
        """Take over which versions are withdrawn, or restored: those whose rows were changed after they were made."""
        rows = await database.fetch(
            "SELECT organisation, name, digest, withdrawn_us IS NOT NULL FROM prompt_versions "
            "WHERE revision > $1 AND version > 1",
            since,
        )
        for organisation, name, digest, withdrawn in rows:
            place = organisation, name, digest
            (self._withdrawn.add if withdrawn else self._withdrawn.discard)(place)
        if rows:
            self._fetched = {
                place: each
                for place, each in self._fetched.items()
                if (place[0], place[1], each.version) not in self._withdrawn
            }

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
        self._alike.clear()

    async def _version(self, row: PromptLabel) -> Served | None:
        """What a label stands for; None where this release cannot use it: what it stood for stays."""
        assert self._database is not None, "there is a database where labels are"
        filters = {"name": row.name, "digest": row.digest}
        found, _ = await PROMPT_VERSIONS.list(self._database, row.organisation, filters, limit=1)
        return await self._usable(found[0]) if found else None

    # ── versions that nothing stands for ──

    async def _looked_up(self, database: Database, organisation: str, asked: Reference) -> Served | None:
        """A version, looked up once for all who ask for it at the time."""
        place = organisation, asked.name, asked.digest or ""
        looking = self._looking.get(place)
        if looking is None:
            looking = self._looking[place] = asyncio.ensure_future(self._fetched_for(database, organisation, asked))
            looking.add_done_callback(lambda done: self._looked(place, done))
        return await asyncio.shield(looking)

    def _looked(self, place: Place, done: asyncio.Task[Served | None]) -> None:
        del self._looking[place]
        if not done.cancelled():
            done.exception()  # whoever asked may be gone

    async def _fetched_for(self, database: Database, organisation: str, asked: Reference) -> Served | None:
        """A version of an organisation's, else of the fallback's. What is not there is not looked for again before
        something has changed.

        Raises:
            PromptWithdrawn: it is, by the first of them that has it.
        """
        async with self._places:
            for owner in dict.fromkeys((organisation, FALLBACK)):
                place, known = (owner, asked.name, asked.digest or ""), self._known
                withdrawn = self._missing.get(place)
                if withdrawn is None:
                    found = await self._fetch(database, owner, asked)
                    if isinstance(found, Served):
                        return found
                    withdrawn = found
                    if known == self._known:  # else it may be there by now
                        self._miss(place, withdrawn)
                if withdrawn:
                    raise PromptWithdrawn(asked)
        return None

    def _miss(self, place: Place, withdrawn: bool) -> None:
        if len(self._missing) >= MAX_MISSING:
            self._missing.clear()
        self._missing[place] = withdrawn

    async def _fetch(self, database: Database, organisation: str, asked: Reference) -> Served | bool:
        """A version of an organisation's own; where none can be served, whether it is there and withdrawn."""
        rows = await database.fetch(
            f"SELECT {', '.join(PROMPT_VERSIONS.columns)} FROM prompt_versions "  # noqa: S608
            "WHERE organisation = $1 AND name = $2 AND digest LIKE $3 LIMIT 2",
            organisation,
            asked.name,
            f"{asked.digest}%",
        )
        if len(rows) != 1:  # two that begin alike are none that is meant
            return False
        row = PROMPT_VERSIONS.decode(rows[0])
        made = None
        if row.withdrawn_us is None:
            made = self._made.get((row.name, row.digest)) or await self._usable(row)
        if row.withdrawn_us is not None or (organisation, row.name, row.digest) in self._withdrawn:  # meanwhile
            return True
        if made is None:
            return False
        self._keep((organisation, asked.name, asked.digest or ""), made)
        return made

    def _keep(self, place: Place, made: Served) -> None:
        """Have a version at hand, and one less of those that nobody is pinned to where they are too many."""
        if len(self._fetched) >= MAX_FETCHED:
            pinned = {(FALLBACK, pin.name, pin.digest or "") for pin in self._pins}
            eldest = next((each for each in self._fetched if each not in pinned), None)
            if eldest is not None:
                del self._fetched[eldest]
        self._fetched[place] = made

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
