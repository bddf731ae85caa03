"""Where secrets are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from headgate.config.problem import Path
from headgate.production.facts import Facts, Flaw, Flaws

MIN_CHARACTERS = 32

_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|credential", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:-[^{}]+\}")
_MAKE_ONE = "openssl rand -base64 32"


def admin_key_short(facts: Facts) -> Flaws:
    key = facts.machine.environ.get("HEADGATE_ADMIN_KEY", "")
    if 0 < len(key) < MIN_CHARACTERS:
        yield Flaw(
            place="environment",
            what=f"HEADGATE_ADMIN_KEY has {len(key)} characters",
            write=f"HEADGATE_ADMIN_KEY=$({_MAKE_ONE})",
        )


def literal(facts: Facts) -> Flaws:
    for path, value, name in _secrets(facts):
        as_written = facts.source.as_written(path)
        if as_written is None:
            yield Flaw(path=path, what="a secret stands in the file", write=f'"${{{name}}}", or "${{file:/path}}"')
        elif _DEFAULT.search(as_written) and not _harmless(value):
            yield Flaw(path=path, what="a secret stands in the file, as a default", write=f'"${{{name}}}"')


def _harmless(value: str) -> bool:
    """Whether a URL, default and all, holds no password."""
    return "://" in value and not _password(value)


def _secrets(facts: Facts) -> Iterator[tuple[Path, str, str]]:
    """Every secret of the configuration: where it stands, what it is, what its variable could be called."""
    for provider_name, provider in facts.config.providers.items():
        at: Path = ("providers", provider_name)
        variable = f"{re.sub(r'[^A-Z0-9]', '_', provider_name.upper())}_API_KEY"
        if provider.api_key:
            yield (*at, "api_key"), provider.api_key, variable
        for index, key in enumerate(provider.api_keys):
            yield (*at, "api_keys", index), key, f"{variable}_{index + 1}"
        yield from _headers(at, provider.headers)
        if provider.proxy and _password(provider.proxy):
            yield (*at, "proxy"), provider.proxy, "PROXY_URL"
    config = facts.config
    if config.access.sign_in is not None and config.access.sign_in.client_secret:
        yield ("access", "sign_in", "client_secret"), config.access.sign_in.client_secret, "OIDC_CLIENT_SECRET"
    if config.audit.key:
        yield ("audit", "key"), config.audit.key, "HEADGATE_AUDIT_KEY"
    for name, url in (("database", config.storage.database), ("shared", config.storage.shared)):
        if url and _password(url):
            yield ("storage", name), url, f"HEADGATE_{name.upper()}"


def _headers(at: Path, headers: Mapping[str, str]) -> Iterator[tuple[Path, str, str]]:
    for name, value in headers.items():
        if _SECRET_HEADER.search(name):
            yield (*at, "headers", name), value, re.sub(r"[^A-Z0-9]", "_", name.upper())


def _password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password)
    except ValueError:
        return False


def no_wrapping_secret(facts: Facts) -> Flaws:
    secret = facts.machine.environ.get("HEADGATE_SECRET", "")
    if len(secret) < MIN_CHARACTERS:
        what = f"HEADGATE_SECRET has {len(secret)} characters" if secret else "HEADGATE_SECRET is not set"
        yield Flaw(place="environment", what=what, write=f"HEADGATE_SECRET=$({_MAKE_ONE}), the same on every replica")


def no_audit_key(facts: Facts) -> Flaws:
    if facts.config.audit.key is None:
        yield Flaw(
            path=("audit",), what="the audit log's key is made here", write='audit: {key: "${file:/run/secrets/audit}"}'
        )
