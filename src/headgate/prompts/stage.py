"""The stage of a model that is a prompt: what the client says becomes the prompt's inputs and history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.prompting import tool_name
from headgate.errors import BadRequest, HeadgateError
from headgate.events import FieldDropped
from headgate.prompts.at_hand import Served, Spelling
from headgate.prompts.completing import completed
from headgate.prompts.config import PromptConfig
from headgate.prompts.dotprompt import BOUNDS, Bounds, Rendered, RenderRefused
from headgate.prompts.reference import Malformed, Reference
from headgate.prompts.serving import history, prompted
from headgate.prompts.shelf import Shelf
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import JSON, Call, Payload, Prompting, Reply

QUICK = Bounds(max_characters=500_000, max_steps=2_000, max_s=0.005)
"""How far rendering goes on the event loop; what goes further is rendered in a thread, up to `BOUNDS`."""

LARGE = 64 * 1024
"""Bytes of a request beyond which it is rendered in a thread at once: inputs are checked before they are rendered."""

NOTHING = Prompting()
"""What a call says that says nothing to a prompt."""

SpellingOf = Callable[[str | None], Spelling]
"""How the vendor of a prompt's own model, or of the model that is the prompt, spells what can be spelt in two ways."""

Counts = Callable[[str, str, str, float], None]
"""Is told of each rendering: the prompt, the label it was found by, `ok` or the error's code, seconds."""

RESPONSES = frozenset({"openai_responses", "openai_input_tokens"})
"""Dialects that have a word of their own for it: `prompt: {id, version, variables}`."""

CHATS = frozenset({"chat", "count_tokens"})
"""Operations that a prompt can make the request of."""


