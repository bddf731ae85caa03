"""Entra tokens for Azure through azure-identity (extra `azure`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from headgate.clock import Clock
from headgate.providers.auth.port import Headers
from headgate.providers.auth.renewal import Lease, Renewal
from headgate.providers.transport import HttpRequest

SCOPE = "https://cognitiveservices.azure.com/.default"

_AHEAD_US = 300 * 1_000_000
_LAST_US = 30 * 1_000_000


class AzureAuth:
    """Tokens of `entra` (the SDK's default chain: environment, workload identity, managed identity, CLI) or of a
    `managed_identity` alone.
    """

    static: Headers | None = None

    def __init__(
        self, provider: str, kind: Literal["entra", "managed_identity"], client_id: str | None, clock: Clock
    ) -> None:
        self._token = Renewal(provider, token_of(kind, client_id), clock)

    @property
    def secrets(self) -> tuple[str, ...]:
        token = self._token.current
        return (token,) if token else ()

    async def headers(self, request: HttpRequest) -> Headers:
        return (("authorization", f"Bearer {await self._token.get()}"),)


def token_of(kind: Literal["entra", "managed_identity"], client_id: str | None) -> Callable[[], Lease[str]]:
    """What fetches a token. It blocks."""
    credential: Any = None

    def fetch() -> Lease[str]:
        nonlocal credential
        import azure.identity as identity  # heavy, and only needed where tokens are

        if credential is None:
            credential = (
                identity.ManagedIdentityCredential(client_id=client_id)
                if kind == "managed_identity"
                else identity.DefaultAzureCredential(managed_identity_client_id=client_id)
            )
        token = credential.get_token(SCOPE)
        expires_us = int(token.expires_on) * 1_000_000
        return Lease(token.token, expires_us - _AHEAD_US, expires_us - _LAST_US)

    return fetch
