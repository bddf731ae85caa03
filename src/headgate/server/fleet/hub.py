"""Where the figures of all workers come together: in the process that started them, which outlives each of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import msgspec

from headgate.server.fleet.frames import ASK, FIGURES, TOTAL, WANT, Message, Oversize, packed, read
from headgate.telemetry.metrics import Level
from headgate.telemetry.snapshot import Snapshot, decode, encode, lasting, level, summed

log = logging.getLogger("headgate.server")

ANSWER_S = 0.5
"""How long a worker is waited for. One that has not answered by then is taken at what it told last."""


class Hub:
    """Figures of all workers there are, and of all there were."""

    def __init__(self) -> None:
        self._workers: set[_Worker] = set()
        self._past: Snapshot = []
        """What workers that are gone had counted."""
        self._gone = 0
        self._number = 0
        self._answered = asyncio.Event()
        self._going: asyncio.Future[bytes] | None = None
        self._coming: asyncio.Future[bytes] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> socket.socket:
        """One more worker: its end of the pair. To be closed here once the worker has it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        worker = _Worker(writer)
        self._workers.add(worker)
        self._tasks.add(task := asyncio.ensure_future(self._listen(worker, reader)))
        task.add_done_callback(self._tasks.discard)
        return theirs

    async def total(self) -> bytes:
        """What all come to, asked of them after this was called. Waits no longer than twice `ANSWER_S`."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._gathered(self._going))
        return await asyncio.shield(self._coming)

    async def close(self) -> None:
        """Listen to nobody any more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _gathered(self, before: asyncio.Future[bytes] | None) -> bytes:
        if before is not None:
            await asyncio.wait([before])
        self._going, self._coming = self._coming, None
        self._number = number = self._number % 0xFFFF_FFFF + 1
        asked = [worker for worker in self._workers if worker.ask(number)]
        try:
            async with asyncio.timeout(ANSWER_S):
                while any(worker.open and worker.asked == number for worker in asked):
                    self._answered.clear()
                    await self._answered.wait()
        except TimeoutError:
            log.debug("workers do not answer, their figures are those they told last")
        return encode(summed([self._past, *(worker.figures for worker in self._workers), self._own()]))

    def _own(self) -> Snapshot:
        silent = sum(worker.asked != 0 for worker in self._workers)
        return [
            level(Level("headgate_workers", "Worker processes", len(self._workers))),
            level(Level("headgate_workers_silent", "Workers whose figures are those they told last", silent)),
            level(Level("headgate_workers_ended_total", "Worker processes that have ended", self._gone)),
        ]

    async def _listen(self, worker: _Worker, reader: asyncio.StreamReader) -> None:
        try:
            while (message := await read(reader)) is not None:
                await self._take(worker, message)
        except (Oversize, msgspec.MsgspecError) as error:
            log.error("the figures of a worker are not taken any more: %s", error)  # noqa: TRY400
        finally:
            self._workers.discard(worker)
            self._past = summed([self._past, lasting(worker.figures)])
            self._gone += 1
            self._answered.set()
            await worker.close()

    async def _take(self, worker: _Worker, message: Message) -> None:
        if message.kind == FIGURES:
            worker.told(message)
            self._answered.set()
        elif message.kind == WANT:
            self._tasks.add(task := asyncio.ensure_future(self._tell(worker, message.number)))
            task.add_done_callback(self._tasks.discard)

    async def _tell(self, worker: _Worker, number: int) -> None:
        try:
            worker.send(packed(TOTAL, number, await self.total()))
        except Oversize as error:
            log.error("/metrics cannot be answered: %s", error)  # noqa: TRY400


class _Worker:
    """One worker process, from its start to its end."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.figures: Snapshot = []
        """As it told them last."""
        self.asked = 0
        """The number of the question it has not answered; 0 where there is none."""
        self.open = True
        self._told_since = False
        """Whether it has told figures since it was asked last."""
        self._writer = writer

    def ask(self, number: int) -> bool:
        """Ask for its figures. Whether it is to be waited for: not where it has not answered the question before, nor
        told anything since.
        """
        if (self.asked and not self._told_since) or not self._free():
            return False
        self.asked, self._told_since = number, False
        self._writer.write(packed(ASK, number))
        return True

    def told(self, message: Message) -> None:
        """Take its figures.

        Raises:
            msgspec.MsgspecError: they are none.
        """
        self.figures = decode(message.body)
        self._told_since = True
        if message.number == self.asked:
            self.asked = 0

    def send(self, data: bytes) -> None:
        if self.open and self._free():
            self._writer.write(data)

    async def close(self) -> None:
        self.open = False
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _free(self) -> bool:
        """Whether it has read all it was sent."""
        return not self._writer.transport.get_write_buffer_size()
