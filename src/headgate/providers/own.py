"""Whose credential a call goes to a vendor with, where it is not the operator's: its team's, or one the client brought.

Such calls are made on connections of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from headgate.errors import Forbidden, HeadgateError, Unauthenticated, Unsupported, UpstreamAuth
from headgate.providers.families import takes
from headgate.providers.provider import Provider
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Brought, Call, Identity, Reply

log = logging.getLogger("headgate.providers")


class Credential(msgspec.Struct, frozen=True):
    """A team's own."""

    id: str
    """Which one: another one of the same team has another."""
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.id!r})"


class Credentials(Protocol):
    """Where teams' credentials are."""

    def of(self, identity: Identity, provider: str) -> Credential | None:
        """The credential a caller's team has at a provider; None where it uses the operator's.

        Raises:
            HeadgateError: it has one that cannot be used.
        """
        ...


class _NoCredentials:
    def of(self, identity: Identity, provider: str) -> Credential | None:
        return None


NO_CREDENTIALS: Credentials = _NoCredentials()
"""Nobody has one."""


class OwnKeys:
    """Hands calls of teams with a credential of their own to an exchange that uses it.

    Stands outside the target's watch: what goes wrong with one team's key is no fault of the target's.
    """

    operations = EVERY_OPERATION

    def __init__(
        self,
        provider: Provider,
        credentials: Credentials,
        exchange: Callable[[Provider], Next],
        passed_by: Callable[[], None],
    ) -> None:
        """`passed_by` is told of a call that will not take the place it was given at the target."""
        self._provider = provider
        self._credentials = credentials
        self._exchange = exchange
        self._passed_by = passed_by
        self._made: dict[str, Next] = {}
        """By the credential's id."""

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.account.brought is not None:
            return self._brought(call, call.account.brought)
        if call.identity.team_id is None:
            return next(call)
        try:
            credential = self._credentials.of(call.identity, self._provider.name)
        except HeadgateError as error:
            log.error("the key of team %s at %s cannot be used: %s", call.identity.team_id, self._provider.name, error)  # noqa: TRY400
            raise UpstreamAuth("the team's own credential cannot be used") from None
        if credential is None:
            return next(call)
        self._passed_by()
        held = self._made.get(credential.id)
        if held is None:
            held = self._made[credential.id] = self._exchange(self._provider.with_key(credential.secret))
        return held(call)

    def _brought(self, call: Call, brought: Brought) -> Awaitable[Reply]:
        """Use what the client brought, if it is for this provider. The operator's is never used in its place.

        Raises:
            Unsupported: this provider does not take it; another target may.
            Forbidden: it has gone to another provider, and goes to no second one.
        """
        provider = self._provider
        if brought.provider not in (None, provider.name):
            raise Forbidden(f"Your own credential went to '{brought.provider}', and goes to no other provider.")
        if not provider.config.accepts_client_credential:
            raise Unsupported(f"The provider '{provider.name}' takes no credentials of its callers.", param="model")
        if not takes(provider.config.kind, brought.secret, call.request.dialect, provider.dialects(call.operation)):
            raise Unsupported(f"Your credential is not one for the provider '{provider.name}'.", param="model")
        lent = provider.with_clients_own(brought.scheme, brought.secret)
        brought.provider = provider.name
        self._passed_by()
        return self._paid_by_client(call, self._exchange(lent))

    async def _paid_by_client(self, call: Call, exchange: Next) -> Reply:
        """Ask a vendor with the client's credential. That it is refused is the client's to mend, and has to be told so:
        agents renew what they are signed in with when they get a 401.

        Raises:
            Unauthenticated: the vendor does not take the credential.
            Forbidden: it does, but not for this.
        """
        try:
            return await exchange(call)
        except UpstreamAuth as error:
            status = error.upstream_status
            kind = Forbidden if status == Forbidden.status else Unauthenticated
            why = "does not allow this to" if kind is Forbidden else "refused"
            raise kind(
                f"The provider '{self._provider.name}' {why} your own credential.", upstream_status=status
            ) from None
