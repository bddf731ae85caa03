"""Legacy completions of a model that is a prompt: asked as a chat, whose history the completion's own prompt is, and
answered as a completion.
"""

from __future__ import annotations

from time import time

from msgspec.structs import replace

from headgate import dialects
from headgate.dialects.base import Context, Fit, Quirks, StreamDecoder, StreamEncoder
from headgate.stage import Next
from headgate.types import Call, Chunks, Frame, Payload, Reply

CHAT = "openai_chat"


async def completed(call: Call, next: Next, quirks: Quirks) -> Reply:
    """Answer a completion by what answers chats; `quirks` are those of its vendor.

    Raises:
        Unsupported: it asks for what no chat can be asked: several prompts, prompts of token ids, `suffix`, `echo`, …
        HeadgateError: there is no answer.
    """
    mine, chats = dialects.get(call.request.dialect), dialects.get(CHAT)
    asked = call.request.tree
    tree = chats.encode_request(mine.decode_request(asked), Fit(model=call.model, quirks=quirks))
    reply = await next(replace(call, operation="chat", request=Payload(CHAT, tree=tree)))
    context = Context(asked=asked, id=call.id, created=int(time()))
    if reply.chunks is not None:
        frames = _translated(reply.chunks, chats.decode_stream(), mine.encode_stream(context))
        return replace(reply, chunks=frames)
    assert reply.payload is not None, "a reply is whole or streamed"
    answer = mine.encode_answer(chats.decode_answer(reply.payload.answer_tree), context)
    return replace(reply, payload=Payload(mine.name, tree=answer))


async def _translated(chunks: Chunks, decoder: StreamDecoder, encoder: StreamEncoder) -> Chunks:
    try:
        async for chunk in chunks:
            frames: list[Frame] = [
                made for frame in chunk for event in decoder.feed(frame) for made in encoder.feed(event)
            ]
            if frames:
                yield frames
        if frames := [made for event in decoder.close() for made in encoder.feed(event)]:
            yield frames
    finally:
        await chunks.aclose()
