"""`headgate calls`: what was asked and answered, where that is captured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import given, shown, told
from headgate.cli.client import HERE, Client, Reach, segment
from headgate.cli.configs import OutputFile
from headgate.cli.exits import OK, Misused
from headgate.cli.keys import Flag
from headgate.cli.ledgering import From, exported

OfKey = Annotated[str | None, Parameter(name="--of-key")]


def content(call: str, /, *, reach: Reach = HERE) -> int:
    """Show what was asked and answered in one call. It takes the scope content.read, and is in the audit log.

    Parameters
    ----------
    call
        Its id: what x-headgate-request-id told.
    """

    def work(client: Client) -> int:
        found = client.ask("GET", f"/calls/{segment(call)}/content")
        if reach.json:
            output.json(found)
            return OK
        facts = {name: value for name, value in found.items() if name not in ("request", "answer", "output")}
        shown(reach, facts)
        for name in ("request", "answer"):
            output.say(f"\n{name}:")
            output.json(found[name])
        return OK

    return told(reach, work, "calls content")


def export(
    *,
    model: str | None = None,
    key: OfKey = None,
    team: str | None = None,
    user: str | None = None,
    failed: bool | None = None,
    whole: Flag = False,
    label: str | None = None,
    thumb: Literal["up", "down"] | None = None,
    score: int | None = None,
    corrected: Flag = False,
    from_: From = None,
    to: str | None = None,
    most: int | None = None,
    output_: OutputFile = None,
    reach: Reach = HERE,
) -> int:
    """Write what was asked and answered as JSON Lines, the oldest call first. It takes the scope content.read, and is
    in the audit log.

    Parameters
    ----------
    model
        Of this model alone.
    key
        Of this key alone, by id or name.
    team
        Of this team alone, by id.
    user
        Of calls for this end user alone, as the client calls them.
    failed
        Of calls that failed alone, or with --no-failed of those that did not.
    whole
        Only what is complete: nothing was cut, and there is an answer.
    label
        Of calls alone that somebody gave this label.
    thumb
        Of calls alone that somebody rated so.
    score
        Of calls alone that somebody gave this score, from 1 to 5.
    corrected
        Of calls alone of which somebody has said what the answer should have been.
    from_
        Captured from this time on: 2026-11-01T00:00:00Z.
    to
        Captured before this time.
    most
        Most calls.
    output_
        The file; else standard output.
    """
    query = given(
        model=model, key=key, team=team, user=user, failed=failed, label=label, thumb=thumb, score=score, to=to,
        most=most, whole=whole or None, corrected=corrected or None, **{"from": from_},
    )  # fmt: skip
    return told(reach, lambda client: exported(client.download("/contents", query), output_), "calls export")


def erase(
    *,
    call: str | None = None,
    user: str | None = None,
    key: OfKey = None,
    before: str | None = None,
    reach: Reach = HERE,
) -> int:
    """Erase what was asked and answered: of one call, or of all that fit all that is given. It takes the scope
    content.write, and is in the audit log.

    Parameters
    ----------
    call
        Of this call alone: what x-headgate-request-id told.
    user
        Of calls for this end user, as the client calls them. What they wrote in feedback goes too.
    key
        Of calls by this key, by id or name.
    before
        Captured before this time: 2026-11-01T00:00:00Z.
    """
    asked = given(user=user, key=key, before=before)
    if (call is None) == (not asked):
        raise Misused(
            "nobody knows what is to be erased", "Name --call alone, or one of --user, --of-key and --before."
        )

    def work(client: Client) -> int:
        if call is not None:
            erased: Any = client.ask("DELETE", f"/calls/{segment(call)}/content")
        else:
            erased = client.ask("POST", "/contents/erasures", asked)
        if reach.json:
            output.json(erased)
        else:
            calls = output.counted(erased["contents"], "call")
            output.say(f"Erased the content of {calls}, and what was written in {erased['feedback_texts']} feedback.")
        return OK

    return told(reach, work, "calls erase")
