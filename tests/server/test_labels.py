"""Clients cannot make metric labels: behind a wildcard a target is called by its pattern."""

from __future__ import annotations

from serving import Serving

CONFIG = """
providers: {sim: {kind: simulator}}
models: {"o-*": {targets: ["sim/o-*"], retry: {attempts: 1}}}
"""


async def test_names_behind_a_wildcard_are_one_label():
    async with Serving(CONFIG) as serving:
        for number in range(5):
            body = {"model": f"o-{number}", "messages": [{"role": "user", "content": "Hi"}]}
            for fault in ({}, {"x-sim-fault": "server_error"}):
                await serving.post("/v1/chat/completions", body, fault)
            await serving.post("/v1/chat/completions", {**body, "stream": True}, {"x-sim-fault": "cut"})
        metrics = serving.gateway.metrics
        assert {target for target, _ in metrics.attempts} == {"sim/o-*"}
        assert {target for _, target in metrics.events} == {"sim/o-*"}
        assert {row.target for row in serving.gateway.ledger._rows} == {f"sim/o-{number}" for number in range(5)}
