"""The configuration is shown without its secrets."""

from __future__ import annotations

import msgspec

from headgate.administration.configuration import shown
from headgate.config import loads

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
