"""Who may do what: keys on the way in, scopes and models on the call, ids that stay inside one organisation."""

from __future__ import annotations

from headgate.access.account_ids import AccountIds
from headgate.access.ids import IdCodec
from headgate.access.keys import Authenticator, KeyAuthenticator, Open
from headgate.access.stage import Access

__all__ = ["Access", "AccountIds", "Authenticator", "IdCodec", "KeyAuthenticator", "Open"]
