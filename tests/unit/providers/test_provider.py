"""What a configured provider sends, shows and keeps to itself."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headgate.errors import BadRequest, ConfigError, Unsupported, UpstreamAuth
from headgate.providers.config import ProviderConfig
from headgate.providers.provider import Provider


def provider(kind: str = "anthropic", **settings: Any) -> Provider:
    return Provider("unit", ProviderConfig(kind=kind, **{"api_key": "sk-unit-0123456789", **settings}))


async def sent(made: Provider, client: dict[str, str] | None = None, **overrides: Any) -> dict[str, str]:
    """The headers of a request to the provider's preferred chat dialect."""
    values = {"dialect": made.dialects("chat")[0], "model": "m", "stream": False, "body": b"{}", **overrides}
    request = await made.request(client_headers=client or {}, **values)
    headers = dict(request.headers)
    assert len(headers) == len(request.headers), "a header is there twice"
    return headers


# ── headers ──


async def test_the_key_is_shown_as_the_vendor_wants_it() -> None:
    assert (await sent(provider("anthropic")))["x-api-key"] == "sk-unit-0123456789"
    assert (await sent(provider("openai")))["authorization"] == "Bearer sk-unit-0123456789"
    assert (await sent(provider("gemini")))["x-goog-api-key"] == "sk-unit-0123456789"
    azure = provider("azure", base_url="https://x.openai.azure.com")
    assert (await sent(azure))["api-key"] == "sk-unit-0123456789"
    assert (await sent(provider("bedrock", region="us-east-1")))["authorization"] == "Bearer sk-unit-0123456789"


async def test_a_stream_is_asked_for_as_one_and_nothing_compressed() -> None:
    whole, streamed = await sent(provider()), await sent(provider(), stream=True)
    assert (whole["accept"], streamed["accept"]) == ("application/json", "text/event-stream")
    assert whole["content-type"] == "application/json"
    assert whole["accept-encoding"] == "identity"
    assert whole["user-agent"].startswith("headgate/")


async def test_version_and_beta_headers_go_to_the_vendor_that_knows_them() -> None:
    client = {"anthropic-version": "2099-01-01", "anthropic-beta": "a,b", "x-api-key": "client", "cookie": "c"}
    headers = await sent(provider("anthropic"), client)
    assert headers["anthropic-version"] == "2099-01-01"
    assert headers["anthropic-beta"] == "a,b"
    assert headers["x-api-key"] == "sk-unit-0123456789"
    assert "cookie" not in headers


@pytest.mark.parametrize("kind", ["openai", "deepseek", "groq", "gemini"])
async def test_version_and_beta_headers_go_to_no_one_else(kind: str) -> None:
    headers = await sent(provider(kind), {"anthropic-version": "2099-01-01", "anthropic-beta": "a"})
    assert not [name for name in headers if name.startswith("anthropic")]


async def test_without_a_version_of_the_clients_ours_is_sent() -> None:
    assert (await sent(provider("anthropic")))["anthropic-version"] == "2023-06-01"


async def test_configured_headers_replace_ours_whatever_their_case() -> None:
    made = provider(headers={"User-Agent": "mine", "X-Team": "search", "Anthropic-Version": "2024-01-01"})
    headers = await sent(made)
    assert (headers["user-agent"], headers["x-team"], headers["anthropic-version"]) == ("mine", "search", "2024-01-01")


@pytest.mark.parametrize(
    "headers", [{"x-a": "b\r\nc: d"}, {"x a": "b"}, {"Content-Length": "5"}, {"host": "other"}, {"x": "中"}]
)
def test_configured_headers_that_cannot_be_sent_are_config_errors(headers: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="headers"):
        provider(headers=headers)


# ── bodies and URLs ──


async def test_configured_body_members_are_set_and_the_rest_passes_byte_for_byte() -> None:
    made = provider("openai", body={"service_tier": "flex", "store": False})
    body = b'{"temperature": 1.0, "service_tier": "auto", "big": 123456789012345678901234567890}'
    request = await made.request("openai_chat", "m", stream=False, body=body, client_headers={})
    assert b"1.0" in request.body and b"123456789012345678901234567890" in request.body
    assert json.loads(request.body)["service_tier"] == "flex"
    assert json.loads(request.body)["store"] is False


