"""Make docs/configuration.md from the schema of headgate.yaml. Usage: python tools/configuration_page.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headgate.config.json_schema import editing

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

HEAD = """# Configuration reference

Every setting of `headgate.yaml`, made from its schema by `make reference`; a test keeps this page current. `headgate
schema` prints the schema itself, for editors. Unknown settings are mistakes, and `headgate check` tells all mistakes at
once, each with its line.

A value may be a reference: `${NAME}`, `${NAME:-default}`, `${file:path}`, `${exec:command}` ([secrets](secrets.md)).
Durations end in `_s` or `_ms`. Where a list of targets or fallbacks is wanted, `provider/model-id` alone stands for an
entry.
"""

SECTIONS = {
    "Config": "The file",
    "ServerConfig": "server",
    "StorageConfig": "storage",
    "JournalConfig": "storage.journal",
    "AccessConfig": "access",
    "IssuerConfig": "access.issuers",
    "ClaimsConfig": "access.issuers.claims",
    "SignInConfig": "access.sign_in",
    "AuditConfig": "audit",
    "LimitsConfig": "limits",
    "TelemetryConfig": "telemetry",
    "CallsConfig": "telemetry.calls",
    "RollupsConfig": "telemetry.rollups",
    "LogsConfig": "telemetry.logs",
    "CaptureConfig": "telemetry.capture",
    "CaptureRule": "telemetry.capture.rules",
    "FeedbackConfig": "feedback",
    "OtelConfig": "telemetry.otel",
    "OtelContentConfig": "telemetry.otel.content",
    "AlertsConfig": "alerts",
    "ChannelConfig": "alerts.channels",
    "RuleConfig": "alerts.rules",
    "ThresholdRule": "alerts.rules.threshold",
    "ErrorRateRule": "alerts.rules.error_rate",
    "LatencyRule": "alerts.rules.latency",
    "CostSpikeRule": "alerts.rules.cost_spike",
    "UnusualRule": "alerts.rules.unusual",
    "BudgetRule": "alerts.rules.budget",
    "AbsenceRule": "alerts.rules.absence",
    "PromptRule": "alerts.rules.prompt",
    "ProviderConfig": "providers",
    "HealthConfig": "providers.health",
    "BaseModel": "providers.models",
    "ModelConfig": "models",
    "TargetConfig": "models.targets",
    "FallbackConfig": "models.fallback",
    "TimeoutConfig": "models.timeout",
    "RetryConfig": "models.retry",
    "BreakerConfig": "models.breaker",
    "BalanceConfig": "models.balance",
    "QueueConfig": "models.queue",
    "HedgeConfig": "models.hedge",
    "ValidateConfig": "models.validate",
    "OnceConfig": "models.once",
    "ObjectivesConfig": "models.objectives",
    "LatencyObjective": "models.objectives.latency",
    "CostObjective": "models.objectives.cost",
    "ShadowConfig": "models.shadow",
    "EvaluateConfig": "models.evaluate",
    "JudgeConfig": "models.evaluate.judges",
    "PromptConfig": "models.prompt",
    "PromptsConfig": "prompts",
    "TestsConfig": "prompts.tests",
    "StageConfig": "stages",
    "PriceConfig": "prices",
    "TierConfig": "prices.tiers",
    "PriceListConfig": "price_list",
}
"""Definitions by the place they have in a file, in the order of the page."""

BOUNDS = (("minimum", "≥ "), ("exclusiveMinimum", "> "), ("maximum", "≤ "), ("exclusiveMaximum", "< "))


def page() -> str:
    """The whole page."""
    definitions: dict[str, Any] = editing()["$defs"]
    if nowhere := definitions.keys() - SECTIONS.keys() - {"Reference"}:
        raise SystemExit(f"tools/configuration_page.py: say in SECTIONS where these stand in a file: {sorted(nowhere)}")
    return "\n".join([HEAD, *(section(place, definitions[name]) for name, place in SECTIONS.items())])


def section(place: str, definition: dict[str, Any]) -> str:
    """One definition, as a table."""
    heading = place if place == "The file" else f"`{place}`"
    said = " ".join(definition.get("description", "").split())
    rows = ["| setting | what it takes | default | |", "|---|---|---|---|"]
    required = set(definition.get("required", ()))
    for field, schema in definition["properties"].items():
        told = " ".join(schema.get("description", "").split()).replace("|", "\\|")
        default = "**needed**" if field in required else shown_default(schema)
        rows.append(f"| `{field}` | {kind(schema)} | {default} | {told} |")
    return f"## {heading}\n\n{said}\n\n" + "\n".join(rows) + "\n"


def shown_default(schema: dict[str, Any]) -> str:
    """A default, where it is a value: what is another section's is told there."""
    default = schema.get("default")
    if "default" not in schema or default is None or isinstance(default, dict | list):
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def kind(schema: dict[str, Any]) -> str:
    """What a setting takes, in words."""
    if "$ref" in schema:
        return link(schema["$ref"])
    if "anyOf" in schema:
        kinds = [kind(each) for each in schema["anyOf"] if each.get("$ref") != "#/$defs/Reference"]
        return " or ".join(dict.fromkeys(each for each in kinds if each))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"] if each is not None)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(one(each, schema) for each in kinds if each != "null") or "anything"


def one(name: str, schema: dict[str, Any]) -> str:
    """One type of a setting, in words."""
    bounds = ", ".join(f"{word}{schema[bound]:,}" for bound, word in BOUNDS if bound in schema)
    match name:
        case "array":
            return f"list of {kind(schema['items'])}"
        case "object":
            values = schema.get("additionalProperties")
            return f"names to {kind(values)}" if isinstance(values, dict) and values else "mapping"
        case "integer":
            return f"whole number {bounds}".strip()
        case "number":
            return f"number {bounds}".strip()
        case "boolean":
            return "true or false"
        case _:
            return "text"


def link(reference: str) -> str:
    """A link to the section of another definition."""
    place = SECTIONS[reference.rpartition("/")[2]]
    return f"[`{place}`](#{place.replace('.', '').lower()})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
