"""What `/metrics` says is what the documentation, the alert rules and the dashboard go by."""

from __future__ import annotations

import asyncio
import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exposed import Exposed
from headgate.errors import HeadgateError
from headgate.server.fleet.hub import Hub
from headgate.telemetry.exposition import render
from serving import Serving

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "prometheus" / "headgate.rules.yaml"
TESTS = sorted(RULES.parent.glob("*.test.yaml"))
TOOL = ROOT / "tools" / "grafana.py"

NAME = re.compile(r"\b(?:headgate|process)_[a-z_]+\b")

CONFIG = """
storage: {{database: "sqlite:///{folder}/h.db", journal: {{folder: "{folder}/journal"}}}}
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini], shadow: {{to: other, share: 1}}}}
  other: {{targets: [sim/gpt-4o-mini]}}
telemetry: {{capture: {{rules: [{{}}]}}}}
prompts: {{tests: {{}}}}
"""

promtool = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(promtool is None, reason="promtool is not installed")


@pytest.fixture
async def scraped(tmp_path: Path) -> str:
    """What a server that keeps records and mirrors calls says, and who starts several workers."""
    async with Serving(CONFIG.format(folder=tmp_path)) as serving:
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        for stream in (False, True):
            await serving.post("/v1/chat/completions", {**body, "stream": stream})
        await serving.request("GET", "/nowhere")
        text = (await serving.request("GET", "/metrics")).body.decode()
    return text + render(Hub()._own()).decode() + "# TYPE headgate_log_lost_lines_total counter\n"


def codes(kind: type[HeadgateError], least: int) -> set[str]:
    """Of all errors that are the vendors' or our own."""
    own = {kind.code} if kind.status >= least else set[str]()
    return own.union(*(codes(each, least) for each in kind.__subclasses__()))


def test_whatever_fails_that_is_not_the_clients_doing_is_alerted_and_shown():
    failing = codes(HeadgateError, 500) - {
        "config_error",
        "audit_log_damaged",
        "prompt_invalid",
    }  # which no call ends with
    assert {"no_target_available", "upstream_error", "timeout"} <= failing
    for text in (RULES.read_text(), (ROOT / "deploy" / "grafana" / "headgate.json").read_text()):
        [outcomes] = set(re.findall(r'headgate_calls_total\{[^}]*outcome=~\\?"([^"\\]+)', text))
        assert {code for code in failing if not re.fullmatch(outcomes, code)} == set()
        assert not re.fullmatch(outcomes, "rate_limit_exceeded")


def queries() -> list[str]:
    rules = yaml.safe_load(RULES.read_text())
    alerts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "headgate.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    chosen = [each["query"]["query"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    return [*alerts, *panels, *chosen, *documented()]


def documented() -> list[str]:
    """The queries of the documentation."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    return re.findall(r"\| `([^`]*\(.*)` \|$", page.partition("## Questions")[2], re.MULTILINE)


async def test_every_metric_a_query_names_exists(scraped: str):
    names = {name for query in queries() for name in NAME.findall(query)}
    assert len(names) > 40
    assert names <= Exposed(scraped).names


async def test_every_label_a_query_asks_for_is_one_its_metric_has(scraped: str):
    families = Exposed(scraped).families
    page = (ROOT / "docs" / "metrics.md").read_text()
    labels = {
        name: set(re.findall(r"`(\w+)`", told))
        for names, told in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|([^|\n]*)\|", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    for family in families.values():
        for sample in family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            assert set(sample.labels) - {"le"} == labels[name], name
    for query in queries():
        for name, asked in re.findall(r"((?:headgate|process)_[a-z_]+)\{([^}]*)\}", query):
            metric = re.sub(r"_(?:bucket|sum|count)$", "", name)
            wanted = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', "", asked))) - {"job", "instance", "le"}
            assert wanted <= labels[metric], query


def test_every_outcome_a_query_asks_for_is_one_there_is():
    """Neither promtool nor Prometheus minds a misspelt one: the alert never fires."""
    outcomes = {each.code for each in every(HeadgateError)} | {"ok", "failed"}
    asked = {
        each
        for query in queries()
        for wanted in re.findall(r'(?:outcome|code)(?:=~|!~|!=|=)"([^"]*)"', query)
        for each in wanted.split("|")
    }
    assert len(asked) > 10
    assert [each for each in asked if not any(re.fullmatch(each, outcome) for outcome in outcomes)] == []


def every(kind: type[HeadgateError]) -> set[type[HeadgateError]]:
    """A kind of failure and all kinds of it."""
    return {kind}.union(*(every(each) for each in kind.__subclasses__()))


def test_every_alert_is_tried():
    """Each has a test of `promtool test rules`, in which it fires."""
    alerts = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    tests = [test for file in TESTS for test in yaml.safe_load(file.read_text())["tests"]]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert fired == alerts


async def test_the_documentation_has_every_metric_and_no_other(scraped: str):
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = {
        name for line in page.splitlines() if line.startswith("| `") for name in NAME.findall(line.split("|")[1])
    }
    families = Exposed(scraped).families.values()
    assert documented == {f"{each.name}_total" if each.type == "counter" else each.name for each in families}


def test_the_dashboard_is_what_its_panels_make_and_fits_together():
    made: dict[str, Any] = runpy.run_path(str(TOOL))
    text = (ROOT / "deploy" / "grafana" / "headgate.json").read_text("utf-8")
    assert text == made["text"](), "write it anew: make reference"
    panels = json.loads(text)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@needs_promtool
def test_promtool_takes_the_rules_and_their_tests():
    tests = [each.name for each in TESTS]
    for command in (["check", "rules", RULES.name], ["test", "rules", *tests]):
        done = subprocess.run([str(promtool), *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_promtool_takes_every_query_of_the_dashboard_and_the_documentation(tmp_path: Path):
    recorded = [{"record": f"page:query:{at}", "expr": query} for at, query in enumerate(documented())]
    assert len(recorded) == 5
    texts = runpy.run_path(str(TOOL))["rules"](), yaml.safe_dump({"groups": [{"name": "page", "rules": recorded}]})
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        done = subprocess.run([str(promtool), "check", "rules", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
async def test_promtool_finds_nothing_to_say_of_the_metrics(scraped: str):
    command = [str(promtool), "check", "metrics"]
    done = await asyncio.to_thread(subprocess.run, command, input=scraped, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
