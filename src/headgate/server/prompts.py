"""`POST /v1/prompts/{name}/run` and `/render`: prompts asked for by their own names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from headgate.access.stage import check_scope
from headgate.errors import BadRequest, MethodNotAllowed
from headgate.gateway import Gateway
from headgate.ids import request_id
from headgate.prompts.reference import Malformed, parse
from headgate.server.answer import Send
from headgate.server.body import Bodies, Receive
from headgate.server.guard import Guard
from headgate.server.requests import said_to_prompt
from headgate.server.routes import PROMPTS
from headgate.types import JSON, Call, Prompting, parse_object

RENDER = "/render"
RUN = "/run"


def serves(path: str) -> bool:
    """Whether a path is one of a prompt's that makes no call."""
    return path.startswith(PROMPTS) and path.endswith(RENDER)


def running(call: Call) -> tuple[str, Call]:
    """What a request to run a prompt asks for: the prompt's name, and the call without what is no chat's.

    Raises:
        BadRequest: something of it is of the wrong type.
    """
    path, tree = call.model, call.request.tree
    said = {name: tree[name] for name in ("inputs", "context", "docs") if name in tree}
    rest = {name: value for name, value in tree.items() if name not in said and name != "version"}
    rest.setdefault("messages", [])
    elsewhere = call.prompt or Prompting(size=call.request.size)
    here = said_to_prompt(said)
    prompting = replace(
        elsewhere,
        inputs={**elsewhere.inputs, **here.inputs},
        context=here.context if here.context is not None else elsewhere.context,
        docs=here.docs or elsewhere.docs,
    )
    name = _named(path.removeprefix(PROMPTS).removesuffix(RUN), tree.get("version"))
    return name, replace(call, request=call.request.with_tree(rest), prompt=prompting)


def _named(name: str, version: Any) -> str:
    if not isinstance(version, str | None):
        raise BadRequest("'version' must be a string: a label, or a version's digits.", param="version")
    return name if version is None else f"{name.partition('@')[0]}@{version}"


class PromptPages:
    """Renders prompts, without a call of any model."""

    def __init__(self, gateway: Gateway, guard: Guard, bodies: Bodies) -> None:
        self._gateway = gateway
        self._guard = guard
        self._bodies = bodies

    async def serve(
        self, scope: Mapping[str, Any], headers: dict[bytes, bytes], receive: Receive, send: Send, address: str
    ) -> None:
        """Answer a request to render.

        Raises:
            HeadgateError: it cannot be answered.
        """
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['path']} takes POST, not {scope['method']}.")
        identity = self._gateway.authenticator.identify(headers, address)
        if self._gateway.config.server.auth != "none":
            check_scope(identity, "prompts.read")
        self._guard.check_body(headers, False)
        body = await self._bodies.read(receive, headers.get(b"content-length"))
        try:
            tree = parse_object(body or b"{}")
            name = _named(scope["path"].removeprefix(PROMPTS).removesuffix(RENDER), tree.get("version"))
            answer = msgspec.json.encode(await self._rendered(identity.organisation, name, tree))
        finally:
            self._bodies.release(body)
        head = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
            (b"x-headgate-request-id", request_id().encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer})

    async def _rendered(self, organisation: str, name: str, tree: JSON) -> JSON:
        """What a prompt comes to, as Dotprompt writes it, and which version it was."""
        said = said_to_prompt({key: value for key, value in tree.items() if key not in ("version", "messages")})
        messages = tree.get("messages", [])
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            raise BadRequest("'messages' must be an array of messages, as Dotprompt writes them.", param="messages")
        model = self._gateway.config.models.get(name)
        try:
            asked = parse(model.prompt.use if model is not None and model.prompt is not None else name)
        except Malformed as error:
            raise BadRequest(f"The prompt's name {error}.", param="prompt") from None
        found = await self._gateway.services.shelf.find(organisation, asked)
        render = partial(found.prompt.render, said.inputs, context=said.context, messages=messages, docs=said.docs)
        rendered = await self._gateway.services.shelf.aside(render)
        return {"name": found.name, "version": found.version, **rendered.plain()}
