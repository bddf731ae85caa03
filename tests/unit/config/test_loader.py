"""Loading a configuration: what it becomes, and every mistake with its line."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from headgate.config import content_hash, default_path, load, loads, with_server
from headgate.errors import ConfigError

GOOD = """\
providers:
  sim: {kind: simulator}
models:
  chat: {targets: [sim/gpt-4o-mini]}
"""


def problems(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(text, "h.yaml", environ or {})
    return caught.value.problems


def one(text: str, environ: dict[str, str] | None = None) -> str:
    found = problems(text, environ)
    assert len(found) == 1, found
    return found[0]


def test_defaults_are_filled_in() -> None:
    config = loads(GOOD)
    assert (config.server.host, config.server.port, config.server.auth) == ("127.0.0.1", 8080, "keys")
    assert (config.storage.database, config.storage.shared) == (None, "memory")
    [target] = config.models["chat"].targets
    assert (target.target, target.weight, target.priority) == ("sim/gpt-4o-mini", 1.0, 1)
    assert config.models["chat"].timeout.total_s == 600


def test_the_configuration_of_the_design_loads_without_what_is_not_there_yet() -> None:
    config = loads(
        """
server: {host: 127.0.0.1, port: 8080, auth: keys, max_body_mb: 64, max_inflight_mb: 512, trusted_proxies: []}
storage: {database: "sqlite:///headgate.db", shared: memory}
providers:
  openai:  {kind: openai, api_key: "${OPENAI_API_KEY}"}
  azure:   {kind: azure, base_url: "https://x.openai.azure.com", auth: entra}
  aws:     {kind: bedrock, region: us-east-1}
  local:   {kind: openai, base_url: "http://127.0.0.1:8000/v1", headers: {x-a: b}, body: {top_k: 1}}
  claude:  {kind: anthropic, api_key: "k"}
models:
  chat:
    targets: [openai/gpt-4o-mini, {target: azure/my-deployment, base_model: gpt-4o-mini, weight: 90, priority: 1}]
    timeout: {connect_s: 5, total_s: 600, first_token_s: 120, stall_s: 120}
  "claude-*": {targets: ["claude/*"]}
stages: [{use: "my_package.stages:Watermark", after: guardrails, with: {text: x}}]
""",
        environ={"OPENAI_API_KEY": "sk-x"},
    )
    assert config.providers["openai"].api_key == "sk-x"
    assert config.stages[0].with_ == {"text": "x"}
    assert config.models["chat"].targets[1].base_model == "gpt-4o-mini"


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = problems(
        """\
server: {prot: 1, port: 99999}
providers:
  a: {kind: opnai}
models:
  chat:
    targets: [b/x]
    fallback: [nowhere]
