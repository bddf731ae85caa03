"""Whether this caller may make this call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from headgate.access.minting import PREFIX
from headgate.access.patterns import allows
from headgate.errors import BadRequest, Forbidden, ModelNotFound
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Brought, Call, Identity, Reply

_CREDENTIALS = ("x-api-key", "api-key", "x-goog-api-key")
"""Where a client's own vendor credential is beside `x-headgate-key`, if not in `authorization`."""

OURS = "There is a Headgate key beside x-headgate-key, where a vendor's credential is expected."


class Access:
    """Lets a call through if its caller may make it, tagged as the caller's calls are."""

    operations = EVERY_OPERATION

    def __init__(self, opens: Callable[[bytes], bool] = lambda _: False) -> None:
        """`opens` tells whether something is a key for Headgate, whatever it looks like."""
        self._opens = opens

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        identity = call.identity
        if "call" not in identity.scopes:
            raise Forbidden("This key may not call models: it lacks the scope 'call'.")
        if identity.endpoints is not None and call.operation not in identity.endpoints:
            raise Forbidden(f"This key may not be used for '{call.operation}'.")
        if call.model and not allows(identity.models, call.model):
            raise ModelNotFound(call.model)
        if call.headers.get("x-headgate-key"):
            brought = brought_by(call.headers)
            if brought is not None:
                check_scope(identity, "byo_credential")
                if self._opens(brought.secret.encode("latin-1", "replace")):
                    raise BadRequest(OURS)
                call.account.brought = brought
        if identity.tags:
            call = _tagged(call, identity.tags)
        return next(call)


def check_scope(identity: Identity, scope: str) -> None:
    """Raise `Forbidden`, naming the scope, unless the caller has it."""
    if scope not in identity.scopes:
        raise Forbidden(f"This key lacks the scope '{scope}'.")


def brought_by(headers: Mapping[str, str]) -> Brought | None:
    """The vendor credential that a call with its key in `x-headgate-key` has of its own; None where it has none.

    Raises:
        BadRequest: there are several, it is of a kind nobody takes, or it is a key for Headgate: what a vendor must
            never see.
    """
    shown = [Brought(name, value) for name in _CREDENTIALS if (value := headers.get(name))]
    authorization = headers.get("authorization")
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise BadRequest("A credential of your own goes into 'authorization' as 'Bearer …'.", param="authorization")
        shown.append(Brought("bearer", token.strip()))
    if len(shown) > 1:
        raise BadRequest("There are several credentials beside x-headgate-key; send one.")
    if shown and (shown[0].secret.startswith(PREFIX) or shown[0].secret == headers["x-headgate-key"]):
        raise BadRequest(OURS)
    return shown[0] if shown else None


def _tagged(call: Call, own: Sequence[tuple[str, str]]) -> Call:
    """The call with its key's tags.

    Raises:
        Forbidden: the client says otherwise.
    """
    if not call.tags:
        return replace(call, tags=own)
    fixed = dict(own)
    for name, value in call.tags:
        if fixed.get(name, value) != value:
            raise Forbidden(f"This key's calls are tagged '{name}={fixed[name]}', which x-headgate-tags cannot change.")
    return replace(call, tags=(*own, *(tag for tag in call.tags if tag[0] not in fixed)))