async def test_without_configured_members_the_body_is_the_same_object() -> None:
    body = b'{"a":  1}'
    request = await provider("openai").request("openai_chat", "m", stream=False, body=body, client_headers={})
    assert request.body is body


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"])
def test_a_base_url_of_ones_own_replaces_the_vendors(base: str) -> None:
    assert provider("openai", base_url=base).url("openai_chat", "m", stream=False) == (
        "http://127.0.0.1:8000/v1/chat/completions"
    )


@pytest.mark.parametrize("base", ["https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1/"])
def test_azure_takes_the_resource_and_the_whole_address(base: str) -> None:
    made = provider("azure", base_url=base, api_version="preview")
    assert made.url("openai_chat", "m", stream=False) == (
        "https://x.openai.azure.com/openai/v1/chat/completions?api-version=preview"
    )


@pytest.mark.parametrize(
    "base", ["api.openai.com", "ftp://x", "http://", "http://u:p@h/v1", "http://h/v1?x=1", "http://h/ v1", "http://h:x"]
)
def test_what_is_not_a_base_url_is_a_config_error(base: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        provider("openai", base_url=base)


def test_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigError, match="region"):
        provider("bedrock")
    with pytest.raises(ConfigError, match="project"):
        provider("vertex")
    with pytest.raises(ConfigError, match="region"):
        provider("bedrock", region="us-east-1.evil.test/")


def test_the_aws_region_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert "bedrock-runtime.eu-central-1." in provider("bedrock").url("bedrock_converse", "m", stream=False)


def test_urls_for_endless_model_names_do_not_fill_the_memory() -> None:
    made = provider("bedrock", region="us-east-1")
    for number in range(10_000):
        made.url("bedrock_converse", str(number), stream=False)
    assert len(made._urls) <= 4096


# ── requests passed on ──


@pytest.mark.parametrize(
    ("kind", "operation", "path", "url"),
    [
        ("openai", "image", "/images/generations", "https://api.openai.com/v1/images/generations"),
        ("openai", "files", "/files?limit=2", "https://api.openai.com/v1/files?limit=2"),
        ("openai", "responses", "/responses/resp_1", "https://api.openai.com/v1/responses/resp_1"),
    ],
)
async def test_operations_pass_to_where_the_vendor_has_them(kind: str, operation: Any, path: str, url: str) -> None:
    made = provider(kind)
    assert made.passes(operation)
    request = await made.opaque(operation, "POST", path, "multipart/form-data; boundary=x", b"--x--", {})
    assert (request.method, request.url, request.body) == ("POST", url, b"--x--")
    assert dict(request.headers)["content-type"] == "multipart/form-data; boundary=x"


async def test_what_a_vendor_does_not_have_is_unsupported() -> None:
    assert not provider("groq").passes("image")
    with pytest.raises(Unsupported):
        await provider("groq").opaque("image", "POST", "/images/generations", "application/json", b"{}", {})


@pytest.mark.parametrize(
    "path",
    [
        "files",
        "//evil.test/files",
        "/files/../../admin",
        "/files/%2e%2E/x",
        "/files/..",
        "/files/.%2e/x",
        "/a\\b",
        "/files/%2fx",
        "/@evil.test//x",
    ],
)
async def test_a_path_that_climbs_out_is_refused(path: str) -> None:
    with pytest.raises(BadRequest):
        await provider("openai").opaque("files", "GET", path, "", b"", {})


# ── answers ──


def test_only_listed_response_headers_pass() -> None:
    headers = {"openai-processing-ms": "12", "openai-organization": "org", "x-request-id": "req_1", "set-cookie": "a"}
    made = provider("openai")
    assert made.passed_headers(headers) == (("openai-processing-ms", "12"),)
    assert made.request_id(headers) == "req_1"
    assert provider("anthropic").request_id({"request-id": "req_2"}) == "req_2"


@pytest.mark.parametrize("value", ["Bearer sk-unit-0123456789", "a\x85b", "a\x1b[2Jb", "x" * 257, ""])
def test_what_a_vendor_cannot_have_meant_to_tell_is_left_out(value: str) -> None:
    """A vendor that repeats our key, or ends a line of our files."""
    assert provider("openai").request_id({"x-request-id": value}) is None
    passed = provider("openai").passed_headers({"openai-processing-ms": value})
    assert "sk-unit" not in str(passed)