"""
    )
    assert [line.split(": ")[:2] for line in found] == [
        ["h.yaml:1", "server.port"],
        ["h.yaml:1", "server.prot"],
        ["h.yaml:3", "providers.a.kind"],
        ["h.yaml:6", "models.chat.targets[0].target"],
        ["h.yaml:7", "models.chat.fallback.any[0].use"],
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("server: {prot: 1}\n" + GOOD, 1, "server.prot: is not a setting here; did you mean 'port'?"),
        ("server:\n  port: eighty\n" + GOOD, 2, "server.port: must be a whole number, but is a string, 'eighty'"),
        ("server:\n  port: 3.0\n" + GOOD, 2, "server.port: cannot be used"),
        ("server: {port: -1}\n" + GOOD, 1, "server.port: must be at least 0 and at most 65,535"),
        ("server: {auth: non}\n" + GOOD, 1, "server.auth: cannot be 'non'; write keys or none"),
        ("server: {direct_targets: yes}\n" + GOOD, 1, "but is a string, 'yes'; write true"),
        ("server: {auth: none, host: 0.0.0.0}\n" + GOOD, 1, "server.auth: cannot be 'none' where others can reach"),
        ("server: {auth: none, host: example.com}\n" + GOOD, 1, "cannot be 'none'"),
        ("server: {trusted_proxies: [10.0.0.0/33]}\n" + GOOD, 1, "trusted_proxies[0]: is no address or network"),
        ("server: {hosts: ['http://x']}\n" + GOOD, 1, "server.hosts[0]: is no host name"),
        ("server: {max_body_mb: 600}\n" + GOOD, 1, "max_inflight_mb"),
        (
            "telemetry: {rollups: {minutes_days: 100}}\n" + GOOD,
            1,
            "minutes_days: makes minutes_days (100) more than hours_",
        ),
        (
            "telemetry: {rollups: {days_days: 9}}\n" + GOOD,
            1,
            "days_days: makes hours_days (92) more than days_days (9)",
        ),
        ("server: {workers: 2}\n" + GOOD, 1, "server.workers: need storage they can share"),
        ("server:\n" + GOOD, 1, "server: must be a mapping of names to values, but is empty"),
        ("storage: {database: 'mysql://x'}\n" + GOOD, 1, "storage.database: is no database known here"),
        ("storage: {database: 'sqlite:///'}\n" + GOOD, 1, "storage.database: names no file"),
        ("storage: {database: 'postgresql://x/y'}\n" + GOOD, 1, "storage.shared: would count in each process"),
        ("storage: {shared: 'memcached://x'}\n" + GOOD, 1, "storage.shared: is no store known here"),
        ("storage: {shared: 'redis://x'}\n" + GOOD, 1, "storage.shared: goes with PostgreSQL"),
        ("access:\n  roles: {admin: [call]}\n" + GOOD, 2, "2: access.roles.admin: is a role there is already"),
        ("nonsense: 1\n" + GOOD, 1, "nonsense: is not a setting here"),
        ("stages: [{use: 'a:B'}]\n" + GOOD, 1, "stages[0]: needs a place"),
        ("stages: [{use: 'a:B', after: cache, before: cache}]\n" + GOOD, 1, "stages[0]: needs a place"),
        ("stages: [{use: 'a.B', after: cache}]\n" + GOOD, 1, "stages[0].use: cannot be 'a.B'"),
        ("stages: [{use: 'a:B', after: caches}]\n" + GOOD, 1, "stages[0].after: cannot be 'caches'"),
        ("prices: {'a*b': {input: 1}}\n" + GOOD, 1, "prices['a*b']: has a '*' that is not at the end"),
        ("prices: {m: {input: -1}}\n" + GOOD, 1, "prices.m.input: must be at least 0"),
        ("prices: {m: {input: cheap}}\n" + GOOD, 1, "prices.m.input: cannot be 'cheap'"),
        ("prices: {m: {output: 1}}\n" + GOOD, 1, "prices.m: lacks 'input'"),
        (GOOD + "  x: {}\n", 5, "models.x: lacks 'targets'"),
        (GOOD + "  x: {targets: []}\n", 5, "models.x.targets: is an empty list"),
        (GOOD + "  x: {targets: sim/y}\n", 5, "models.x.targets: must be a list, but is a string"),
        (GOOD + "  x: {targets: [chat]}\n", 5, "is no target: 'chat'; a model cannot stand for a target"),
        (GOOD + "  x: {targets: [sin/y]}\n", 5, "names the provider 'sin', which is not there; did you mean 'sim'?"),
        (GOOD + "  x: {targets: ['sim/*']}\n", 5, "has a '*', but the model 'x' has none"),
        (GOOD + "  'x*': {targets: ['sim/*-*']}\n", 5, "more than one '*'"),
        (GOOD + "  '*x': {targets: [sim/y]}\n", 5, "models['*x']: cannot be a name"),
        (GOOD + "  x: {targets: [sim/y, sim/y]}\n", 5, "is there twice"),
        (
            GOOD + "  x: {targets: [sim/y]}\nprices: {sim/y: {input: 1}}\n",
            5,
            "by its provider, which nobody looks for; write y",
        ),
        (GOOD + "  x: {targets: [{target: sim/y, weight: 0}]}\n", 5, "weight: must be more than 0"),
        (GOOD + "  x: {targets: [{target: sim/y, price_like: a/b}]}\n", 5, "price_like: has no known price: 'a/b'"),
        (GOOD + "  x: {targets: [sim/y], canary: 5}\n", 5, "models.x.canary: is not a setting here"),
        (GOOD + "  chat: {targets: [sim/y]}\n", 5, "models.chat: is given a second time, first in line 4"),
        ("providers: {a/b: {kind: simulator}}\n" + GOOD[GOOD.index("models") :].replace("sim/", "a/"), 1, "a name"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(text: str, line: int, words: str) -> None:
    found = problems(text)
    matching = [problem for problem in found if words in problem]
    assert matching, found
    assert matching[0].startswith(f"h.yaml:{line}: ")


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("{kind: opnai}", "kind: is no kind of provider: 'opnai'; did you mean 'openai'?"),
        ("{}", "lacks 'kind'"),
        ("{kind: openai, base_url: localhost:8000}", "base_url: is no address"),
        ("{kind: openai, base_url: 'http://x:99999'}", "base_url: is no address"),
        ("{kind: openai, api_key: 12345}", "api_key: must be a string, but is a number; write it in quotes"),
        ("{kind: openai, client_key: k.pem}", "client_key: needs client_cert"),
        ("{kind: openai, script: s.yaml}", "script: is for the simulator only"),
        ("{kind: openai, models: {d: {}}}", "models.d: lacks 'base_model'"),
        ("{kind: openai, headers: {a: 1}}", "headers.a: must be a string"),
        ("{kind: openai, apikey: x}", "apikey: is not a setting here; did you mean 'api_key'?"),
    ],
)
def test_a_provider_s_mistakes_are_told(provider: str, words: str) -> None:
    assert words in one(f"providers: {{p: {provider}}}\nmodels: {{m: {{targets: [p/x]}}}}\n")


def test_a_configuration_nobody_could_call_is_refused() -> None:
    assert "has no model" in one("providers: {sim: {kind: simulator}}")
    assert loads("server: {direct_targets: true}\nproviders: {sim: {kind: simulator}}").models == {}


def test_a_users_own_provider_row_is_taken_by_reference() -> None:
    assert loads("providers: {p: {kind: 'my.rows:ROW'}}\nmodels: {m: {targets: [p/x]}}\n").providers["p"].kind


def test_references_become_what_the_setting_wants() -> None:
    text = "server: {port: '${P}', direct_targets: '${D}', keepalive_s: '${K}', auth: '${A}'}\n" + GOOD
    server = loads(text, environ={"P": "9000", "D": "true", "K": "2.5", "A": "none"}).server
    assert (server.port, server.direct_targets, server.keepalive_s, server.auth) == (9000, True, 2.5, "none")


def test_a_key_of_digits_from_the_environment_stays_a_string() -> None:
    text = "providers: {p: {kind: openai, api_key: '${K}'}}\nmodels: {m: {targets: [p/x]}}\n"
    assert loads(text, environ={"K": "12345"}).providers["p"].api_key == "12345"


SECRET = "sk-very-secret-value"


@pytest.mark.parametrize(
    "text",
    [
        "server: {port: '${S}'}\n" + GOOD,
        "server: {auth: '${S}'}\n" + GOOD,
        "server: {hosts: ['http://${S}']}\n" + GOOD,
        "server: {auth: none, host: '${S}'}\n" + GOOD,
        "server: {trusted_proxies: ['${S}']}\n" + GOOD,
        "stages: [{use: '${S}', after: cache}]\n" + GOOD,
        "storage: {database: '${S}'}\n" + GOOD,
        "prices: {m: {input: '${S}'}}\n" + GOOD,
        GOOD + "  x: {targets: ['${S}']}\n",
        GOOD + "  x: {targets: ['${S}/y']}\n",
        GOOD + "  x: {targets: [{target: '${S}'}]}\n",
        GOOD + "  x: {targets: [{target: sim/y, price_like: '${S}'}]}\n",
        GOOD + "  x: '${S}'\n",
        "price_file: '/nowhere/${S}'\n" + GOOD,
        "stages: [{before: ['${S}']}]\n" + GOOD,
        "providers: {'': '${S}'}\n" + GOOD[GOOD.index("models") :],
        "providers: {p: {kind: '${S}', base_url: '${S}', proxy: '${S}'}}\nmodels: {m: {targets: [p/x]}}\n",
    ],
)
def test_what_a_reference_resolved_to_is_never_in_an_error(text: str) -> None:
    assert SECRET not in "\n".join(problems(text, {"S": SECRET}))


def test_secrets_are_not_in_a_repr() -> None:
    text = """
