"""Azure's own chain, asked of identity endpoints on loopback."""

from __future__ import annotations

import json
import os
import time

import pytest

from headgate.clock import SystemClock
from headgate.errors import UpstreamAuth
from headgate.providers.auth.azure import AzureAuth
from headgate.providers.config import ProviderConfig
from headgate.providers.provider import Provider
from headgate.providers.transport import HttpRequest
from upstream import Exchange, Upstream

REQUEST = HttpRequest(method="POST", url="https://x.openai.azure.com/openai/v1/x", headers=())


@pytest.fixture(autouse=True)
def nothing_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without any identity."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)


async def token_server(exchange: Exchange) -> None:
    expires = int(time.time()) + 86_400
    token = {"access_token": "issued-token", "expires_on": str(expires), "expires_in": "86400", "resource": "r"}
    await exchange.reply(200, json.dumps(token).encode(), ("Content-Type", "application/json"))


async def test_a_managed_identity_asks_the_platforms_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(token_server) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "platform-secret")
        auth = AzureAuth("unit", "managed_identity", "a-client-id", SystemClock())
        assert await auth.headers(REQUEST) == (("authorization", "Bearer issued-token"),)
        assert await auth.headers(REQUEST) == (("authorization", "Bearer issued-token"),)
    assert auth.secrets == ("issued-token",)
    asked = server.requests[0]
    assert len(server.requests) == 1
    assert asked.header("x-identity-header") == "platform-secret"
    assert "cognitiveservices.azure.com" in asked.target and "a-client-id" in asked.target


async def test_a_virtual_machine_asks_its_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(token_server) as server:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url)
        auth = AzureAuth("unit", "managed_identity", None, SystemClock())
        assert await auth.headers(REQUEST) == (("authorization", "Bearer issued-token"),)
    assert server.requests[-1].target.startswith("/metadata/identity/oauth2/token?")
    assert server.requests[-1].header("metadata") == "true"


async def test_entra_takes_what_the_sdks_chain_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(token_server) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "platform-secret")
        config = ProviderConfig(kind="azure", base_url="https://x.openai.azure.com", auth="entra")
        made = Provider("unit", config)
        request = await made.opaque("image", "POST", "/images/generations", "application/json", b"{}", {})
        assert dict(request.headers)["authorization"] == "Bearer issued-token"
        assert made.secrets == ("issued-token",)


async def test_an_identity_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = b'{"error": "invalid_request", "error_description": "Identity not found"}'

    async with Upstream(lambda exchange: exchange.reply(400, refusal, ("Content-Type", "application/json"))) as server:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "platform-secret")
        auth = AzureAuth("unit", "managed_identity", "unknown", SystemClock())
        with pytest.raises(UpstreamAuth, match="no credential for the provider 'unit'"):
            await auth.headers(REQUEST)
