"""Mirroring: a share of a model's calls goes to another place too, once their clients have their answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from headgate import dialects
from headgate.observing.kept import Kept
from headgate.observing.passing import drawn, observed
from headgate.shadow.config import ShadowConfig
from headgate.shadow.mirror import Job, Mirror
from headgate.shadow.pair import Side
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import GENERATES, OPAQUE, Account, Call, Identity, Payload, Reply

log = logging.getLogger("headgate.shadow")

MIRRORED = GENERATES | {"embed", "rerank"}
"""Operations whose answers can be compared."""

SHAPING = ("anthropic-beta", "anthropic-version", "openai-beta")
"""The client's headers that change what an answer looks like: the only ones that go along. Its credentials do not."""

OWN_CREDENTIAL = "x-headgate-key"
"""Says that the client's own vendor credential is to go upstream. What it asks is its own affair, and not mirrored."""


BROKEN = "a call of '%s' could not be mirrored"


class Shadow:
    """Observes the answers of a share of a model's calls as they pass, and hands the calls to the mirror after that.

    It stands where a request is as the vendor gets it, inside prompts, guardrails, caches and repetitions that are
    answered once; and outside of what recovers, so that a call is mirrored once whatever its retries and fallbacks,
    and is compared with what its client got. Nothing is done for the shadow before the client's answer is complete.
    """

    operations = EVERY_OPERATION

    def __init__(
        self, model: str, config: ShadowConfig, mirror: Mirror, next: Next, pots: Any, session: Callable[[Call], bytes]
    ) -> None:
        """`next` makes the mirrored calls, `pots` pay for them; `session` tells what a call belongs to."""
        self._model = model
        self._config = config
        self._mirror = mirror
        self._next = next
        self._pots = pots
        self._session = session if config.by == "session" else None

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        try:
            mirrors = self._mirrors(call)
        except Exception:
            log.exception(BROKEN, self._model)
            self._drop(call, "defect")
            mirrors = False
        return observed(call, next, Side(Kept(self._mirror.room)), self) if mirrors else next(call)

    def _mirrors(self, call: Call) -> bool:
        if call.cause != "primary" or call.operation not in MIRRORED or call.pinned is not None:
            return False
        if call.request.dialect == OPAQUE or call.headers.get(OWN_CREDENTIAL) is not None:
            return False
        unit = call.id.encode() if self._session is None else self._session(call)
        if not drawn(self._config.share, b"shadow", self._model, unit):
            return False
        dialect = dialects.get(call.request.dialect)
        if dialect.recalls(call.request.tree):
            return False
        if dialect.acts(dialect.unkept(call.request).tree):
            self._drop(call, "side_effects")
            return False
        return True

    def lost(self, call: Call, reason: str) -> None:
        """Count a call without an answer among those that are not mirrored."""
        self._drop(call, reason)

    def _drop(self, call: Call, reason: str) -> None:
        self._mirror.drop(reason, call.identity.organisation)

    def over(self, call: Call, seen: Side) -> None:
        """Hand the call to the mirror. Whatever goes wrong there is not the client's affair."""
        try:
            account = call.account
            answering = account.answering
            if answering is None or account.output_limit is not None:
                seen.kept.let_go()
                self._drop(call, "not_sent" if answering is None else "budget")
                return
            seen.target = answering.target
            seen.cost_picodollars = account.cost_picodollars
            self._mirror.offer(self._job(call, seen, answering.id))
        except Exception:
            log.exception(BROKEN, self._model)
            seen.kept.let_go()
            self._drop(call, "defect")

    def _job(self, call: Call, side: Side, parent: str) -> Job:
        account = Account()
        account.pots = self._pots
        organisation = call.identity.organisation
        to = self._config.to
        dialect = dialects.get(call.request.dialect)
        raw = dialect.unkept(call.request).encode()
        mirrored = replace(
            call,
            request=Payload(call.request.dialect, raw),  # without its tree, which is several times as large
            id=f"{call.id}-shadow",
            model=to if call.matched is None else to.replace("*", call.matched),
            identity=Identity(organisation=organisation, key_id="shadow", scopes=frozenset({"call"})),
            account=account,
            headers={name: value for name in SHAPING if (value := call.headers.get(name)) is not None},
            label="",
            matched=call.matched if "*" in to else None,
            tags=(),
            path="",
            cause="shadow",
            payer="internal",
            parent=parent,
        )
        return Job(
            call=mirrored,
            call_id=call.id,
            organisation=organisation,
            next=self._next,
            primary=side,
            wants_json=dialect.expected(call.request.tree).json,
            timeout_s=self._config.timeout_s,
            size=len(raw),
        )
