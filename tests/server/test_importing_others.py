"""Portkey's configs and Bifrost's config.json brought in by the commands: clients of OpenAI's SDK go on, and keys do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from headgate.cli.app import run
from serving import Serving
from simulated import Simulated, simulator, simulator_server
from upstream import unused_port

__all__ = ["simulator", "simulator_server"]  # fixtures

ADMIN_KEY = "hg-the-admin-key-of-this-file-0123456789"
VIRTUAL_KEY = "sk-bf-a-virtual-key-that-was-there-before"
MESSAGES: Any = [{"role": "user", "content": "Hello"}]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HEADGATE_CONFIG", "HEADGATE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADGATE_ADMIN_KEY", ADMIN_KEY)
    monkeypatch.setenv("UPSTREAM", "sim-key")
    return tmp_path


class Ran:
    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        self.code = run(arguments)
        told = capsys.readouterr()
        self.out, self.err = told.out, told.err


def written(folder: Path, extra: str = "") -> str:
    """What `headgate.yaml` says, the server's own section excepted."""
    tree = yaml.safe_load((folder / "headgate.yaml").read_text())
    del tree["server"]
    return yaml.safe_dump(tree) + extra


def client(serving: Serving, key: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{serving.url}/v1", api_key=key, max_retries=0)


# ── Portkey ──


def portkey(simulator: Simulated) -> dict[str, Any]:
    here = {"provider": "openai", "custom_host": f"{simulator.url}/v1", "api_key": "${UPSTREAM}"}
    return {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"params.model": {"$eq": "safe"}}, "then": "guarded"}],
            "default": "any",
        },
        "targets": [
            {
                "name": "guarded",
                "strategy": {"mode": "fallback", "on_status_codes": [500]},
                "retry": {"attempts": 0},
                "targets": [
                    {**here, "override_params": {"model": "broken"}},
                    {**here, "override_params": {"model": "gpt-4o-mini", "temperature": 0}},
                ],
            },
            {"name": "any", **here},
        ],
    }


