"""Account-scoped ids on a call's way in and out."""

from __future__ import annotations

from collections.abc import Awaitable

from msgspec.structs import replace

from headgate import dialects
from headgate.access.ids import Held, IdCodec
from headgate.dialects.base import AnyDialect
from headgate.dialects.view import replace_texts
from headgate.errors import BadRequest, HeadgateError
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Chunks, Frame, Payload, Reply

VAGUE = "The model's provider refused this request, or no longer holds what it refers to."

ITEM = "item"
"""The kind of ids that are left as they are: a stored item is told in full beside its id, and its id is not a secret
that opens anything else. A reference to one is the vendor's to resolve."""


class AccountIds:
    """Unwraps the ids of a request and pins the call to the target that holds them; wraps those of the answer."""

    operations = EVERY_OPERATION

    def __init__(self, codec: IdCodec) -> None:
        self._codec = codec

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        if call.operation == "responses":
            return self._stored(call, next)
        if call.operation not in ("chat", "count_tokens"):
            return next(call)
        dialect = dialects.get(call.request.dialect)
        call = self._unwrapped(call, dialect)
        if not dialect.tells_ids:
            return next(call) if call.pinned is None else self._next(call, next)
        return self._told(call, next, dialect)

    async def _told(self, call: Call, next: Next, dialect: AnyDialect) -> Reply:
        """Go on, and wrap the ids the answer tells."""
        reply = await self._next(call, next)
        if reply.payload is not None:
            return replace(reply, payload=self._wrapped(call, reply.target, reply.payload, dialect))
        assert reply.chunks is not None
        return replace(reply, chunks=self._wrapped_stream(call, reply.target, reply.chunks, dialect))

    async def _stored(self, call: Call, next: Next) -> Reply:
        """Handle a stored response, named by the path, or a compaction of what the body names."""
        dialect = dialects.get("openai_responses")
        head, _, rest = call.path.removeprefix("/responses/").partition("/")
        shown, mark, query = head.partition("?")
        if shown == "compact":
            call = self._unwrapped(call, dialect)
        else:
            held = self._codec.unwrap(call.identity.organisation, shown)
            path = f"/responses/{held.vendor_id}{mark}{query}" + (f"/{rest}" if rest else "")
            call = replace(call, path=path, pinned=held.target, model=held.target)
        reply = await self._next(call, next)
        assert reply.payload is not None
        return replace(reply, payload=self._wrapped(call, reply.target, reply.payload, dialect))

    async def _next(self, call: Call, next: Next) -> Reply:
        """Go on; an error of a vendor that was given its own ids may repeat them, so its words are left out."""
        try:
            return await next(call)
        except HeadgateError as error:
            if call.pinned is not None and error.upstream_status is not None:
                error.message = type(error).public_message if not error.safe else VAGUE
                error.upstream_body = None
            raise

    def _unwrapped(self, call: Call, dialect: AnyDialect) -> Call:
        if not dialect.may_refer(call.request.encode()):
            return call
        found = [(path, shown) for path, kind, shown in dialect.request_ids(call.request.tree) if kind != ITEM]
        if not found:
            return call
        held = {path: self._codec.unwrap(call.identity.organisation, shown) for path, shown in found}
        targets = {each.target for each in held.values()}
        if len(targets) > 1:
            raise BadRequest("This request refers to things held by different providers; no model can see them all.")
        request = replace_texts(call.request, {path: each.vendor_id for path, each in held.items()})
        return replace(call, request=request, pinned=targets.pop())

    def _wrapped(self, call: Call, target: str, payload: Payload, dialect: AnyDialect) -> Payload:
        raw = before = payload.encode()
        if not dialect.may_tell_ids(raw):
            return payload
        for _, kind, vendor_id in dialect.answer_ids(Payload(payload.dialect, raw).answer_tree):
            if kind != ITEM:
                raw = self._swap(raw, call, target, vendor_id)
        return payload if raw is before else Payload(payload.dialect, raw, content_type=payload.content_type)

    async def _wrapped_stream(self, call: Call, target: str, chunks: Chunks, dialect: AnyDialect) -> Chunks:
        known: set[str] = set()
        try:
            async for chunk in chunks:
                yield [self._wrapped_frame(frame, call, target, dialect, known) for frame in chunk]
        finally:
            await chunks.aclose()

    def _wrapped_frame(self, frame: Frame, call: Call, target: str, dialect: AnyDialect, known: set[str]) -> Frame:
        if dialect.may_tell_ids(frame.data):
            found = dialect.frame_ids(Payload("", frame.data).answer_tree)
            known.update(vendor_id for _, kind, vendor_id in found if kind != ITEM)
        data = frame.data
        for vendor_id in known:
            data = self._swap(data, call, target, vendor_id)
        return frame if data is frame.data else Frame(data, frame.event)

    def _swap(self, raw: bytes, call: Call, target: str, vendor_id: str) -> bytes:
        bare = f'"{vendor_id}"'.encode()
        if bare not in raw:
            return raw
        return raw.replace(bare, f'"{self._codec.wrap(call.identity.organisation, Held(target, vendor_id))}"'.encode())
