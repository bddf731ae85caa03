"""Prompts of libraries as what is tested: rendered with a case's inputs, as requests of OpenAI's chat dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.errors import BadRequest
from headgate.evals.case import Case, Cell
from headgate.evals.problems import Place
from headgate.evals.subjects import PlainModels, Request, Unrenderable
from headgate.prompts.dotprompt import Library, Media, Message, Prompt, PromptNotFound, Text
from headgate.types import JSON

_ROLES = {"model": "assistant"}

_SETTINGS = {
    "maxOutputTokens": "max_completion_tokens",
    "stopSequences": "stop",
    "topP": "top_p",
    "topK": "top_k",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
"""Dotprompt's names of what a request can set; others are as they stand."""

_FENCE = "---"

FOLDER = "prompts"
"""What the folder of a library is called, where it has its usual name."""


class Prompts:
    """The prompts of a library, and plain models beside them."""

    def __init__(self, library: Library, root: Path) -> None:
        """`root` is the folder the library is of: where its files are told to be."""
        self._library = library
        self._root = root
        self._plain = PlainModels()

    def find(self, cell: Cell) -> Prompt | None:
        """The prompt of a cell; None for a plain model.

        Raises:
            PromptNotFound: there is none of that name.
        """
        return None if cell.prompt is None else self._library.get(cell.prompt, cell.variant)

    def request(self, cell: Cell, case: Case) -> Request:
        """The request of a case.

        Raises:
            Unrenderable: its inputs do not make one.
        """
        try:
            prompt = self.find(cell)
            if prompt is None:
                return self._plain.request(cell, case)
            history = [_spoken(each) for each in case.messages]
            rendered = prompt.render(case.inputs, context=case.context, messages=history)
        except (BadRequest, PromptNotFound) as error:
            raise Unrenderable(error.message) from None
        model = cell.model or rendered.model
        if model is None:
            raise Unrenderable("the prompt names no model; write 'model:' in it or in the test file")
        body: JSON = {"model": model, "messages": [_message(each) for each in rendered.messages]}
        body |= {_SETTINGS.get(name, name): value for name, value in rendered.config.items()}
        if prompt.tool_defs:
            body["tools"] = [_tool(each) for each in prompt.tool_defs]
        body |= _format(prompt)
        return Request({**body, **case.config}, prompt.version)

    def place(self, cell: Cell) -> Place | None:
        """The first line of the prompt's template."""
        try:
            prompt = self.find(cell)
        except PromptNotFound:
            return None
        if prompt is None:
            return None
        return Place(str(self._root / prompt.file), _first_line(prompt.sources.get(prompt.file, "")))


def root_of(test: Path) -> Path:
    """The folder whose library a test file belongs to: one around it that is called `prompts`; else the highest above
    it up to which every folder has prompts, partials, tools or schemas in it, its own where none has.
    """
    named = [each for each in test.parents if each.name == FOLDER]
    if named:
        return named[-1]
    folder = test.parent
    while folder.resolve() != Path.cwd() and _has_prompts(folder.parent):
        folder = folder.parent
    return folder


def _has_prompts(folder: Path) -> bool:
    endings = (".prompt", ".tool.yaml", ".tool.json", ".schema.yaml", ".schema.json")
    return any(each.name.endswith(endings) for each in folder.iterdir())


def _first_line(source: str) -> int:
    lines = source.split("\n")
    fences = [at for at, line in enumerate(lines, 1) if line.rstrip() == _FENCE]
    after = fences[1] if len(fences) > 1 and not "".join(lines[: fences[0] - 1]).strip() else 0
    return next((at for at, line in enumerate(lines, 1) if at > after and line.strip()), 1)


def _spoken(message: JSON) -> Mapping[str, Any]:
    """A message of OpenAI's dialect as Dotprompt has it."""
    content, role = message.get("content"), message.get("role", "user")
    parts: list[Any] = [{"text": content}] if isinstance(content, str) else list(_parts(content))
    return {"role": "model" if role == "assistant" else role, "content": parts}


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict):
            yield {"text": part["text"]} if part.get("type") == "text" and "text" in part else part


def _message(message: Message) -> JSON:
    parts: list[JSON] = []
    for part in message.content:
        if isinstance(part, Text):
            parts.append({"type": "text", "text": part.text})
        elif isinstance(part, Media):
            parts.append({"type": "image_url", "image_url": {"url": part.url}})
    texts = [part["text"] for part in parts if part["type"] == "text"]
    content: str | Sequence[JSON] = "".join(texts) if len(texts) == len(parts) else parts
    return {"role": _ROLES.get(message.role, message.role), "content": content}


def _tool(definition: Mapping[str, Any]) -> JSON:
    function = {"name": definition["name"], "parameters": definition.get("inputSchema") or {"type": "object"}}
    if definition.get("description"):
        function["description"] = definition["description"]
    return {"type": "function", "function": function}


def _format(prompt: Prompt) -> JSON:
    if prompt.output_schema is not None and prompt.output_format in (None, "json"):
        schema = {"name": "answer", "schema": prompt.output_schema}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"response_format": {"type": "json_object"}} if prompt.output_format == "json" else {}
