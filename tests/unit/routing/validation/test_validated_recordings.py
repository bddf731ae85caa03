"""What real vendors answered is held against none of them, and can be mended wherever it stands."""

from __future__ import annotations

import pytest

from calls import call
from headgate import dialects
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Text, ToolCall
from headgate.events import ValidationSkipped
from headgate.routing.config import ValidateConfig
from headgate.routing.validation.mending import mended_payload, mended_stream
from headgate.routing.validation.stage import Validated
from headgate.routing.validation.transcript import Transcript
from headgate.types import Call, Chunk, Payload, Reply
from outputs import DIALECTS, Source
from recordings import Recording, generations, params

ANSWERED = [each for name in DIALECTS for each in generations(name) if each.status == 200]


def chunks_of(row: Recording) -> list[Chunk]:
    framer = SseFramer()
    return [[frame] for frame in (*framer.feed(row.body), *framer.close())]


@pytest.mark.parametrize("stream", ["check", "buffer"])
@pytest.mark.parametrize("row", params(ANSWERED))
async def test_a_recorded_answer_is_fine_or_cannot_be_checked(row: Recording, stream: str):
    assert row.dialect is not None
    one = call(request=Payload(row.dialect, tree=row.request), stream=row.streamed)
    source = Source(chunks_of(row) if row.streamed else [])

    async def respond(_: Call) -> Reply:
        return Reply(chunks=source.stream()) if row.streamed else Reply(payload=Payload(one.request.dialect, row.body))

    reply = await Validated(ValidateConfig(tools=True, stream=stream, reask=0))(one, respond)
    if reply.chunks is not None:
        assert b"".join([frame.encode() async for chunk in reply.chunks for frame in chunk]) == b"".join(
            [frame.encode() for chunk in chunks_of(row) for frame in chunk]
        )
    assert {type(event) for event in one.account.events} <= {ValidationSkipped}


@pytest.mark.parametrize("row", params([each for each in ANSWERED if each.streamed]))
def test_any_text_of_a_recorded_stream_can_be_put_in_another_one_s_place(row: Recording):
    assert row.dialect is not None
    dialect, chunks = dialects.get(row.dialect), chunks_of(row)
    transcript = Transcript(dialect)
    for chunk in chunks:
        transcript.feed(chunk)
    transcript.close()
    before = said(transcript)
    mended = mended_stream(dialect, chunks, {text: f"mended {text}" for text in before})
    assert mended is not None
    after = Transcript(dialect)
    for chunk in mended:
        after.feed(chunk)
    after.close()
    assert said(after) == [f"mended {text}" for text in before]


@pytest.mark.parametrize("row", params([each for each in ANSWERED if not each.streamed]))
def test_any_text_of_a_recorded_answer_can_be_put_in_another_one_s_place(row: Recording):
    assert row.dialect is not None
    dialect, payload = dialects.get(row.dialect), Payload(row.dialect, row.body)
    parts = [part for choice in dialect.decode_answer(payload.answer_tree).choices for part in choice.parts]
    mended = mended_payload(dialect, payload, {part.text: "mended" for part in parts if isinstance(part, Text)})
    assert mended is not None
    again = [part for choice in dialect.decode_answer(mended.tree).choices for part in choice.parts]
    assert [part.text for part in again if isinstance(part, Text)] == ["mended" for p in parts if isinstance(p, Text)]


def said(transcript: Transcript) -> list[str]:
    """Texts and arguments, a character at the least."""
    parts = [part for choice in transcript.answer().choices for part in choice.parts]
    found = [
        part.text if isinstance(part, Text) else part.arguments for part in parts if isinstance(part, Text | ToolCall)
    ]
    return [text for text in found if text]
