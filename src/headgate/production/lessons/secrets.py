"""Where secrets are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from headgate.config.problem import Path
from headgate.production.facts import Facts, Flaw, Flaws

MIN_CHARACTERS = 32
MIN_DIFFERENT = 10
"""Characters of a secret that differ from each other: of 32 random ones of base64, fewer never happen."""
MIN_LITERAL = 6
"""Characters beside a reference that are more than a word like `Bearer`."""

_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie|credential", re.IGNORECASE)
_SECRET_MEMBER = re.compile(r"(?:^|[_-])(?:api_?key|secret|token|password|passphrase|credential)$", re.IGNORECASE)
_DEFAULT = re.compile(r"\$\{[A-Za-z_]\w*:-[^{}]+\}")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_SCHEME = re.compile(r"^\s*(?:basic|bearer|token|key|apikey)\s", re.IGNORECASE)
_MARKED = re.compile(
    r"\b(?:sk-(?:ant-|or-|proj-|svcacct-)[\w-]{16,}|AIza[\w-]{30,}|(?:gsk_|hf_|csk-|fw_|tgp_|xai-)[A-Za-z0-9_]{20,}"
    r"|AKIA[A-Z0-9]{16}|hg-[A-Za-z0-9]{49})"
)
"""Keys that say themselves what they are, as secret scanners know them too."""
_MAKE_ONE = "openssl rand -base64 32"


def admin_key_short(facts: Facts) -> Flaws:
    key = facts.machine.environ.get("HEADGATE_ADMIN_KEY", "")
    if key and (why := _weak(key)):
        yield Flaw(
            place="environment", what=f"HEADGATE_ADMIN_KEY has {why}", write=f"HEADGATE_ADMIN_KEY=$({_MAKE_ONE})"
        )


def _weak(secret: str) -> str:
    """Why a secret can be guessed; empty where nothing says that it can."""
    if len(secret) < MIN_CHARACTERS:
        return f"{len(secret)} characters"
    different = len(set(secret))
    return f"no more than {different} different characters" if different < MIN_DIFFERENT else ""


def literal(facts: Facts) -> Flaws:
    told: set[int] = set()
    for path, value, name in _secrets(facts):
        as_written = facts.source.as_written(path)
        what = "a secret stands in the file"
        if as_written is not None:
            if _DEFAULT.search(as_written) and not _harmless(value):
                what = "a secret stands in the file, as a default"
            elif _is_literal(as_written):
                what = "a part of a secret stands in the file"
            else:
                continue
        told.add(facts.source.line_of(path))
        yield Flaw(path=path, what=what, write=f'"${{{name}}}", or "${{file:/path}}"')
    for number, line in enumerate(facts.source.text.splitlines(), 1):
        if number not in told and (found := _MARKED.search(line)):
            what = f"what looks like a key stands in the file ({found[0][:4]}…)"
            yield Flaw(line=number, what=what, write="a reference, and another key in its place")


def _is_literal(as_written: str) -> bool:
    """Whether a secret that came from references has something secret beside them."""
    if "://" in as_written:
        return bool(_password(_REFERENCE.sub("", as_written)))
    return len(_SCHEME.sub("", _REFERENCE.sub("", as_written)).strip()) >= MIN_LITERAL


def _harmless(value: str) -> bool:
    """Whether a URL, default and all, holds no password."""
    return "://" in value and not _password(value)


def _secrets(facts: Facts) -> Iterator[tuple[Path, str, str]]:
    """Every secret of the configuration: where it stands, what it is, what its variable could be called."""
    for provider_name, provider in facts.config.providers.items():
        at: Path = ("providers", provider_name)
        variable = f"{_variable(provider_name)}_API_KEY"
        if provider.api_key:
            yield (*at, "api_key"), provider.api_key, variable
        for index, key in enumerate(provider.api_keys):
            yield (*at, "api_keys", index), key, f"{variable}_{index + 1}"
        for name, value in provider.headers.items():
            if _SECRET_HEADER.search(name):
                yield (*at, "headers", name), value, _variable(name)
        yield from _members((*at, "body"), provider.body)
        for name in ("proxy", "base_url"):
            if (url := getattr(provider, name)) and _password(url):
                yield (*at, name), url, f"{_variable(provider_name)}_{name.upper()}"
    config = facts.config
    for index, stage in enumerate(config.stages):
        yield from _members(("stages", index, "with"), stage.with_)
    if config.access.sign_in is not None and config.access.sign_in.client_secret:
        yield ("access", "sign_in", "client_secret"), config.access.sign_in.client_secret, "OIDC_CLIENT_SECRET"
    if config.telemetry.otel is not None:
        for name, value in config.telemetry.otel.headers.items():
            yield ("telemetry", "otel", "headers", name), value, f"OTEL_{_variable(name)}"
    if config.audit.key:
        yield ("audit", "key"), config.audit.key, "HEADGATE_AUDIT_KEY"
    for name, url in (("database", config.storage.database), ("shared", config.storage.shared)):
        if url and _password(url):
            yield ("storage", name), url, f"HEADGATE_{name.upper()}"


def _members(at: Path, members: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """The members of a free block that are called as secrets are."""
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _members((*at, name), value)
        elif isinstance(value, str) and value and _SECRET_MEMBER.search(name):
            yield (*at, name), value, _variable(name)


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _password(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password or parse_qs(parts.query).get("password"))


def no_wrapping_secret(facts: Facts) -> Flaws:
    secret = facts.machine.environ.get("HEADGATE_SECRET", "")
    if why := _weak(secret):
        what = f"HEADGATE_SECRET has {why}" if secret else "HEADGATE_SECRET is not set"
        yield Flaw(place="environment", what=what, write=f"HEADGATE_SECRET=$({_MAKE_ONE}), the same on every replica")


def no_audit_key(facts: Facts) -> Flaws:
    if facts.config.audit.key is None:
        yield Flaw(
            path=("audit",), what="the audit log's key is made here", write='audit: {key: "${file:/run/secrets/audit}"}'
        )
