"""A worker's end: tells its figures each second and when it is asked, and asks for what those of all come to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Self

from headgate.errors import Overloaded
from headgate.server.fleet.frames import ASK, FIGURES, TOTAL, WANT, Message, Oversize, packed, read
from headgate.telemetry.snapshot import Snapshot, decode, encode

log = logging.getLogger("headgate.server")

DESCRIPTOR = "HEADGATE_WORKER_FIGURES"
"""Set in a worker's environment: the descriptor of its socket."""

EVERY_S = 1.0
"""How often it tells: a worker that is killed takes with it what it counted since."""

TOTAL_S = 3.0
"""How long it waits for the figures of all."""

LEAVE_S = 1.0
"""How long its last figures may take to be on their way."""

Taken = Callable[[], Snapshot]
"""Gives all metrics of this process."""


class Member:
    """One worker of several."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._failing = False
        """Whether its last figures could not be told."""
        self._wanted: dict[int, asyncio.Future[bytes]] = {}

    @classmethod
    async def joined(cls, environ: Mapping[str, str]) -> Self | None:
        """This worker among the others; None where this process is a server by itself.

        Raises:
            OSError: its socket is not there.
        """
        descriptor = environ.get(DESCRIPTOR)
        if descriptor is None:
            return None
        os.set_inheritable(int(descriptor), False)
        ours = socket.socket(fileno=int(descriptor))
        ours.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=ours))

    async def run(self, taken: Taken) -> None:
        """Tell this worker's figures until cancelled, or until nobody is there to be told."""
        telling = asyncio.ensure_future(self._tell_on(taken))
        try:
            while (message := await read(self._reader)) is not None:
                if message.kind == ASK:
                    self._tell(taken, message.number)
                elif message.kind == TOTAL:
                    self._told(message)
        finally:
            telling.cancel()

    async def total(self) -> Snapshot:
        """What the figures of all workers come to, those that have ended included.

        Raises:
            Overloaded: nobody tells.
        """
        self._number = number = self._number % 0xFFFF_FFFF + 1
        wanted = self._wanted[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(packed(WANT, number))
            async with asyncio.timeout(TOTAL_S):
                return decode(await wanted)
        except (TimeoutError, OSError):
            raise Overloaded("The figures of all workers cannot be had now; try again.", retry_after_s=1) from None
        finally:
            self._wanted.pop(number, None)

    async def leave(self, taken: Taken) -> None:
        """Tell the last figures, and go."""
        self._tell(taken, 0)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(LEAVE_S):
                self._writer.transport.set_write_buffer_limits(0)
                await self._writer.drain()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _tell_on(self, taken: Taken) -> None:
        while True:
            if not self._writer.transport.get_write_buffer_size():  # else nobody reads them
                self._tell(taken, 0)
            await asyncio.sleep(EVERY_S)

    def _told(self, message: Message) -> None:
        """Hand on what all come to, to whoever still waits for it."""
        wanted = self._wanted.pop(message.number, None)
        if wanted is not None and not wanted.done():  # who gave up a moment ago has not been heard of yet
            wanted.set_result(message.body)

    def _tell(self, taken: Taken, number: int) -> None:
        """Tell the figures. What goes wrong with that costs these and none that come later, and is logged once."""
        try:
            self._writer.write(packed(FIGURES, number, encode(taken())))
        except Exception as error:  # a defect too
            if not self._failing:
                defect = None if isinstance(error, Oversize) else error
                log.error("this worker's figures are missing in /metrics: %s", error, exc_info=defect)  # noqa: TRY400
            self._failing = True
        else:
            self._failing = False
