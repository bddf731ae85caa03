"""Make deploy/grafana/headgate.json, for Grafana 10 or newer, from grafana.yaml. Usage: python tools/grafana.py.

`python tools/grafana.py --rules` prints its queries as Prometheus' rules instead, for promtool to check.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

PANELS = Path(__file__).with_suffix(".yaml")
PAGE = Path(__file__).parents[1] / "deploy" / "grafana" / "headgate.json"

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

CHOSEN = {
    "JOB": 'job=~"$job",instance=~"$instance"',
    "MODEL": 'job=~"$job",instance=~"$instance",model=~"$model"',
    "TARGET": 'job=~"$job",instance=~"$instance",target=~"$target"',
}

COLUMNS = 24
WIDTHS = {"stat": 4, "timeseries": 8}
HEIGHTS = {"stat": 4, "timeseries": 8}


def expression(query: str, failed: str) -> str:
    """A query as Grafana takes it."""
    query = re.sub(r"\{(JOB|MODEL|TARGET)\b", lambda match: "{" + CHOSEN[match[1]], query)
    return query.replace("FAILED", failed).replace("[R]", "[$__rate_interval]")


def panel(number: int, told: Mapping[str, Any], x: int, y: int, failed: str) -> dict[str, Any]:
    """One panel with its queries."""
    kind = told.get("kind", "timeseries")
    stat = kind == "stat"
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if "bad" in told:
        steps.append({"color": "red", "value": told["bad"]})
    defaults: dict[str, Any] = {
        "unit": told["unit"],
        "min": 0,
        "color": {"mode": "thresholds" if stat else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    options: dict[str, Any]
    if stat:
        options = {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}}
    else:
        defaults["custom"] = {"fillOpacity": 8, "lineWidth": 1, "showPoints": "never"}
        options = {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "id": number,
        "title": told["title"],
        "description": told.get("what", ""),
        "type": kind,
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": told.get("width", WIDTHS[kind]), "h": HEIGHTS[kind]},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": SOURCE,
                "expr": expression(query, failed),
                "legendFormat": name or "__auto",
            }
            for at, (name, query) in enumerate(told["queries"].items())
        ],
    }


def placed(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, row by row from the left."""
    number, y = 1, 0
    for row in told["rows"]:
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": row["title"], "collapsed": False, "panels": [], "gridPos": place}
        number, x, y, height = number + 1, 0, y + 1, 0
        for each in row["panels"]:
            made = panel(number, each, x, y, told["FAILED"])
            if x + made["gridPos"]["w"] > COLUMNS:
                x, y = 0, y + height
                made["gridPos"] |= {"x": x, "y": y}
            yield made
            number, x, height = number + 1, x + made["gridPos"]["w"], made["gridPos"]["h"]
        y += height


def variable(name: str, query: str) -> dict[str, Any]:
    """Something to choose, from the values of a label."""
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    return {
        "title": "Headgate",
        "uid": "headgate",
        "description": "Calls to language models: health, speed, vendors, cost, records.",
        "tags": ["headgate", "llm"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus", "current": {}},
                variable("job", "label_values(headgate_build_info, job)"),
                variable("instance", 'label_values(headgate_build_info{job=~"$job"}, instance)'),
                variable("model", 'label_values(headgate_calls_total{job=~"$job"}, model)'),
                variable("target", 'label_values(headgate_attempts_total{job=~"$job"}, target)'),
            ]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": list(placed(yaml.safe_load(PANELS.read_text("utf-8")))),
    }


def text() -> str:
    """The dashboard as its file has it."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def rules() -> str:
    """Its queries as recording rules, with something chosen."""
    queries = [target["expr"] for each in dashboard()["panels"] for target in each.get("targets", ())]
    shown = [
        re.sub(r"\$__rate_interval", "5m", re.sub(r"\$(job|instance|model|target)\b", ".*", each)) for each in queries
    ]
    recorded = [{"record": f"panel:query:{at}", "expr": each} for at, each in enumerate(shown)]
    return yaml.safe_dump({"groups": [{"name": "dashboard", "rules": recorded}]})


if __name__ == "__main__":
    if "--rules" in sys.argv:
        sys.stdout.write(rules())
    else:
        PAGE.write_text(text(), "utf-8")
