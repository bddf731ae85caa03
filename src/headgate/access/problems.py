"""What a schema cannot say of the `access:` block: how its parts have to fit together.

Works on trees with other mistakes in them, and passes over what is not of the right type: that is told already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from headgate.access.roles import ROLES, SCOPES
from headgate.registry import suggest
from headgate.types import JSON, Path

Problem = tuple[Path, str]
"""Where, and what is wrong and what to write."""

Show = Callable[[Path, str], str]
"""How a value is told: one that came from a reference is not."""


def problems(access: JSON, show: Show = lambda _, value: repr(value)) -> Iterator[Problem]:
    """The problems of an `access:` block, each with its place in the whole file."""
    at: Path = ("access",)
    custom = _mapping(access, "roles")
    for name, scopes in custom.items():
        if name in ROLES:
            yield (*at, "roles", name), "is a role there is already, which cannot be changed; give yours another name"
        yield from _known((*at, "roles", name), scopes, SCOPES, "scope", show)
    known = {**ROLES, **custom}
    issuers = access.get("issuers")
    for index, issuer in enumerate(issuers if isinstance(issuers, list) else ()):
        if isinstance(issuer, dict):
            yield from _issuer((*at, "issuers", index), issuer, known, show)
    sign_in = access.get("sign_in")
    if isinstance(sign_in, dict):
        yield from _sign_in((*at, "sign_in"), sign_in, known, show)


def _issuer(at: Path, issuer: JSON, roles: Iterable[str], show: Show) -> Iterator[Problem]:
    if (issuer.get("jwks_url") is None) == (issuer.get("keys_file") is None):
        yield at, "needs its keys from one place; write one of jwks_url and keys_file"
    if isinstance(url := issuer.get("jwks_url"), str):
        yield from _url((*at, "jwks_url"), url, show)
    yield from _granted(at, issuer, roles, show)
    yield from _known((*at, "scopes"), issuer.get("scopes"), SCOPES, "scope", show)
    if issuer.get("grants") and _mapping(issuer, "claims").get("roles") is None:
        yield (*at, "grants"), "says what a claim's values are worth, but not which claim's; write claims: {roles: …}"


def _sign_in(at: Path, sign_in: JSON, roles: Iterable[str], show: Show) -> Iterator[Problem]:
    for name in ("issuer", "redirect_uri"):
        if isinstance(url := sign_in.get(name), str):
            yield from _url((*at, name), url, show)
    yield from _granted(at, sign_in, roles, show)
    scopes = sign_in.get("scopes")
    if isinstance(scopes, list) and "openid" not in scopes:
        yield (*at, "scopes"), "lacks 'openid', without which nobody says who signs in; write it first"
    if not sign_in.get("grants") and not sign_in.get("roles"):
        yield at, "gives nobody a role, so nobody could sign in; write grants: {group: [role]}, or roles: [role]"


def _granted(at: Path, block: JSON, roles: Iterable[str], show: Show) -> Iterator[Problem]:
    yield from _known((*at, "roles"), block.get("roles"), roles, "role", show)
    for group, names in _mapping(block, "grants").items():
        yield from _known((*at, "grants", group), names, roles, "role", show)


def _known(at: Path, names: Any, known: Iterable[str], what: str, show: Show) -> Iterator[Problem]:
    """Those of a list that are not among what there is."""
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and name not in known:
            path = (*at, index)
            yield path, f"is no {what}: {show(path, name)}{suggest(name, known)}"


def _url(at: Path, url: str, show: Show) -> Iterator[Problem]:
    from headgate.access.fetch import UrlError, check_url  # brings a transport, which reading a file should not cost

    try:
        check_url(url, loopback=True)
    except UrlError as error:
        yield at, f"{error}: {show(at, url)}"
    else:
        if urlsplit(url).query:
            yield at, f"has a query, which is nothing to find keys or sign in by: {show(at, url)}"


def _mapping(tree: JSON, name: str) -> JSON:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}