storage: {database: 'sqlite:///${S}'}
providers: {p: {kind: openai, api_key: '${S}', headers: {x: '${S}'}, body: {a: '${S}'}, proxy: 'http://u:${S}@h:1'}}
models: {m: {targets: [p/x]}}
stages: [{use: 'a:B', after: cache, with: {key: '${S}'}}]
"""
    assert SECRET not in repr(loads(text, environ={"S": SECRET}))


def test_a_missing_variable_is_one_mistake_not_also_what_follows_from_it() -> None:
    assert "environment variable P" in one("server: {port: '${P}'}\n" + GOOD)


def test_a_file_of_prices_goes_below_the_configuration_s_own(tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text('{"a": {"input": "1"}, "b": {"input": 2.5}}')
    (tmp_path / "headgate.yaml").write_text("price_file: prices.json\nprices: {a: {input: 9}}\n" + GOOD)
    config = load(tmp_path / "headgate.yaml", {})
    assert {name: price.input for name, price in config.prices.items()} == {"a": Decimal(9), "b": Decimal("2.5")}


def test_mistakes_in_a_file_of_prices_are_told_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text("a:\n  input: 1\nb:\n  inptu: 2\n")
    (tmp_path / "headgate.yaml").write_text("price_file: prices.yaml\n" + GOOD)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "headgate.yaml", {})
    first, second = sorted(caught.value.problems)
    assert first.startswith(f"{tmp_path / 'prices.yaml'}:3: prices.b: lacks 'input'")
    assert second.startswith(f"{tmp_path / 'prices.yaml'}:4: prices.b.inptu: is not a setting here")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "headgate.yaml", {})
    (tmp_path / "headgate.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="not UTF-8 text at byte 3"):
        load(tmp_path / "headgate.yaml", {})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "headgate.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(tmp_path / "headgate.yaml", {}).models


def test_the_command_line_s_settings_are_checked_like_the_file_s() -> None:
    config = loads("server: {auth: none}\n" + GOOD)
    assert with_server(config, port=9).server.port == 9
    with pytest.raises(ConfigError, match="cannot be 'none'"):
        with_server(config, host="0.0.0.0")
    with pytest.raises(ConfigError, match="at most 65,535"):
        with_server(config, port=70_000)


def test_several_workers_may_be_asked_for_where_there_is_storage_they_can_share() -> None:
    storage = "storage: {database: 'postgresql://h/d', shared: 'redis://h:6379'}\n"
    assert with_server(loads(storage + GOOD), workers=2, port=9).server.workers == 2
    with pytest.raises(ConfigError, match="workers"):
        with_server(loads(GOOD), workers=2)


def test_the_file_is_the_one_named_or_the_one_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_path({}) is None
    assert default_path({"HEADGATE_CONFIG": "/x/y.yaml"}) == Path("/x/y.yaml")
    (tmp_path / "headgate.yaml").write_text(GOOD)
    assert default_path({}) == Path("headgate.yaml")


def test_the_hash_changes_with_the_content_only(tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    assert content_hash(file) is None
    file.write_text(GOOD)
    before = content_hash(file)
    file.touch()
    assert content_hash(file) == before
    file.write_text(GOOD + "\n")
    assert content_hash(file) != before


def test_importing_the_configuration_loads_neither_parser_nor_validator() -> None:
    code = "import sys, headgate.config; print([m for m in ('yaml', 'jsonschema_rs', 'tiktoken') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
