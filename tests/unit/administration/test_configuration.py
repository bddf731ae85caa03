"""The configuration is shown without its secrets."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from headgate.administration.configuration import shown
from headgate.config import loads
from headgate.config.references import REFERRED

CONFIG = """
storage: {database: "sqlite:///:memory:"}
audit: {key: "audit-secret"}
providers:
  one: {kind: openai, api_key: secret-1, headers: {x-team: secret-2}, body: {token: secret-3}}
  two: {kind: openai, api_keys: [secret-4, secret-5], proxy: "http://me:secret-6@127.0.0.1:1"}
  three: {kind: vllm, base_url: "http://me:secret-7@127.0.0.1:8000/v1"}
models: {chat: {targets: [one/gpt-4o-mini]}}
stages: [{use: "own_stages:Anything", after: context, with: {token: secret-8}}]
"""


@pytest.fixture(autouse=True)
def fresh():
    """What other tests' references gave is none of this one's."""
    REFERRED.clear()


def test_no_secret_is_shown():
    text = msgspec.json.encode(shown(loads(CONFIG))).decode()
    assert "secret" not in text
    assert "***" in text


def test_what_is_no_secret_is_shown():
    tree = shown(loads(CONFIG))
    assert tree["providers"]["one"]["kind"] == "openai"
    assert tree["providers"]["one"]["api_key"] == "***"
    assert tree["providers"]["three"]["base_url"] == "http://***@127.0.0.1:8000/v1"
    assert tree["models"]["chat"]["targets"][0]["target"] == "one/gpt-4o-mini"
    assert tree["server"]["port"] == 8080
    assert tree["stages"][0]["with"] == ["token"]


def test_what_a_reference_gave_is_not_shown_wherever_it_stands(tmp_path: Path):
    (tmp_path / "folder").write_text("/srv/of-the-file\n")
    environ = {"HOST_OF_VENDOR": "inner.example", "LIMIT": "7341", "UNSET": ""}
    text = """
providers:
  one: {kind: vllm, base_url: "https://${HOST_OF_VENDOR}/v1", ca_file: "${file:folder}"}
models:
  chat: {targets: [{target: one/m, rpm: "${LIMIT}"}]}
  "${UNSET:-plain}": {targets: [one/m]}
"""
    tree = shown(loads(text, "headgate.yaml", environ, tmp_path))
    told = msgspec.json.encode(tree).decode()
    assert "inner.example" not in told
    assert "of-the-file" not in told
    assert "7341" not in told
    assert tree["providers"]["one"]["base_url"] == "https://***/v1"
    assert tree["models"]["chat"]["targets"][0] | {"rpm": "***"} == tree["models"]["chat"]["targets"][0]
