"""What LiteLLM's rows come to: what is easily taken wrong, and what would keep all the others out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from headgate.administration.importing import ImportedBudget, ImportedKey, NewImport
from headgate.administration.reading import parse, read
from headgate.importing import Report
from headgate.importing.litellm import Tables, convert, records_of
from headgate.importing.litellm.tables import UNREAD
from headgate.importing.parts import parts

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def token(name: str) -> str:
    return sha256(f"sk-{name}".encode()).hexdigest()


def imported(
    tables: dict[str, list[dict[str, Any]]], config: dict[str, Any] | None = None, unread: dict[str, int] | None = None
) -> tuple[NewImport, str]:
    """What rows come to, as the admin API takes it, and the report of them."""
    report = Report("docs/moving-from-litellm.md")
    converted = convert(config or {}, report)
    rows = msgspec.convert({**tables, "unread": unread or {}}, Tables)
    whole = records_of(rows, converted, report, NOW).whole
    for part in parts(whole):
        read(NewImport, parse(msgspec.json.encode(part)))
    return whole, "\n".join(report.lines())


def key(name: str, **more: Any) -> dict[str, Any]:
    return {"token": token(name), "key_alias": name, **more}


def named(whole: NewImport) -> dict[str, ImportedKey]:
    return {each.name: each for each in whole.keys}


def budgets(whole: NewImport) -> dict[str, ImportedBudget]:
    return {each.subject: each for each in whole.budgets}


def spent(whole: NewImport) -> dict[str, Decimal]:
    return {each.subject: each.cost_usd for each in whole.spend}


# ── who may what ──


def test_who_may_ask_for_a_model_may_by_its_other_names() -> None:
    config = {
        "model_list": [{"model_name": name, "litellm_params": {"model": "openai/gpt-4o"}} for name in ("chat", "dear")],
        "router_settings": {"model_group_alias": {"gpt-4": "chat", "gpt-5": "dear"}},
    }
    rows = {"keys": [key("a", models=["chat"]), key("b", team_id="t"), key("c")], "teams": [{"team_id": "t", "models": ["chat", "x"]}]}  # fmt: skip
    found = named(imported(rows, config)[0])
    assert [found[name].models for name in "abc"] == [["chat", "gpt-4"], ["chat", "x", "gpt-4"], None]


def test_a_team_may_what_its_access_groups_have() -> None:
    rows = {
        "teams": [{"team_id": "t", "models": ["chat"], "access_group_ids": ["g"]}],
        "groups": [{"access_group_id": "g", "access_model_names": ["dear"]}],
        "keys": [key("a", team_id="t")],
    }
    assert named(imported(rows)[0])["a"].models == ["chat", "dear"]


def test_a_member_of_a_team_has_what_it_is_narrowed_to() -> None:
    rows = {
        "teams": [{"team_id": "t", "models": ["chat", "dear"]}],
        "users": [{"user_id": "ada"}, {"user_id": "bob"}],
        "members": [{"user_id": "ada", "team_id": "t", "budget_id": "b"}],
        "budgets": [{"budget_id": "b", "allowed_models": ["chat", "other"]}],
        "keys": [key("a", team_id="t", user_id="ada"), key("b", team_id="t", user_id="bob")],
    }
    found = named(imported(rows)[0])
    assert (found["a"].models, found["b"].models) == (["chat"], ["chat", "dear"])


def test_a_person_without_default_models_has_none_without_a_team() -> None:
    rows = {
        "users": [{"user_id": "ada", "models": ["no-default-models", "chat"]}],
        "teams": [{"team_id": "t"}],
        "keys": [key("own", user_id="ada"), key("team", user_id="ada", team_id="t")],
    }
    found = named(imported(rows)[0])
    assert (found["own"].models, found["team"].models) == ([], None)


def test_a_key_of_a_team_there_is_not_is_told() -> None:
    whole, told = imported({"keys": [key("a", team_id="gone")]})
    assert named(whole)["a"].team is None
    assert "its team is not in LiteLLM's database" in told


def test_times_are_in_utc_whatever_zone_they_say() -> None:
    keys = [key("plain", expires="2030-01-01T00:00:00"), key("zone", expires="2030-01-01T00:00:00+02:00")]
    found = named(imported({"keys": keys})[0])
    assert [str(found[name].expires_at) for name in ("plain", "zone")] == [
        "2030-01-01 00:00:00+00:00",
        "2029-12-31 22:00:00+00:00",
    ]


def test_keys_that_are_kept_as_they_are_are_shown_nowhere() -> None:
    whole, told = imported({"keys": [{"token": "planted-secret"}, {"token": "planted-secret-2", "max_budget": 1}]})
    assert "planted" not in told + msgspec.json.encode(whole).decode()
    assert {each.digest for each in whole.keys} == {
        sha256(each.encode()).hexdigest() for each in ("planted-secret", "planted-secret-2")
    }


def test_a_key_that_is_there_twice_is_one() -> None:
    assert len(imported({"keys": [{"token": "plain"}, {"token": sha256(b"plain").hexdigest()}]})[0].keys) == 1


def test_a_tag_of_a_key_takes_no_place_of_ours() -> None:
    rows = {
        "organisations": [{"organization_id": "o", "organization_alias": "Acme", "budget_id": "b"}],
        "budgets": [{"budget_id": "b", "max_budget": 5}],
        "keys": [key("a", organization_id="o", metadata={"tags": ["litellm-organisation", *map(str, range(99))]})],
    }
    whole, told = imported(rows)
    tags = named(whole)["a"].tags
    assert (tags["litellm-organisation"], len(tags)) == ("o", 30)
    assert "some of its tags are left out" in told


# ── money ──


def test_each_member_has_the_team_s_budget_where_it_has_none_of_its_own() -> None:
    rows = {
        "teams": [{"team_id": "t", "metadata": {"team_member_budget_id": "each"}}],
        "users": [{"user_id": name} for name in ("ada", "bob", "eve")],
        "members": [
            {"user_id": "ada", "team_id": "t", "spend": 2},
            {"user_id": "eve", "team_id": "t", "budget_id": "own"},
        ],
        "budgets": [
            {"budget_id": "each", "max_budget": 7, "budget_duration": "30d"},
            {"budget_id": "own", "max_budget": 0},
        ],
        "keys": [key(name, team_id="t", user_id=name) for name in ("ada", "bob", "eve")],
    }
    whole, _ = imported(rows)
    amounts = {subject: (each.amount_usd, each.period) for subject, each in budgets(whole).items()}
    assert amounts == {
        "tag:litellm-member=t/ada": (7, "month"),
        "tag:litellm-member=t/bob": (7, "month"),
        "tag:litellm-member=t/eve": (Decimal("1e-12"), "total"),
    }
    assert named(whole)["bob"].tags == {"litellm-member": "t/bob"}


def test_things_of_one_name_have_budgets_of_their_own() -> None:
    rows = {
        "organisations": [
            {"organization_id": f"o{at}", "organization_alias": "Acme", "budget_id": "b"} for at in (1, 2)
        ],
        "teams": [{"team_id": f"t{at}", "team_alias": "Research"} for at in (1, 2)],
        "members": [{"user_id": "ada", "team_id": f"t{at}", "budget_id": "b"} for at in (1, 2)],
        "tags": [{"tag_name": name, "budget_id": "b"} for name in ("a,b", "a=b")],
        "budgets": [{"budget_id": "b", "max_budget": 5}],
    }
    whole, _ = imported(rows)
    assert len(budgets(whole)) == len(whole.budgets) == 6


def test_amounts_beyond_everything_keep_nobody_out() -> None:
    huge = [1e7, 1e300, -1e300, "Infinity", "NaN"]
    rows = {
        "keys": [
            key(str(at), spend=each, max_budget=each, tpm_limit=10**18, team_id="t") for at, each in enumerate(huge)
        ],
        "teams": [{"team_id": "t", "spend": 1e300, "max_budget": 9e6}],
    }
    whole, told = imported(rows)
    found = [spent(whole)[f"key:{token(str(at))}"] for at in range(len(huge))]
    assert found == [9_000_000, 9_000_000, -9_000_000, 0, 0]
    assert "that is the most there can be" in told
    assert max(each.tokens or 0 for each in whole.limits) == 10**15


def test_the_budget_of_each_customer_is_the_row_that_settings_name() -> None:
    rows = {
        "budgets": [
            {"budget_id": "each", "max_budget": 3, "budget_duration": "1d"},
            {"budget_id": "own", "max_budget": 50},
        ],
        "customers": [{"user_id": "jo", "budget_id": "own", "spend": 1}, {"user_id": "al", "spend": 2}],
    }
    whole, told = imported(rows, {"litellm_settings": {"max_end_user_budget_id": "each"}})
    assert (budgets(whole)["customer:*"].amount_usd, budgets(whole)["customer:*"].period) == (3, "day")
    assert {each.subject: len(each.budgets) for each in whole.spend} == {"customer:jo": 2, "customer:al": 1}
    assert "larger budget of its own" in told
    assert "there is no such budget" in imported({}, {"litellm_settings": {"max_end_user_budget_id": "each"}})[1]


def test_a_budget_per_model_of_a_linked_row_is_told() -> None:
    rows = {"keys": [key("a", budget_id="b")], "budgets": [{"budget_id": "b", "model_max_budget": {"chat": 1}}]}
    assert "its budgets per model" in imported(rows)[1]


# ── what cannot be carried ──


def test_what_kept_somebody_from_something_is_told_by_name() -> None:
    rows = {
        "keys": [key("a", metadata={"guardrails": ["pii"], "owner": "x"}, permissions={"pii": True})],
        "teams": [{"team_id": "t", "metadata": {"model_rpm_limit": {"chat": 1}}, "policies": ["p"]}],
        "projects": [{"project_id": "p", "blocked": True, "model_tpm_limit": {"chat": 1}}],
    }
    told = imported(rows)[1]
    for line in (
        "key a: is not held to what LiteLLM says of it: guardrails, permissions",
        "key a: its further settings are left out: owner",
        "team t: is not held to what LiteLLM says of it: model_rpm_limit, policies",
        "project p: is not held to what LiteLLM says of it: model_tpm_limit",
        "project p: is archived: its keys open nothing, for good",
    ):
        assert line in told


def test_rotated_keys_and_tables_that_are_not_read_are_told() -> None:
    rotated = [
        {"token": "x", "active_token_id": "y", "revoke_at": "2026-12-01T00:00:00"},
        {"token": "z", "active_token_id": "y", "revoke_at": "2026-01-01T00:00:00"},
    ]
    settings = [{"param_name": "router_settings"}]
    told = imported(
        {"rotated": rotated, "settings": settings}, unread=dict.fromkeys(UNREAD, 1) | {"LiteLLM_PromptTable": 0}
    )[1]
    assert "good until 2026-12-01" in told
    assert "2026-01-01" not in told
    assert "LiteLLM_GuardrailsTable" in told
    assert "LiteLLM_Config: router_settings" in told
    assert "LiteLLM_PromptTable" not in told


def test_a_list_of_models_that_is_too_long_is_cut_and_told() -> None:
    whole, told = imported({"keys": [key("a", models=[f"m{at}" for at in range(600)])]})
    assert len(named(whole)["a"].models or ()) == 500
    assert "the first 500 of its 600 models" in told


@pytest.mark.parametrize("email", ["x", "a@b", "a@b@c", "a b@c", "@", "x" * 300 + "@y", "\0@x"])
def test_an_address_that_is_none_keeps_nobody_out(email: str) -> None:
    assert len(imported({"users": [{"user_id": "ada", "user_email": email}]})[0].users) == 1
