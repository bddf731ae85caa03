"""What the server says at its start of the key it takes from the environment."""

from __future__ import annotations

import logging

import pytest

from headgate.config import loads
from headgate.server import run

CONFIG = "server: {{auth: {auth}}}\nproviders: {{sim: {{kind: simulator}}}}\nmodels: {{chat: {{targets: [sim/x]}}}}\n"


@pytest.mark.parametrize(
    ("auth", "environ", "warned"),
    [
        ("keys", {"HEADGATE_ADMIN_KEY": "k" * 31}, True),
        ("keys", {"HEADGATE_ADMIN_KEY": "k" * 32}, False),
        ("keys", {}, False),
        ("none", {"HEADGATE_ADMIN_KEY": "short"}, False),
    ],
)
def test_a_short_admin_key_is_warned_of_and_taken(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    auth: str,
    environ: dict[str, str],
    warned: bool,
) -> None:
    served: list[bool] = []

    async def serve(*_: object) -> None:
        served.append(True)

    monkeypatch.setattr(run, "_serve", serve)
    monkeypatch.setattr(run, "_work_in_batches", lambda: None)
    with caplog.at_level(logging.WARNING, "headgate.server"):
        assert run.serve(loads(CONFIG.format(auth=auth), "headgate.yaml", {}), None, environ) == 0
    assert served == [True]
    assert ("openssl rand -base64 32" in caplog.text) is warned
    assert "kkk" not in caplog.text
