from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import BadRequest, ConfigError
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.faults import KINDS, fault_in_header, fault_of
from headgate.providers.simulator.script import Facts, Script, load_script, read_script


def facts(**changes: Any) -> Facts:
    seen: dict[str, Any] = {
        "model": "m-1",
        "text": "what is the weather",
        "body": b'{"model": "m-1"}',
        "dialect": "openai_chat",
        "operation": "chat",
        "stream": False,
        "key": "sim-a",
        "headers": {"x-team": "red"},
        "path": "/chat/completions",
    }
    return Facts(**{**seen, **changes})


def script(*rules: dict[str, Any]) -> Script:
    return read_script(json.dumps(rules).encode())


def taken(of: Script, asked: Facts, dice: bytes = b"a") -> int | None:
    found = of.take(asked, Dice(dice))
    return None if found is None else found[2]


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"model": "m-1"}, True),
        ({"model": "m-*"}, True),
        ({"model": "m"}, False),
        ({"text": "weather"}, True),
        ({"text": "Weather"}, False),
        ({"body": '"m-1"'}, True),
        ({"dialect": "anthropic_messages"}, False),
        ({"operation": "chat", "stream": False}, True),
        ({"stream": True}, False),
        ({"key": "sim-a"}, True),
        ({"key": "sim"}, False),
        ({"header": {"X-Team": "red"}}, True),
        ({"header": {"x-team": "red", "x-other": "1"}}, False),
        ({"path": "/completions"}, True),
        ({"model": "m-1", "text": "snow"}, False),
    ],
)
def test_a_rule_serves_what_all_of_its_match_holds_for(match: dict[str, Any], fits: bool) -> None:
    assert (taken(script({"match": match}), facts()) == 0) is fits


def test_the_first_rule_that_is_not_used_up_serves() -> None:
    rules = script({"times": 2, "reply": {"text": "one"}}, {"reply": {"text": "two"}})
    assert [taken(rules, facts()) for _ in range(4)] == [0, 0, 1, 1]
    assert [rule["used"] for rule in rules.shown()] == [2, 2]


def test_a_share_is_drawn_by_the_request_and_close_to_what_was_asked() -> None:
    rules = script({"share": 0.25, "fault": "server_error"})
    drawn = [taken(rules, facts(), f"{number}".encode()) for number in range(2000)]
    again = [taken(rules, facts(), f"{number}".encode()) for number in range(2000)]
    assert drawn == again
    assert 400 < drawn.count(0) < 600


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({}, "Expected `array`"),
        ([{"reply": {"stop": "never"}}], r"\[0\]\.reply\.stop"),
        ([{}, {"fault": "flood"}], r"\[1\]: there is no fault 'flood'"),
        ([{"fault": 418}], "no fault with status 418"),
        ([{"fault": {"kind": "cut", "after_tokens": "x"}}], "after_tokens"),
        ([{"fault": {"after_tokens": 1}}], "Expected `int | str`"),
        ([{"fault": {"kind": "cut", "delay": 1}}], "unknown field `delay`"),
        ([{"matches": {}}], "unknown field `matches`"),
        ([{"times": 0}], "times is at least 1"),
        ([{"share": 1.5}], "share is between 0 and 1"),
        ([{"reply": {"text": "a", "json": None}}], "two answers"),
        ([{"reply": {"usage": {"tokens": 1}}}], "usage has no 'tokens'"),
        ([{"reply": {"status": 99}}], "a status is between"),
        ([{"reply": {"tokens": -1}}], "tokens is between"),
        ([{"latency": -1}], "a latency is between"),
        ([{"latency": "slow"}], r"\[0\]\.latency"),
        ([{"latency": {"p99_ms": 5}}], "needs a median_ms"),
        ([{"latency": {"median_ms": 5, "first_token_ms": 5}}], "give one of them"),
    ],
)
def test_a_bad_script_says_where_and_what(rules: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_script(json.dumps(rules).encode())


def test_a_script_that_is_not_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="script: "):
        read_script(b"[{")


def test_a_file_may_be_yaml(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(
        "- match: {text: weather}\n  times: 3\n  latency: {first_token_ms: 5, per_token_ms: {median_ms: 1}}\n"
    )
    assert taken(load_script(file), facts()) == 0
    assert load_script(file).rules[0].times == 3


def test_an_empty_file_is_an_empty_script(tmp_path: Path) -> None:
    file = tmp_path / "script.yaml"
    file.write_text("")
    assert load_script(file).rules == ()


@pytest.mark.parametrize("content", [None, "- [", "- fault: flood", "text: 1"])
def test_a_file_that_is_no_script_is_refused_by_name(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "script.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"script\.yaml"):
        load_script(file)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_can_be_asked_for_by_name(kind: str) -> None:
    assert fault_in_header(kind) == fault_of(kind) == fault_of({"kind": kind})


def test_a_header_takes_options_and_statuses() -> None:
    fault = fault_in_header("429; retry_after_s=2.5; message=slow down")
    assert (fault.kind, fault.retry_after_s, fault.message) == ("rate_limit", 2.5, "slow down")


@pytest.mark.parametrize(
    "header", ["", "flood", "418", "cut; after_tokens", "cut; after_tokens=x", "cut; foo=1", "html; status=9"]
)
def test_a_header_that_cannot_be_read_is_the_clients_error(header: str) -> None:
    with pytest.raises(BadRequest) as caught:
        fault_in_header(header)
    assert caught.value.param == "x-sim-fault"
