"""Who gets in, and what crosses which wire."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from headgate.access.addresses import network
from headgate.access.roles import SCOPES, Roles
from headgate.config.rules import loopback
from headgate.production.facts import Facts, Flaw, Flaws, some
from headgate.production.places import address_of, near

WIDEST = {4: 8, 6: 16}
"""Shortest prefix of a network of proxies, by version of IP."""
WIDEST_PUBLIC = {4: 12, 6: 28}
"""And of one that is not private: what the largest vendors of proxies have."""
ADMINISTERING = frozenset(scope for scope in SCOPES if scope.endswith(".write"))
"""What no application needs."""

_SAID_ANYWAY = frozenset({"iss", "aud"})
"""Claims that are checked whatever is required."""

_VERIFYING = frozenset({"require", "verify-ca", "verify-full"})


def no_keys(facts: Facts) -> Flaws:
    if facts.config.server.auth == "none":
        yield Flaw(path=("server", "auth"), what="callers need no key", write="auth: keys")


def in_the_clear(facts: Facts) -> Flaws:
    server = facts.config.server
    if facts.reachable and all(network(each).is_loopback for each in server.trusted_proxies):
        yield Flaw(
            path=("server", "host"),
            what=f"{server.host} is reached without anything in front that encrypts",
            write="host: 127.0.0.1 behind a proxy, or trusted_proxies with the address of the one in front",
        )


def everybody_trusted(facts: Facts) -> Flaws:
    for index, each in enumerate(facts.config.server.trusted_proxies):
        proxies = network(each)
        widest = WIDEST if proxies.is_private else WIDEST_PUBLIC
        if proxies.prefixlen < widest[proxies.version]:
            yield Flaw(
                path=("server", "trusted_proxies", index),
                what=f"{each} trusts more than anybody's own network has",
                write="the proxy's own address: 10.0.3.7",
            )


def no_hosts(facts: Facts) -> Flaws:
    server = facts.config.server
    if (facts.reachable or server.trusted_proxies) and all(map(loopback, server.hosts)):
        path = ("server", "hosts") if server.hosts else ("server",)
        what = "only this machine's own names are known" if server.hosts else "no host name is known"
        yield Flaw(path=path, what=what, write="hosts: [gate.example.com]")


def vendor_in_the_clear(facts: Facts) -> Flaws:
    for name, provider in facts.config.providers.items():
        if provider.kind == "simulator":
            continue
        for setting, address in (("base_url", address_of(provider)), ("proxy", provider.proxy or "")):
            url = urlsplit(address)
            crosses = url.scheme == "http" and not near(url.hostname or "")
            if crosses and (setting == "base_url" or url.password):
                yield Flaw(
                    path=("providers", name, setting),
                    what=f"{url.hostname} is spoken to without encryption",
                    write=f"{setting}: https://{url.hostname}…"
                    if setting == "base_url"
                    else "a proxy without a password",
                )


def store_in_the_clear(facts: Facts) -> Flaws:
    for name, what, write in _clear_stores(facts):
        yield Flaw(path=("storage", name), what=what, write=write)


def _clear_stores(facts: Facts) -> Iterator[tuple[str, str, str]]:
    storage, environ = facts.config.storage, facts.machine.environ
    database, shared = urlsplit(storage.database or ""), urlsplit(storage.shared)
    asked = parse_qs(database.query)
    host = database.hostname or asked.get("host", [environ.get("PGHOST", "localhost")])[-1]
    if database.scheme.startswith("postgres") and not (loopback(host) or host.startswith("/")):
        mode = asked.get("sslmode", [environ.get("PGSSLMODE", "")])[-1]
        if mode not in _VERIFYING:
            yield "database", "PostgreSQL is spoken to without encryption it insists on", "…?sslmode=verify-full"
    if shared.scheme == "redis" and not loopback(shared.hostname or "localhost"):
        yield "shared", "Redis is spoken to without encryption", "rediss://…"
    elif shared.scheme == "rediss" and parse_qs(shared.query).get("ssl_cert_reqs", [""])[-1] == "none":
        yield "shared", "whoever answers is taken for Redis", "rediss://… without ssl_cert_reqs=none"


def file_writable(facts: Facts) -> Flaws:
    mode = facts.machine.config_mode
    if mode is not None and mode & 0o022:
        yield Flaw(
            place="disk", what=f"others may write the configuration ({mode:04o})", write="chmod go-w headgate.yaml"
        )
    folder = facts.machine.config_folder_mode
    if folder is not None and folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        yield Flaw(
            place="disk",
            what=f"others may put another configuration in its place: its folder has {folder:04o}",
            write="chmod o-w on the folder",
        )


def issuer_too_wide(facts: Facts) -> Flaws:
    access = facts.config.access
    roles = Roles(access.roles)
    for index, issuer in enumerate(access.issuers):
        at = ("access", "issuers", index)
        if not issuer.require.keys() - _SAID_ANYWAY:
            yield Flaw(path=at, what=f"every token of {issuer.issuer} is taken", write="require: {claim: [value]}")
        if roles.scopes(issuer.roles) & ADMINISTERING & set(issuer.scopes):
            what = f"every token of {issuer.issuer} that is taken may administer"
            yield Flaw(path=(*at, "roles"), what=what, write="roles: [caller], and grants for those few who may")
    if access.sign_in is not None and roles.scopes(access.sign_in.roles) & ADMINISTERING:
        what = f"everybody who can sign in at {access.sign_in.issuer} may administer"
        yield Flaw(path=("access", "sign_in", "roles"), what=what, write="grants: {group: [admin]}, and roles: []")


def admin_keys_calling(facts: Facts) -> Flaws:
    records, roles = facts.recorded(), Roles(facts.config.access.roles)
    may = {key.name: roles.scopes(key.roles) & ADMINISTERING for key in records.keys if key.id in records.callers}
    if "admin" in records.callers:
        may = {"HEADGATE_ADMIN_KEY": ADMINISTERING, **may}
    for name, scopes in may.items():
        if scopes:
            what = "do everything" if scopes == ADMINISTERING else f"administer ({some(sorted(scopes))})"
            yield Flaw(
                place="database",
                what=f"{name} may {what}, and models are called with it",
                write="headgate keys create NAME --role caller",
            )


def endless_keys(facts: Facts) -> Flaws:
    endless = [key.name for key in facts.recorded().keys if not key.expires]
    if endless:
        yield Flaw(
            place="database",
            what=f"without an end: {some(endless)}",
            write="headgate keys create NAME --expires 90d, or rotate them by a schedule",
        )