class Prompt:
    """Renders a prompt with a call's inputs, and puts it in place of the client's messages, which are its history."""

    operations = EVERY_OPERATION

    def __init__(
        self,
        shelf: Shelf,
        spelling: SpellingOf,
        counts: Counts,
        config: PromptConfig | None = None,
        reference: Reference | None = None,
    ) -> None:
        """`config` and `reference` are what the model says; None where each call brings a prompt that is found."""
        self._shelf = shelf
        self._spelling = spelling
        self._counts = counts
        self._reference = reference
        self._keep = frozenset(config.override if config is not None else ())

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.operation == "responses":
            return next(call)  # what a vendor has stored was made by the prompt of its own time
        if call.operation == "complete":
            return completed(call, lambda chat: self(chat, next), self._spelling(None).quirks)
        if call.operation not in CHATS:
            raise BadRequest(
                f"This model is a prompt, which takes chats, and no '{call.operation}': POST /v1/chat/completions, "
                "/v1/responses or /v1/messages.",
                param="model",
            )
        said = call.prompt or NOTHING
        request = said.asked or call.request
        if request.dialect in RESPONSES and request.tree.get("prompt") is not None:
            said, request = _with_own_words(said, request, self._reference)
        found, asked = self._found(call, said)
        if found is None:
            return self._looked_up(call, next, said, request, asked)
        asking = _Asking(call, said, request, found, self._label(found, asked))
        if said.size > LARGE or request.size > LARGE:
            return self._aside(asking, next)
        begun = perf_counter()
        try:
            rendered = _rendered(asking, QUICK)
        except RenderRefused:
            return self._aside(asking, next)
        except HeadgateError as error:
            self._count(asking, error.code, begun)
            raise
        self._count(asking, "ok", begun)
        return next(self._made(asking, rendered))

    # ── which prompt ──

    def _found(self, call: Call, said: Prompting) -> tuple[Served | None, Reference]:
        """The prompt, as far as it is at hand, and what it was looked for by."""
        identity, own = call.identity, self._reference
        if said.found is not None:
            return said.found, said.reference
        assert own is not None, "who brings no prompt has a model that is one"
        if said.version is None:
            return self._shelf.labelled(identity.organisation, own, identity.prompt_label)
        try:
            asked = own.at(said.version)
        except Malformed as error:
            raise BadRequest(f"The prompt's version {error}.", param="version") from None
        if asked == own or "version" in self._keep:
            return self._shelf.get(identity.organisation, asked), asked
        found, by = self._shelf.labelled(identity.organisation, own, identity.prompt_label)
        if found is not None and asked != by and not asked.fits(found.version):
            raise BadRequest(
                f"This model is '{own}', and no other version of it; leave the version out.", param="version"
            )
        return found, by

    async def _looked_up(self, call: Call, next: Next, said: Prompting, request: Payload, asked: Reference) -> Reply:
        begun = perf_counter()
        try:
            found = await self._shelf.find(call.identity.organisation, asked)
        except HeadgateError as error:
            label = asked.label if asked == self._reference else None  # else it is what the client has made up
            self._counts(asked.name, label or OTHER, error.code, perf_counter() - begun)
            raise
        return await self._aside(_Asking(call, said, request, found, self._label(found, asked)), next)

    def _label(self, found: Served, asked: Reference) -> str:
        """The label a prompt was found by, as metrics have it."""
        if self._shelf.files.get(asked.name) is found:
            return FILE
        return asked.label or OTHER

    # ── rendering ──

    async def _aside(self, asking: _Asking, next: Next) -> Reply:
        """Render in a thread what takes long: it is not to hold up other calls."""
        begun = perf_counter()
        try:
            rendered = await self._shelf.aside(partial(_rendered, asking, BOUNDS))
        except HeadgateError as error:
            self._count(asking, error.code, begun)
            raise
        self._count(asking, "ok", begun)
        return await next(self._made(asking, rendered))

    def _count(self, asking: _Asking, outcome: str, begun: float) -> None:
        self._counts(asking.found.name, asking.label, outcome, perf_counter() - begun)

    def _made(self, asking: _Asking, rendered: Rendered) -> Call:
        """The call as the prompt makes it."""
        call, said, found = asking.call, asking.said, asking.found
        spelling = self._spelling(found.prompt.model)
        made, dropped = prompted(asking.request, found, rendered, spelling, self._keep)
        for field in dropped:
            call.account.events.append(FieldDropped("prompt", field))
        call.account.rendered = made
        return replace(
            call,
            request=made,
            prompt=Prompting(  # what was asked of this prompt is not asked of one it falls back to
                inputs=said.inputs,
                context=said.context,
                docs=said.docs,
                size=said.size,
                asked=asking.request,
                used=found.label,
                model=found.prompt.model,
            ),
        )


FILE, OTHER = "(file)", "(version)"
"""What stands for the label, where a prompt is served from a file, or was asked for by its version."""


class _Asking(NamedTuple):
    """What a prompt is rendered for."""

    call: Call
    said: Prompting
    request: Payload
    """As the client made it."""
    found: Served
    label: str


def _rendered(asking: _Asking, bounds: Bounds) -> Rendered:
    """What the prompt comes to.

    Raises:
        BadRequest: an input is not what the prompt's schema says, or a tool is missing; `param` says which.
        RenderRefused: it would come to more than the bounds.
    """
    call, said, request, found, _ = asking
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
    inputs = {**{key: _value(key, each) for key, each in (variables or {}).items()}, **said.inputs}
    return replace(said, inputs=inputs, version=version or said.version), request.without_members("prompt")


def _value(name: str, variable: Any) -> Any:
    """A variable of Responses: a text stands for itself, an `input_text` part for its text, media for their address."""
    if not isinstance(variable, dict):
        return variable
    match variable.get("type"):
        case "input_text":
            return variable.get("text")
        case "input_image":
            return {"url": _address(name, variable, "image_url")}
        case "input_file":
            return {"url": _address(name, variable, "file_data", "file_url")}
        case _:
            return variable


def _address(name: str, variable: JSON, *members: str) -> str:
    for member in members:
        if isinstance(told := variable.get(member), str):
            return told
    raise BadRequest(
        f"'prompt.variables.{name}' must have {' or '.join(members)}: a prompt knows no files by their ids.",
        param=f"prompt.variables.{name}",
    )
