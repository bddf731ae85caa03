"""From LiteLLM's rows to ours: who there is, their keys, what limits them, and what they have spent."""

from __future__ import annotations

from datetime import datetime

from headgate.administration.importing import ImportedKey, ImportedSpend, NewImport
from headgate.importing.litellm import left
from headgate.importing.litellm.accounts import Accounts
from headgate.importing.litellm.config import SOURCE, ConvertedConfig
from headgate.importing.litellm.grants import Grants
from headgate.importing.litellm.keys import Keys
from headgate.importing.litellm.names import tag_name
from headgate.importing.litellm.owners import Owners
from headgate.importing.litellm.rows import CustomerRow, Limited
from headgate.importing.litellm.rules import Rules, in_utc
from headgate.importing.litellm.settings import Defaults
from headgate.importing.litellm.tables import Tables, tidied
from headgate.importing.names import name_of, plain_id
from headgate.importing.records import Records
from headgate.importing.report import Report


def records_of(
    tables: Tables, converted: ConvertedConfig, report: Report, now: datetime, known: frozenset[str] = frozenset()
) -> Records:
    """What the rows of a database come to, beside a configuration. `known` are digests of keys that are imported in
    another way.
    """
    return _Reading(tidied(tables), converted, report, now).records(known)


class _Reading:
    def __init__(self, tables: Tables, converted: ConvertedConfig, report: Report, now: datetime) -> None:
        defaults = converted.defaults
        self._tables = tables
        self._defaults: Defaults = defaults
        self._report = report
        self._now = now
        self._rules = Rules(defaults.timezone, now, report)
        self._accounts = Accounts(self._rules, report)
        grants = Grants(converted.groups, tables.groups, converted.aliases, report)
        self._owners = Owners(tables, defaults, grants, self._accounts, report)
        self._keys = Keys(self._owners, defaults, grants, self._accounts, report)

    def records(self, known: frozenset[str]) -> Records:
        owners = self._owners
        owners.everybody()
        owners.read_organisations()
        teams, projects, users = owners.read_teams(), owners.read_projects(), owners.read_users()
        owners.read_members()
        self._each_customer()
        keys: list[ImportedKey] = []
        spends: list[ImportedSpend] = []
        for row in self._tables.keys:
            if not self._keys.left_out(row, known):
                key, spend = self._keys.read(row)
                keys.append(key)
                spends.append(spend)
        spends += [*self._customers(), *self._tags(), *self._accounts.beyond_keys()]
        self._rotated()
        left.tell_tables(self._tables, self._report)
        whole = NewImport(
            source=SOURCE,
            teams=teams,
            projects=projects,
            users=users,
            keys=keys,
            limits=self._rules.limits,
            budgets=self._rules.budgets,
            spend=spends,
        )
        return Records(whole=whole, spent=self._accounts.of_keys)

    # ── customers and tags ──

    def _each_customer(self) -> None:
        """The budget of each end user, as far as settings name one."""
        linked = self._owners.budget(self._defaults.customer_budget_id)
        if self._defaults.customer_budget_id is not None and linked is None:
            self._report.cannot(
                "budgets",
                "litellm_settings.max_end_user_budget_id",
                "is left out",
                why="there is no such budget in the database",
                do="headgate budgets set 'customer:*' …",
            )
        if linked is not None:
            self._rules.add("customer:*", linked, "each customer")
            if any(row.budget_id is not None for row in self._tables.customers):
                self._report.changes(
                    "budgets",
                    "each customer",
                    "is held to it even where a customer has a larger budget of its own",
                    why="both count here; there a customer's own budget takes the other's place",
                    do="'headgate budgets list', and raise the one of customer:* if it is in the way",
                )
        elif self._defaults.customer_budget is not None:
            self._rules.add("customer:*", Limited(max_budget=self._defaults.customer_budget), "each customer")
            self._report.changes(
                "budgets",
                "each customer",
                "is held to max_end_user_budget",
                why="LiteLLM's releases of 2026 know the setting, and refuse nobody for it",
                do="take it off if that is not wanted: 'headgate budgets list', 'headgate budgets remove'",
            )

    def _customers(self) -> list[ImportedSpend]:
        general = [each.id for each in self._rules.budgets if each.subject == "customer:*"]
        found: list[ImportedSpend] = []
        for row in self._tables.customers:
            place = f"customer {name_of(row.user_id)}"
            if plain_id(row.user_id) != row.user_id:
                self._report.cannot(
                    "customers", place, "is left out", why="its name is no subject's", do="give it another"
                )
                continue
            self._tell(row, place)
            limited = self._owners.budget(row.budget_id) or Limited()
            found.append(self._accounts.alone(f"customer:{row.user_id}", limited, row.spend, place, general))
        return found

    def _tell(self, row: CustomerRow, place: str) -> None:
        """Block who is blocked, and tell of what cannot be carried."""
        if row.blocked:
            self._rules.block(f"customer:{row.user_id}")
            self._report.changes("customers", place, "has a limit of no requests", why="it is blocked there")
        if row.allowed_model_region or row.default_model or row.models:
            self._report.cannot(
                "customers",
                place,
                "its region, models and default model are left out",
                why="routes go by no customer",
                do="have clients ask for the model that is right for it",
            )
        left.tell(row, place, "customers", self._report)

    def _tags(self) -> list[ImportedSpend]:
        found: list[ImportedSpend] = []
        for row in self._tables.tags:
            name = tag_name(row.tag_name)
            place = f"tag {name}"
            limited = self._owners.budget(row.budget_id) or Limited()
            spend = self._accounts.alone(f"tag:{name}=yes", limited, row.spend, place)
            if spend.budgets:
                found.append(spend)
            if row.models:
                self._report.cannot(
                    "keys",
                    place,
                    "its models are left out",
                    why="routes do not go by tags",
                    do="make a model of its own for those calls",
                )
        return found

    def _rotated(self) -> None:
        """Keys that have been rotated, and open for a while yet."""
        for row in self._tables.rotated:
            if in_utc(row.revoke_at) > self._now:
                self._report.cannot(
                    "keys",
                    f"a key that was rotated, good until {in_utc(row.revoke_at):%Y-%m-%d %H:%M} UTC",
                    "is left out",
                    why="here the new key opens, and the old one does not",
                    do="have its holder take the new key before the move",
                )
