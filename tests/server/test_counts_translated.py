"""Counting a prompt's tokens where client and vendor count in different dialects."""

from __future__ import annotations

from typing import Any

import pytest

from serving import Serving
from simulated import Simulated, simulator, simulator_server

__all__ = ["simulator", "simulator_server"]  # fixtures

CONFIG = """
providers:
  gpt: {{kind: openai, base_url: "{url}/v1", api_key: sim-gpt}}
  claude: {{kind: anthropic, base_url: "{url}", api_key: sim-claude}}
models:
  gpt: {{targets: [gpt/gpt-4o-mini]}}
  claude: {{targets: [claude/claude-haiku-4-5]}}
"""

ASKED: dict[str, dict[str, Any]] = {
    "/v1/messages/count_tokens": {"messages": [{"role": "user", "content": "How many tokens are these?"}]},
    "/v1/responses/input_tokens": {"input": "How many tokens are these?"},
}


@pytest.mark.parametrize("path", ASKED)
async def test_each_vendor_counts_for_each_client(path: str, simulator: Simulated):
    async with Serving(CONFIG.format(url=simulator.url)) as serving:
        for model in ("gpt", "claude"):
            answer = await serving.post(path, {"model": model, **ASKED[path]})
            assert answer.status == 200, answer.body
            assert answer.json["input_tokens"] > 5
            [row] = await serving.rows(answer)
            assert (row.operation, row.usage.input_tokens, row.cost_picodollars) == ("count_tokens", 0, 0)
