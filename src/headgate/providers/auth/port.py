"""The port to credentials: what a request carries so that the vendor knows who pays."""

from __future__ import annotations

from typing import Protocol

from headgate.providers.transport import HttpRequest

Headers = tuple[tuple[str, str], ...]


class Auth(Protocol):
    """The credentials of one provider."""

    static: Headers | None
    """Headers that are the same on every request and are known without waiting; None where they are not."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values in use that must never reach a client."""
        ...

    async def headers(self, request: HttpRequest) -> Headers:
        """What this request has to carry. Asked only where `static` is None.

        Raises:
            UpstreamAuth: there is no credential, or it cannot be renewed.
        """
        ...
