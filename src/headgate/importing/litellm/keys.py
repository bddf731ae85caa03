"""Keys from LiteLLM's rows."""

from __future__ import annotations

from typing import Any

from headgate.administration.importing import ImportedKey, ImportedSpend
from headgate.importing.litellm import left
from headgate.importing.litellm.accounts import Accounts
from headgate.importing.litellm.grants import Grants
from headgate.importing.litellm.names import both, tag_name, tag_value
from headgate.importing.litellm.owners import (
    MEMBER,
    ORGANISATION,
    PAGES,
    USER,
    Owners,
    member,
    organisation_of,
    tell_aliases,
)
from headgate.importing.litellm.routes import operations
from headgate.importing.litellm.rows import KeyRow, TeamRow
from headgate.importing.litellm.rules import in_utc, merged
from headgate.importing.litellm.settings import Defaults
from headgate.importing.names import name_of, sha256_of, unique
from headgate.importing.report import Report

_HEX = frozenset("0123456789abcdef")

_MOST_TAGS = 32


class Keys:
    def __init__(self, owners: Owners, defaults: Defaults, grants: Grants, accounts: Accounts, report: Report) -> None:
        self._owners = owners
        self._defaults = defaults
        self._grants = grants
        self._accounts = accounts
        self._report = report
        self._names: set[str] = set()
        self._seen: set[str] = set()

    def left_out(self, row: KeyRow, known: frozenset[str]) -> bool:
        """Whether a key is none to import; told if so. `known` are digests of keys that come in another way."""
        if token(row) in known:
            self._report.carries(
                "keys", f"key {name_of(row.key_alias, row.key_name, 'of no name')}", "is HEADGATE_ADMIN_KEY"
            )
        elif row.team_id == PAGES:
            self._report.changes(
                "keys", "sessions of LiteLLM's own pages", "are left out", why="they are made anew at each sign-in"
            )
        elif token(row) in self._seen:
            self._report.changes("keys", "keys that are there twice", "are one", why="their SHA-256 is the same")
        else:
            self._seen.add(token(row))
            return False
        return True

    def read(self, row: KeyRow) -> tuple[ImportedKey, ImportedSpend]:
        digest = token(row)
        name = unique(name_of(row.key_alias, row.key_name, digest[:12]), digest, self._names)
        place = f"key {name}"
        team = self._team(row, place)
        tags = self._tags(row, team, place)
        project = row.project_id if row.project_id in self._owners.projects else None
        key = ImportedKey(
            id=digest,
            name=name,
            digest=digest,
            hint="".join(each for each in (row.key_name or "")[-4:] if each.isprintable()),
            team=team.team_id if team else None,
            project=project,
            user=self._user(row, team, tags, place),
            models=self._models(row, team, project, place),
            endpoints=self._endpoints(row, place),
            tags=tags,
            expires_at=None if row.expires is None else in_utc(row.expires),
            revoked=bool(row.blocked),
        )
        self._report.carries("keys", place, "by its SHA-256: its holder goes on using it")
        self._tell(row, place)
        return key, self._spend(row, key, place)

    def _team(self, row: KeyRow, place: str) -> TeamRow | None:
        team = self._owners.teams.get(row.team_id or "")
        if team is None and row.team_id is not None:
            self._report.changes("keys", place, "belongs to no team", why="its team is not in LiteLLM's database")
        return team

    def _user(self, row: KeyRow, team: TeamRow | None, tags: dict[str, str], place: str) -> str | None:
        """The user a key belongs to. Where it is not to take of the person's budget, the user is a tag."""
        if row.user_id not in self._owners.users:
            return None
        owner = self._accounts.get(f"user:{row.user_id}")
        if owner is None or not owner.limited or team is None or self._defaults.user_budget_on_team_keys:
            return row.user_id
        tags[USER] = tag_value(str(row.user_id))
        self._report.changes(
            "keys",
            place,
            f"has its user as the tag {USER}",
            why="a person's budget there holds for keys without a team, and here for all of the person's keys",
        )
        return None

    def _tags(self, row: KeyRow, team: TeamRow | None, place: str) -> dict[str, str]:
        metadata = row.metadata if isinstance(row.metadata, dict) else {}
        tags: dict[str, str] = {}
        tagged = metadata.get("tags")
        for each in map(str, tagged if isinstance(tagged, list) else []):
            name = tag_name(each)
            if len(tags) == _MOST_TAGS - 3:
                self._report.cannot(
                    "keys",
                    place,
                    "some of its tags are left out",
                    why=f"a key has at most {_MOST_TAGS}",
                    do="use fewer",
                )
                break
            tags[name] = "yes"
            self._report.changes(
                "keys",
                place,
                f"its tag '{each[:64]}' is {name}=yes",
                why="a tag here is a name and a value",
                do="clients that send tags of their own write x-headgate-tags: name=value",
            )
        organisation = organisation_of(row, team)
        if organisation in self._owners.organisations:
            tags[ORGANISATION] = tag_value(str(organisation))
        if team is not None and row.user_id is not None:
            value = member(team.team_id, row.user_id)
            if f"tag:{MEMBER}={value}" in self._accounts:
                tags[MEMBER] = value
        return tags

    def _models(self, row: KeyRow, team: TeamRow | None, project: str | None, place: str) -> list[str] | None:
        """What a key may ask for: what all of those let it that it belongs to."""
        of_team = self._allowed(f"team:{team.team_id}") if team else None
        models = both(self._grants.of(row.models, place, of_team, row.access_group_ids), of_team)
        if project is not None:
            models = both(models, self._allowed(f"project:{project}"))
        organisation = organisation_of(row, team)
        if organisation in self._owners.organisations:
            models = both(models, self._allowed(f"tag:{ORGANISATION}={tag_value(str(organisation))}"))
        if team is None:
            return both(models, self._allowed(f"user:{row.user_id}"))
        return both(models, self._owners.member_models.get(member(team.team_id, row.user_id or "")))

    def _allowed(self, subject: str) -> list[str] | None:
        owner = self._accounts.get(subject)
        return None if owner is None else owner.models

    def _endpoints(self, row: KeyRow, place: str) -> list[Any] | None:
        found, strange = operations(row.allowed_routes)
        if strange:
            self._report.cannot(
                "keys",
                place,
                f"may not use {', '.join(strange)}",
                why="there are no such endpoints here",
                do="make a key with --role for administration; see docs/access.md",
            )
        if found:
            self._report.changes(
                "keys",
                place,
                f"may use the operations {', '.join(found)}",
                why="endpoints here are operations: 'chat' is /chat/completions, /responses and /messages",
            )
        return found

    def _spend(self, row: KeyRow, key: ImportedKey, place: str) -> ImportedSpend:
        owners = {"organisation:*", *(f"tag:{name}={value}" for name, value in key.tags.items())}
        owners |= {f"team:{key.team}", f"project:{key.project}", f"user:{key.user}"}
        limited = merged(row, self._owners.budget(row.budget_id))
        return self._accounts.of_key(key.id, limited, row.spend, place, owners)

    def _tell(self, row: KeyRow, place: str) -> None:
        """What is otherwise, or cannot be carried."""
        if row.blocked:
            self._report.changes(
                "keys",
                place,
                "is revoked, for good",
                why="it is blocked there",
                do="unblock it in LiteLLM before the import, if it is to come back",
            )
        tell_aliases(row.aliases, place, self._report)
        if isinstance(row.metadata, dict) and row.metadata.get("temp_budget_increase"):
            self._report.cannot(
                "budgets",
                place,
                "its temporary increase is left out",
                why="a budget has one amount",
                do="change the budget, and change it back: 'headgate budgets set'",
            )
        if row.auto_rotate:
            self._report.cannot(
                "keys",
                place,
                "is not rotated by itself",
                why="a new key has to reach its holder",
                do="run 'headgate keys rotate --overlap 7d' when it is time",
            )
        left.tell(row, place, "keys", self._report)


def token(row: KeyRow) -> str:
    """The SHA-256 of a key: LiteLLM keeps that of keys that begin with `sk-`, and others as they are."""
    return row.token if len(row.token) == 64 and _HEX.issuperset(row.token) else sha256_of(row.token)
