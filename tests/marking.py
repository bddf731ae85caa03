"""A stage that stands where the vendor would, and says which marks there are in what it is sent."""

from __future__ import annotations

import re

from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Payload, Reply

MARK = re.compile(rb"mark-[a-z]+")


class Marks:
    """Answers with the marks of the request, each once, and with the version that the call says it was made by."""

    operations = EVERY_OPERATION

    async def __call__(self, call: Call, next: Next) -> Reply:
        found = sorted({each.decode() for each in MARK.findall(call.request.encode())})
        used = "" if call.prompt is None else call.prompt.used or ""
        message = {"role": "assistant", "content": f"{' '.join(found)} {used}"}
        answer = {"id": "a", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message}]}
        return Reply(payload=Payload("openai_chat", tree=answer), target="sim/m")
