"""What was asked and answered: reading it, which is audited; taking it out as a data set; erasing it for good."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from headgate.administration import keyring
from headgate.administration.acting import Actor, Acts, Ports, new_id
from headgate.administration.problems import Invalid
from headgate.administration.requests import ContentsAsked, NewErasure
from headgate.administration.values import microseconds, moment
from headgate.errors import NotFound
from headgate.ids import end_user_id
from headgate.quality.feedback import LISTED as FEEDBACK_LISTED
from headgate.quality.feedback import Opinion, opinion
from headgate.quality.table import record_of
from headgate.storage.records import Content, Feedback
from headgate.telemetry.capture.listing import ContentFilters, ContentQueries
from headgate.telemetry.capture.reading import Output, output_of
from headgate.telemetry.capture.storing import ContentTable, Erasure

READ = "content.read"
ERASE = "content.erase"
"""What the audit log calls these acts."""

FOR_EVER_US = 2**62
"""After every call: what a replica has captured whose clock is ahead goes too."""

_DIGEST = frozenset("0123456789abcdef")


class SaidView(msgspec.Struct, frozen=True, kw_only=True):
    """What one user's words about a call come to."""

    rater: str
    """`user:` and the hashed end user, `person:…` or `key:…`."""
    thumb: str | None
    score: int | None
    label: str | None
    comment: str | None
    correction: str | None
    """What the answer should have been."""


