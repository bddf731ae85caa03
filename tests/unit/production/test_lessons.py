"""Every lesson finds the fault it is there for, where it is, and nothing in the recommended configuration."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.alerts.objectives import ObjectiveStanding
from headgate.catalog import Catalog, price_list
from headgate.config import loads
from headgate.config.source import Source
from headgate.production import LESSONS, THEMES, Disk, Facts, Machine, Records, Report, report
from headgate.production.facts import KeyFacts

PROMPTS = Path(__file__).parents[3] / "examples" / "support" / "prompts"
REFERENCE = (Path(__file__).parents[3] / "docs" / "production.yaml").read_text()
ENVIRON = {
    "OPENAI_API_KEY": "sk-one",
    "ANTHROPIC_API_KEY": "sk-two",
    "HEADGATE_DATABASE": "postgresql://headgate:secret@db.internal/headgate?sslmode=verify-full",
    "HEADGATE_REDIS": "rediss://:secret@redis.internal:6379",
    "HEADGATE_ALERTS_URL": "https://hooks.example.com/headgate",
    "HEADGATE_ALERTS_SECRET": "a long random text of thirty",
    "HEADGATE_AUDIT_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "HEADGATE_SECRET": "pJ7yFhK0Zt9vQmE3bXw5RcAq1LdNs8GuTo2iVf6Hk4M=",
    "HEADGATE_ADMIN_KEY": "w8UzPq4Rj1Xn6TbYc0Ls5Gv3Ha9KdMe7Fo2iVf4QkZ0=",
}
MACHINE = Machine(
    environ=ENVIRON,
    today=date.fromisoformat(price_list().date),
    cores=4,
    memory_bytes=8 << 30,
    open_files=65_536,
    config_mode=0o640,
    journal=Disk(folder="/var/lib/headgate", free_bytes=50 << 30, in_memory=False),
    newest_backup_s=3_600,
)
MISSED = ObjectiveStanding(
    model="chat", objective="availability", period_days=30, target=0.999, actual=0.99, low=0.98, high=0.995, calls=9_000,
    bad=90, budget_left=-9.0, met=False,
)  # fmt: skip
RECORDS = Records(
    keys=[
        KeyFacts(id="k1", name="ci", roles=["caller"], expires=True),
        KeyFacts(id="k2", name="prometheus", roles=["scraper"], expires=True),
        KeyFacts(id="k3", name="root", roles=["admin"], expires=True),
    ],
    budgets={"organisation:default": True, "key:*": True},
    callers=frozenset({"k1"}),
)


def held(text: str = REFERENCE, *, accept: tuple[str, ...] = (), **facts: Any) -> Report:
    machine: Machine = facts.pop("machine", MACHINE)
    config = loads(text, "headgate.yaml", machine.environ)
    source = Source(text, "headgate.yaml", machine.environ, Path())
    given: dict[str, Any] = {"records": RECORDS, "replicas": 3, **facts}
    return report(
        "headgate.yaml",
        Facts(config=config, source=source, machine=machine, catalog=Catalog(config.prices), **given),
        LESSONS,
        accept,
    )


def environ(**changes: str) -> dict[str, Any]:
    return {"machine": replace(MACHINE, environ={**ENVIRON, **changes})}


def machine(**changes: Any) -> dict[str, Any]:
    return {"machine": replace(MACHINE, **changes)}


def key(**changes: Any) -> dict[str, Any]:
    first = replace(RECORDS.keys[0], **changes)
    return {"records": replace(RECORDS, keys=[first, *RECORDS.keys[1:]])}


def test_the_recommended_configuration_has_no_fault_and_all_of_it_was_looked_at() -> None:
    found = held()
    assert found.findings == []
    assert found.not_seen == []
    assert (found.ok, found.total.score, found.total.lessons) == (True, 100, len(LESSONS))


TEXTS = [
    # (lesson, what stands in the reference, the fault)
    ("prices-known", "openai/gpt-4o-mini]", "openai/gpt-4o-mini, openai/house-brew]"),
    ("unknown-price-refused", "unknown_price: refuse", "unknown_price: allow"),
    ("counters-needed", "store_unavailable: refuse", "store_unavailable: allow"),
    ("models-chosen", "grace_s: 10", "direct_targets: true"),
    ("asked-again-seldom", "stream: check, reask: 1}\n  smart", "stream: check, reask: 4}\n  smart"),
    ("timeouts-chosen", "total_s: 300, attempt_s: 120, first_token_s: 60, stall_s: 60", "total_s: 300, attempt_s: 120"),
    ("timeouts-bounded", "first_token_s: 30", "first_token_s: 900"),
    ("attempts-bounded", "attempt_s: 40, ", ""),
    ("attempts-bounded", "attempt_s: 40", "attempt_s: 119"),
    ("hedges-bounded", "quantile: 0.95, budget: 0.05", "quantile: 0.95, budget: 0.9"),
    ("hedges-bounded", "quantile: 0.95, budget: 0.05", "side_effects: true"),
    ("queue-within-timeout", "wait_s: 10}", "wait_s: 110}"),
    ("somewhere-else", "    fallback: [openai/gpt-4o]\n", ""),
    ("another-vendor", "fallback: [openai/gpt-4o]", "fallback: [claude/claude-haiku-4-5]"),
    ("retries-some", "attempts: 3, budget: 0.2", "attempts: 3, budget: 0"),
    ("prompts-released", "models:\n", f"prompts: {{folder: {PROMPTS}}}\nmodels:\n"),
    ("retries-bounded", "attempts: 3, budget: 0.2", "attempts: 10, budget: 0.2"),
    ("retries-bounded", "attempts: 3, budget: 0.2", "attempts: 3, budget: 5"),
    ("breakers-awake", "open_s: 5}", "open_s: 3600}"),
    ("breakers-awake", "error_rate: 0.5", "error_rate: 1"),
    ("own-servers-asked", "providers:\n", "providers:\n  local: {kind: vllm}\n"),
    ("fallback-fits", "fallback: [openai/gpt-4o]",
     "fallback: {any: [openai/gpt-4o], context_too_long: [openai/gpt-4o]}"),
    ("json-checked", "{json: true, tools: true, stream: check, reask: 1}\n  smart",
     "{json: false, tools: true}\n  smart"),
    ("tools-checked", "tools: true, stream: check, reask: 1}\n  smart", "tools: false}\n  smart"),
    ("streams-checked", "stream: check, reask: 1}\n  smart", "stream: pass}\n  smart"),
    ("secrets-elsewhere", '"${OPENAI_API_KEY}"', "sk-literal"),
    ("secrets-elsewhere", '"${OPENAI_API_KEY}"', '"${OPENAI_API_KEY:-sk-literal}"'),
    ("secrets-elsewhere", '"${HEADGATE_DATABASE}"', '"postgresql://h:word@db.internal/h?sslmode=verify-full"'),
    ("secrets-elsewhere", "kind: openai,", "kind: openai, headers: {x-api-token: word},"),
    ("audit-key-set", '  key: "${HEADGATE_AUDIT_KEY}"\n', ""),
    ("vendors-encrypted", "kind: openai,", 'kind: openai, base_url: "http://api.example.com/v1",'),
    ("proxies-named", "trusted_proxies: [127.0.0.1]", 'trusted_proxies: ["0.0.0.0/0"]'),
    ("hosts-named", "  hosts: [gate.example.com]\n", ""),
    ("encrypted-in-front", "  host: 127.0.0.1 ", "  host: 0.0.0.0 "),
    ("issuers-narrow", "  roles:\n", '  issuers: [{issuer: "https://ci", audience: [g], jwks_url: "https://ci/k"}]\n  roles:\n'),
    ("migrated-once", "migrate: false", "migrate: true"),
    ("journal-synced", "fsync_ms: 50", "fsync_ms: 30000"),
    ("journal-needed", "journal_unwritable: refuse", "journal_unwritable: allow"),
    ("audit-anchored", "  checkpoint_file: checkpoints/headgate", "  every_s: 10"),
    ("alerts-told", 'secret: "${HEADGATE_ALERTS_SECRET}"', 'secret: "${HEADGATE_ALERTS_SECRET}", severities: [ticket]'),
    ("objectives-set", "    objectives: {availability: 0.999, latency: [{target: 0.95, within_s: 30}]}\n", ""),
    ("audit-signed-often", "  origin: gate.example.com", "  every_s: 3600"),
    ("traces-encrypted", "audit:\n",
     'telemetry: {otel: {endpoint: "http://collector:4318", headers: {api-key: "${HEADGATE_SECRET}"}}}\naudit:\n'),
    ("content-not-traced", "audit:\n", "telemetry: {otel: {content: {}}}\naudit:\n"),
    ("secrets-elsewhere", "audit:\n", "telemetry: {otel: {headers: {api-key: sk-literal}}}\naudit:\n"),
    ("bodies-fit-memory", "max_inflight_mb: 512", "max_inflight_mb: 16384"),
]  # fmt: skip


@pytest.mark.parametrize(("lesson", "good", "bad"), TEXTS)
def test_a_fault_in_the_file_is_found_and_no_other(lesson: str, good: str, bad: str) -> None:
    assert REFERENCE.count(good) >= 1
    text = REFERENCE.replace(good, bad, 1)
    if lesson == "encrypted-in-front":
        text = text.replace("  trusted_proxies: [127.0.0.1]\n", "")
    found = held(text)
    assert {each.lesson for each in found.findings} == {lesson}
    (finding, *_) = found.findings
    serious = next(each.serious for each in LESSONS if each.name == lesson)
    assert (finding.serious, found.ok) == (serious, not serious)
    assert finding.what
    assert finding.why.endswith(".")
    assert finding.write
    assert found.total.score is not None
    assert found.total.score < 100


OTHERWISE = [
    # The same faults in other words.
    ("prices-known", "audit:\n", "prices: {gpt-4o-mini: {input: 0, output: 0}}\naudit:\n"),
    ("prices-known", "audit:\n", "prices: {'*': {input: 0, output: 0}}\naudit:\n"),
    ("models-chosen", "models:\n", ("models:\n  'any/*':\n    targets: ['openai/*']\n    fallback: [claude/claude-haiku-4-5]\n"
     "    timeout: {total_s: 120, attempt_s: 40, first_token_s: 30, stall_s: 30}\n    validate: {tools: true}\n")),
    ("timeouts-bounded", "connect_s: 5, total_s: 120", "connect_s: 100, total_s: 120"),
    ("attempts-bounded", "first_token_s: 30", "first_token_s: 119"),
    ("somewhere-else", "fallback: [openai/gpt-4o]", "fallback: {content_filtered: [openai/gpt-4o]}"),
    ("somewhere-else", "fallback: [openai/gpt-4o]", "fallback: {timeout: [openai/gpt-4o]}"),
    ("somewhere-else", "fallback: [openai/gpt-4o]", "fallback: [claude/claude-sonnet-4-5]"),
    ("somewhere-else", "fallback: [openai/gpt-4o]", "fallback: [copy/claude-sonnet-4-5]"),
    ("another-vendor", "targets: [claude/claude-sonnet-4-5]\n    fallback: [openai/gpt-4o]",
     "targets: [claude/claude-sonnet-4-5]\n    fallback: {any: [claude/claude-haiku-4-5], content_filtered: [openai/gpt-4o]}"),
    ("another-vendor", "fallback: [claude/claude-haiku-4-5]", "fallback: [again/gpt-4o]"),
    ("retries-some", "attempts: 2, budget: 0.2", "attempts: 3, budget: 0.2, rules: {connection: 1, server_error: 1, overloaded: 1, timeout: 1}"),
    ("retries-some", "attempts: 2, budget: 0.2", "attempts: 1, budget: 0.2, rules: {auth: 5}"),
    ("retries-some", "attempts: 2, budget: 0.2", "attempts: 2, budget: 0.001"),
    ("retries-bounded", "attempts: 2, budget: 0.2", "attempts: 2, budget: 0.2, rules: {rate_limited: 10}"),
    ("retries-bounded", "attempts: 2, budget: 0.2", "attempts: 2, budget: 0.2, base_s: 0.0001"),
    ("retries-bounded", "attempts: 2, budget: 0.2", "attempts: 2, budget: 0.2, base_s: 0.0001, max_s: 0.0002"),
    ("breakers-awake", "min_calls: 50, open_s: 5", "min_calls: 900, window_s: 1, open_s: 5"),
    ("breakers-awake", "min_calls: 50, open_s: 5", "min_calls: 50, window_s: 80000, open_s: 5"),
    ("own-servers-asked", "providers:\n", "providers:\n  local: {kind: openai, base_url: 'http://10.0.0.9:8000/v1'}\n"),
    ("own-servers-asked", "providers:\n", "providers:\n  local: {kind: openai_compatible, base_url: 'http://llm:8000/v1'}\n"),
    ("own-servers-asked", "providers:\n", "providers:\n  local: {kind: vllm, health: {path: /health, every_s: 40000}}\n"),
    ("fallback-fits", "fallback: [openai/gpt-4o]", "fallback: {any: [openai/gpt-4o], context_too_long: [chat]}"),
    ("fallback-fits", "fallback: [openai/gpt-4o]", "fallback: {any: [openai/gpt-4o], context_too_long: [house/brew]}"),
    ("real-vendors", "  smart:", ("  aside: {targets: [played/gpt-4o], fallback: [openai/gpt-4o], timeout: {total_s: 120, attempt_s: 40,"
     " first_token_s: 30, stall_s: 30}, validate: {tools: true}}\n  smart:")),
    ("secrets-elsewhere", '"${OPENAI_API_KEY}"', '"sk-half-of-a-secret-${OPENAI_API_KEY}"'),
    ("secrets-elsewhere", "providers:\n", "# ${exec:echo sk-proj-0123456789abcdef0123}\nproviders:\n"),
    ("secrets-elsewhere", "providers:\n", "# was sk-ant-oat01-0123456789abcdef\nproviders:\n"),
    ("secrets-elsewhere", '"${HEADGATE_DATABASE}"', '"postgresql://h:word@${HOST}/h?sslmode=verify-full"'),
    ("secrets-elsewhere", '"${HEADGATE_DATABASE}"', '"postgresql://db.internal/h?user=h&password=word&sslmode=verify-full"'),
    ("secrets-elsewhere", "kind: openai,", "kind: openai, body: {metadata: {api_key: word}},"),
    ("secrets-elsewhere", "kind: openai,", "kind: openai, headers: {authorization: 'Bearer word'},"),
    ("secrets-elsewhere", "kind: openai,", 'kind: openai, proxy: "http://me:word@proxy:3128",'),
    ("secrets-elsewhere", "kind: openai,", "kind: openai, api_keys: [word, '${OPENAI_API_KEY}'],"),
    ("secrets-elsewhere", "audit:\n", "stages: [{use: 'a:B', after: context, with: {password: word}}]\naudit:\n"),
    ("vendors-encrypted", "kind: openai,", 'kind: openai, base_url: "HTTP://93.184.216.34/v1",'),
    ("vendors-encrypted", "kind: openai,", 'kind: openai, proxy: "http://me:${HOST}@proxy.example.com:3128",'),
    ("proxies-named", "trusted_proxies: [127.0.0.1]", 'trusted_proxies: ["0.0.0.0/1", "128.0.0.0/1"]'),
    ("proxies-named", "trusted_proxies: [127.0.0.1]", 'trusted_proxies: ["::ffff:0:0/96"]'),
    ("proxies-named", "trusted_proxies: [127.0.0.1]", 'trusted_proxies: ["52.0.0.0/8"]'),
    ("hosts-named", "  hosts: [gate.example.com]", "  hosts: [localhost, 127.0.0.1]"),
    ("encrypted-in-front", "  host: 127.0.0.1 ", "  host: '::' "),
    ("issuers-narrow", "  roles:\n", ('  issuers: [{issuer: "https://ci", audience: [g], jwks_url: "https://ci/k", scopes: [keys.write],'
     ' require: {repo: [a]}, roles: [admin]}]\n  roles:\n')),
    ("issuers-narrow", "  roles:\n", ('  sign_in: {issuer: "https://login", client_id: c, redirect_uri: "https://g/auth/callback",'
     ' roles: [operator]}\n  roles:\n')),
    ("issuers-narrow", "  roles:\n", ('  issuers: [{issuer: "https://ci", audience: [g], jwks_url: "https://ci/k",'
     ' require: {iss: ["https://ci"]}}]\n  roles:\n')),
    ("audit-anchored", "checkpoint_file: checkpoints/headgate", "checkpoint_file: journal/headgate"),
    ("audit-anchored", "checkpoint_file: checkpoints/headgate", "checkpoint_file: ./x/../journal/headgate"),
]  # fmt: skip
"""Lesson, what stands in the reference, the fault."""

PROVIDERS = {
    "copy/": "  copy: {kind: anthropic, api_key: '${OTHER_KEY}'}\n",
    "again/": "  again: {kind: openai, base_url: 'https://eu.api.openai.com/v1', api_key: '${OTHER_KEY}'}\n",
    "house/": "  house: {kind: azure, base_url: 'https://x.openai.azure.com', api_key: '${OTHER_KEY}', models: {brew: {base_model: gpt-4o}}}\n",
    "played/": "  played: {kind: simulator}\n",
}
"""What a fault needs beside it."""


@pytest.mark.parametrize(("lesson", "good", "bad"), OTHERWISE)
def test_a_fault_in_other_words_is_found_too(lesson: str, good: str, bad: str) -> None:
    assert good in REFERENCE
    text = REFERENCE.replace(good, bad, 1)
    for name, provider in PROVIDERS.items():
        if name in bad:
            text = text.replace("providers:\n", f"providers:\n{provider}", 1)
    found = held(text, **environ(OTHER_KEY="sk-three", HOST="db.internal"))
    assert {each.lesson for each in found.findings} == {lesson}, found.findings


NO_FAULT = [
    ("audit:\n", 'telemetry: {otel: {endpoint: "https://c:4318", headers: {api-key: "${HEADGATE_SECRET}"}}}\naudit:\n'),
    ("audit:\n", 'telemetry: {otel: {endpoint: "http://collector:4318"}}\naudit:\n'),
    ("audit:\n", 'telemetry: {otel: {headers: {api-key: "${HEADGATE_SECRET}"}}}\naudit:\n'),
    ("fallback: [openai/gpt-4o]", ("fallback: {overloaded: [openai/gpt-4o], timeout: [openai/gpt-4o], connection: [chat],"
     " server_error: [openai/gpt-4o]}")),
    ("targets: [claude/claude-sonnet-4-5]\n    fallback: [openai/gpt-4o]", "targets: [claude/claude-sonnet-4-5, openai/gpt-4o]"),
    ("kind: openai,", 'kind: openai, headers: {authorization: "Bearer ${OPENAI_API_KEY}"},'),
    ("kind: openai,", "kind: openai, body: {max_tokens: 100, tokenizer: cl100k_base},"),
    ("kind: openai,", 'kind: openai, proxy: "http://proxy.example.com:3128",'),
    ("trusted_proxies: [127.0.0.1]", 'trusted_proxies: ["10.0.0.0/8", "104.16.0.0/13", "2a06:98c0::/29"]'),
    ("attempts: 2, budget: 0.2", "attempts: 2, budget: 0.2, rules: {timeout: 1, rate_limited: 5}"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "other"), NO_FAULT)
def test_what_is_no_fault_is_none(good: str, other: str) -> None:
    assert good in REFERENCE
    assert held(REFERENCE.replace(good, other, 1)).findings == []


def test_what_models_share_is_theirs() -> None:
    """Anchors and merges of YAML, and references, are as good as what they stand for."""
    shared = "timeout: {connect_s: 5, total_s: 300, attempt_s: 120, first_token_s: 60, stall_s: 60}"
    merged = (
        REFERENCE.replace("  chat:\n", "  chat: &all\n")
        .replace(f"    {shared}\n", "")
        .replace("  smart:\n", "  smart:\n    <<: *all\n")
    )
    assert held(merged).findings == []
    referred = REFERENCE.replace("unknown_price: refuse", 'unknown_price: "${MONEY:-allow}"')
    assert [each.lesson for each in held(referred).findings] == ["unknown-price-refused"]


def test_a_server_of_ones_own_may_cost_nothing() -> None:
    text = REFERENCE.replace("providers:\n", "providers:\n  local: {kind: vllm, health: {path: /health}}\n")
    text = "prices: {qwen: {input: 0, output: 0}}\n" + text.replace(
        "targets: [openai/gpt", "targets: [local/qwen, openai/gpt"
    )
    assert held(text).findings == []


def test_two_servers_of_any_vendor_are_two_vendors_by_their_addresses() -> None:
    places = "".join(
        f"  {name}: {{kind: openai_compatible, base_url: 'https://api.{name}.ai/v1'}}\n" for name in ("one", "two")
    )
    text = REFERENCE.replace("providers:\n", f"providers:\n{places}").replace(
        "targets: [claude/claude-sonnet-4-5]\n    fallback: [openai/gpt-4o]", "targets: [one/gpt-4o, two/gpt-4o]"
    )
    text += "prices: {gpt-4o: {input: 1, output: 2}}\n"
    assert held(text).findings == []


ELSEWHERE: list[tuple[str, dict[str, Any], str]] = [
    ("prices-recent", machine(today=date.fromisoformat(price_list().date) + timedelta(days=121)), ": price_list"),
    ("admin-key-long", environ(HEADGATE_ADMIN_KEY="short"), "environment"),
    ("admin-key-long", environ(HEADGATE_ADMIN_KEY="changeme" * 5), "environment"),
    ("secret-for-ids", environ(HEADGATE_SECRET=""), "environment"),
    ("secret-for-ids", environ(HEADGATE_SECRET="s" * 44), "environment"),
    ("stores-encrypted", environ(HEADGATE_REDIS="redis://redis.internal:6379"), ": storage.shared"),
    ("stores-encrypted", environ(HEADGATE_DATABASE="postgresql://h@db.internal/h"), ": storage.database"),
    ("stores-encrypted", environ(HEADGATE_REDIS="rediss://redis.internal:6379?ssl_cert_reqs=none"), ": storage.shared"),
    ("stores-encrypted", environ(HEADGATE_DATABASE="postgresql:///h?host=db.internal"), ": storage.database"),
    ("stores-encrypted", environ(HEADGATE_DATABASE="postgresql:///h", PGHOST="db.internal"), ": storage.database"),
    (
        "stores-encrypted",
        environ(HEADGATE_DATABASE="postgresql://db/h?sslmode=require&sslmode=disable"),
        ": storage.database",
    ),
    ("file-guarded", machine(config_mode=0o666), "disk"),
    ("file-guarded", machine(config_folder_mode=0o777), "disk"),
    (
        "records-kept",
        machine(database=Disk(folder="/dev/shm", free_bytes=5 << 30, in_memory=True)),
        ": storage.database",
    ),
    ("journal-has-room", machine(journal=Disk(folder="/j", free_bytes=5 << 20, in_memory=False)), "disk"),
    ("journal-on-a-disk", machine(journal=Disk(folder="/j", free_bytes=5 << 30, in_memory=True)), "disk"),
    ("backed-up", machine(newest_backup_s=10 * 86_400.0), "disk"),
    ("backed-up", machine(newest_backup_s=float("inf")), "disk"),
    ("connections-fit", machine(open_files=1024), "environment"),
    ("budget-set", {"records": replace(RECORDS, budgets={"key:*": False})}, "database"),
    ("budget-set", {"records": replace(RECORDS, budgets={"key:k9": True, "key:*": False})}, "database"),
    ("budget-set", {"records": replace(RECORDS, budgets={"team:t": True, "key:*": False})}, "database"),
    ("keys-capped", {"records": replace(RECORDS, budgets={"organisation:default": True, "key:k9": True})}, "database"),
    ("keys-capped", {"records": replace(RECORDS, budgets={"organisation:default": True, "user:*": True})}, "database"),
    ("keys-capped", {"records": replace(RECORDS, budgets={"organisation:default": True})}, "database"),
    ("keys-expire", key(expires=False), "database"),
    ("admins-do-not-call", key(roles=["admin"]), "database"),
    ("admins-do-not-call", key(roles=["operator"]), "database"),
    ("admins-do-not-call", {"records": replace(RECORDS, callers=frozenset({"admin"}))}, "database"),
    ("metrics-readable", {"records": replace(RECORDS, keys=RECORDS.keys[:1])}, "database"),
    ("objectives-kept", {"records": replace(RECORDS, objectives=[MISSED])}, ": models.chat.objectives"),
]


def test_a_proxy_on_this_machine_needs_nobody_else_to_reach_the_server() -> None:
    text = REFERENCE.replace("  host: 127.0.0.1 ", "  host: 0.0.0.0 ")
    assert [each.lesson for each in held(text).findings] == ["encrypted-in-front"]
    assert held(text.replace("trusted_proxies: [127.0.0.1]", "trusted_proxies: [10.0.0.7]")).findings == []


def test_keys_are_capped_by_budgets_of_their_owners() -> None:
    keys = [replace(each, owners=["team:t", "user:u"]) for each in RECORDS.keys]
    for subject in ("team:t", "user:*", "customer:*"):
        records = replace(RECORDS, keys=keys, budgets={subject: True})
        assert held(records=records).findings == [], subject


@pytest.mark.parametrize(("lesson", "facts", "where"), ELSEWHERE)
def test_a_fault_of_the_environment_is_found_and_no_other(lesson: str, facts: dict[str, Any], where: str) -> None:
    found = held(**facts)
    assert [each.lesson for each in found.findings] == [lesson]
    assert found.findings[0].where.endswith(where)


SMALL = """\
server: {auth: none}
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""


