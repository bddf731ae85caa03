"""Credentials: which scheme a provider uses, and what it needs for that."""

from __future__ import annotations

import os
from importlib.util import find_spec

from headgate.clock import Clock
from headgate.errors import ConfigError
from headgate.providers.auth.aws import AwsAuth
from headgate.providers.auth.azure import AzureAuth
from headgate.providers.auth.google import GoogleAuth
from headgate.providers.auth.keys import SHOWN_AS, Key, KeyRing, MissingKey, NoKey
from headgate.providers.auth.port import Auth, Headers
from headgate.providers.config import ProviderConfig
from headgate.providers.row import Row
from headgate.registry import suggest

__all__ = ["SCHEMES", "Auth", "Headers", "KeyRing", "make_auth"]

SCHEMES = (*SHOWN_AS, "none", "aws", "google", "entra", "managed_identity")

BEDROCK_TOKEN = "AWS_BEARER_TOKEN_BEDROCK"  # noqa: S105  # the name of a variable
"""Where AWS's SDKs look for a Bedrock API key before they sign."""


def make_auth(name: str, config: ProviderConfig, row: Row, clock: Clock) -> Auth:
    """The credentials of the provider called `name`.

    Raises:
        ConfigError: the scheme is unknown, lacks a setting, or its extra is not installed.
    """
    match config.auth or row.auth:
        case "none":
            return NoKey()
        case "aws":
            return _aws(name, config, clock)
        case "google":
            if config.api_key:
                return Key("x-goog-api-key", config.api_key)
            _need_extra("google.auth", "gcp", name)
            return GoogleAuth(name, config.credentials_file, clock)
        case "entra" | "managed_identity" as kind:
            _need_extra("azure.identity", "azure", name)
            return AzureAuth(name, kind, config.client_id, clock)
        case scheme if scheme in SHOWN_AS:
            return _key(scheme, name, config, row)
        case scheme:
            raise ConfigError([f"auth: unknown scheme{suggest(scheme, SCHEMES)}"])


def region_of(config: ProviderConfig) -> str | None:
    """The AWS region: configured, or from the variables AWS's SDKs read."""
    return config.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _key(scheme: str, name: str, config: ProviderConfig, row: Row) -> Auth:
    if config.api_keys:
        keys = (config.api_key, *config.api_keys) if config.api_key else tuple(config.api_keys)
        return KeyRing(scheme, keys)
    if config.api_key:
        return Key(scheme, config.api_key)
    vendors_own = config.base_url is None or "base_url" in row.needs
    given = SHOWN_AS[scheme][0] in (each.lower() for each in config.headers)
    return MissingKey(name, row.key_variable) if row.needs_key and vendors_own and not given else NoKey()


def _aws(name: str, config: ProviderConfig, clock: Clock) -> Auth:
    bearer = config.api_key or os.environ.get(BEDROCK_TOKEN)
    if bearer:
        return Key("bearer", bearer)
    _need_extra("botocore", "aws", name, ", or set api_key")
    region = region_of(config)
    if not region:
        raise ConfigError(["region: is needed to sign requests, write for example us-east-1"])
    return AwsAuth(name, region, config.profile, clock)


def _need_extra(module: str, extra: str, provider: str, otherwise: str = "") -> None:
    try:
        found = find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not there
        found = False
    if not found:
        raise ConfigError([f"the provider '{provider}' needs an extra: pip install 'headgate[{extra}]'{otherwise}"])
