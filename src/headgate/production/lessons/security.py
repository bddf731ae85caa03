"""Who gets in, and what crosses which wire."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qs, urlsplit

from headgate.config.rules import loopback
from headgate.production.facts import Facts, Flaw, Flaws

WIDEST = {4: 8, 6: 16}
"""Shortest prefix of a network of proxies, by version of IP."""

_VERIFYING = frozenset({"require", "verify-ca", "verify-full"})


def no_keys(facts: Facts) -> Flaws:
    if facts.config.server.auth == "none":
        yield Flaw(path=("server", "auth"), what="callers need no key", write="auth: keys")


def in_the_clear(facts: Facts) -> Flaws:
    if facts.reachable and not facts.config.server.trusted_proxies:
        yield Flaw(
            path=("server", "host"),
            what=f"{facts.config.server.host} is reached without anything in front that encrypts",
            write="host: 127.0.0.1 behind a proxy, or trusted_proxies with the address of the one in front",
        )


def everybody_trusted(facts: Facts) -> Flaws:
    for index, each in enumerate(facts.config.server.trusted_proxies):
        network = ip_network(each, strict=False)
        if network.prefixlen < WIDEST[network.version]:
            yield Flaw(
                path=("server", "trusted_proxies", index),
                what=f"{each} trusts more than anybody's own network has",
                write="the proxy's own address: 10.0.3.7",
            )


def no_hosts(facts: Facts) -> Flaws:
    server = facts.config.server
    if (facts.reachable or server.trusted_proxies) and not server.hosts:
        yield Flaw(path=("server",), what="no host name is known", write="hosts: [gate.example.com]")


def vendor_in_the_clear(facts: Facts) -> Flaws:
    for name, provider in facts.config.providers.items():
        url = urlsplit(provider.base_url or "")
        if url.scheme == "http" and not _near(url.hostname or ""):
            yield Flaw(
                path=("providers", name, "base_url"),
                what=f"{url.hostname} is spoken to without encryption",
                write=f"base_url: https://{url.hostname}…",
            )


def _near(host: str) -> bool:
    """Whether a host is on this machine or a private network: loopback, private addresses, names without a dot."""
    if loopback(host):
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".internal", ".local", ".svc", ".svc.cluster.local"))


def store_in_the_clear(facts: Facts) -> Flaws:
    for name, what, write in _clear_stores(facts):
        yield Flaw(path=("storage", name), what=what, write=write)


def _clear_stores(facts: Facts) -> Iterator[tuple[str, str, str]]:
    storage = facts.config.storage
    database, shared = urlsplit(storage.database or ""), urlsplit(storage.shared)
    if database.scheme.startswith("postgres") and not loopback(database.hostname or "localhost"):
        modes = parse_qs(database.query).get("sslmode", [])
        if not _VERIFYING.intersection(modes):
            yield "database", "PostgreSQL is spoken to without encryption it insists on", "…?sslmode=verify-full"
    if shared.scheme == "redis" and not loopback(shared.hostname or "localhost"):
        yield "shared", "Redis is spoken to without encryption", "rediss://…"


def file_writable(facts: Facts) -> Flaws:
    mode = facts.machine.config_mode
    if mode is not None and mode & 0o022:
        yield Flaw(
            place="disk", what=f"others may write the configuration ({mode:04o})", write="chmod go-w headgate.yaml"
        )


def issuer_too_wide(facts: Facts) -> Flaws:
    for index, issuer in enumerate(facts.config.access.issuers):
        if not issuer.require:
            yield Flaw(
                path=("access", "issuers", index),
                what=f"every token of {issuer.issuer} is taken",
                write="require: {claim: [value]}",
            )


def admin_keys_calling(facts: Facts) -> Flaws:
    records = facts.recorded()
    names = [key.name for key in records.keys if "admin" in key.roles and key.id in records.callers]
    if "admin" in records.callers:
        names.insert(0, "HEADGATE_ADMIN_KEY")
    for name in names:
        yield Flaw(
            place="database",
            what=f"{name} may do everything, and models are called with it",
            write="headgate keys create NAME --role caller",
        )


def endless_keys(facts: Facts) -> Flaws:
    endless = [key.name for key in facts.recorded().keys if not key.expires]
    if endless:
        shown = ", ".join(endless[:3]) + (f" and {len(endless) - 3} more" if len(endless) > 3 else "")
        yield Flaw(
            place="database",
            what=f"without an end: {shown}",
            write="headgate keys create NAME --expires 90d, or rotate them by a schedule",
        )
