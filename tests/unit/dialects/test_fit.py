"""What an encoder does with what a client said in another dialect's words."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.dialects.base import Fit
from headgate.errors import Unsupported


def test_a_foreign_member_that_changes_the_answer_is_refused_by_name() -> None:
    with pytest.raises(Unsupported) as caught:
        Fit(model="m", dropped=[]).refuse_foreign({"anthropic_messages": {"mcp_servers": [{}]}}, "cohere_chat")
    assert caught.value.param == "mcp_servers"


def test_it_is_noted_instead_where_the_configuration_allows_that() -> None:
    fit = Fit(model="m", drop=True, dropped=[])
    fit.refuse_foreign({"anthropic_messages": {"mcp_servers": [{}]}}, "cohere_chat")
    assert fit.dropped == ["mcp_servers"]


def test_foreign_advice_is_noted_as_left_out() -> None:
    fit = Fit(model="m", dropped=[])
    fit.refuse_foreign(
        {"openai_chat": {"safety_identifier": "s", "mine": 1}},
        "x",
        advisory=frozenset({"mine"}) | {"safety_identifier"},
    )
    assert fit.dropped == ["safety_identifier", "mine"]


def test_what_codex_says_of_itself_is_advice() -> None:
    fit = Fit(model="m", dropped=[])
    fit.refuse_foreign({"openai_responses": {"client_metadata": {"turn_id": "1"}}}, "anthropic_messages")
    assert fit.dropped == ["client_metadata"]


@pytest.mark.parametrize("edit", [{"type": "clear_tool_uses_20250919"}, {"type": "clear_thinking_20251015", "keep": 1}])
def test_leaving_out_what_the_model_would_see_is_no_advice(edit: dict[str, Any]) -> None:
    members = {"context_management": {"edits": [edit]}}
    with pytest.raises(Unsupported):
        Fit(model="m", dropped=[]).refuse_foreign({"anthropic_messages": members}, "openai_chat")


@pytest.mark.parametrize(
    "members",
    [
        {"background": False},
        {"truncation": "disabled"},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
        {"anything": None},
        {"anything": []},
        {"anything": {}},
        {"taken": 1},
    ],
)
def test_what_asks_for_nothing_or_is_sent_anyway_is_let_pass(members: dict[str, Any]) -> None:
    fit = Fit(model="m", dropped=[])
    fit.refuse_foreign({"openai_responses": members}, "cohere_chat", taken=frozenset({"taken"}))
    assert fit.dropped == []


def test_the_dialects_own_members_are_its_own_business() -> None:
    Fit(model="m", dropped=[]).refuse_foreign({"cohere_chat": {"safety_mode": "OFF"}}, "cohere_chat")
