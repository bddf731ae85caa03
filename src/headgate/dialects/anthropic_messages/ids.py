"""Where ids stand that name something in an account at Anthropic: files, containers, skills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from headgate.types import JSON, Path

Found = tuple[Path, str, str]
"""Path, kind (`file`, `container`, `skill`) and id."""


def request_ids(tree: JSON) -> Iterator[Found]:
    """The ids a request refers to."""
    yield from _container(tree.get("container"), ("container",))
    for number, message in enumerate(_list(tree.get("messages"))):
        if isinstance(message, dict):
            yield from _files(message.get("content"), ("messages", number, "content"))


def answer_ids(tree: JSON) -> Iterator[Found]:
    """The ids a whole answer tells."""
    yield from _container(tree.get("container"), ("container",))
    yield from _files(tree.get("content"), ("content",))


def frame_ids(tree: JSON) -> Iterator[Found]:
    """The ids one parsed frame of a stream tells."""
    for name in ("message", "delta"):
        members = tree.get(name)
        if isinstance(members, dict):
            yield from _container(members.get("container"), (name, "container"))
            yield from _files(members.get("citation"), (name, "citation"))
    yield from _files(tree.get("content_block"), ("content_block",))


def _container(value: Any, path: Path) -> Iterator[Found]:
    """A container by its id, or as an object that may name skills too. Skills of Anthropic's own are everybody's."""
    if isinstance(value, str):
        yield path, "container", value
    elif isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield (*path, "id"), "container", value["id"]
        for number, skill in enumerate(_list(value.get("skills"))):
            if isinstance(skill, dict) and skill.get("type") == "custom" and isinstance(skill.get("skill_id"), str):
                yield (*path, "skills", number, "skill_id"), "skill", skill["skill_id"]


def _files(value: Any, path: Path) -> Iterator[Found]:
    """Every `file_id` in blocks: sources, uploads, citations and what code wrote. A tool's input is the model's own."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, dict | list):
                yield from _files(item, (*path, number))
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "file_id" and isinstance(item, str):
                yield (*path, name), "file", item
            elif name != "input" and isinstance(item, dict | list):
                yield from _files(item, (*path, name))


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
