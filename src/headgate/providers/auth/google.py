"""Google access tokens through google-auth (extra `gcp`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from headgate.clock import Clock
from headgate.providers.auth.port import Headers
from headgate.providers.auth.renewal import Lease, Renewal
from headgate.providers.transport import HttpRequest

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

_AHEAD_US = 300 * 1_000_000
_LAST_US = 30 * 1_000_000
_UNKNOWN_US = 3600 * 1_000_000


class GoogleAuth:
    """Application default credentials (environment, gcloud, workload identity, metadata), or those of a file."""

    static: Headers | None = None

    def __init__(self, provider: str, credentials_file: str | None, clock: Clock) -> None:
        self._headers = Renewal(provider, token_of(credentials_file, clock), clock)

    @property
    def secrets(self) -> tuple[str, ...]:
        headers = self._headers.current
        return (headers[0][1].removeprefix("Bearer "),) if headers else ()

    async def headers(self, request: HttpRequest) -> Headers:
        return await self._headers.get()


def token_of(credentials_file: str | None, clock: Clock) -> Callable[[], Lease[Headers]]:
    """What fetches the headers with a token. It blocks."""
    credentials: Any = None

    def fetch() -> Lease[Headers]:
        nonlocal credentials
        from google.auth.transport.requests import Request  # heavy, and only needed where tokens are

        if credentials is None:
            credentials = _found(credentials_file)
        credentials.refresh(Request())
        headers: Headers = (("authorization", f"Bearer {credentials.token}"),)
        quota_project: str | None = getattr(credentials, "quota_project_id", None)
        if quota_project:
            headers += (("x-goog-user-project", quota_project),)
        expires_us = _expiry_us(credentials.expiry, clock)
        return Lease(headers, expires_us - _AHEAD_US, expires_us - _LAST_US)

    return fetch


def _found(credentials_file: str | None) -> Any:
    import google.auth
    from google.oauth2 import service_account

    if credentials_file:
        return service_account.Credentials.from_service_account_file(credentials_file, scopes=[SCOPE])
    return google.auth.default(scopes=[SCOPE])[0]


def _expiry_us(expiry: dt.datetime | None, clock: Clock) -> int:
    """google-auth's expiry, which is UTC without saying so."""
    if expiry is None:
        return clock.now_us() + _UNKNOWN_US
    aware = expiry if expiry.tzinfo is not None else expiry.replace(tzinfo=dt.UTC)
    return round(aware.timestamp() * 1_000_000)