async def test_a_client_of_portkey_gets_its_answers(
    simulator: Simulated, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pc-main.json").write_text(json.dumps(portkey(simulator)))
    dry = Ran(capsys, "import", "portkey", "--config", "pc-main.json")
    assert (dry.code, (folder / "headgate.yaml").exists()) == (0, False)
    assert Ran(capsys, "import", "portkey", "--config", "pc-main.json", "--write").code == 0
    assert Ran(capsys, "check").code == 0
    simulator.script([{"match": {"model": "broken"}, "fault": "server_error"}])
    async with Serving(written(folder), {"UPSTREAM": "sim-key"}) as serving, client(serving, "none") as sdk:
        answer = await sdk.chat.completions.create(model="gpt-4o", messages=MESSAGES)
        assert answer.choices[0].message.content
        stream = await sdk.chat.completions.create(model="safe", messages=MESSAGES, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert [each["model"] for each in simulator.requests()] == ["gpt-4o", "broken", "gpt-4o-mini"]


async def test_several_configs_are_models_of_their_names(
    simulator: Simulated, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = {"provider": "openai", "custom_host": f"{simulator.url}/v1", "api_key": "{{UPSTREAM}}"}
    (folder / "pc-any.json").write_text(json.dumps(here))
    (folder / "pc-small.json").write_text(json.dumps({**here, "override_params": {"model": "gpt-4o-mini"}}))
    ran = Ran(capsys, "import", "portkey", "--config", "pc-any.json", "--config", "pc-small.json", "--write")
    assert (ran.code, "pc-any: is asked for as pc-any/*" in ran.out) == (0, True)
    async with Serving(written(folder), {"UPSTREAM": "sim-key"}) as serving, client(serving, "none") as sdk:
        for model in ("pc-any/gpt-4o", "pc-small"):
            await sdk.chat.completions.create(model=model, messages=MESSAGES)
    assert [each["model"] for each in simulator.requests()] == ["gpt-4o", "gpt-4o-mini"]


async def test_the_model_a_client_asks_for_goes_on_to_the_fallback(
    simulator: Simulated, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = [f"http://127.0.0.1:{unused_port()}/v1", f"{simulator.url}/v1"]
    targets = [{"provider": "openai", "custom_host": host, "api_key": "${UPSTREAM}"} for host in hosts]
    (folder / "pc.json").write_text(json.dumps({"strategy": {"mode": "fallback"}, "targets": targets}))
    assert Ran(capsys, "import", "portkey", "--config", "pc.json", "--write").code == 0
    async with Serving(written(folder), {"UPSTREAM": "sim-key"}) as serving, client(serving, "none") as sdk:
        await sdk.chat.completions.create(model="gpt-4.1-mini", messages=MESSAGES)
    assert [each["model"] for each in simulator.requests()] == ["gpt-4.1-mini"]


def test_what_portkey_alone_knows_can_be_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pc.json").write_text(json.dumps({"provider": "@main"}))
    lost = Ran(capsys, "import", "portkey", "--config", "pc.json")
    assert (lost.code, "--vendor main=openai" in " ".join(lost.out.split())) == (1, True)
    said = Ran(
        capsys, "import", "portkey", "--config", "pc.json", "--vendor", "@main=anthropic", "--model", "claude-haiku-4-5"
    )
    assert (said.code, "claude-haiku-4-5: goes to main/claude-haiku-4-5" in said.out) == (0, True)
    wrong = Ran(capsys, "import", "portkey", "--config", "pc.json", "--vendor", "main=aws")
    assert (wrong.code, "--vendor main=aws" in wrong.err) == (2, True)


@pytest.mark.parametrize("product", ["portkey", "bifrost"])
def test_files_that_are_none_are_told(product: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = Ran(capsys, "import", product, "--config", "gone.json")
    assert (missing.code, "gone.json cannot be read" in missing.err, "--config" in missing.err) == (3, True, True)
    (folder / "bad.json").write_text('{\n "providers": {,}\n}')
    bad = Ran(capsys, "import", product, "--config", "bad.json")
    assert (bad.code, "bad.json:2: is no JSON" in bad.err) == (3, True)
    (folder / "list.json").write_text("[]")
    assert "is no JSON object; name " in Ran(capsys, "import", product, "--config", "list.json").err


# ── Bifrost ──


def bifrost(simulator: Simulated) -> dict[str, Any]:
    everything = {"provider": "openai", "allowed_models": ["*"], "key_ids": ["*"]}
    return {
        "providers": {
            "openai": {
                "keys": [{"name": "main", "value": "env.UPSTREAM", "models": ["*"], "weight": 1}],
                "network_config": {"base_url": simulator.url},
            }
        },
        "governance": {
            "teams": [{"id": "t-1", "name": "Research"}],
            "virtual_keys": [
                {"id": "vk-1", "name": "ci", "value": VIRTUAL_KEY, "team_id": "t-1", "rate_limit_id": "r-1", "provider_configs": [everything]},
                {"id": "vk-2", "name": "small", "value": "sk-bf-small-only", "provider_configs": [{**everything, "allowed_models": ["gpt-4o-mini"]}]},
                {"id": "vk-3", "name": "off", "value": "sk-bf-not-active", "is_active": False, "provider_configs": [everything]},
            ],
            "budgets": [{"id": "b-1", "max_limit": 100, "reset_duration": "1M", "virtual_key_id": "vk-1", "current_usage": 1.25}],
            "rate_limits": [{"id": "r-1", "request_max_limit": 3, "request_reset_duration": "1h"}],
        },
    }  # fmt: skip


@pytest.fixture
async def serving(
    simulator: Simulated, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Serving]:
    """A server with the configuration that Bifrost's comes to, and no rows yet."""
    (folder / "config.json").write_text(json.dumps(bifrost(simulator)))
    assert Ran(capsys, "import", "bifrost", "--config", "config.json", "--write", "--config-only").code == 0
    assert Ran(capsys, "check").code == 0
    text = written(folder, 'storage: {database: "sqlite:///:memory:"}\nprices: {"gpt-*": {input: 1, output: 2}}\n')
    serving = Serving(text, {"UPSTREAM": "sim-key", "HEADGATE_ADMIN_KEY": ADMIN_KEY}, server="auth: keys")
    async with serving:
        monkeypatch.setenv("HEADGATE_URL", serving.url)
        yield serving


async def imported(capsys: pytest.CaptureFixture[str]) -> Any:
    """What the command says, beside a server of this loop."""
    command = ("import", "bifrost", "--config", "config.json", "--write", "--records-only", "--json")
    ran = await asyncio.to_thread(Ran, capsys, *command)
    assert ran.code == 0, ran.err
    assert "sk-bf-" not in ran.out
    return json.loads(ran.out)["done"]["records"]


async def ask(serving: Serving, path: str) -> Any:
    return (await serving.request("GET", path, headers={"authorization": f"Bearer {ADMIN_KEY}"})).json


async def test_a_client_of_bifrost_keeps_its_key_and_the_names_of_models(
    serving: Serving, simulator: Simulated, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await imported(capsys)
    assert {name: count for name, count in made["made"].items() if count} == {
        "teams": 1, "keys": 3, "limits": 1, "budgets": 1, "spend": 1,
    }  # fmt: skip
    async with client(serving, VIRTUAL_KEY) as sdk:
        for model in ("openai/gpt-4o-mini", "gpt-4o-mini"):
            answer = await sdk.chat.completions.create(model=model, messages=MESSAGES, max_tokens=20)
            assert answer.choices[0].message.content
    assert [each["model"] for each in simulator.requests()] == ["gpt-4o-mini", "gpt-4o-mini"]


async def test_limits_and_models_of_virtual_keys_hold(serving: Serving, capsys: pytest.CaptureFixture[str]) -> None:
    await imported(capsys)
    async with client(serving, VIRTUAL_KEY) as sdk:
        for _ in range(3):
            await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, max_tokens=20)
        with pytest.raises(openai.RateLimitError):
            await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, max_tokens=20)
    async with client(serving, "sk-bf-small-only") as sdk:
        await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
        for model in ("gpt-4o", "openai/gpt-4o"):
            with pytest.raises(openai.NotFoundError):
                await sdk.chat.completions.create(model=model, messages=MESSAGES)
    async with client(serving, "sk-bf-not-active") as sdk:
        with pytest.raises(openai.AuthenticationError):
            await sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)


async def test_what_was_spent_at_bifrost_is_where_budgets_begin(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    await imported(capsys)
    again = await imported(capsys)
    assert (any(again["made"].values()), again["left"]) == (False, [])
    [budget] = (await ask(serving, "/admin/budgets"))["data"]
    assert (budget["spent_usd"], budget["amount_usd"], budget["period"]) == ("1.25", "100", "month")
    body = {"model": "gpt-4o-mini", "messages": MESSAGES, "max_tokens": 20}
    answer = await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {VIRTUAL_KEY}"})
    await serving.rows(answer)
    [budget] = (await ask(serving, "/admin/budgets"))["data"]
    assert Decimal(budget["spent_usd"]) == Decimal("1.25") + Decimal(answer.headers["x-headgate-cost-usd"])


def test_without_a_server_the_rows_go_into_the_file(
    simulator: Simulated, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.json").write_text(json.dumps(bifrost(simulator)))
    command = ("import", "bifrost", "--config", "config.json", "--write")
    first = Ran(capsys, *command)
    assert (first.code, "3 keys" in first.out) == (0, True), first.err
    assert "Rows made: none" in Ran(capsys, *command, "--records-only").out
