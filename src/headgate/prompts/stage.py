"""The stage of a model that is a prompt: what the client says becomes the prompt's inputs and history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.prompting import tool_name
from headgate.errors import BadRequest
from headgate.events import FieldDropped
from headgate.prompts.at_hand import Served, Spelling
from headgate.prompts.config import PromptConfig
from headgate.prompts.dotprompt import BOUNDS, Bounds, Rendered, RenderRefused
from headgate.prompts.reference import Malformed, Reference
from headgate.prompts.serving import history, prompted
from headgate.prompts.shelf import Shelf
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import JSON, OPAQUE, Call, Payload, Prompting, Reply

QUICK = Bounds(max_characters=500_000, max_steps=20_000, max_s=0.05)
"""How far rendering goes on the event loop; what goes further is rendered in a thread, up to `BOUNDS`."""

NOTHING = Prompting()
"""What a call says that says nothing to a prompt."""

SpellingOf = Callable[[str | None], Spelling]
"""How the vendor of a prompt's own model, or of the model that is the prompt, spells what can be spelt in two ways."""

RESPONSES = frozenset({"openai_responses", "openai_input_tokens"})
"""Dialects that have a word of their own for it: `prompt: {id, version, variables}`."""


class Prompt:
    """Renders a prompt with a call's inputs, and puts it in place of the client's messages, which are its history."""

    operations = EVERY_OPERATION

    def __init__(
        self,
        shelf: Shelf,
        spelling: SpellingOf,
        config: PromptConfig | None = None,
        reference: Reference | None = None,
    ) -> None:
        """`config` and `reference` are what the model says; None where each call brings a prompt that is found."""
        self._shelf = shelf
        self._spelling = spelling
        self._reference = reference
        self._keep = frozenset(config.override if config is not None else ())

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.operation == "responses":
            return next(call)  # what a vendor has stored was made by the prompt of its own time
        said = call.prompt or NOTHING
        request = said.asked or call.request
        if request.dialect == OPAQUE:
            raise BadRequest(f"This model is a prompt, which takes chats, and no '{call.operation}'.", param="model")
        if request.dialect in RESPONSES and request.tree.get("prompt") is not None:
            said, request = _with_own_words(said, request, self._reference)
        asked = self._asked(call, said)
        found = said.found or (None if asked is None else self._at_hand(call, said, asked))
        if found is None:
            assert asked is not None, "who brings no prompt has a model that is one"
            return self._looked_up(call, next, said, request, asked)
        try:
            rendered = self._render(call, said, request, found, QUICK)
        except RenderRefused:
            return self._aside(call, next, said, request, found)
        return next(self._made(call, said, request, found, rendered))

    def _asked(self, call: Call, said: Prompting) -> Reference | None:
        """What to look for: the version the client asks for, where it may, else the model's own."""
        own = self._reference
        if own is None or said.version is None:
            return own
        try:
            asked = own.at(said.version)
        except Malformed as error:
            raise BadRequest(f"The prompt's version {error}.", param="version") from None
        if asked != own and "version" not in self._keep:
            found = self._shelf.get(call.identity.organisation, own)
            if found is None or not asked.fits(found.version):
                raise BadRequest(
                    f"This model is '{own}', and no other version of it; leave the version out.", param="version"
                )
            return own
        return asked

    def _at_hand(self, call: Call, said: Prompting, asked: Reference) -> Served | None:
        """The prompt, by the label of the caller's key where it has one of its own."""
        identity = call.identity
        own = identity.prompt_label
        if own is not None and asked.label is not None and said.version is None:
            found = self._shelf.get(identity.organisation, replace(asked, label=own))
            if found is not None:
                return found
        return self._shelf.get(identity.organisation, asked)

    async def _looked_up(self, call: Call, next: Next, said: Prompting, request: Payload, asked: Reference) -> Reply:
        found = await self._shelf.find(call.identity.organisation, asked)
        return await self._aside(call, next, said, request, found)

    async def _aside(self, call: Call, next: Next, said: Prompting, request: Payload, found: Served) -> Reply:
        """Render in a thread what takes long: it is not to hold up other calls."""
        rendered = await asyncio.to_thread(self._render, call, said, request, found, BOUNDS)
        return await next(self._made(call, said, request, found, rendered))

    def _render(self, call: Call, said: Prompting, request: Payload, found: Served, bounds: Bounds) -> Rendered:
        """What the prompt comes to.

        Raises:
            BadRequest: an input is not what the prompt's schema says, or a tool is missing; `param` says which.
            RenderRefused: it would come to more than the bounds.
        """
        call.account.prompt = found.label
        if found.brought and call.operation == "chat":
            _check_tools(found, request.tree)
        own = dialects.get(request.dialect).conversation(request.tree)
        rendered = found.prompt.render(
            said.inputs,
            context=said.context,
            messages=history(own) if own else (),
            docs=said.docs,
            bounds=bounds,
        )
        if not rendered.messages:
            raise BadRequest(f"The prompt '{found.label}' comes to nothing with these inputs.", param="inputs")
        return rendered

    def _made(self, call: Call, said: Prompting, request: Payload, found: Served, rendered: Rendered) -> Call:
        """The call as the prompt makes it."""
        return replace(
            call,
            request=self._written(call, request, found, rendered),
            prompt=Prompting(  # what was asked of this prompt is not asked of one it falls back to
                inputs=said.inputs,
                context=said.context,
                docs=said.docs,
                asked=request,
                used=found.label,
                model=found.prompt.model,
            ),
        )

    def _written(self, call: Call, request: Payload, found: Served, rendered: Rendered) -> Payload:
        made, dropped = prompted(request, found, rendered, self._spelling(found.prompt.model), self._keep)
        for field in dropped:
            call.account.events.append(FieldDropped("prompt", field))
        return made


