"""The texts of requests, responses and stream events.

One table says what is not text: ids, words of enumerations, base64, encrypted reasoning, credentials, names of tools.
It mirrors the bodies' shape with lists left out. Everything it does not mention is text; a URL is, unless it holds
data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headgate.dialects.schemas import is_schema_word
from headgate.dialects.view import Provenance, TextNode, get, strings
from headgate.types import JSON, Path

_Table = dict[str, Any]
_NOT = "not text"
_SCHEMA = "a JSON Schema"
_URL = "a URL, or data in the form of one"
_NONE = "nothing in it is text"

_ANNOTATION: _Table = {"type": _NOT, "file_id": _NOT, "container_id": _NOT}
_PART: _Table = {
    "type": _NOT,
    "detail": _NOT,
    "file_id": _NOT,
    "file_data": _NOT,
    "image_url": _URL,
    "file_url": _URL,
    "input_audio": {"data": _NOT, "format": _NOT},
    "prompt_cache_breakpoint": _NONE,
    "annotations": _ANNOTATION,
    "outcome": {"type": _NOT},
}
_TOOL: _Table = {
    "type": _NOT,
    "name": _NOT,
    "parameters": _SCHEMA,
    "input_schema": _SCHEMA,
    "output_schema": _SCHEMA,
    "format": {"type": _NOT, "syntax": _NOT},
    "execution": _NOT,
    "allowed_callers": _NONE,
    "allowed_tools": _NONE,
    "require_approval": _NONE,
    "authorization": _NOT,
    "connector_id": _NOT,
    "server_label": _NOT,
    "vector_store_ids": _NOT,
    "ranking_options": {"ranker": _NOT},
    "filters": {"type": _NOT, "key": _NOT, "filters": {"type": _NOT, "key": _NOT}},
    "container": {"type": _NOT, "file_ids": _NOT, "memory_limit": _NOT, "network_policy": {"type": _NOT}},
    "environment": {"type": _NOT, "container_id": _NOT},
    "user_location": {"type": _NOT},
    "search_context_size": _NOT,
    "search_content_types": _NOT,
    "input_image_mask": {"file_id": _NOT, "image_url": _URL},
    "action": _NOT,
    "background": _NOT,
    "input_fidelity": _NOT,
    "model": _NOT,
    "moderation": _NOT,
    "output_format": _NOT,
    "quality": _NOT,
    "size": _NOT,
}
_TOOL["tools"] = _TOOL  # a namespace's
_ITEM: _Table = {
    "type": _NOT,
    "id": _NOT,
    "role": _NOT,
    "status": _NOT,
    "phase": _NOT,
    "call_id": _NOT,
    "name": _NOT,
    "namespace": _NOT,
    "caller": _NONE,
    "encrypted_content": _NOT,
    "execution": _NOT,
    "server_label": _NOT,
    "container_id": _NOT,
    "approval_request_id": _NOT,
    "fingerprint": _NOT,
    "result": _NOT,
    "background": _NOT,
    "output_format": _NOT,
    "quality": _NOT,
    "size": _NOT,
    "content": _PART,
    "summary": _PART,
    "output": _PART,
    "tools": _TOOL,
    "action": {"type": _NOT, "button": _NOT, "sources": {"type": _NOT}},
    "actions": {"type": _NOT, "button": _NOT},
    "operation": {"type": _NOT},
    "outputs": {"type": _NOT, "url": _URL},
    "results": {"file_id": _NOT},
    "error": {"type": _NOT, "code": _NOT},
    "acknowledged_safety_checks": {"id": _NOT, "code": _NOT},
    "pending_safety_checks": {"id": _NOT, "code": _NOT},
}
_REQUEST: _Table = {
    "model": _NOT,
    "access_programs": _NONE,
    "background_options": _NONE,
    "context_management": {"type": _NOT},
    "conversation": {"id": _NOT},
    "image": {"context_compression": _NOT},
    "include": _NOT,
    "input": _ITEM,
    "moderation": _NONE,
    "previous_response_id": _NOT,
    "prompt": {"id": _NOT, "version": _NOT},
    "prompt_cache_options": _NONE,
    "prompt_cache_retention": _NOT,
    "reasoning": {"effort": _NOT, "summary": _NOT, "generate_summary": _NOT, "context": _NOT, "mode": _NOT},
    "service_tier": _NOT,
    "text": {"verbosity": _NOT, "format": {"type": _NOT, "name": _NOT, "schema": _SCHEMA}},
    "tool_choice": _NONE,
    "tools": _TOOL,
    "truncation": _NOT,
}
_WORD_OR_OBJECT = frozenset({("conversation",), ("tools", "container")})
"""What is an id where it is a string, and has texts where it is an object."""

_SPEAKERS: dict[str, Provenance] = {"assistant": "assistant", "developer": "system", "system": "system", "user": "user"}
_PLACES: dict[str, Provenance] = {
    "arguments": "tool_call",
    "action": "tool_call",
    "actions": "tool_call",
    "code": "tool_call",
    "input": "tool_call",
    "operation": "tool_call",
    "queries": "tool_call",
    "output": "tool_result",
    "outputs": "tool_result",
    "error": "tool_result",
    "results": "document",
    "summary": "reasoning",
    "tools": "tool_definition",
}
_EVENT: _Table = {
    "type": _NOT,
    "item_id": _NOT,
    "obfuscation": _NOT,
    "partial_image_b64": _NOT,
    "code": _NOT,
    "param": _NOT,
    "name": _NOT,
    "part": _PART,
    "annotation": _ANNOTATION,
    "error": {"type": _NOT, "code": _NOT, "param": _NOT},
}


def request_texts(tree: JSON) -> Iterator[TextNode]:
    for name, value in tree.items():
        match name:
            case "input":
                yield from _input(value)
            case "instructions":
                yield from strings(value, (name,), "system", "system")
            case "tools":
                yield from _texts(value, (name,), _TOOL, "", "tool_definition")
            case _:
                yield from _texts(value, (name,), _REQUEST.get(name), "", "parameter")


def answer_texts(tree: JSON) -> Iterator[TextNode]:
    """Of what the model made; what the response repeats of its request is not looked at again."""
    output = tree.get("output")
    for index, item in enumerate(output if isinstance(output, list) else ()):
        yield from _item(item, ("output", index), "assistant")
    yield from strings(tree.get("output_text"), ("output_text",), "assistant", "assistant")
    yield from _texts(tree.get("error"), ("error",), _EVENT["error"], "", "parameter")


def frame_texts(tree: JSON) -> Iterator[TextNode]:
    """Of one event; it continues the block that its `output_index` and `content_index` or `summary_index` name."""
    kind = tree.get("type")
    provenance = _provenance_of_event(kind if isinstance(kind, str) else "")
    for name, value in tree.items():
        if name == "response" and isinstance(value, dict):
            for node in answer_texts(value):
                yield TextNode((name, *node.path), node.role, node.provenance, node.text)
        elif name == "item":
            yield from _item(value, (name,), "assistant")
        elif name == "code" and provenance == "tool_call":
            yield from strings(value, (name,), "assistant", provenance)
        else:
            yield from _texts(value, (name,), _EVENT.get(name), "assistant", provenance)


def is_not_text(path: Path, tree: JSON) -> bool:
    table: Any = _REQUEST
    for depth, step in enumerate(path):
        if table == _SCHEMA:
            return is_schema_word(path[depth:])
        if table == _NONE:
            return True
        if isinstance(step, str):
            table = table.get(step) if isinstance(table, dict) else None
    if table == _URL:
        return _holds_data(get(tree, path))
    return table in (_NOT, _NONE) or tuple(step for step in path if isinstance(step, str)) in _WORD_OR_OBJECT


def _input(value: Any) -> Iterator[TextNode]:
    if not isinstance(value, list):
        yield from strings(value, ("input",), "user", "user")
        return
    for index, item in enumerate(value):
        yield from _item(item, ("input", index), "user")


def _item(item: Any, path: Path, speaker: str) -> Iterator[TextNode]:
    """An item; what its texts are depends on its kind and on where in it they stand."""
    if not isinstance(item, dict):
        yield from strings(item, path, speaker, _SPEAKERS[speaker])
        return
    kind, told = item.get("type"), item.get("role")
    role = told if isinstance(told, str) else speaker
    mine = _SPEAKERS.get(role, "user")
    if kind == "reasoning":
        mine = "reasoning"
    for name, value in item.items():
        place = mine if name == "content" else _PLACES.get(name, mine)
        yield from _texts(value, (*path, name), _ITEM.get(name), role, place)


def _texts(value: Any, path: Path, table: Any, role: str, provenance: Provenance) -> Iterator[TextNode]:
    if table is None:
        yield from strings(value, path, role, provenance)
    elif table == _SCHEMA:
        for node in strings(value, path, role, provenance):
            if not is_schema_word(node.path[len(path) :]):
                yield node
    elif isinstance(value, str):
        if table == _URL:
            if not _holds_data(value):
                yield TextNode(path, role, "parameter", value)
        elif (
            table not in (_NOT, _NONE) and tuple(step for step in path if isinstance(step, str)) not in _WORD_OR_OBJECT
        ):
            yield TextNode(path, role, provenance, value)
    elif table == _NONE:
        return
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index), table, role, provenance)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(
                each, (*path, name), table.get(name) if isinstance(table, dict) else None, role, provenance
            )


def _holds_data(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("data:")


def _provenance_of_event(kind: str) -> Provenance:
    if "reasoning" in kind:
        return "reasoning"
    if "_call" in kind:
        return "tool_call"
    return "parameter" if kind == "error" else "assistant"
