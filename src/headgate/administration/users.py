"""Users: people. What one may do once signed in is never more than who gave it may do."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.access.grants import lacking
from headgate.access.roles import Roles, UnknownRole
from headgate.administration.acting import Actor, Acts, Ports
from headgate.administration.problems import Invalid, Problem, problem
from headgate.administration.projects import owned, team_of
from headgate.administration.register import Register, given
from headgate.administration.requests import NewUser, OwnedListing, UserChange
from headgate.administration.views import Page, UserView
from headgate.errors import Forbidden
from headgate.storage.records import User
from headgate.storage.tables import USERS

register = Register(USERS, "user", "user", lambda user: user.team_id)

_PERSONAL = ("name", "email")
"""What the audit log, which is never changed, is not told of a person."""


class Users:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._database = ports.database
        self._roles = ports.roles
        self._acts = acts

    async def list(self, actor: Actor, request: OwnedListing) -> Page[UserView]:
        filters = await owned(self._database, actor, request)
        rows, cursor = await register.list(self._database, actor, request, filters)
        return Page([UserView.of(row) for row in rows], cursor)

    async def get(self, actor: Actor, id: str) -> UserView:
        return UserView.of(await register.get(self._database, actor, id))

    async def create(self, actor: Actor, request: NewUser) -> UserView:
        self._check(actor, request.roles)
        async with self._acts.begin(actor) as act:
            row = User(
                **act.common("user"),
                name=request.name,
                email=request.email,
                team_id=await team_of(act, request.team),
                roles=request.roles,
                issuer=request.issuer,
                subject=request.subject,
            )
            return UserView.of(await register.add(act, row, ["team_id", "roles"]))

    async def change(self, actor: Actor, id: str, request: UserChange, version: int | None) -> UserView:
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            self._check(actor, row.roles)
            fields = given(request, {"name": "name", "email": "email", "team": "team_id", "roles": "roles"})
            if "roles" in fields:
                self._check(actor, fields["roles"])
                if row.id == actor.identity.user_id:
                    raise Forbidden("Nobody changes their own roles.")
            if "team_id" in fields:
                fields["team_id"] = await team_of(act, fields["team_id"])
            return UserView.of(await register.change(act, row, version, fields, _PERSONAL))

    async def archive(self, actor: Actor, id: str, version: int | None) -> UserView:
        """Take a user out of use: sessions and keys of that user open nothing from then on."""
        async with self._acts.begin(actor) as act:
            row = await register.get(act.transaction, actor, id)
            return UserView.of(await register.archive(act, row, version))

    def _check(self, actor: Actor, names: Sequence[str]) -> None:
        check_roles(self._roles(), names)
        if missing := lacking(actor.identity, names, self._roles()):
            raise Forbidden(f"You cannot give what you have not: {missing}.")


def check_roles(roles: Roles, names: Sequence[str]) -> None:
    """Raise `Invalid` for roles there are not."""
    problems: list[Problem] = []
    for index, name in enumerate(names):
        try:
            roles.check([name])
        except UnknownRole as error:
            problems.append(problem(("roles", index), "not_found", f"names no role: {error}"))
    if problems:
        raise Invalid(problems)
