"""Whether this caller may make this call."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence

from msgspec.structs import replace

from headgate.access.patterns import allows
from headgate.errors import Forbidden, ModelNotFound
from headgate.stage import EVERY_OPERATION, Next
from headgate.types import Call, Identity, Reply

_CREDENTIALS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
"""Where a client's own vendor credential is, beside `x-headgate-key`."""


class Access:
    """Lets a call through if its caller may make it, tagged as the caller's calls are."""

    operations = EVERY_OPERATION

    def __call__(self, call: Call, next: Next) -> Awaitable[Reply]:
        identity = call.identity
        if "call" not in identity.scopes:
            raise Forbidden("This key may not call models: it lacks the scope 'call'.")
        if identity.endpoints is not None and call.operation not in identity.endpoints:
            raise Forbidden(f"This key may not be used for '{call.operation}'.")
        if call.model and not allows(identity.models, call.model):
            raise ModelNotFound(call.model)
        if call.headers.get("x-headgate-key") and brings_credential(call.headers):
            check_scope(identity, "byo_credential")
        if identity.tags:
            call = _tagged(call, identity.tags)
        return next(call)


def check_scope(identity: Identity, scope: str) -> None:
    """Raise `Forbidden`, naming the scope, unless the caller has it."""
    if scope not in identity.scopes:
        raise Forbidden(f"This key lacks the scope '{scope}'.")


def brings_credential(headers: Mapping[str, str]) -> bool:
    """Whether a call that shows its key as `x-headgate-key` has a vendor credential of its own, too."""
    return any(headers.get(name) for name in _CREDENTIALS)


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
