"""The identity provider people sign in at: what it is asked, and how often."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import urlsplit

from headgate.access import oidc
from headgate.access.addresses import is_loopback
from headgate.access.config import SignInConfig
from headgate.access.fetch import Fetcher, UrlError
from headgate.access.key_sets import AGAIN_S, REFRESH_S, FetchedKeys
from headgate.access.oidc import Endpoints, SignInError
from headgate.access.signed import TokenError, opened
from headgate.clock import Clock
from headgate.errors import HeadgateError, Overloaded
from headgate.types import JSON

log = logging.getLogger("headgate.access")


class OpenIdProvider:
    """What an identity provider is asked: where it does what, for tokens, and for its keys. None of it more often than
    it may change.
    """

    def __init__(self, config: SignInConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._loopback = is_loopback(urlsplit(config.issuer).hostname or "")
        self._fetcher = Fetcher(config.ca_file, loopback=self._loopback)
        self._asking = asyncio.Lock()
        self._endpoints: Endpoints | None = None
        self._keys: FetchedKeys | None = None
        self._asked_at = self._keys_at = float("-inf")

    async def endpoints(self) -> Endpoints:
        """Where it does what.

        Raises:
            Overloaded: it cannot be reached, or what it says of itself cannot be used.
        """
        async with self._asking:
            held, now = self._endpoints, self._clock.monotonic()
            if now - self._asked_at >= (AGAIN_S if held is None else REFRESH_S):
                self._asked_at = now
                held = await self._discover() or held
            if held is None:
                raise Overloaded("The identity provider cannot be reached; try again.", retry_after_s=AGAIN_S)
            self._endpoints = held
            return held

    async def _discover(self) -> Endpoints | None:
        """What it says of itself; None where that cannot be had or used."""
        try:
            document = await self._fetcher.get(f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
            found = oidc.discovered(document, self._config, loopback=self._loopback)
        except (HeadgateError, UrlError, SignInError) as error:
            log.warning("the identity provider %s cannot be used: %s", self._config.issuer, error)
            return None
        if self._keys is None or self._keys.url != found.keys:
            self._keys, self._keys_at = FetchedKeys(found.keys, self._fetcher), float("-inf")
        return found

    async def claims(self, form: bytes, headers: oidc.Headers) -> JSON:
        """The claims of the id token that a form gets, its signature checked.

        Raises:
            SignInError: there is none, or it is not the provider's.
        """
        assert self._endpoints is not None
        try:
            answer = await self._fetcher.post(self._endpoints.token, form, headers)
        except (HeadgateError, UrlError) as error:
            log.warning("a code was not exchanged: %s", error)
            raise SignInError("code") from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInError("token_missing")
        try:
            return await self._opened(token.encode("utf-8", "replace"))
        except TokenError as error:
            raise SignInError(error.reason) from None

    async def close(self) -> None:
        await self._fetcher.close()

    async def _opened(self, token: bytes) -> JSON:
        assert self._keys is not None
        await self._fetch_keys(REFRESH_S)
        try:
            return opened(token, self._keys, self._config.algorithms)
        except TokenError as error:
            if error.reason != "token_key" or not await self._fetch_keys(AGAIN_S):
                raise
            return opened(token, self._keys, self._config.algorithms)

    async def _fetch_keys(self, at_least_s: float) -> bool:
        """Fetch the keys unless they are younger than that; whether they were fetched."""
        assert self._keys is not None
        now = self._clock.monotonic()
        if now - self._keys_at < at_least_s:
            return False
        self._keys_at = now
        return await self._keys.fetch()
