"""Notices as signed requests."""

from __future__ import annotations

import asyncio
from typing import Protocol

from headgate.alerts.config import ChannelConfig
from headgate.alerts.delivery.signing import headers
from headgate.errors import ConnectionFailed, HeadgateError, Timeout
from headgate.providers.http1 import Http1Transport
from headgate.providers.transport import HttpRequest, Transport, TransportOptions

TIME_S = 10.0
"""Longest time for one request, the connection included."""

MOST_ANSWERED = 64 * 1024


class NotDelivered(Exception):
    """A notice did not arrive; the message says why, and nothing of the address."""


class Channel(Protocol):
    """Where notices are told."""

    async def send(self, id_: str, body: str, now_s: int) -> None:
        """Tell one.

        Raises:
            NotDelivered: it did not arrive, as far as is known.
        """
        ...

    async def close(self) -> None: ...


class Webhook:
    """An address that takes signed JSON. Follows no redirect, and goes to no internal address unless that is said."""

    def __init__(self, config: ChannelConfig) -> None:
        self._config = config
        self._transport: Transport = Http1Transport(TransportOptions(pool_size=1, public_only=not config.internal))

    async def send(self, id_: str, body: str, now_s: int) -> None:
        data = body.encode()
        request = HttpRequest(
            method="POST",
            url=self._config.url,
            headers=(
                ("content-type", "application/json"),
                ("user-agent", "headgate"),
                *headers(self._config.secret or "", id_, now_s, data),
            ),
            body=data,
        )
        try:
            async with asyncio.timeout(TIME_S):
                response = await self._transport.send(request)
                status = response.status
                try:
                    await response.read(MOST_ANSWERED)
                finally:
                    await response.close()
        except (TimeoutError, Timeout):
            raise NotDelivered(f"no answer within {TIME_S:g} s") from None
        except ConnectionFailed as error:
            raise NotDelivered(error.code) from None
        except HeadgateError as error:
            raise NotDelivered(error.code) from None
        except OSError:
            raise NotDelivered("connection_failed") from None
        if not 200 <= status < 300:
            raise NotDelivered(f"answered {status}")

    async def close(self) -> None:
        await self._transport.close()
