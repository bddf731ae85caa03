"""`headgate organisations`, `teams`, `projects`, `users`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headgate.cli import output
from headgate.cli.administering import Columns, given, id_of, listed, shown, told
from headgate.cli.client import HERE, Client, Reach, everything, segment
from headgate.cli.exits import OK, Misused
from headgate.cli.keys import Several

_PREFIXES = {"organisations": "org", "teams": "team", "projects": "proj", "users": "user"}


def _columns(*names: str) -> Columns:
    def column(name: str) -> Callable[[Any], Any]:
        return lambda row: row[name]

    return {name: column(name) for name in ("id", "name", *names)}


def list_organisations(*, reach: Reach = HERE) -> int:
    """List organisations: all, with a key that may act in all of them."""
    return _list("organisations", _columns(), reach)


def create_organisation(name: str, /, *, id: str | None = None, reach: Reach = HERE) -> int:
    """Make an organisation.

    Parameters
    ----------
    name
        What it is called.
    id
        What --organisation takes; made up unless given.
    """
    return _create("organisations", given(name=name, id=id), reach)


def list_teams(*, reach: Reach = HERE) -> int:
    """List teams."""
    return _list("teams", _columns("timezone"), reach)


def create_team(name: str, /, *, timezone: str | None = None, reach: Reach = HERE) -> int:
    """Make a team.

    Parameters
    ----------
    name
        What it is called.
    timezone
        Where its days and months begin: Europe/Berlin. UTC unless given.
    """
    return _create("teams", given(name=name, timezone=timezone), reach)


def show_team(team: str, /, *, reach: Reach = HERE) -> int:
    """Show one team, by id or name."""
    return _show("teams", team, reach)


def change_team(team: str, /, *, name: str | None = None, timezone: str | None = None, reach: Reach = HERE) -> int:
    """Change a team, named by its id or name.

    Parameters
    ----------
    team
        Which.
    name
        What it is called from now on.
    timezone
        Where its days and months begin from now on.
    """
    return _change("teams", team, given(name=name, timezone=timezone), reach)


def archive_team(team: str, /, *, reach: Reach = HERE) -> int:
    """Take a team out of use, by id or name: its keys open nothing from then on."""
    return _archive("teams", team, reach)


def list_projects(*, team: str | None = None, reach: Reach = HERE) -> int:
    """List projects.

    Parameters
    ----------
    team
        Of this team alone.
    """
    return _list("projects", _columns("team"), reach, given(team=team))


def create_project(name: str, /, *, team: str | None = None, reach: Reach = HERE) -> int:
    """Make a project.

    Parameters
    ----------
    name
        What it is called.
    team
        The team it belongs to, by id or name.
    """
    return _create("projects", given(name=name, team=team), reach)


def show_project(project: str, /, *, reach: Reach = HERE) -> int:
    """Show one project, by id or name."""
    return _show("projects", project, reach)


def archive_project(project: str, /, *, reach: Reach = HERE) -> int:
    """Take a project out of use, by id or name: its keys open nothing from then on."""
    return _archive("projects", project, reach)


def list_users(*, team: str | None = None, reach: Reach = HERE) -> int:
    """List users.

    Parameters
    ----------
    team
        Of this team alone.
    """
    return _list("users", _columns("email", "team", "roles"), reach, given(team=team))


def create_user(
    name: str,
    /,
    *,
    email: str | None = None,
    team: str | None = None,
    role: Several = None,
    issuer: str | None = None,
    subject: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Make a user.

    Parameters
    ----------
    name
        What the user is called.
    email
        The user's address.
    team
        The team the user belongs to, by id or name.
    role
        What the user may do once signed in. May be given more than once.
    issuer
        Who vouches for the user, by OpenID Connect.
    subject
        What the issuer calls the user.
    """
    body = given(name=name, email=email, team=team, roles=role, issuer=issuer, subject=subject)
    return _create("users", body, reach)


def show_user(user: str, /, *, reach: Reach = HERE) -> int:
    """Show one user, by id or name."""
    return _show("users", user, reach)


def archive_user(user: str, /, *, reach: Reach = HERE) -> int:
    """Take a user out of use, by id or name: sessions and keys of that user open nothing from then on."""
    return _archive("users", user, reach)


def whoami(*, reach: Reach = HERE) -> int:
    """Show who the key belongs to, and what it may do."""
    return told(reach, lambda client: shown(reach, client.ask("GET", "/whoami")), "whoami")


def _list(kind: str, columns: Columns, reach: Reach, query: dict[str, Any] | None = None) -> int:
    nothing = f"There are no {kind}{' of that team' if query else ''}. Try 'headgate {kind} create NAME'."

    def work(client: Client) -> int:
        return listed(reach, everything(client, f"/{kind}", query), columns, nothing)

    return told(reach, work, f"{kind} list")


def _create(kind: str, body: dict[str, Any], reach: Reach) -> int:
    def work(client: Client) -> int:
        made = client.ask("POST", f"/{kind}", body)
        if reach.json:
            output.json(made)
        else:
            output.say(made["id"])
            output.complain(f"{output.printable(made['name'])} is made. Next: 'headgate {kind} list'.")
        return OK

    return told(reach, work, f"{kind} create")


def _show(kind: str, text: str, reach: Reach) -> int:
    return told(reach, lambda client: shown(reach, client.ask("GET", _path(client, kind, text))), f"{kind} show")


def _change(kind: str, text: str, body: dict[str, Any], reach: Reach) -> int:
    if not body:
        raise Misused("nothing to change was given", f"Try 'headgate {kind} change --help'.")

    def work(client: Client) -> int:
        return shown(reach, client.ask("PATCH", _path(client, kind, text), body))

    return told(reach, work, f"{kind} change")


def _archive(kind: str, text: str, reach: Reach) -> int:
    def work(client: Client) -> int:
        row = client.ask("DELETE", _path(client, kind, text))
        if reach.json:
            output.json(row)
        else:
            output.say(f"{row['id']} ({output.printable(row['name'])}) is out of use.")
        return OK

    return told(reach, work, f"{kind} archive")


def _path(client: Client, kind: str, text: str) -> str:
    return f"/{kind}/{segment(id_of(client, kind, _PREFIXES[kind], text))}"
