"""One prompt, ready to be rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from headgate.checks.effort import Uncheckable
from headgate.checks.json_schema import JsonSchema
from headgate.prompts.dotprompt.messages import Item, Message, assemble, message_of
from headgate.prompts.dotprompt.problem import InputInvalid, RenderTooDeep
from headgate.prompts.dotprompt.running import BOUNDS, Bounds, Data, Frame, Op, Run
from headgate.prompts.dotprompt.values import TooDeep


class Rendered(msgspec.Struct, frozen=True):
    """What a prompt comes to."""

    messages: tuple[Message, ...]
    config: Mapping[str, Any]
    model: str | None
    input: Mapping[str, Any] | None
    """`schema` in JSON Schema and `default`, as far as the prompt has them."""
    output: Mapping[str, Any] | None
    """`schema` in JSON Schema and `format`, as far as the prompt has them."""

    def plain(self) -> dict[str, Any]:
        """As Dotprompt writes it."""
        return {
            "messages": [message.plain() for message in self.messages],
            "config": dict(self.config),
            "model": self.model,
            "input": self.input,
            "output": self.output,
        }


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Prompt:
    """A prompt of a library, compiled. What its mappings hold is not to be changed."""

    name: str
    """Its file's place in the library, without variant and ending: `support/triage`."""
    variant: str | None
    version: str
    """SHA-256, in hexadecimal, over the files it needs: the same wherever these are the same."""
    file: str
    """Its file's place in the library: `support/triage.brief.prompt`."""
    model: str | None
    config: Mapping[str, Any]
    description: str | None
    input_default: Mapping[str, Any]
    input_schema: Mapping[str, Any] | None
    """JSON Schema."""
    output_schema: Mapping[str, Any] | None
    """JSON Schema."""
    output_format: str | None
    tools: tuple[str, ...]
    """Those the library does not define."""
    tool_defs: tuple[Mapping[str, Any], ...]
    """Those it defines: `name`, `description`, `inputSchema` and `outputSchema` in JSON Schema."""
    settings: Mapping[str, Any]
    """Ours, of the keys `headgate.…`."""
    ext: Mapping[str, Mapping[str, Any]]
    """All keys with a dot, by what is before the last one."""
    metadata: Mapping[str, Any]
    raw: Mapping[str, Any] | None
    """The front matter as written."""
    sources: Mapping[str, str]
    """Every file it needs by its place in the library, its own included: a library of these has this prompt."""
    template: Op = field(repr=False)
    asks_metadata: bool = field(repr=False)
    """Whether it may look at `@metadata`."""
    checked: JsonSchema | None = field(repr=False)
    """What inputs are checked against."""

    @property
    def full_name(self) -> str:
        """With the variant: `support/triage.brief`."""
        return self.name if self.variant is None else f"{self.name}.{self.variant}"

    @property
    def input(self) -> Mapping[str, Any] | None:
        """As Dotprompt writes it."""
        default = {"default": self.input_default} if self.input_default else {}
        schema = {} if self.input_schema is None else {"schema": self.input_schema}
        return {**default, **schema} or None

    @property
    def output(self) -> Mapping[str, Any] | None:
        """As Dotprompt writes it."""
        form = {} if self.output_format is None else {"format": self.output_format}
        schema = {} if self.output_schema is None else {"schema": self.output_schema}
        return {**form, **schema} or None

    def with_options(self, options: Mapping[str, Any]) -> Prompt:
        """The same prompt with metadata of Dotprompt's laid over its own: `model`, `config`, and defaults of inputs.

        Raises:
            InputInvalid: one of these is not of its type.
        """
        given = _mapping(options.get("input"), "options.input")
        model = options.get("model")
        if not isinstance(model, str | None):
            raise InputInvalid("'options.model' is not a text", param="options.model")
        return replace(
            self,
            model=model or self.model,
            config={**self.config, **_mapping(options.get("config"), "options.config")},
            input_default={**self.input_default, **_mapping(given.get("default"), "options.input.default")},
        )

    def render(
        self,
        inputs: Mapping[str, Any],
        *,
        context: Mapping[str, Any] | None = None,
        messages: Sequence[Mapping[str, Any] | Message] = (),
        docs: Sequence[Mapping[str, Any]] = (),
        bounds: Bounds = BOUNDS,
    ) -> Rendered:
        """The messages for some inputs.

        Args:
            inputs: values of JSON, by name; those left out have their defaults.
            context: what `@name` stands for: `state`, `auth`, whatever the application gives.
            messages: what was said before, as Dotprompt writes it.
            docs: documents the application has found, which are `@metadata.docs`.
            bounds: how far it may go.

        Raises:
            InputInvalid: an input is not what the schema says; the message and `param` name it.
            RenderRefused: it would come to too much text, take too long, or go too deep.
        """
        if not isinstance(inputs, Mapping):
            raise InputInvalid("the inputs are not a mapping of names to values", param="inputs")
        try:
            history = [message_of(each) for each in messages]
        except ValueError as error:
            raise InputInvalid(str(error), param="messages") from None
        this = {**self.input_default, **inputs}
        if self.checked is not None:
            check(self.checked, this)
        values: dict[str, Any] = {**_mapping(context, "context"), "root": this}
        if self.asks_metadata:
            values.setdefault("metadata", self._metadata(history, docs))
        out: list[Item] = []
        try:
            self.template(Frame(this, None, Data(values, None, None), None, out, Run(bounds), None))
        except TooDeep:
            raise RenderTooDeep("a value of the inputs is nested too deep to be written out") from None
        except RecursionError:
            raise RenderTooDeep("blocks, partials and the inputs' values are nested too deep in one another") from None
        return Rendered(assemble(out, history), self.config, self.model, self.input, self.output)

    def _metadata(self, history: Sequence[Message], docs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What `@metadata` stands for."""
        prompt = {"name": self.name, "model": self.model, "config": self.config, "ext": self.ext, "raw": self.raw}
        return {"prompt": prompt, "docs": docs, "messages": [each.plain() for each in history]}


def _mapping(given: Any, name: str) -> Mapping[str, Any]:
    """What was given, nothing where that is null.

    Raises:
        InputInvalid: it is no mapping.
    """
    if given is not None and not isinstance(given, Mapping):
        raise InputInvalid(f"'{name}' is not a mapping of names to values", param=name)
    return given or {}


def check(schema: JsonSchema, inputs: Mapping[str, Any]) -> None:
    """Hold inputs against their schema.

    Raises:
        InputInvalid: they do not fit; it names the first that does not, and says of up to ten what is wrong.
    """
    try:
        faults = schema.faults(msgspec.json.encode(inputs).decode(), inputs)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputInvalid(f"the inputs are no JSON: {error}", param="inputs") from None
    except Uncheckable as error:
        raise InputInvalid(f"the inputs cannot be checked: {error}", param="inputs") from None
    if faults:
        told = "; ".join(f"the input '{_dotted(each.place)}' {_what(each.what)}" for each in faults)
        raise InputInvalid(told, param=".".join(["inputs", *([_dotted(faults[0].place)] if faults[0].place else [])]))


def _dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))


def _what(what: str) -> str:
    return what.removeprefix("it ") if what.startswith(("it is ", "is ", "does ")) else f"is wrong: {what}"
