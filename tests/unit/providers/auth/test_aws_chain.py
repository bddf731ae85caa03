"""The AWS SDK's own chain, asked of metadata and token servers on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.clock import SystemClock
from headgate.errors import UpstreamAuth
from headgate.providers.auth.aws import AwsAuth
from headgate.providers.config import ProviderConfig
from headgate.providers.provider import Provider
from headgate.providers.transport import HttpRequest
from upstream import Exchange, Upstream

REQUEST = HttpRequest(method="POST", url="https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", headers=())
ISSUED = {
    "AccessKeyId": "ASIAUNIT",
    "SecretAccessKey": "issued-secret",
    "Token": "issued-token",
    "Expiration": "2999-01-01T00:00:00Z",
}
ASSUMED = (
    "<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
    "<AccessKeyId>ASIAUNIT</AccessKeyId><SecretAccessKey>issued-secret</SecretAccessKey>"
    "<SessionToken>issued-token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
    "<AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>"
    "</{action}Result></{action}Response>"
)


@pytest.fixture(autouse=True)
def nothing_from_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without any credentials; the metadata service is off until a test turns it on."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def signed(profile: str | None = None) -> dict[str, str]:
    """The headers of a signed request, and that its secrets are known."""
    auth = AwsAuth("unit", "us-east-1", profile, SystemClock())
    headers = dict(await auth.headers(REQUEST))
    assert auth.secrets and all(secret not in headers["authorization"] for secret in auth.secrets)
    return headers


def issued(headers: dict[str, str]) -> bool:
    return "Credential=ASIAUNIT/" in headers["authorization"] and headers["x-amz-security-token"] == "issued-token"


async def test_keys_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")
    headers = await signed()
    assert "Credential=AKIAENV/" in headers["authorization"]
    assert "x-amz-security-token" not in headers


async def test_keys_from_a_profile(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s1\n"
        "[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = s2\n"
    )
    assert "Credential=AKIADEFAULT/" in (await signed())["authorization"]
    assert "Credential=AKIATEAM/" in (await signed("team"))["authorization"]


async def test_a_web_identity_is_exchanged_for_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-jwt")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    async def sts(exchange: Exchange) -> None:
        await exchange.reply(200, ASSUMED.format(action="AssumeRoleWithWebIdentity").encode())

    async with Upstream(sts) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        assert issued(await signed())
    assert b"WebIdentityToken=a-jwt" in server.requests[0].body


async def test_a_profile_assumes_its_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
        "[profile team]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nregion = us-east-1\n"
    )

    async def sts(exchange: Exchange) -> None:
        await exchange.reply(200, ASSUMED.format(action="AssumeRole").encode())

    async with Upstream(sts) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        assert issued(await signed("team"))
    assert "Credential=AKIABASE/" in (server.requests[0].header("authorization") or "")


async def test_a_container_asks_its_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Upstream(lambda exchange: exchange.reply(200, json.dumps(ISSUED).encode())) as agent:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{agent.url}/creds")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "agent-token")
        assert issued(await signed())
    assert agent.requests[0].header("authorization") == "agent-token"


async def test_an_instance_asks_its_metadata_service_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    async def imds(exchange: Exchange) -> None:
        asked = exchange.request
        if asked.target == "/latest/api/token":
            assert asked.method == "PUT"
            await exchange.reply(200, b"session")
            return
        assert asked.header("x-aws-ec2-metadata-token") == "session"
        name = asked.target.removeprefix("/latest/meta-data/iam/security-credentials/")
        body = json.dumps({"Code": "Success", **ISSUED}) if name else "the-role"
        await exchange.reply(200, body.encode())

    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    async with Upstream(imds) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url)
        assert issued(await signed())


async def test_a_host_without_any_says_where_it_looked() -> None:
    with pytest.raises(UpstreamAuth, match="no AWS credentials for the provider 'unit'"):
        await signed()


async def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(UpstreamAuth, match=r"'unit'.*missing-one"):
        await signed("missing-one")


async def test_a_provider_signs_the_request_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")
    made = Provider("unit", ProviderConfig(kind="bedrock", region="eu-central-1"))
    request = await made.request("bedrock_converse", "m", stream=True, body=b"{}", client_headers={})
    headers = dict(request.headers)
    assert "/eu-central-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date," in headers["authorization"]
    assert "env-secret" in made.secrets


async def test_a_bedrock_key_goes_before_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key")
    made = Provider("unit", ProviderConfig(kind="bedrock", region="us-east-1"))
    request = await made.request("bedrock_converse", "m", stream=False, body=b"{}", client_headers={})
    assert dict(request.headers)["authorization"] == "Bearer bedrock-api-key"
