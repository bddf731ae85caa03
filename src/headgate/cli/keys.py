"""`headgate keys`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import cell, given, id_of, limits_of, listed, pairs_of, seconds_of, shown, told
from headgate.cli.client import HERE, Client, Reach, everything, segment
from headgate.cli.exits import OK, Misused

Several = Annotated[list[str] | None, Parameter(negative="")]
Flag = Annotated[bool, Parameter(negative="")]

COLUMNS = {
    "id": lambda row: row["id"],
    "name": lambda row: row["name"],
    "key": lambda row: f"…{row['hint']}",
    "status": lambda row: row["status"],
    "team": lambda row: row["team"],
    "roles": lambda row: row["roles"],
    "models": lambda row: "all" if row["models"] is None else row["models"],
    "limits": lambda row: row["limits"],
    "budget": lambda row: row["budgets"],
    "expires": lambda row: row["expires_at"],
}


def list_(
    *,
    team: str | None = None,
    project: str | None = None,
    user: str | None = None,
    status: Literal["live", "expired", "revoked"] | None = None,
    reach: Reach = HERE,
) -> int:
    """List keys.

    Parameters
    ----------
    team
        Of this team alone, by id or name.
    project
        Of this project alone, by id or name.
    user
        Of this user alone, by id or name.
    status
        In this state alone.
    """
    query = given(team=team, project=project, user=user, status=status)
    nothing = (
        "No keys fit. Try 'headgate keys list'." if query else "There are no keys. Try 'headgate keys create NAME'."
    )
    return told(reach, lambda client: listed(reach, everything(client, "/keys", query), COLUMNS, nothing), "keys list")


def create(
    name: str,
    /,
    *,
    team: str | None = None,
    project: str | None = None,
    user: str | None = None,
    role: Several = None,
    model: Several = None,
    endpoint: Several = None,
    tag: Several = None,
    network: Several = None,
    limit: Several = None,
    budget: str | None = None,
    budget_period: Literal["day", "week", "month", "total"] | None = None,
    soft: Flag = False,
    expires: str | None = None,
    timezone: str | None = None,
    prompt_label: str | None = None,
    policy: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Make a key. It is printed once, alone on standard output.

    Parameters
    ----------
    name
        What it is called, for people.
    team
        The team it belongs to, by id or name.
    project
        The project it belongs to.
    user
        The user it belongs to.
    role
        What it may do: caller unless given. May be given more than once.
    model
        A model it may use, or the beginning of names and '*'; all unless given. May be given more than once.
    endpoint
        An operation it may use: chat, embed, ...; all unless given. May be given more than once.
    tag
        What its calls are tagged with: name=value. May be given more than once.
    network
        An address or network it may be used from: 10.0.0.0/8. May be given more than once.
    limit
        requests=100/minute, tokens=50000/minute, cost=5/day, concurrent=4. May be given more than once.
    budget
        Dollars it may spend.
    budget_period
        What the budget is for; in total unless given.
    soft
        Only tell when the budget is passed, and refuse nothing.
    expires
        When it ends: 2027-12-31T00:00:00Z, or from now: 90d, 12h.
    timezone
        Where its days and months begin: Europe/Berlin. Its team's unless given.
    prompt_label
        The prompt label its calls get.
    policy
        The policy its calls get.
    """
    if budget is None and (soft or budget_period):
        raise Misused("there is no budget to be soft, or of a period", "Name its dollars with --budget.")
    body = given(
        name=name,
        team=team,
        project=project,
        user=user,
        roles=role,
        models=model,
        endpoints=endpoint,
        tags=pairs_of(tag) if tag else None,
        networks=network,
        limits=limits_of(limit) if limit else None,
        budget_usd=budget,
        budget_period=budget_period,
        budget_hard=False if soft else None,
        expires_at=None if expires is None else _time(expires),
        timezone=timezone,
        prompt_label=prompt_label,
        policy=policy,
    )

    def work(client: Client) -> int:
        return _made(reach, client.ask("POST", "/keys", body))

    return told(reach, work, "keys create")


def show(key: str, /, *, reach: Reach = HERE) -> int:
    """Show one key.

    Parameters
    ----------
    key
        Its id or name.
    """

    def work(client: Client) -> int:
        return shown(reach, client.ask("GET", f"/keys/{_id(client, key)}"))

    return told(reach, work, "keys show")


def revoke(key: str, /, *, reach: Reach = HERE) -> int:
    """Revoke a key, at once and for good.

    Parameters
    ----------
    key
        Its id or name.
    """

    def work(client: Client) -> int:
        row = client.ask("POST", f"/keys/{_id(client, key)}/revoke")
        if reach.json:
            output.json(row)
        else:
            output.say(f"{row['id']} ({output.printable(row['name'])}) is revoked.")
        return OK

    return told(reach, work, "keys revoke")


def rotate(key: str, /, *, overlap: str = "0", reach: Reach = HERE) -> int:
    """Put another key in a key's place. It is printed once, alone on standard output; limits and budgets go on.

    Parameters
    ----------
    key
        Its id or name.
    overlap
        How long the one before goes on working: 1h, 7d, at most 30d; not at all unless given.
    """
    body = {"overlap_s": seconds_of(overlap)}

    def work(client: Client) -> int:
        return _made(reach, client.ask("POST", f"/keys/{_id(client, key)}/rotate", body))

    return told(reach, work, "keys rotate")


def usage(
    key: str,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Show what a key used, with those it was rotated from.

    Parameters
    ----------
    key
        Its id or name.
    from_
        From when: 2026-11-01T00:00:00Z; since its budget's period began unless given.
    to
        Before when; now unless given.
    """
    query = {"from": from_, "to": to}

    def work(client: Client) -> int:
        found = client.ask("GET", f"/keys/{_id(client, key)}/usage", query=query)
        if not reach.json:
            found["tokens"] = {name: count for name, count in found["tokens"].items() if count}
        return shown(reach, found)

    return told(reach, work, "keys usage")


def _id(client: Client, key: str) -> str:
    return segment(id_of(client, "keys", "key", key))


def _made(reach: Reach, made: dict[str, Any]) -> int:
    if reach.json:
        output.json(made)
        return OK
    output.say(made["key"])
    team = f", of team {output.printable(made['team'])}" if made["team"] else ""
    output.complain(f"{made['id']} ({output.printable(made['name'])}{team}) is made: {cell(made['roles'])}.")
    output.complain("The key is shown this once: keep it now.")
    return OK


def _time(text: str) -> str:
    """A time as the admin API takes it, from one or from a length of time."""
    if "T" in text or ":" in text:
        return text
    try:
        after = timedelta(seconds=seconds_of(text))
        return (datetime.now(UTC) + after).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (Misused, OverflowError):
        raise Misused(f"'{output.printable(text)}' is no time", "Write 2027-12-31T00:00:00Z, or 90d.") from None
