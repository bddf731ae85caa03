"""AWS credentials by the vendor SDK's own chain, through botocore (extra `aws`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headgate.clock import Clock
from headgate.errors import UpstreamAuth
from headgate.providers.auth.port import Headers
from headgate.providers.auth.renewal import Lease, Renewal
from headgate.providers.auth.sigv4 import AwsKeys, Signer
from headgate.providers.transport import HttpRequest

SERVICE = "bedrock"

_ASK_AGAIN_US = 60 * 1_000_000
_GIVE_UP_US = 600 * 1_000_000
_FOREVER_US = 1 << 62


class AwsAuth:
    """Signs with keys from botocore's chain: environment, profile (assume-role, SSO), web identity, container, IMDSv2.

    botocore renews keys that expire 15 minutes ahead, when it is asked; it is asked each minute, in a thread.
    """

    static: Headers | None = None

    def __init__(self, provider: str, region: str, profile: str | None, clock: Clock) -> None:
        self._clock = clock
        self._signer = Signer(region, SERVICE)
        self._keys = Renewal(provider, keys_of(provider, profile, clock), clock)

    @property
    def secrets(self) -> tuple[str, ...]:
        keys = self._keys.current
        if keys is None:
            return ()
        return (keys.secret_key, keys.token) if keys.token else (keys.secret_key,)

    async def headers(self, request: HttpRequest) -> Headers:
        return self._signer.sign(request, await self._keys.get(), self._clock.now_us())


def keys_of(provider: str, profile: str | None, clock: Clock) -> Callable[[], Lease[AwsKeys]]:
    """What fetches keys. It blocks: the chain reads files and asks metadata services."""
    found: Any = None

    def fetch() -> Lease[AwsKeys]:
        nonlocal found
        import botocore.session  # heavy, and only needed where keys are

        if found is None:
            found = botocore.session.Session(profile=profile).get_credentials()
        if found is None:
            raise UpstreamAuth(
                f"no AWS credentials for the provider '{provider}': neither environment, profile, web identity, "
                "container nor instance metadata gave any"
            )
        keys = found.get_frozen_credentials()
        lease = AwsKeys(keys.access_key, keys.secret_key, keys.token)
        if not hasattr(found, "refresh_needed"):
            return Lease(lease, _FOREVER_US, _FOREVER_US)
        now = clock.now_us()
        return Lease(lease, now + _ASK_AGAIN_US, now + _GIVE_UP_US)

    return fetch
