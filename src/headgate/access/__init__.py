"""Who may do what: keys on the way in, scopes and models on the call, ids that stay inside one organisation."""

from __future__ import annotations

from headgate.access.account_ids import AccountIds
from headgate.access.addresses import ClientAddress, join_forwarded
from headgate.access.directory import Directory
from headgate.access.grants import exceeds, lacking
from headgate.access.ids import IdCodec
from headgate.access.keys import Authenticator, KeyAuthenticator, Open
from headgate.access.patterns import allows
from headgate.access.roles import Roles
from headgate.access.stage import Access, check_scope
from headgate.access.tokens import WorkloadTokens

__all__ = [
    "Access",
    "AccountIds",
    "Authenticator",
    "ClientAddress",
    "Directory",
    "IdCodec",
    "KeyAuthenticator",
    "Open",
    "Roles",
    "WorkloadTokens",
    "allows",
    "check_scope",
    "exceeds",
    "join_forwarded",
    "lacking",
]