def _check_tools(found: Served, tree: JSON) -> None:
    """Raise `BadRequest` where the caller has not brought a tool that the prompt leaves to it."""
    listed = tree.get("tools")
    there = {tool_name(each) for each in listed} if isinstance(listed, list) else set()
    for name in found.brought:
        if name not in there:
            raise BadRequest(f"The prompt '{found.label}' needs the tool '{name}' from its caller.", param="tools")


def _with_own_words(said: Prompting, request: Payload, own: Reference | None) -> tuple[Prompting, Payload]:
    """What Responses' `prompt` says, and the request without it.

    Raises:
        BadRequest: it is malformed, or names another prompt than the model is.
    """
    told = request.tree["prompt"]
    if not isinstance(told, dict):
        raise BadRequest("'prompt' must be an object: {id, version, variables}.", param="prompt")
    name, version, variables = told.get("id"), told.get("version"), told.get("variables")
    if own is not None and name not in (None, own.name):
        raise BadRequest(f"This model is the prompt '{own.name}', not that of prompt.id.", param="prompt.id")
    if not isinstance(version, str | None):
        raise BadRequest("'prompt.version' must be a string.", param="prompt.version")
    if not isinstance(variables, dict | None):
        raise BadRequest("'prompt.variables' must be an object.", param="prompt.variables")
    inputs = {**{key: _value(each) for key, each in (variables or {}).items()}, **said.inputs}
    return replace(said, inputs=inputs, version=version or said.version), request.without_members("prompt")


def _value(variable: Any) -> Any:
    """A variable of Responses: a text stands for itself, an `input_text` part for its text, media for their address."""
    if not isinstance(variable, dict):
        return variable
    match variable.get("type"):
        case "input_text":
            return variable.get("text")
        case "input_image":
            return {"url": variable.get("image_url")}
        case "input_file":
            return {"url": variable.get("file_data") or variable.get("file_url")}
        case _:
            return variable
