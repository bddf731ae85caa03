"""Content blocks of an answer as the hub's parts. What a block has beyond them goes to `extra`."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from headgate.dialects.bedrock_converse.formats import MEDIA_TYPES
from headgate.dialects.hub import (
    Citation,
    Media,
    Native,
    Part,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    extra_of,
)
from headgate.dialects.members import as_object, optional, required
from headgate.errors import MalformedOutput
from headgate.types import JSON

NAME = "bedrock_converse"
ORIGIN = "anthropic"
"""Only Claude signs its reasoning here, with signatures that Anthropic's own API can read too."""


def part_of(block: JSON, where: str) -> Part:
    """The part a content block stands for. A kind that the hub has no word for stays as it is.

    Raises:
        MalformedOutput: a member of a known kind is missing or has the wrong type.
    """
    if "text" in block:
        text = required(block, "text", str, where)
        return Text(text=text, extra=_left(block, "text"))
    if "toolUse" in block:
        use = required(block, "toolUse", dict, where)
        if use.get("type") == "server_tool_use":
            return Native(dialect=NAME, data=block)
        return tool_call(use, f"{where}.toolUse", encoded(use.get("input")), _left(block, "toolUse"))
    if "reasoningContent" in block:
        content = required(block, "reasoningContent", dict, where)
        return _reasoning(content, f"{where}.reasoningContent", _left(block, "reasoningContent"))
    if "citationsContent" in block:
        return _cited(block, where)
    if "image" in block:
        return _image(block, where)
    return Native(dialect=NAME, data=block)


def tool_call(use: JSON, where: str, arguments: str, extra: dict[str, JSON] | None = None) -> ToolCall:
    """A `toolUse` with its arguments as JSON text."""
    own = {name: value for name, value in use.items() if name not in ("toolUseId", "name", "input")}
    return ToolCall(
        id=required(use, "toolUseId", str, where),
        name=required(use, "name", str, where),
        arguments=arguments,
        extra=extra_of(NAME, {**own, **(extra or {}).get(NAME, {})}),
    )


def encoded(value: Any) -> str:
    """A document as JSON text; no arguments at all are an empty object."""
    return "{}" if value is None else msgspec.json.encode(value).decode()


def redacted(blob: str) -> Signature:
    """Encrypted reasoning as Anthropic's own API has it: Bedrock puts that text into base64 once more.

    Raises:
        MalformedOutput: it is not base64 of a text.
    """
    try:
        return Signature(ORIGIN, base64.b64decode(blob, validate=True).decode())
    except (binascii.Error, ValueError):
        raise MalformedOutput("reasoningContent.redactedContent is not base64 of a text") from None


def citation(tree: JSON, where: str) -> Citation:
    """A citation. Where in the source it points to is kept in `extra`: the hub's offsets are those of the answer."""
    sources = optional(tree, "sourceContent", list, where) or []
    cited = [required(as_object(each, where), "text", str, f"{where}.sourceContent") for each in sources]
    location = optional(tree, "location", dict, where) or {}
    web = optional(location, "web", dict, f"{where}.location") or {}
    return Citation(
        url=optional(web, "url", str, f"{where}.location.web"),
        title=optional(tree, "title", str, where),
        cited_text="".join(cited) if cited else None,
        extra=extra_of(NAME, tree),
    )


def _reasoning(content: JSON, where: str, extra: dict[str, JSON]) -> Reasoning:
    blob = optional(content, "redactedContent", str, where)
    told = optional(content, "reasoningText", dict, where)
    if blob is None and told is None:
        raise MalformedOutput(f"{where} has neither reasoningText nor redactedContent")
    told = told or {}
    signature = optional(told, "signature", str, f"{where}.reasoningText")
    return Reasoning(
        text=optional(told, "text", str, f"{where}.reasoningText") or "",
        signature=Signature(ORIGIN, signature) if signature else None,
        redacted=redacted(blob) if blob is not None else None,
        extra=extra,
    )


def _cited(block: JSON, where: str) -> Text:
    content = required(block, "citationsContent", dict, where)
    at = f"{where}.citationsContent"
    texts = [
        required(as_object(each, f"{at}.content[{index}]"), "text", str, f"{at}.content[{index}]")
        for index, each in enumerate(optional(content, "content", list, at) or ())
    ]
    citations = [
        citation(as_object(each, f"{at}.citations[{index}]"), f"{at}.citations[{index}]")
        for index, each in enumerate(optional(content, "citations", list, at) or ())
    ]
    return Text(text="".join(texts), citations=tuple(citations), extra=_left(block, "citationsContent"))


def _image(block: JSON, where: str) -> Part:
    image = required(block, "image", dict, where)
    source = optional(image, "source", dict, f"{where}.image") or {}
    data = optional(source, "bytes", str, f"{where}.image.source")
    if data is None:  # an image that was refused, or one in S3: a client of another dialect can do nothing with it
        return Native(dialect=NAME, data=block)
    word = required(image, "format", str, f"{where}.image")
    return Media(kind="image", data=data, media_type=MEDIA_TYPES["image"].get(word, f"image/{word}"))


def _left(block: JSON, known: str) -> dict[str, JSON]:
    return {} if len(block) == 1 else extra_of(NAME, {k: v for k, v in block.items() if k != known})
