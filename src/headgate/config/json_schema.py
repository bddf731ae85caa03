"""The JSON Schema of `headgate.yaml`: one for checking a file that has been read, one for editors."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import msgspec

from headgate.access import config as access_config
from headgate.alerts import config as alerts_config
from headgate.catalog import config as catalog_config
from headgate.config import schema as config_schema
from headgate.limits import config as limits_config
from headgate.prompts import config as prompts_config
from headgate.providers import config as providers_config
from headgate.quality import config as quality_config
from headgate.routing import config as routing_config
from headgate.shadow import config as shadow_config
from headgate.telemetry import config as telemetry_config
from headgate.telemetry.capture import config as capture_config
from headgate.telemetry.otel import config as otel_config
from headgate.types import JSON

_MODULES: tuple[ModuleType, ...] = (
    access_config,
    alerts_config,
    catalog_config,
    limits_config,
    prompts_config,
    providers_config,
    quality_config,
    routing_config,
    shadow_config,
    telemetry_config,
    capture_config,
    otel_config,
    config_schema,
)
_REFERENCE = {"type": "string", "pattern": r"\$\{.+\}", "description": "`${NAME}`, `${NAME:-default}`, `${file:/path}`"}


def checking() -> JSON:
    """The schema of a file whose references are resolved and whose short forms are written out."""
    return _simplified(msgspec.json.schema(config_schema.Config))


def editing() -> JSON:
    """The schema of a file as people write it, with the documentation of every setting."""
    schema = checking()
    docs = documentation(_MODULES)
    for name, definition in schema["$defs"].items():
        for field, each in definition["properties"].items():
            if field_doc := docs[name].get(field):
                each["description"] = field_doc
            definition["properties"][field] = _referable(each)
    model = schema["$defs"]["ModelConfig"]["properties"]
    _also_bare(model["targets"])
    told = {name: model["prompt"].pop(name) for name in ("description", "default") if name in model["prompt"]}
    model["prompt"] = {**told, "anyOf": [{"type": "string"}, *model["prompt"]["anyOf"]]}
    schema["$defs"]["ModelConfig"]["anyOf"] = [{"required": ["targets"]}, {"required": ["prompt"]}]
    fallbacks = model["fallback"]["additionalProperties"]
    _also_bare(fallbacks)
    told = {name: model["fallback"].pop(name) for name in ("description", "default") if name in model["fallback"]}
    model["fallback"] = {**told, "anyOf": [fallbacks, model["fallback"]]}
    schema["$defs"]["Reference"] = _REFERENCE
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "headgate.yaml", **schema}


def _also_bare(schema: JSON) -> None:
    """Let the entries of a list be strings too."""
    schema["items"] = {"anyOf": [{"type": "string"}, schema["items"]]}


def _simplified(value: Any) -> Any:
    """The same schema with `anyOf` a type and null written as one type, so that a mistake has one message."""
    if isinstance(value, list):
        return [_simplified(each) for each in value]
    if not isinstance(value, dict):
        return value
    schema: JSON = {name: _simplified(each) for name, each in value.items()}
    if schema.get("format") == "decimal":
        schema["type"] = ["number", "string"]
    match schema.pop("anyOf", None):
        case None:
            return schema
        case [{"enum": options}, {"type": "null"}]:
            return {**schema, "enum": [*options, None]}
        case [{"type": kind, **rest}, {"type": "null"}]:
            kinds = kind if isinstance(kind, list) else [kind]
            return {**schema, **rest, "type": [*kinds, "null"]}
        case choices:
            return {**schema, "anyOf": choices}


def _referable(schema: JSON) -> JSON:
    """The same schema, or a reference where a string would not do."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if "enum" not in schema and not {"integer", "number", "boolean"} & set(kinds):
        return schema
    told = {name: schema.pop(name) for name in ("description", "default") if name in schema}
    return {**told, "anyOf": [schema, {"$ref": "#/$defs/Reference"}]}


def documentation(modules: Iterable[ModuleType]) -> dict[str, dict[str, str]]:
    """By struct and field, the documentation under the field in its source."""
    found: dict[str, dict[str, str]] = {}
    for module in modules:
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.ClassDef):
                bases = [found.get(base.id, {}) for base in node.bases if isinstance(base, ast.Name)]
                found[node.name] = {name: doc for each in [*bases, _field_docs(node)] for name, doc in each.items()}
    return found


def _field_docs(struct: ast.ClassDef) -> dict[str, str]:
    docs: dict[str, str] = {}
    for field, below in zip(struct.body, struct.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name.rstrip("_")] = inspect.cleandoc(doc)
            case _:
                pass
    return docs
