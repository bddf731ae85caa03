"""Organisations, teams, projects, users and members of teams from LiteLLM's rows."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from headgate.administration.importing import ImportedProject, ImportedTeam, ImportedUser
from headgate.administration.values import email as checked_email
from headgate.importing.litellm import left
from headgate.importing.litellm.accounts import Accounts
from headgate.importing.litellm.grants import Grants
from headgate.importing.litellm.names import tag_value
from headgate.importing.litellm.rows import BudgetRow, KeyRow, Limited, MemberRow, TeamRow
from headgate.importing.litellm.settings import Defaults
from headgate.importing.litellm.tables import Tables
from headgate.importing.names import name_of, unique
from headgate.importing.report import Report

ORGANISATION = "litellm-organisation"
MEMBER = "litellm-member"
USER = "litellm-user"
"""Tags of keys, for what has no subject of its own here."""

EVERYBODY = "litellm-proxy-budget"
"""The user whose row counts what all together spend."""

PAGES = "litellm-dashboard"
"""The team of the keys that LiteLLM's own pages make for each sign-in."""

_PLAIN_ROLES = ("internal_user", "internal_user_viewer", "customer", "team")


class Owners:
    """Whom keys belong to."""

    def __init__(self, tables: Tables, defaults: Defaults, grants: Grants, accounts: Accounts, report: Report) -> None:
        self._tables = tables
        self._defaults = defaults
        self._grants = grants
        self._accounts = accounts
        self._report = report
        self._budgets = {row.budget_id: row for row in tables.budgets}
        self.teams = {row.team_id: row for row in tables.teams if row.team_id != PAGES}
        self.users = {row.user_id for row in tables.users if row.user_id != EVERYBODY}
        self.projects = {row.project_id for row in tables.projects}
        self.organisations = {row.organization_id for row in tables.organisations}
        self.member_models: dict[str, list[str]] = {}
        """By the value of a member's tag, what of the team's models."""

    def budget(self, id: str | None) -> BudgetRow | None:
        """A row that others link to."""
        return self._budgets.get(id or "")

    def everybody(self) -> None:
        if self._defaults.max_budget is not None:
            spend = next((row.spend for row in self._tables.users if row.user_id == EVERYBODY), Decimal(0))
            row = Limited(max_budget=self._defaults.max_budget, budget_duration=self._defaults.budget_duration)
            self._accounts.own("organisation:*", row, spend, "all together")

    def read_organisations(self) -> None:
        for row in self._tables.organisations:
            tag = f"{ORGANISATION}={tag_value(row.organization_id)}"
            place = f"organisation {name_of(row.organization_alias, row.organization_id)}"
            models = self._grants.of(row.models, place)
            self._accounts.own(f"tag:{tag}", self.budget(row.budget_id) or Limited(), row.spend, place, models)
            self._report.changes(
                "organisations",
                place,
                f"is the tag {tag} of its keys",
                why="an organisation here is a tenant that shares nothing with others; LiteLLM's share the gateway",
                do="give keys that you make for it the same tag: 'headgate keys create --tag …'",
            )
            left.tell(row, place, "organisations", self._report)

    def read_teams(self) -> list[ImportedTeam]:
        names: set[str] = set()
        named = {at: unique(name_of(row.team_alias, at), at, names) for at, row in self.teams.items()}
        return [self._team(row, named[at]) for at, row in self.teams.items()]

    def _team(self, row: TeamRow, name: str) -> ImportedTeam:
        place, archived = f"team {name}", bool(row.blocked)
        self._report.carries("teams", place, "with what limits it")
        if archived:
            self._tell_archived("teams", place)
        models = self._grants.of(row.models, place, group_ids=row.access_group_ids)
        if models is not None:
            self._report.changes(
                "teams",
                place,
                "its list of models becomes that of each of its keys",
                why="a team here has no list of its own",
                do="name the models when you make keys for it: 'headgate keys create --team … --model …'",
            )
        self._accounts.own(f"team:{row.team_id}", row, row.spend, place, models)
        aliases = next((each.aliases for each in self._tables.aliases if each.id == row.model_id), None)
        tell_aliases(aliases, place, self._report)
        left.tell(row, place, "teams", self._report)
        return ImportedTeam(id=row.team_id, name=name, timezone=self._defaults.timezone, archived=archived)

    def read_projects(self) -> list[ImportedProject]:
        found: list[ImportedProject] = []
        for row in self._tables.projects:
            name = name_of(row.project_alias, row.project_id)
            place, archived = f"project {name}", bool(row.blocked)
            team = row.team_id if row.team_id in self.teams else None
            found.append(ImportedProject(id=row.project_id, name=name, team=team, archived=archived))
            self._report.carries("projects", place, "with its team")
            if archived:
                self._tell_archived("projects", place)
            models = self._grants.of(row.models, place)
            linked = self.budget(row.budget_id) or Limited()
            self._accounts.own(f"project:{row.project_id}", linked, row.spend, place, models)
            left.tell(row, place, "projects", self._report)
        return found

    def _tell_archived(self, area: str, place: str) -> None:
        self._report.changes(
            area,
            place,
            "is archived: its keys open nothing, for good",
            why="it is blocked there",
            do="unblock it in LiteLLM before the import, if it is to come back",
        )

    def read_users(self) -> list[ImportedUser]:
        found: list[ImportedUser] = []
        for row in self._tables.users:
            if row.user_id == EVERYBODY:
                continue
            name = name_of(row.user_alias, row.user_email, row.user_id)
            place = f"user {name_of(row.user_id)}"
            found.append(ImportedUser(id=row.user_id, name=name, email=_email(row.user_email)))
            self._report.carries("users", place, "as who keys belong to")
            if row.user_role and row.user_role not in _PLAIN_ROLES:
                self._report.changes(
                    "users",
                    place,
                    f"has no role here, instead of '{row.user_role}'",
                    why="what people may do comes from the sign-in, or from a key that an administrator makes",
                    do="set access.sign_in.grants (docs/access.md), or make a key with --role",
                )
            models = self._grants.of_person(row.models, place)
            self._accounts.own(f"user:{row.user_id}", row, row.spend, place, models)
            left.tell(row, place, "users", self._report)
        return found

    # ── members of teams: a tag of the keys they have there ──

    def read_members(self) -> None:
        for row in self._all_members():
            team = self.teams.get(row.team_id)
            if team is None or (limited := self._limited(row, team)) is None:
                continue
            value = member(row.team_id, row.user_id)
            place = f"member {name_of(row.user_id)} of team {name_of(team.team_alias, team.team_id)}"
            if limited.allowed_models:
                models = self._grants.of(limited.allowed_models, place)
                self.member_models |= {} if models is None else {value: models}
            self._accounts.own(f"tag:{MEMBER}={value}", limited, row.spend, place)
            self._report.changes(
                "budgets",
                place,
                f"what limits it in the team is that of the tag {MEMBER}={value} of its keys there",
                why="a subject here is a person or a team, not a person in a team",
                do="give keys that you make for that member in that team the same tag",
            )

    def _all_members(self) -> list[MemberRow]:
        """Those that have a row, and those that have a key in a team with a budget for each member."""
        found = {(row.team_id, row.user_id): row for row in self._tables.members}
        for key in self._tables.keys:
            team = self.teams.get(key.team_id or "")
            if team is not None and key.user_id is not None and self._default(team) is not None:
                found.setdefault((team.team_id, key.user_id), MemberRow(team_id=team.team_id, user_id=key.user_id))
        return list(found.values())

    def _limited(self, row: MemberRow, team: TeamRow) -> BudgetRow | None:
        """A member's own row, else, where that has no budget, the team's for each member."""
        own, default = self.budget(row.budget_id), self._default(team)
        if own is None or default is None or own.max_budget is not None:
            return own or default
        amounts = {name: getattr(default, name) for name in ("max_budget", "budget_duration", "budget_reset_at")}
        return replace(own, **amounts)

    def _default(self, team: TeamRow) -> BudgetRow | None:
        """A budget for each member of a team. One of 0 is none."""
        metadata = team.metadata if isinstance(team.metadata, dict) else {}
        found = self.budget(str(metadata.get("team_member_budget_id")))
        return found if found is not None and found.max_budget else None


def member(team_id: str, user_id: str) -> str:
    """The value of the tag of a member's keys in a team."""
    return tag_value(f"{team_id}/{user_id}")


def organisation_of(key: KeyRow, team: TeamRow | None) -> str | None:
    return key.organization_id or (team.organization_id if team else None)


def tell_aliases(aliases: object, place: str, report: Report) -> None:
    """Tell of names that somebody alone has for models."""
    if not aliases:
        return
    named = ", ".join(sorted(map(str, aliases))) if isinstance(aliases, dict) else "?"
    report.cannot(
        "models",
        place,
        f"its own names for models are left out: {named}",
        why="a name stands for the same to everybody who may ask for it",
        do="add a model of that name to headgate.yaml, and to the models of its keys",
    )


def _email(text: str | None) -> str | None:
    try:
        return checked_email(text) if text and 3 <= len(text) <= 254 and text.isprintable() else None
    except ValueError:
        return None