@pytest.mark.parametrize(
    "lesson", ["keys-needed", "records-kept", "storage-for-replicas", "real-vendors", "somewhere-else"]
)
def test_a_toy_is_no_production_server(lesson: str) -> None:
    assert lesson in {each.lesson for each in held(SMALL).findings}


def test_workers_beyond_the_cores_are_found() -> None:
    text = REFERENCE.replace("grace_s: 10", "workers: 9")
    assert "workers-fit-cores" in {each.lesson for each in held(text).findings}


@pytest.mark.parametrize("known", ["prices: {house-brew: {input: 1, output: 2}}\n", ""])
def test_a_price_heals_a_target_without_one(known: str) -> None:
    text = known + REFERENCE.replace("openai/gpt-4o-mini]", "openai/gpt-4o-mini, openai/house-brew]")
    found = held(text)
    assert [each.write.partition(", or")[0] for each in found.findings] == (
        [] if known else ["prices: {'house-brew': {input: …, output: …}}"]
    )


def test_a_finding_has_its_line() -> None:
    text = REFERENCE.replace("stall_s: 30", "stall_s: 900")
    line = next(number for number, each in enumerate(text.splitlines(), 1) if "stall_s: 900" in each)
    assert held(text).findings[0].where == f"headgate.yaml:{line}: models.chat.timeout.stall_s"


