"""Taking feedback: who may give it, on which call, how much of it; then it is a record of the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import asdict

from headgate.clock import Clock
from headgate.errors import BadRequest, Conflict, Forbidden, NotFound, RateLimited, StoreUnavailable
from headgate.ids import end_user_id, request_id
from headgate.quality.called import Found, find
from headgate.quality.config import FeedbackConfig
from headgate.quality.feedback import is_own
from headgate.registry import suggest
from headgate.storage.database import Database
from headgate.storage.records import CalledAt, Feedback
from headgate.telemetry.calls import UNKNOWN
from headgate.types import Identity

ANYONES = "feedback.write"
"""The scope that lets rate calls of other keys and teams."""

MOST_OF_A_CALL = 200
"""Most that is kept of one call, what was replaced included."""

WAITS_S = (0.2, 0.4, 0.8)
"""How long is waited for a call that another replica may just have answered: its journal is drained twice a second."""

MOST_WAITING = 50
"""Most that wait so at once; others are told at once that there is no such call."""

MOST_KEYS = 10_000
"""Keys whose rate is remembered."""


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says of a call. One of `score`, `thumb`, `label`, `correction` and `comment` at the least; not both
    of `score` and `thumb`.
    """

    request_id: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$")]
    """The call's, as `x-headgate-request-id` told it."""
    score: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    thumb: Literal["up", "down"] | None = None
    label: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    correction: str | None = None
    comment: str | None = None
    user: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None
    """Who says it, as the client calls its end users; else the one the call was made for, else the key."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """Feedback that was taken."""

    id: str
    request_id: str
    texts_kept: bool
    """Whether what it has of comment and correction is kept."""


_decode = msgspec.json.Decoder(Given).decode


class FeedbackDesk:
    """Takes feedback in one process."""

    def __init__(
        self,
        database: Database,
        record: Callable[[Feedback], None],
        clock: Clock,
        config: Callable[[], FeedbackConfig],
        caught_up: Callable[[], Awaitable[None]],
    ) -> None:
        """`record` writes it down, and raises OSError where it cannot; `caught_up` waits until what this process has
        settled is in the database.
        """
        self._database = database
        self._record = record
        self._clock = clock
        self._config = config
        self._caught_up = caught_up
        self._waiting = 0
        self._rates: dict[tuple[str, str], tuple[float, float]] = {}
        """By key, what it may still give, and as of when."""

    async def give(self, identity: Identity, body: bytes) -> Accepted:
        """Take feedback. It is in the journal then.

        Raises:
            BadRequest: it is not what feedback is; says where.
            Forbidden: the caller may neither call nor rate.
            NotFound: nobody knows the call, or it is somebody else's.
            RateLimited: this key gives more than it may.
            Conflict: the call has as much feedback as is kept of one.
            StoreUnavailable: it cannot be looked up or written down.
        """
        if not identity.scopes & {"call", ANYONES}:
            raise Forbidden("This key may not call models, and so has nothing to rate.")
        config = self._config()
        self._count(identity, config.per_minute)
        given = _read(body, config)
        found = await self._found(identity, given.request_id, config.unknown == "keep")
        feedback = Feedback(
            id=request_id().replace("req_", "fb_", 1),
            at_us=self._clock.now_us(),
            organisation=identity.organisation,
            call_id=given.request_id,
            rater=_rater(identity, given, found),
            given_by=identity.actor,
            thumb=given.thumb,
            score=given.score,
            label=given.label,
            comment=given.comment if config.texts else None,
            correction=given.correction if config.texts else None,
            **asdict(self._unknown(identity) if found is None else found.at),
        )
        try:
            self._record(feedback)
        except OSError as error:
            raise StoreUnavailable(f"the feedback cannot be written down: {error.strerror}") from None
        return Accepted(id=feedback.id, request_id=given.request_id, texts_kept=config.texts)

    async def _found(self, identity: Identity, call_id: str, keep: bool) -> Found | None:
        """The call, if it may be rated; None where it is unknown and feedback is kept all the same."""
        found = await self._looked_up(identity.organisation, call_id)
        if not keep if found is None else not _may(identity, found.at):
            raise NotFound(
                f"There is no call '{call_id}' that this key could rate: 'request_id' names none of its own."
            )
        [[number]] = await self._database.fetch(_NUMBER, identity.organisation, call_id)
        if number >= MOST_OF_A_CALL:
            raise Conflict(f"The call '{call_id}' has as much feedback as is kept of one.")
        return found

    async def _looked_up(self, organisation: str, call_id: str) -> Found | None:
        found = await find(self._database, organisation, call_id)
        if found is None:
            await self._caught_up()
            found = await find(self._database, organisation, call_id)
        if found is None and self._database.kind == "postgres" and self._waiting < MOST_WAITING:
            self._waiting += 1
            try:
                for wait_s in WAITS_S:
                    await asyncio.sleep(wait_s)
                    found = await find(self._database, organisation, call_id)
                    if found is not None:
                        break
            finally:
                self._waiting -= 1
        return found

    def _unknown(self, identity: Identity) -> CalledAt:
        now_us = self._clock.now_us()
        return CalledAt(
            started_us=now_us,
            model=UNKNOWN,
            key_id=identity.key_id,
            team_id=identity.team_id,
            project_id=identity.project_id,
        )

    def _count(self, identity: Identity, per_minute: int) -> None:
        """Count what a key gives, by a bucket that fills all the time."""
        key, now = (identity.organisation, identity.key_id), self._clock.monotonic()
        left, at = self._rates.pop(key, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / 60)
        if left < 1:
            self._rates[key] = left, now
            wait_s = (1 - left) * 60 / per_minute
            raise RateLimited(f"This key gives more than {per_minute} feedback a minute.", retry_after_s=wait_s)
        self._rates[key] = left - 1, now
        if len(self._rates) > MOST_KEYS:
            del self._rates[next(iter(self._rates))]  # who came longest ago


_NUMBER = "SELECT count(*) FROM feedback WHERE organisation = $1 AND call_id = $2"


def _may(identity: Identity, at: CalledAt) -> bool:
    if ANYONES in identity.scopes and identity.team_id is None:
        return True
    return is_own(at.key_id, at.team_id, identity.key_id, identity.team_id)


def _rater(identity: Identity, given: Given, found: Found | None) -> str:
    if given.user is not None:
        return f"user:{end_user_id(identity.organisation, given.user)}"
    if identity.user_id is not None:
        return f"person:{identity.user_id}"
    own = found is not None and found.at.key_id == identity.key_id
    return f"user:{found.end_user}" if found and own and found.end_user else f"key:{identity.key_id}"


def _read(body: bytes, config: FeedbackConfig) -> Given:
    try:
        given = _decode(body)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The body is no feedback: {error}") from None
    _check(given, config)
    return given


def _check(given: Given, config: FeedbackConfig) -> None:
    what: tuple[Any, ...] = (given.score, given.thumb, given.label, given.correction, given.comment)
    if all(each is None for each in what):
        raise BadRequest("This says nothing: write one of 'score', 'thumb', 'label', 'correction', 'comment'.")
    if not config.texts and all(each is None for each in what[:3]):
        raise BadRequest("Comments and corrections are not kept here (feedback.texts): write a score, thumb or label.")
    if given.score is not None and given.thumb is not None:
        raise BadRequest("'score' and 'thumb' are two ways to say the same: write one of them.", param="thumb")
    if given.label is not None and given.label not in config.labels:
        hint = suggest(given.label, config.labels) if config.labels else "; there are none, see feedback.labels"
        raise BadRequest(f"There is no label '{given.label}'{hint}.", param="label")
    for name, text in (("comment", given.comment), ("correction", given.correction)):
        if text is not None and len(text) > config.max_characters:
            raise BadRequest(f"'{name}' is longer than {config.max_characters} characters.", param=name)
