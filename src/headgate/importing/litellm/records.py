"""From LiteLLM's rows to ours: who there is, their keys, what limits them, and what they have spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from headgate.administration.importing import (
    ImportedKey,
    ImportedProject,
    ImportedSpend,
    ImportedTeam,
    ImportedUser,
    NewImport,
)
from headgate.importing.litellm.config import Defaults
from headgate.importing.litellm.names import allowed, both, name_of, plain_id, tag_value, unique
from headgate.importing.litellm.routes import operations
from headgate.importing.litellm.rules import Rules, merged, picodollars
from headgate.importing.litellm.tables import BudgetRow, KeyRow, Limited, Tables, TeamRow, tidied
from headgate.importing.report import Report

SOURCE = "litellm"

ORGANISATION = "litellm-organisation"
MEMBER = "litellm-member"
USER = "litellm-user"
"""Tags of keys, for what has no subject of its own here."""

_EVERYBODY = "litellm-proxy-budget"
"""The user whose row counts what all together spend."""

_PAGES = "litellm-dashboard"
"""The team of the keys that LiteLLM's own pages make for each sign-in."""

_PLAIN = frozenset({"tags", "temp_budget_increase", "temp_budget_expiry", "scim_metadata", "created_by"})


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be imported."""

    whole: NewImport
    spent: Decimal
    """Dollars that the keys have spent to date."""


def records_of(
    tables: Tables,
    groups: Mapping[str, Sequence[str]],
    defaults: Defaults,
    report: Report,
    now: datetime,
    known: frozenset[str] = frozenset(),
) -> Records:
    """What the rows of a database come to. `groups` are the configuration's access groups, `known` digests of keys that
    are imported in another way.
    """
    return _Reading(tables, groups, defaults, report, now).records(known)


class _Owner(msgspec.Struct):
    """Something that has budgets, and what it has spent."""

    place: str
    spend: Decimal
    budgets: list[str]
    models: list[str] | None = None
    of_keys: Decimal = Decimal(0)
    """Of that, what its keys there are have spent."""


class _Reading:
    def __init__(
        self,
        tables: Tables,
        groups: Mapping[str, Sequence[str]],
        defaults: Defaults,
        report: Report,
        now: datetime,
    ) -> None:
        self._tables = tables = tidied(tables)
        self._defaults = defaults
        self._report = report
        self._groups = {**{name: list(models) for name, models in groups.items()}}
        self._group_ids = {row.access_group_id: row.access_model_names or [] for row in tables.groups}
        self._rules = Rules(defaults.timezone, now, report)
        self._budgets = {row.budget_id: row for row in tables.budgets}
        self._teams = {row.team_id: row for row in tables.teams}
        self._organisations = {row.organization_id: row for row in tables.organisations}
        self._tag_of = {
            row.organization_id: tag_value(name_of(row.organization_alias, row.organization_id))
            for row in tables.organisations
        }
        self._owners: dict[str, _Owner] = {}
        """By subject."""
        self._limited_users: set[str] = set()

    def records(self, known: frozenset[str]) -> Records:
        self._everybody()
        self._organisation_owners()
        teams, projects, users = self._team_rows(), self._project_rows(), self._user_rows()
        self._members()
        keys: list[ImportedKey] = []
        spends: list[ImportedSpend] = []
        spent = Decimal(0)
        names: set[str] = set()
        for row in self._tables.keys:
            if self._left_out(row, known):
                continue
            key, spend = self._key(row, names)
            keys.append(key)
            spent += spend.cost_usd
            if spend.cost_usd or spend.budgets:
                spends.append(spend)
        spends += self._customers()
        spends += self._tags()
        spends += self._others()
        self._models()
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
        return Records(whole=whole, spent=spent)

    # ── who has budgets ──

    def _own(self, subject: str, row: Limited, spend: Decimal, place: str, models: list[str] | None = None) -> _Owner:
        budgets = self._rules.add(subject, row, place)
        spend = Decimal(0) if budgets and self._rules.over(row, place) else picodollars(spend)
        owner = self._owners[subject] = _Owner(place, spend, budgets, models)
        if spend:
            self._report.carries("spend to date", place, f"${spend.normalize():f}")
        return owner

    def _linked(self, id: str | None) -> BudgetRow | None:
        return self._budgets.get(id or "")

    def _everybody(self) -> None:
        defaults = self._defaults
        if defaults.max_budget is not None:
            spend = next((row.spend for row in self._tables.users if row.user_id == _EVERYBODY), Decimal(0))
            row = Limited(max_budget=Decimal(str(defaults.max_budget)), budget_duration=defaults.budget_duration)
            self._own("organisation:*", row, spend, "all together")
        if defaults.customer_budget is not None:
            row = Limited(max_budget=Decimal(str(defaults.customer_budget)))
            self._rules.add("customer:*", row, "each customer")

    def _organisation_owners(self) -> None:
        for row in self._tables.organisations:
            place = f"organisation {self._tag_of[row.organization_id]}"
            subject = f"tag:{ORGANISATION}={self._tag_of[row.organization_id]}"
            self._own(
                subject, self._linked(row.budget_id) or Limited(), row.spend, place, self._allowed(row.models, place)
            )
            self._report.changes(
                "organisations",
                place,
                f"is the tag {ORGANISATION}={self._tag_of[row.organization_id]} of its keys",
                why="an organisation here is a tenant that shares nothing with others; LiteLLM's share the gateway",
                do=f"give keys that you make for it the same tag: 'headgate keys create --tag {ORGANISATION}=…'",
            )

    def _team_rows(self) -> list[ImportedTeam]:
        names: set[str] = set()
        found: list[ImportedTeam] = []
        for row in self._tables.teams:
            if row.team_id == _PAGES:
                continue
            name = unique(name_of(row.team_alias, row.team_id), row.team_id, names)
            place = f"team {name}"
            archived = bool(row.blocked)
            found.append(ImportedTeam(id=row.team_id, name=name, timezone=self._defaults.timezone, archived=archived))
            self._report.carries("teams", place, "with what limits it")
            if archived:
                self._report.changes(
                    "teams", place, "is archived: its keys open nothing, for good", why="it is blocked there",
                    do="unblock it in LiteLLM before the import, if it is to come back",
                )  # fmt: skip
            models = self._allowed(row.models, place)
            if models is not None:
                self._report.changes(
                    "teams", place, "its list of models becomes that of each of its keys",
                    why="a team here has no list of its own",
                    do="name the models when you make keys for it: 'headgate keys create --team … --model …'",
                )  # fmt: skip
            self._own(f"team:{row.team_id}", row, row.spend, place, models)
            self._team_aliases(row, place)
        return found

    def _team_aliases(self, row: TeamRow, place: str) -> None:
        aliases = next((each.aliases for each in self._tables.aliases if each.id == row.model_id), None)
        if aliases:
            self._aliases(aliases, place)

    def _aliases(self, aliases: Any, place: str) -> None:
        told = ", ".join(sorted(map(str, aliases))) if isinstance(aliases, dict) else str(aliases)
        self._report.cannot(
            "models",
            place,
            f"its own names for models are left out: {told}",
            why="a name stands for the same to everybody who may ask for it",
            do="add a model of that name to headgate.yaml, and to the models of its keys",
        )

    def _project_rows(self) -> list[ImportedProject]:
        found: list[ImportedProject] = []
        for row in self._tables.projects:
            name = name_of(row.project_alias, row.project_id)
            place = f"project {name}"
            team = row.team_id if row.team_id in self._teams else None
            found.append(ImportedProject(id=row.project_id, name=name, team=team, archived=bool(row.blocked)))
            self._report.carries("projects", place, "with its team")
            linked = self._linked(row.budget_id) or Limited()
            self._own(f"project:{row.project_id}", linked, row.spend, place, self._allowed(row.models, place))
        return found

    def _user_rows(self) -> list[ImportedUser]:
        found: list[ImportedUser] = []
        for row in self._tables.users:
            if row.user_id == _EVERYBODY:
                continue
            name = name_of(row.user_alias, row.user_email, row.user_id)
            place = f"user {name_of(row.user_id)}"
            email = row.user_email if row.user_email and row.user_email.count("@") == 1 else None
            email = email if email and not any(each.isspace() for each in email) else None
            found.append(ImportedUser(id=row.user_id, name=name, email=email))
            self._report.carries("users", place, "as who keys belong to")
            if row.user_role and row.user_role not in ("internal_user", "internal_user_viewer", "customer", "team"):
                self._report.changes(
                    "users", place, f"has no role here, instead of '{row.user_role}'",
                    why="what people may do comes from the sign-in, or from a key that an administrator makes",
                    do="set access.sign_in.grants (docs/access.md), or make a key with --role",
                )  # fmt: skip
            owner = self._own(f"user:{row.user_id}", row, row.spend, place, self._allowed(row.models, place))
            if owner.budgets or row.rpm_limit or row.tpm_limit or row.max_parallel_requests:
                self._limited_users.add(row.user_id)
        return found

    def _members(self) -> None:
        """Members of a team with a budget there: a tag of the keys they have in it."""
        for row in self._tables.members:
            budget = self._linked(row.budget_id)
            team = self._teams.get(row.team_id)
            if budget is None or team is None:
                continue
            value = self._member(row.team_id, row.user_id)
            place = f"member {value}"
            self._own(f"tag:{MEMBER}={value}", budget, row.spend, place)
            self._report.changes(
                "budgets", place, f"its budget in the team is that of the tag {MEMBER}={value} of its keys there",
                why="a subject here is a person or a team, not a person in a team",
                do="give keys that you make for that member in that team the same tag",
            )  # fmt: skip

    def _member(self, team_id: str, user_id: str) -> str:
        team = self._teams.get(team_id)
        return tag_value(f"{name_of(team.team_alias if team else None, team_id)}/{user_id}")

    # ── keys ──

    def _left_out(self, row: KeyRow, known: frozenset[str]) -> bool:
        place = f"key {_shown(row)}"
        if _digest(row) in known:
            self._report.carries("keys", place, "is HEADGATE_ADMIN_KEY")
            return True
        if row.team_id == _PAGES:
            self._report.changes(
                "keys", "sessions of LiteLLM's own pages", "are left out", why="they are made anew at each sign-in"
            )
            return True
        return False

    def _key(self, row: KeyRow, names: set[str]) -> tuple[ImportedKey, ImportedSpend]:
        name = unique(name_of(row.key_alias, row.key_name, row.token[:12]), row.token, names)
        place = f"key {name}"
        users = {each.user_id for each in self._tables.users} - {_EVERYBODY}
        projects = {each.project_id for each in self._tables.projects}
        team = self._teams.get(row.team_id or "")
        user = row.user_id if row.user_id in users else None
        tags = self._tags_of(row, team, place)
        if user in self._limited_users and team is not None and not self._defaults.user_budget_on_team_keys:
            tags[USER] = tag_value(str(user))
            self._report.changes(
                "keys", place, f"has its user as the tag {USER}={tags[USER]}",
                why="a person's budget there holds for keys without a team, and here for all of the person's keys",
            )  # fmt: skip
            user = None
        project = row.project_id if row.project_id in projects else None
        key = ImportedKey(
            id=row.token,
            name=name,
            digest=_digest(row),
            hint="".join(each for each in (row.key_name or "")[-4:] if each.isprintable()),
            team=team.team_id if team else None,
            project=project,
            user=user,
            models=self._models_of(row, team, project, place),
            endpoints=self._endpoints(row, place),
            tags=tags,
            expires_at=None if row.expires is None else row.expires.replace(tzinfo=UTC),
            revoked=bool(row.blocked),
        )
        self._report.carries("keys", place, "by its SHA-256: its holder goes on using it")
        if row.blocked:
            self._report.changes(
                "keys", place, "is revoked, for good", why="it is blocked there",
                do="unblock it in LiteLLM before the import, if it is to come back",
            )  # fmt: skip
        self._more(row, place)
        return key, self._spend(row, key, place)

    def _spend(self, row: KeyRow, key: ImportedKey, place: str) -> ImportedSpend:
        """What a key has spent, which counts for everything that it belongs to."""
        budgets = self._linked(row.budget_id)
        own = self._own(f"key:{row.token}", merged(row, budgets), row.spend, place)
        charged = list(own.budgets)
        of = {"organisation:*", *(f"tag:{name}={value}" for name, value in key.tags.items())}
        for kind, owner_id in (("team", key.team), ("project", key.project), ("user", key.user)):
            of.add(f"{kind}:{owner_id}")
        for subject in of & self._owners.keys():
            owner = self._owners[subject]
            owner.of_keys += own.spend
            charged += owner.budgets
        del self._owners[f"key:{row.token}"]
        return ImportedSpend(subject=f"key:{row.token}", cost_usd=own.spend, budgets=sorted(charged))

    def _tags_of(self, row: KeyRow, team: TeamRow | None, place: str) -> dict[str, str]:
        tags: dict[str, str] = {}
        organisation = row.organization_id or (team.organization_id if team else None)
        if organisation in self._tag_of:
            tags[ORGANISATION] = self._tag_of[str(organisation)]
        if team is not None and row.user_id is not None:
            value = self._member(team.team_id, row.user_id)
            if f"tag:{MEMBER}={value}" in self._owners:
                tags[MEMBER] = value
        metadata = row.metadata if isinstance(row.metadata, dict) else {}
        tagged = metadata.get("tags")
        for each in tagged if isinstance(tagged, list) else []:
            name = tag_value(str(each))[:64].strip()
            tags[name] = "yes"
            self._report.changes(
                "keys", place, f"its tag '{name}' is {name}=yes", why="a tag here is a name and a value",
                do="clients that send tags of their own write x-headgate-tags: name=value",
            )  # fmt: skip
        return tags

    def _models_of(self, row: KeyRow, team: TeamRow | None, project: str | None, place: str) -> list[str] | None:
        of_team = self._owners[f"team:{team.team_id}"].models if team and team.team_id != _PAGES else None
        models = self._allowed(row.models, place, of_team, row.access_group_ids)
        models = both(models, of_team)
        if project is not None:
            models = both(models, self._owners[f"project:{project}"].models)
        organisation = row.organization_id or (team.organization_id if team else None)
        if organisation in self._tag_of:
            models = both(models, self._owners[f"tag:{ORGANISATION}={self._tag_of[str(organisation)]}"].models)
        if team is None and (owner := self._owners.get(f"user:{row.user_id}")) is not None:
            models = both(models, owner.models)
        return models

    def _allowed(
        self,
        models: Sequence[str] | None,
        place: str,
        of_team: Sequence[str] | None = None,
        group_ids: Sequence[str] | None = None,
    ) -> list[str] | None:
        found, strange = allowed(models, self._groups, of_team)
        if strange:
            self._report.cannot(
                "models", place, f"may not ask for {', '.join(strange)}",
                why="a pattern here is the beginning of a name and '*'", do="name these models for the key",
            )  # fmt: skip
        if found is not None:
            found += [each for group in group_ids or [] for each in self._group_ids.get(group, []) if each not in found]
        return found

    def _endpoints(self, row: KeyRow, place: str) -> list[Any] | None:
        found, strange = operations(row.allowed_routes)
        if strange:
            self._report.cannot(
                "keys", place, f"may not use {', '.join(strange)}", why="there are no such endpoints here",
                do="make a key with --role for administration; see docs/access.md",
            )  # fmt: skip
        if found:
            self._report.changes(
                "keys", place, f"may use the operations {', '.join(found)}",
                why="endpoints here are operations: 'chat' is /chat/completions, /responses and /messages",
            )  # fmt: skip
        return found

    def _more(self, row: KeyRow, place: str) -> None:
        """What a key has that cannot be carried."""
        if row.aliases:
            self._aliases(row.aliases, place)
        metadata = row.metadata if isinstance(row.metadata, dict) else {}
        if metadata.get("temp_budget_increase"):
            self._report.cannot(
                "budgets", place, "its temporary increase is left out", why="a budget has one amount",
                do="change the budget, and change it back: 'headgate budgets set'",
            )  # fmt: skip
        others = sorted(name for name, value in metadata.items() if name not in _PLAIN and value not in (None, {}, []))
        if others:
            self._report.cannot(
                "keys", place, f"its metadata are left out: {', '.join(others)}", why="keys have tags only",
                do="keep what you need of them where you administer keys",
            )  # fmt: skip
        if row.auto_rotate:
            self._report.cannot(
                "keys", place, "is not rotated by itself", why="a new key has to reach its holder",
                do="run 'headgate keys rotate --overlap 7d' when it is time",
            )  # fmt: skip

    # ── what else was spent ──

    def _customers(self) -> list[ImportedSpend]:
        found: list[ImportedSpend] = []
        general = [each.id for each in self._rules.budgets if each.subject == "customer:*"]
        for row in self._tables.customers:
            place = f"customer {name_of(row.user_id)}"
            if plain_id(row.user_id) != row.user_id:
                self._report.cannot(
                    "customers", place, "is left out", why="its name is no subject's", do="give it another"
                )
                continue
            subject = f"customer:{row.user_id}"
            limited = self._linked(row.budget_id) or Limited()
            if row.blocked:
                limited = msgspec.structs.replace(limited, rpm_limit=0)
                self._report.changes("customers", place, "has a limit of no requests", why="it is blocked there")
            if row.allowed_model_region or row.default_model:
                self._report.cannot(
                    "customers", place, "its region and default model are left out", why="routes go by no customer",
                    do="have clients ask for the model that is right for it",
                )  # fmt: skip
            owner = self._own(subject, limited, row.spend, place)
            del self._owners[subject]
            budgets = [*owner.budgets, *general]
            if owner.spend or owner.budgets:
                found.append(ImportedSpend(subject=subject, cost_usd=owner.spend, budgets=budgets, counted=False))
        return found

    def _tags(self) -> list[ImportedSpend]:
        found: list[ImportedSpend] = []
        for row in self._tables.tags:
            name = tag_value(row.tag_name)[:64].strip()
            subject, place = f"tag:{name}=yes", f"tag {name}"
            owner = self._own(subject, self._linked(row.budget_id) or Limited(), row.spend, place)
            del self._owners[subject]
            if owner.budgets:
                found.append(ImportedSpend(subject=subject, cost_usd=owner.spend, budgets=owner.budgets, counted=False))
        return found

    def _others(self) -> list[ImportedSpend]:
        """What teams, users and the like have spent beyond what their keys account for."""
        found: list[ImportedSpend] = []
        beyond: dict[str, Decimal] = defaultdict(Decimal)
        for subject, owner in self._owners.items():
            rest = owner.spend - owner.of_keys
            if rest or owner.budgets:
                counted = subject.startswith("team:")  # what others have spent is in the keys' and the teams' sums
                found.append(ImportedSpend(subject=subject, cost_usd=rest, budgets=owner.budgets, counted=counted))
            if rest:
                beyond[owner.place] = rest
        for place, rest in beyond.items():
            self._report.changes(
                "spend to date",
                place,
                f"{'' if rest < 0 else '+'}{rest.normalize():f} dollars are a row of no key",
                why="its keys here have spent another sum: some were deleted, or began anew at other times",
            )
        return found

    def _models(self) -> None:
        for row in self._tables.models:
            self._report.cannot(
                "models", f"{row.model_name} ({row.model_id[:8]}) in the database", "is left out",
                why="how to reach it is encrypted under LiteLLM's own key",
                do="add it to headgate.yaml, or to config.yaml and import again",
            )  # fmt: skip


_HEX = frozenset("0123456789abcdef")


def _digest(row: KeyRow) -> str:
    """The SHA-256 of a key: LiteLLM keeps that of keys that begin with `sk-`, and others as they are."""
    if len(row.token) == 64 and _HEX.issuperset(row.token):
        return row.token
    return sha256(row.token.encode()).hexdigest()


def _shown(row: KeyRow) -> str:
    return name_of(row.key_alias, row.key_name, "of no name")
