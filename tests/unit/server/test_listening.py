"""Listening: what a port may be."""

from __future__ import annotations

import pytest

from headgate.server.listening import usable_port


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_is_none_is_not_taken_for_another(port: int) -> None:
    with pytest.raises(OSError, match="between 0 and 65535"):
        usable_port("127.0.0.1", port)