def test_no_secret_is_told() -> None:
    text = REFERENCE.replace('"${OPENAI_API_KEY}"', "sk-literal")
    assert "sk-literal" not in str(held(text).findings)


# ── what is not looked at, and what is accepted ──


def test_what_needs_the_database_is_not_judged_without_it() -> None:
    found = held(records=None, records_unseen="it is away")
    assert found.findings == []
    assert {each.lesson for each in found.not_seen} == {
        "budget-set", "keys-capped", "admins-do-not-call", "keys-expire", "metrics-readable", "objectives-kept"
    }  # fmt: skip
    assert {each.why for each in found.not_seen} == {"it is away"}
    assert found.total.lessons == len(LESSONS) - 6


def test_what_is_accepted_is_shown_and_does_not_fail() -> None:
    text = REFERENCE.replace("unknown_price: refuse", "unknown_price: allow")
    found = held(text, accept=("unknown-price-refused",))
    assert found.ok
    assert [each.accepted for each in found.findings] == [True]
    assert found.total.score == 100


def test_a_theme_of_which_nothing_was_seen_has_no_score() -> None:
    lessons = [each for each in LESSONS if each.name == "budget-set"]
    config = loads(REFERENCE, "headgate.yaml", ENVIRON)
    source = Source(REFERENCE, "headgate.yaml", ENVIRON, Path())
    facts = Facts(config=config, source=source, machine=MACHINE, catalog=Catalog())
    found = report("headgate.yaml", facts, lessons)
    assert {each.theme: each.score for each in found.themes} == dict.fromkeys(THEMES)
    assert found.ok


def test_lessons_have_names_of_their_own_and_a_sentence() -> None:
    names = [each.name for each in LESSONS]
    assert len(set(names)) == len(names)
    assert all(each.why[0].isupper() and each.why.endswith(".") for each in LESSONS)


def test_the_documentation_has_every_lesson_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "production.md").read_text()
    for each in LESSONS:
        assert f"| `{each.name}` | {'serious' if each.serious else 'advice'} | {each.why} |" in text
