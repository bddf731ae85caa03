"""Where keys are used from is written down once a day and network, however many addresses a client has."""

from __future__ import annotations

import msgspec

from headgate.clock import ManualClock
from headgate.telemetry.networks import DAY_US, NetworkRecorder, Used
from headgate.types import Identity

NOW_US = 1_793_491_200_000_000


class Written:
    def __init__(self) -> None:
        self.clock = ManualClock(NOW_US)
        self.used: list[Used] = []
        self.recorder = NetworkRecorder(self._append, self.clock)

    def _append(self, kind: bytes, payload: bytes) -> None:
        self.used.append(msgspec.json.decode(payload, type=Used))

    def seen(self, *addresses: str, key: str = "key_1") -> list[str]:
        """What is written of a key's use from addresses."""
        before = len(self.used)
        for address in addresses:
            self.recorder.seen(Identity(key_id=key), address)
        return [each.network for each in self.used[before:]]


def test_a_client_that_has_a_network_to_itself_is_one_record():
    written = Written()
    assert written.seen(*(f"2001:db8:7::{number:x}" for number in range(1, 2_000))) == ["2001:db8:7::/48"]
    assert written.seen("192.0.2.1", "::ffff:192.0.2.77", "192.0.3.1") == ["192.0.2.0/24", "192.0.3.0/24"]
    assert written.seen("192.0.2.1", key="key_2") == ["192.0.2.0/24"]


def test_it_is_told_again_on_another_day():
    written = Written()
    written.recorder.forget()
    assert written.seen("192.0.2.1", "192.0.2.1") == ["192.0.2.0/24"]
    written.clock.advance(DAY_US / 1e6)
    written.recorder.forget()
    assert written.seen("192.0.2.1") == ["192.0.2.0/24"]


def test_what_is_no_address_is_not_written():
    assert Written().seen("", "unix", "2001:zz::1", "1.2.3") == []
