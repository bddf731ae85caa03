"""Google's own chain, asked of metadata and token servers on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata

from headgate.clock import SystemClock
from headgate.errors import UpstreamAuth
from headgate.providers.auth.google import GoogleAuth
from headgate.providers.transport import HttpRequest
from upstream import Exchange, Upstream

REQUEST = HttpRequest(method="POST", url="https://aiplatform.googleapis.com/v1/x", headers=())
TOKEN = json.dumps({"access_token": "issued-token", "expires_in": 3600, "token_type": "Bearer"}).encode()


@pytest.fixture(autouse=True)
def nothing_from_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without any credentials and without a metadata server."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)  # NO_GCE_CHECK, as read when google-auth is imported


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def service_account(folder: Path, private_key: str, token_uri: str, **more: str) -> Path:
    """The file of a service account whose tokens come from `token_uri`."""
    path = folder / "account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "unit@unit.iam.gserviceaccount.com",
                "private_key": private_key,
                "private_key_id": "1",
                "project_id": "unit",
                "token_uri": token_uri,
                **more,
            }
        )
    )
    return path


async def test_a_service_accounts_file_is_exchanged_for_a_token(tmp_path: Path, private_key: str) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, TOKEN, ("Content-Type", "application/json"))) as server:
        path = service_account(tmp_path, private_key, f"{server.url}/token")
        auth = GoogleAuth("unit", str(path), SystemClock())
        assert dict(await auth.headers(REQUEST)) == {"authorization": "Bearer issued-token"}
        assert dict(await auth.headers(REQUEST)) == {"authorization": "Bearer issued-token"}
    assert auth.secrets == ("issued-token",)
    assert len(server.requests) == 1
    assert parse_qs(server.requests[0].body.decode())["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


async def test_application_default_credentials_name_a_file(
    tmp_path: Path, private_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, TOKEN, ("Content-Type", "application/json"))) as server:
        path = service_account(tmp_path, private_key, f"{server.url}/token", quota_project_id="payer")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        headers = dict(await GoogleAuth("unit", None, SystemClock()).headers(REQUEST))
    assert headers["authorization"] == "Bearer issued-token"
    assert headers.get("x-goog-user-project") in (None, "payer")


async def test_a_machine_asks_its_metadata_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def metadata(exchange: Exchange) -> None:
        asked = exchange.request
        assert asked.header("metadata-flavor") == "Google"
        flavor = ("Metadata-Flavor", "Google")
        path = asked.target.partition("?")[0]
        if path.endswith("/token"):
            await exchange.reply(200, TOKEN, flavor, ("Content-Type", "application/json"))
        elif "service-accounts" in path:
            account = json.dumps({"email": "unit@unit.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]})
            await exchange.reply(200, account.encode(), flavor, ("Content-Type", "application/json"))
        else:
            await exchange.reply(200, b"unit", flavor, ("Content-Type", "text/plain"))

    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", False)
    async with Upstream(metadata) as server:
        host = f"127.0.0.1:{server.port}"
        monkeypatch.setenv("GCE_METADATA_HOST", host)
        monkeypatch.setenv("GCE_METADATA_IP", host)
        # what the variables above are read into, once, when google-auth is imported
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", host, raising=False)
        monkeypatch.setattr(_metadata, "_METADATA_ROOT", f"http://{host}/computeMetadata/v1/", raising=False)
        monkeypatch.setattr(_metadata, "_METADATA_IP_ROOT", f"http://{host}", raising=False)
        auth = GoogleAuth("unit", None, SystemClock())
        assert dict(await auth.headers(REQUEST)) == {"authorization": "Bearer issued-token"}


async def test_a_host_without_any_says_so() -> None:
    with pytest.raises(UpstreamAuth, match="no credential for the provider 'unit'"):
        await GoogleAuth("unit", None, SystemClock()).headers(REQUEST)


async def test_a_token_server_that_refuses_is_named(tmp_path: Path, private_key: str) -> None:
    refusal = b'{"error": "invalid_grant", "error_description": "account disabled"}'

    async with Upstream(lambda exchange: exchange.reply(400, refusal, ("Content-Type", "application/json"))) as server:
        path = service_account(tmp_path, private_key, f"{server.url}/token")
        with pytest.raises(UpstreamAuth, match=r"'unit'.*account disabled"):
            await GoogleAuth("unit", str(path), SystemClock()).headers(REQUEST)
