"""A call that lasts has its client watched, and nothing of that is left when it is over."""

from __future__ import annotations

import asyncio
import gc

from headgate.server.app import UNWATCHED_S, _Disconnect
from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers: {{vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}}}
models: {{m: {{targets: [vendor/gpt-4o-mini]}}}}
"""
ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


async def slowly(exchange: Exchange) -> None:
    """Answer after the time from which on a client is watched."""
    await asyncio.sleep(3 * UNWATCHED_S)
    await exchange.reply(200, ANSWER, ("content-type", "application/json"))


async def test_nothing_is_left_of_watching_a_client():
    async with Upstream(slowly) as upstream, Serving(CONFIG.format(url=upstream.url)) as serving:
        answers = await asyncio.gather(*(serving.post("/v1/chat/completions", BODY) for _ in range(20)))
        assert [answer.status for answer in answers] == [200] * 20
        gc.collect()
        left = [each for each in gc.get_objects() if isinstance(each, _Disconnect) and each.task is None]
        assert len(left) <= 1, "the last one may still be closing"
