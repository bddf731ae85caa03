"""`docs/providers.md` says what the rows and the recordings say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from headgate.providers.row import ROWS, find_row
from recordings import recordings

LINES = (Path(__file__).parents[3] / "docs" / "providers.md").read_text().splitlines()
TABLE = {
    cells[0].strip("`"): cells
    for line in LINES
    if line.startswith("| `") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 6
}
HOSTS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "aiplatform.googleapis.com": "vertex",
    "europe-west4-aiplatform.googleapis.com": "vertex",
    "bedrock-runtime.us-east-1.amazonaws.com": "bedrock",
    "bedrock-runtime.eu-central-1.amazonaws.com": "bedrock",
    "api.cohere.com": "cohere",
    "api.mistral.ai": "mistral",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "openrouter.ai": "openrouter",
    "api.cerebras.ai": "cerebras",
    "router.huggingface.co": "huggingface",
    "ollama.com": "ollama",
    "pydantic-ai-realtime-dev.openai.azure.com": "azure",
}


@pytest.mark.parametrize("kind", ROWS)
def test_every_kind_is_listed_with_its_own_facts(kind: str) -> None:
    row = find_row(kind)
    _, base_url, auth, spoken, passed, _ = TABLE[kind]
    if row.base_url is not None and kind != "simulator":
        assert f"`{row.base_url}`" in base_url
    assert row.auth in auth
    assert re.findall(r"`(\w+)`", spoken) == [name for names in row.dialects.values() for name in names]
    assert re.findall(r"\w+", passed) == sorted(row.passed)


def test_evidence_counts_are_those_of_the_recordings() -> None:
    if not recordings():
        pytest.skip("recordings are absent: set HEADGATE_DATA")
    counted = Counter(HOSTS[each.host] for each in recordings() if each.host in HOSTS)
    claimed = {kind: int(found[1]) for kind, cells in TABLE.items() if (found := re.match(r"recorded (\d+)", cells[5]))}
    assert claimed == dict(counted)
