"""A provider that says it is not well is not called; one that says it is again, is."""

from __future__ import annotations

import asyncio

from headgate.routing.health import HealthChecks
from serving import Serving
from upstream import Exchange, Upstream

CONFIG = """
providers:
  local: {{kind: vllm, base_url: "{url}/v1", health: {{path: /health, every_s: 3600, failures: 2, timeout_s: 0.2}}}}
  other: {{kind: openai_compatible, base_url: "{url}/v1"}}
models:
  chat: {{targets: [local/m]}}
  other: {{targets: [other/m]}}
"""
BODY = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'


class Server:
    """A model server whose health page can say anything."""

    def __init__(self) -> None:
        self.status: int | None = 200
        """None: it does not answer."""

    async def __call__(self, exchange: Exchange) -> None:
        if exchange.request.target != "/health":
            await exchange.reply(200, ANSWER, ("content-type", "application/json"))
        elif self.status is None:
            await exchange.gone()
        else:
            await exchange.reply(self.status, b"")


async def test_a_provider_that_is_not_well_is_left_alone_until_it_is():
    server = Server()
    async with Upstream(server) as upstream, Serving(CONFIG.format(url=upstream.url)) as serving:
        gateway = serving.gateway
        provider = gateway.provider("local")
        checks = HealthChecks(lambda: {"local": provider}, gateway._services.conditions)
        for status in (503, None):
            server.status = status
            await checks.check(provider)
        response = await serving.post("/v1/chat/completions", BODY)
        assert (response.status, response.headers["x-headgate-attempts"]) == (503, "0")
        assert response.json["error"]["code"] == "no_target_available"
        assert {each.target: each.rests_s for each in gateway.targets()} == {"local/m": None, "other/m": 0}
        assert (await serving.post("/v1/chat/completions", {**BODY, "model": "other"})).status == 200
        server.status = 200
        await checks.check(provider)
        assert (await serving.post("/v1/chat/completions", BODY)).status == 200


async def test_one_failure_is_none():
    server = Server()
    async with Upstream(server) as upstream, Serving(CONFIG.format(url=upstream.url)) as serving:
        provider = serving.gateway.provider("local")
        checks = HealthChecks(lambda: {"local": provider}, serving.gateway._services.conditions)
        for status in (500, 200, 500):
            server.status = status
            await checks.check(provider)
        assert (await serving.post("/v1/chat/completions", BODY)).status == 200


async def test_a_server_asks_by_itself_and_others_are_never_asked():
    server = Server()
    server.status = 500
    config = CONFIG.replace("every_s: 3600, failures: 2", "every_s: 0.01, failures: 1")
    async with Upstream(server) as upstream, Serving(config.format(url=upstream.url)) as serving:
        while not any(each.rests_s is None for each in serving.gateway.targets()):
            await asyncio.sleep(0.01)
        assert {each.target for each in serving.gateway.targets() if each.rests_s is None} == {"local/m"}
