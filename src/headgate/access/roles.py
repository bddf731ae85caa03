"""What each role may do. Roles are sets of scopes; none contains another, none is implied, and what is not in one is
denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headgate.registry import suggest

SCOPES: Mapping[str, str] = {
    "call": "call models",
    "byo_credential": "send a vendor credential of one's own with a call",
    "metrics": "read metrics and how targets are doing",
    "config.read": "read the configuration, without its secrets",
    "organisations.write": "make organisations, and act in all of them",
    "teams.read": "read organisations, teams, projects and users",
    "teams.write": "change teams, projects and users",
    "keys.read": "list keys, without their secrets",
    "keys.write": "make, change, rotate and revoke keys",
    "limits.read": "read limits",
    "limits.write": "change limits",
    "budgets.read": "read budgets and what is left of them",
    "budgets.write": "change budgets",
    "ledger.read": "read the ledger, usage and statements",
    "ledger.write": "correct the ledger by a provider's own bill",
    "alerts.read": "read alerts, their rules and silences, and how models stand to their objectives",
    "alerts.write": "change alert rules, silence alerts, and send test notices",
    "prompts.read": "read prompts, their versions and history, and render them",
    "prompts.publish": "publish versions of prompts",
    "prompts.label": "move labels of prompts, protected ones once that is approved, and withdraw versions",
    "prompts.approve": "approve what somebody else asked of a protected label",
    "audit.read": "read and verify the audit log",
    "content.read": "read captured content of calls",
    "content.write": "erase captured content of calls",
    "feedback.write": "rate calls of other keys and teams",
}
"""Every scope there is, and what it lets do."""

ROLES: Mapping[str, frozenset[str]] = {
    "admin": frozenset(SCOPES),
    "operator": frozenset(
        {
            "call", "metrics", "config.read", "teams.read", "teams.write", "keys.read", "keys.write", "limits.read",
            "limits.write", "budgets.read", "budgets.write", "ledger.read", "ledger.write", "feedback.write",
            "alerts.read", "alerts.write", "prompts.read", "prompts.publish", "prompts.label", "prompts.approve",
        }
    ),
    "auditor": frozenset(
        {
            "metrics", "config.read", "teams.read", "keys.read", "limits.read", "budgets.read", "ledger.read",
            "alerts.read", "prompts.read", "audit.read",
        }
    ),
    "developer": frozenset(
        {
            "call", "metrics", "teams.read", "keys.read", "limits.read", "budgets.read", "ledger.read", "alerts.read",
            "prompts.read", "prompts.publish",
        }
    ),
    "caller": frozenset({"call"}),
}  # fmt: skip
"""The roles there are without any configuration."""


class UnknownRole(ValueError):
    """There is no such role."""


class Roles:
    """The built-in roles and those of the configuration."""

    def __init__(self, custom: Mapping[str, Iterable[str]] | None = None) -> None:
        self._scopes = {**ROLES, **{name: frozenset(scopes) for name, scopes in (custom or {}).items()}}

    @property
    def names(self) -> list[str]:
        return list(self._scopes)

    def scopes(self, names: Iterable[str]) -> frozenset[str]:
        """What these roles may do together; an unknown one, such as one the configuration no longer has, nothing."""
        return frozenset().union(*(self._scopes.get(name, frozenset()) for name in names))

    def check(self, names: Iterable[str]) -> None:
        """Raise `UnknownRole` for a role there is not."""
        for name in names:
            if name not in self._scopes:
                raise UnknownRole(f"there is no role '{name}'{suggest(name, self._scopes)}")