class ContentView(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered in one call, as far as it is kept."""

    call_id: str
    captured: datetime
    started: datetime
    duration_ms: float
    model: str
    target: str
    operation: str
    dialect: str
    """Of request and answer: `openai_chat`, `openai_responses`, `anthropic_messages`, …"""
    streamed: bool
    kept: str
    """Why it is kept: `error`, `slow`, `sample`."""
    code: str | None
    key_id: str
    team_id: str | None
    project_id: str | None
    end_user: str | None
    """Whom the client called for, hashed."""
    request: msgspec.Raw
    """The body the client sent, in its dialect."""
    answer: msgspec.Raw
    """The answer in the same dialect, of a stream the whole one it comes to; null where there is none."""
    output: Output | None
    """What the answer says, in the same form for all dialects."""
    missing: str
    """Why there is no answer, or no request: `no_answer`, `memory`, `unreadable`; else empty."""
    truncated: bool
    """Whether anything was cut; texts say where."""
    left_out: int
    """Images, audio and the like that are told of with size and digest, and not kept."""
    redactions: dict[str, int]
    """How much was taken out, by kind."""
    feedback: list[SaidView]


class ErasedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased."""

    contents: int
    """Calls whose content was kept, and no longer is."""
    feedback_texts: int
    """Feedback whose comment and correction were kept, and no longer are."""


class _Given(NamedTuple):
    """Feedback a call must have."""

    label: str | None
    thumb: str | None
    score: int | None
    corrected: bool

    @property
    def needed(self) -> bool:
        return any(each is not None for each in self[:3]) or self.corrected

    def met(self, said: Sequence[tuple[str, Opinion]]) -> bool:
        return not self.needed or any(self._by(word) for _, word in said)

    def _by(self, word: Opinion) -> bool:
        return (
            (self.label is None or word.label == self.label)
            and (self.thumb is None or word.thumb == self.thumb)
            and (self.score is None or word.score == self.score)
            and (not self.corrected or word.correction is not None)
        )


class Contents:
    """Of an organisation; who may act in one team has what is of its calls."""

    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._ports = ports
        self._acts = acts
        self._queries = ContentQueries(ports.database)

    async def kept(self, actor: Actor, call_id: str) -> bool:
        """Whether the content of a call is kept."""
        await self._flush()
        return await self._queries.number(_of_call(actor, call_id)) > 0

    async def get(self, actor: Actor, call_id: str) -> ContentView:
        """The content of one call. That it was read is in the audit log.

        Raises:
            NotFound: there is none.
        """
        row = await self.row(actor, call_id)
        if row is None:
            raise NotFound(
                f"There is no content of a call '{call_id}': it was not captured (see telemetry.capture), is too old, "
                "or was erased."
            )
        return view_of(row, (await self._said([row])).get(row.id, ()))

    async def row(self, actor: Actor, call_id: str) -> Content | None:
        """The same as it is stored; None where there is none. That it was read is in the audit log."""
        await self._flush()
        row = await self._queries.find(_of_call(actor, call_id))
        if row is not None:
            async with self._acts.begin(actor) as act:
                act.record(READ, f"call:{row.id}", {"rows": 1, "model": row.model})
        return row

    async def export(self, actor: Actor, request: ContentsAsked) -> AsyncGenerator[bytes, None]:
        """Content as JSON Lines, the oldest first. That it was taken out, and which, is in the audit log before the
        first line is.

        Raises:
            Invalid: it names a key or a team there is not.
        """
        await self._flush()
        given = _Given(request.label, request.thumb, request.score, request.corrected)
        filters = ContentFilters(
            organisation=actor.organisation,
            model=request.model,
            key_id=None if request.key is None else await self._key(actor, request.key),
            team_id=actor.team_id or request.team,
            end_user=None if request.user is None else _digest(actor, request.user),
            operation=request.operation,
            code=request.code,
            failed=request.failed,
            whole=request.whole,
            from_us=None if request.from_ is None else microseconds(request.from_),
            until_us=None if request.to is None else microseconds(request.to),
            rated=given.needed,
        )
        told = {
            name: str(value)
            for name in ("model", "key", "team", "operation", "code", "label", "thumb", "score", "from_", "to")
            if (value := getattr(request, name)) is not None
        }
        if filters.end_user is not None:
            told["end_user"] = filters.end_user
        number = await self._queries.number(filters)
        async with self._acts.begin(actor) as act:
            act.record(READ, "contents:*", {"rows_at_most": number, **told})
        return self._lines(filters, given, request.most)

    async def erase_call(self, actor: Actor, call_id: str) -> ErasedView:
        """Erase the content of one call.

        Raises:
            NotFound: there is none.
        """
        return await self._erase(actor, call_id=call_id, until_us=FOR_EVER_US, subject=f"call:{call_id}", must=True)

    async def erase(self, actor: Actor, request: NewErasure) -> ErasedView:
        """Erase the content of all calls made for an end user, or by a key, or up to a time. What a user has written in
        feedback goes with it.

        Raises:
            Invalid: it names a key there is not.
        """
        key_id = None if request.key is None else await self._key(actor, request.key)
        end_user = None if request.user is None else _digest(actor, request.user)
        named = {"key": key_id, "customer": end_user}
        subject = next((f"{kind}:{name}" for kind, name in named.items() if name is not None), "contents:*")
        until_us = None if request.before is None else microseconds(request.before)
        return await self._erase(actor, key_id=key_id, end_user=end_user, until_us=until_us, subject=subject)

    # ── parts ──

    async def _erase(
        self,
        actor: Actor,
        *,
        subject: str,
        call_id: str | None = None,
        key_id: str | None = None,
        end_user: str | None = None,
        until_us: int | None = None,
        must: bool = False,
    ) -> ErasedView:
        await self._flush()
        async with self._acts.begin(actor) as act:
            erasure = Erasure(
                id=new_id("ers"),
                organisation=actor.organisation,
                at_us=act.at_us,
                until_us=act.at_us if until_us is None else until_us - 1,
                call_id=call_id,
                end_user=end_user,
                key_id=key_id,
                team_id=actor.team_id,
            )
            table = self._ports.contents or ContentTable(self._ports.database)
            gone = await table.erase(act.transaction, erasure)
            if must and not gone:
                raise NotFound(f"There is no content of a call '{call_id}'.")
            texts = 0
            if end_user is not None:
                texts = await _without_texts(act.transaction, actor, end_user, erasure.until_us)
            act.record(ERASE, subject, {"rows": gone, "feedback_texts": texts})
        return ErasedView(contents=gone, feedback_texts=texts)

    async def _lines(self, filters: ContentFilters, given: _Given, most: int | None) -> AsyncGenerator[bytes, None]:
        left = most
        async for rows in self._queries.pages(filters):
            said = await self._said(rows)
            lines: list[bytes] = []
            for row in rows:
                words = said.get(row.id, ())
                if given.met(words) and (left is None or left > 0):
                    lines.append(_line(view_of(row, words)))
                    left = None if left is None else left - 1
            if lines:
                yield b"".join(lines)
            if left == 0:
                return

    async def _said(self, rows: Sequence[Content]) -> dict[str, Sequence[tuple[str, Opinion]]]:
        """By call, what each user's words about it come to."""
        places = ", ".join(f"${number}" for number in range(2, len(rows) + 2))
        found = await self._ports.database.fetch(
            f"SELECT {FEEDBACK_LISTED} FROM feedback WHERE organisation = $1 AND call_id IN ({places})",  # noqa: S608
            rows[0].organisation,
            *(row.id for row in rows),
        )
        by: dict[str, dict[str, list[Feedback]]] = {}
        for columns in found:
            word = record_of(Feedback, columns)
            by.setdefault(word.call_id, {}).setdefault(word.rater, []).append(word)
        return {call: [(rater, opinion(each)) for rater, each in words.items()] for call, words in by.items()}

    async def _key(self, actor: Actor, reference: str) -> str:
        """The id of a key that is named by its id or name; as it is where it is no row, such as the environment's.

        Raises:
            Invalid: there is none that the actor may see.
        """
        try:
            return (await keyring.register.resolve(self._ports.database, actor, reference, "key")).id
        except Invalid:
            filters = ContentFilters(organisation=actor.organisation, team_id=actor.team_id, key_id=reference)
            if not await self._queries.number(filters):
                raise
            return reference

    async def _flush(self) -> None:
        """Wait until what this process has captured, and settled, is in the database."""
        if self._ports.caught_up is not None:
            await self._ports.caught_up()
        if self._ports.captured is not None:
            await self._ports.captured()


def view_of(row: Content, said: Sequence[tuple[str, Opinion]]) -> ContentView:
    """Content as it is told."""
    return ContentView(
        call_id=row.id,
        captured=moment(row.captured_us),
        started=moment(row.started_us),
        duration_ms=row.duration_us / 1000,
        model=row.model,
        target=row.target,
        operation=row.operation,
        dialect=row.dialect,
        streamed=bool(row.streamed),
        kept=row.kept,
        code=row.code,
        key_id=row.key_id,
        team_id=row.team_id,
        project_id=row.project_id,
        end_user=row.end_user,
        request=msgspec.Raw(row.request.encode()),
        answer=msgspec.Raw(b"null" if row.answer is None else row.answer.encode()),
        output=output_of(row),
        missing=row.missing,
        truncated=bool(row.truncated),
        left_out=row.left_out,
        redactions=msgspec.json.decode(row.redactions),
        feedback=[
            SaidView(
                rater=rater,
                thumb=word.thumb,
                score=word.score,
                label=word.label,
                comment=word.comment,
                correction=word.correction,
            )
            for rater, word in said
        ],
    )


def _of_call(actor: Actor, call_id: str) -> ContentFilters:
    return ContentFilters(organisation=actor.organisation, team_id=actor.team_id, id=call_id)


def _digest(actor: Actor, user: str) -> str:
    """What an end user is called here: by the client's name of them, or by what they are called here already."""
    return user if len(user) == 32 and _DIGEST.issuperset(user) else end_user_id(actor.organisation, user)


def _line(view: ContentView) -> bytes:
    return msgspec.json.encode(view) + b"\n"


async def _without_texts(transaction: Any, actor: Actor, end_user: str, until_us: int) -> int:
    """Erase what an end user has written in feedback; that they rated stays. How many words it was in."""
    values: list[Any] = [actor.organisation, f"user:{end_user}", until_us]
    team = ""
    if actor.team_id is not None:
        values.append(actor.team_id)
        team = " AND team_id = $4"
    gone = await transaction.fetch(
        "UPDATE feedback SET comment = NULL, correction = NULL WHERE organisation = $1 AND rater = $2 "  # noqa: S608
        f"AND at_us <= $3 AND (comment IS NOT NULL OR correction IS NOT NULL){team} RETURNING 1",
        *values,
    )
    return len(gone)
