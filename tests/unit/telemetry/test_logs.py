"""What a server says on standard error: a line is a line, and nobody waits for who reads it."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from time import perf_counter

import pytest

from calls import call
from headgate.telemetry.calls import Timing
from headgate.telemetry.config import LogsConfig
from headgate.telemetry.logs.calls import say
from headgate.telemetry.logs.context import FIELDS, about
from headgate.telemetry.logs.handler import Logs
from headgate.telemetry.logs.outlet import Outlet
from headgate.trace import Trace

SECRET = "correct horse battery"


class Said:
    """A log that ends in a pipe."""

    def __init__(self, **config: str) -> None:
        self._reads, self._writes = os.pipe()
        self.logs = Logs(self._writes, [SECRET], worker=1)
        self.logger = logging.Logger("headgate.test", logging.DEBUG)  # noqa: LOG001  # nobody else's
        self.logger.addHandler(self.logs)
        self.logs.use(LogsConfig(**config))  # pyright: ignore[reportArgumentType]

    def read(self) -> str:
        self.logs.flush()
        return os.read(self._reads, 1 << 20).decode()

    def close(self) -> None:
        self.logs.close()
        os.close(self._reads)
        os.close(self._writes)


@pytest.fixture
def text() -> Iterator[Said]:
    level = logging.getLogger("headgate").level
    yield (said := Said())
    said.close()
    logging.getLogger("headgate").setLevel(level)


@pytest.fixture
def objects() -> Iterator[Said]:
    level = logging.getLogger("headgate").level
    yield (said := Said(format="json"))
    said.close()
    logging.getLogger("headgate").setLevel(level)


def test_an_object_per_line_says_when_who_what_and_of_which_request(objects: Said):
    token = about.set(("req_1", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
    try:
        objects.logger.warning("first\nsecond \u2028 %s", "\x1b[31m", extra={FIELDS: {"model": "m", "cost": None}})
    finally:
        about.reset(token)
    [line, end] = objects.read().split("\n")
    assert end == ""
    assert line.isascii()
    said = json.loads(line)
    assert said.pop("time").endswith("Z")
    assert said == {
        "level": "warning", "logger": "headgate.test", "worker": 1, "message": "first\nsecond \u2028 \x1b[31m",
        "request_id": "req_1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "model": "m", "cost": None,
    }  # fmt: skip


def test_an_error_has_its_kind_what_it_says_and_where_it_came_from(objects: Said):
    try:
        raise ValueError(f"no {SECRET}")
    except ValueError:
        objects.logger.exception("failed")
    said = json.loads(objects.read())
    assert said["error"] == {"type": "ValueError", "message": "no ***"}
    assert said["stack"].startswith("Traceback")
    assert said["stack"].endswith("ValueError: no ***")


def test_a_text_cannot_forge_lines_nor_move_cursors(text: Said):
    text.logger.info("bad\n2026-01-01 00:00:00,000 CRITICAL headgate all is lost\r\x1b[2J\u202e\udc80")
    said = text.read()
    assert [line[:4] for line in said.splitlines()[1:]] == ["    "]
    assert "\\x0d\\x1b[2J\\u202e\\udc80" in said


def test_text_says_what_else_is_known_as_words(text: Said):
    token = about.set(("req_1", None))
    try:
        text.logger.info("call", extra={FIELDS: {"model": 'a "b"', "attempts": 2, "team": None}})
        text.logger.info("request req_1 failed")
    finally:
        about.reset(token)
    call, failed = text.read().splitlines()
    assert call.endswith('INFO headgate.test call model="a \\"b\\"" attempts=2 request_id=req_1')
    assert failed.endswith("INFO headgate.test request req_1 failed")


def test_a_record_that_cannot_be_made_says_so_and_nothing_of_what_it_was_about(text: Said):
    text.logger.info("%d " + SECRET, SECRET)
    assert text.read().endswith("ERROR headgate.logs a line of the log could not be made\n")


def test_a_long_text_is_cut_and_a_key_at_the_cut_is_not_shown(text: Said):
    text.logger.info("x" * 16_380 + "sk-" + "k" * 40 + "y" * 100_000)
    said = text.read()
    assert "kkkk" not in said
    assert len(said) < 17_000
    assert "(116423 characters)" in said


def test_who_reads_slowly_costs_nobody_anything_and_is_told_what_is_missing(text: Said):
    began = perf_counter()
    for number in range(6_000):
        text.logger.info("%d %s", number, "." * 1_000)
    assert perf_counter() - began < 5, "six megabytes into a pipe that nobody reads"
    assert text.logs.lost > 1_000
    got: list[str] = []
    reading = threading.Thread(target=lambda: got.extend(iter(text_of(text), "")))
    reading.start()
    caught_up(text, reading)
    text.logger.info("and on")
    text.logger.info("the end")
    caught_up(text, reading)
    reading.join(30)
    lines = "".join(got).splitlines()
    assert lines[-1].endswith("the end")
    [told] = [line for line in lines if "lines of the log are lost" in line]
    assert f" {text.logs.lost} lines" in told
    numbers = [int(line.split()[4]) for line in lines if line.endswith("....")]
    assert numbers == list(range(len(numbers))), "in their order"


def caught_up(said: Said, reading: threading.Thread) -> None:
    """Wait until whoever reads has taken all there is, however long others keep it from that."""
    until = perf_counter() + 30
    while not said.logs._outlet.free and perf_counter() < until:
        reading.join(0.001)


def text_of(said: Said) -> Callable[[], str]:
    """Reads until the end has been said."""
    over = False

    def read() -> str:
        nonlocal over
        if over:
            return ""
        data = os.read(said._reads, 65_536).decode()
        over = data.endswith("the end\n")
        return data

    return read


def test_the_line_of_a_call_has_the_trace_that_began_here(caplog: pytest.LogCaptureFixture):
    asked = call(headers={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    with caplog.at_level(logging.INFO, "headgate.calls"):
        say(asked, None, Timing(0.0, 1.0, 0.1))
        asked.account.trace = Trace("a" * 32, 7, None, sampled=True)
        say(asked, None, Timing(0.0, 1.0, 0.1))
    assert [getattr(record, FIELDS)["trace_id"] for record in caplog.records] == [
        "4bf92f3577b34da6a3ce929d0e0e4736", "a" * 32,
    ]  # fmt: skip


def test_a_reader_that_is_gone_is_no_error():
    reads, writes = os.pipe()
    outlet = Outlet(writes)
    os.close(reads)
    outlet.write(b"a\n")
    outlet.write(b"b\n")
    assert outlet.lost == 2
    os.close(writes)


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals as there are here")
def test_auto_is_text_on_a_terminal_and_json_elsewhere(objects: Said):
    objects.logs.use(LogsConfig(format="auto"))
    objects.logger.info("to a pipe")
    assert json.loads(objects.read())["message"] == "to a pipe"
    controls, terminal = os.openpty()
    logs = Logs(terminal)
    logs.use(LogsConfig(format="auto"))
    logs.handle(logging.LogRecord("headgate", logging.INFO, "", 1, "to a person", (), None))
    assert os.read(controls, 1000).decode().strip().endswith("INFO headgate to a person")
    os.close(controls)
    os.close(terminal)
