"""`headgate limits`, `headgate budgets`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import Columns, given, limit_words, limits_of, listed, told
from headgate.cli.client import HERE, Client, Reach, everything, segment
from headgate.cli.exits import OK, CannotRun, Misused
from headgate.cli.keys import Flag

LIMITS = {
    "id": lambda row: row["id"],
    "subject": lambda row: row["subject"],
    "limit": lambda row: limit_words(row, row["per"]),
    "time zone": lambda row: row["timezone"],
}

BUDGETS = {
    "id": lambda row: row["id"],
    "subject": lambda row: row["subject"],
    "budget": lambda row: f"${row['amount_usd']}/{row['period']}",
    "kind": lambda row: "hard" if row["hard"] else "soft",
    "spent": lambda row: "" if row["spent_usd"] is None else f"${row['spent_usd']}",
    "set aside": lambda row: "" if row["reserved_usd"] is None else f"${row['reserved_usd']}",
    "until": lambda row: row["ends_at"],
}


def list_limits(subject: str | None = None, /, *, reach: Reach = HERE) -> int:
    """List limits.

    Parameters
    ----------
    subject
        Of this subject alone: team:research, key:key_…, customer:*.
    """
    return _list("limits", subject, LIMITS, "requests=100/minute", reach)


def set_limits(subject: str, /, *limit: str, reach: Reach = HERE) -> int:
    """Limit a subject. What it has in the same windows is changed; other limits of it stay.

    Parameters
    ----------
    subject
        team:research, project:…, user:…, key:… by id or name, `model:gpt-*`, tag:name=value, `customer:*`,
        `organisation:*`.
    limit
        requests=100/minute, tokens=50000/minute, input=…, output=…, cost=5/day, concurrent=4.
    """
    wanted = limits_of(limit)
    if not wanted:
        raise Misused(
            "no limit was given", f"Try 'headgate limits set {output.printable(subject)} requests=100/minute'."
        )

    def work(client: Client) -> int:
        held = {row["per"]: row for row in everything(client, "/limits", {"subject": subject})}
        rows: list[Any] = []
        for body in wanted:
            row = held.get(body.get("per", "total"))
            if row is None:
                rows.append(client.ask("POST", "/limits", {"subject": subject, **body}))
            else:
                change = {name: value for name, value in body.items() if name != "per"}
                rows.append(client.ask("PATCH", f"/limits/{segment(row['id'])}", {**change, "version": row["version"]}))
        return listed(reach, rows, LIMITS)

    return told(reach, work, "limits set", subject=subject)


def remove_limit(limit: str, /, *, reach: Reach = HERE) -> int:
    """Take a limit off.

    Parameters
    ----------
    limit
        Its id.
    """
    return _remove("limits", limit, reach)


def list_budgets(subject: str | None = None, /, *, reach: Reach = HERE) -> int:
    """List budgets, and what is left of them.

    Parameters
    ----------
    subject
        Of this subject alone: team:research, key:key_…, customer:*.
    """
    return _list("budgets", subject, BUDGETS, "100", reach)


def set_budget(
    subject: str,
    amount: str,
    /,
    *,
    period: Literal["day", "week", "month", "total"] = "month",
    soft: Flag = False,
    alert: Annotated[list[int] | None, Parameter(negative="")] = None,
    timezone: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Give a subject a budget. The one it has for the same period is changed.

    Parameters
    ----------
    subject
        team:research, project:…, user:…, key:… by id or name, `model:gpt-*`, tag:name=value, `customer:*`,
        `organisation:*`.
    amount
        Dollars: 250, 12.50.
    period
        What it is for.
    soft
        Only tell when it is passed, and refuse nothing.
    alert
        A percentage of it at which to tell; 80 and 100 unless given. May be given more than once.
    timezone
        Where its periods begin: Europe/Berlin. The subject's team's unless given.
    """

    def work(client: Client) -> int:
        held = everything(client, "/budgets", {"subject": subject})
        same = [row for row in held if row["period"] == period and row["hard"] is not soft]
        body = given(amount_usd=amount, alert_percent=alert)
        if same and timezone not in (None, same[0]["timezone"]):
            raise CannotRun(
                f"the budget there is counts its periods in {same[0]['timezone']}",
                f"Take it off first: 'headgate budgets remove {same[0]['id']}'.",
            )
        if same:
            change = {**body, "version": same[0]["version"]}
            row = client.ask("PATCH", f"/budgets/{segment(same[0]['id'])}", change)
        else:
            more = given(timezone=timezone)
            row = client.ask(
                "POST", "/budgets", {"subject": subject, "period": period, "hard": not soft, **body, **more}
            )
        return listed(reach, [row], BUDGETS)

    return told(reach, work, "budgets set", subject=subject)


def remove_budget(budget: str, /, *, reach: Reach = HERE) -> int:
    """Take a budget off.

    Parameters
    ----------
    budget
        Its id.
    """
    return _remove("budgets", budget, reach)


def _list(kind: str, subject: str | None, columns: Columns, example: str, reach: Reach) -> int:
    of = "" if subject is None else f" of {output.printable(subject)}"
    nothing = f"There are no {kind}{of}. Try 'headgate {kind} set {output.printable(subject or 'SUBJECT')} {example}'."
    query = given(subject=subject)

    def work(client: Client) -> int:
        return listed(reach, everything(client, f"/{kind}", query), columns, nothing)

    return told(reach, work, f"{kind} list", subject=subject)


def _remove(kind: str, text: str, reach: Reach) -> int:
    if ":" in text:
        subject = output.printable(text)
        raise Misused(
            f"'{subject}' is a subject; name one of its {kind} by its id", f"Try 'headgate {kind} list {subject}'."
        )

    def work(client: Client) -> int:
        row = client.ask("DELETE", f"/{kind}/{segment(text)}")
        if reach.json:
            output.json(row)
        else:
            output.say(f"{row['id']} of {output.printable(row['subject'])} is off.")
        return OK

    return told(reach, work, f"{kind} remove")