def test_deployments_stand_for_their_models() -> None:
    made = provider("openai", models=msgspec.convert({"my-gpt": {"base_model": "gpt-4o-mini"}}, dict[str, Any]))
    assert made.base_model("gpt-4o") == "gpt-4o"
    configured = msgspec.convert(
        {"kind": "openai", "models": {"my-gpt": {"base_model": "gpt-4o-mini"}}}, ProviderConfig
    )
    assert Provider("unit", configured).base_model("my-gpt") == "gpt-4o-mini"


# ── secrets ──


def test_no_secret_is_in_any_repr() -> None:
    config = ProviderConfig(
        kind="openai",
        api_key="sk-secret-1",
        headers={"x-key": "sk-secret-2"},
        body={"key": "sk-secret-3"},
        proxy="http://user:sk-secret-4@proxy:1",
    )
    assert "secret" not in repr(config) + str(config) + repr(config.__rich_repr__())
    assert "openai" in repr(config)


def test_secrets_are_known_so_that_they_can_be_kept_from_clients() -> None:
    made = provider("openai", headers={"x-key": "another-long-secret", "x-short": "on"})
    assert set(made.secrets) == {"sk-unit-0123456789", "another-long-secret"}


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="apikey"):
        msgspec.convert({"kind": "openai", "apikey": "x"}, ProviderConfig)


def test_every_setting_is_explained() -> None:
    from pathlib import Path

    import headgate.providers.config as module

    source = Path(module.__file__).read_text()
    for name in ProviderConfig.__struct_fields__:
        declared = source.index(f"    {name}: ")
        after = source[declared:].splitlines()[1]
        assert after.lstrip().startswith('"""'), f"{name} has no line under it"


# ── no key ──


async def test_a_vendor_without_a_key_fails_when_it_is_used_and_says_what_to_set() -> None:
    made = Provider("openai-eu", ProviderConfig(kind="openai"))
    with pytest.raises(UpstreamAuth, match=r"providers\.openai-eu\.api_key.*OPENAI_API_KEY"):
        await made.request("openai_chat", "m", stream=False, body=b"{}", client_headers={})


@pytest.mark.parametrize(
    "config",
    [
        ProviderConfig(kind="ollama"),
        ProviderConfig(kind="vllm"),
        ProviderConfig(kind="openai_compatible", base_url="http://127.0.0.1:9/v1"),
        ProviderConfig(kind="openai", base_url="http://127.0.0.1:8000/v1"),
        ProviderConfig(kind="openai", headers={"Authorization": "Bearer mine"}),
        ProviderConfig(kind="anthropic", auth="none"),
    ],
    ids=lambda config: config.kind,
)
async def test_servers_that_want_no_key_get_none_of_ours(config: ProviderConfig) -> None:
    headers = await sent(Provider("unit", config))
    assert headers.get("authorization", "Bearer mine") == "Bearer mine"
    assert "x-api-key" not in headers


@pytest.mark.parametrize("key", ["sk-1\n", " sk-1", "sk\r\nx: y", "clé"])
def test_a_key_that_no_header_can_carry_is_a_config_error(key: str) -> None:
    with pytest.raises(ConfigError, match="api_key") as caught:
        provider("openai", api_key=key)
    assert key not in caught.value.message


def test_an_unknown_scheme_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bearer'"):
        provider("openai", auth="bearr")


@pytest.mark.parametrize(
    ("kind", "settings", "extra"),
    [
        ("bedrock", {"region": "us-east-1"}, "aws"),
        ("vertex", {"project": "p"}, "gcp"),
        ("azure", {"base_url": "https://x.openai.azure.com", "auth": "entra"}, "azure"),
        ("azure", {"base_url": "https://x.openai.azure.com", "auth": "managed_identity"}, "azure"),
    ],
)
def test_a_missing_extra_is_named_with_its_command(
    kind: str, settings: dict[str, str], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.setattr("headgate.providers.auth.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"pip install 'headgate\[{extra}\]'"):
        provider(kind, **{"api_key": None, **settings})


@pytest.mark.parametrize("model", [".", "..", "../x", "a/../b", "a\\b", "%2e%2e", "a//b", "a%2fb"])
def test_a_model_name_that_would_climb_out_of_its_place_in_the_path_is_refused(model: str):
    provider = Provider("aws", ProviderConfig(kind="bedrock", region="us-east-1", api_key="k"))
    with pytest.raises(BadRequest):
        provider.url("bedrock_converse", model, False)
