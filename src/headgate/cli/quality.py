"""`headgate quality`: what users say of answers, and what evaluators find in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from headgate.cli import output
from headgate.cli.administering import given, listed, moment_of, told
from headgate.cli.client import HERE, Client, Reach
from headgate.cli.configs import Most
from headgate.cli.exits import OK
from headgate.cli.keys import Flag
from headgate.cli.ledgering import From

By = Literal["model", "target", "operation", "key", "team", "project", "prompt", "arm", "tag"]


def show(*, by: By = "model", of: str | None = None, since: str = "7d", reach: Reach = HERE) -> int:
    """Show how satisfied users are and what evaluators found, with intervals of 95 % confidence.

    Parameters
    ----------
    by
        What to group by.
    of
        Calls of one name in another dimension only: model:chat, tag:app=x.
    since
        Calls begun from then on: 24h, 7d, or a time as 2026-11-01T00:00:00Z.
    """
    query = given(by=by, of=of, step="hour", **{"from": moment_of(since)})

    def work(client: Client) -> int:
        series = client.ask("GET", "/traffic", query=query)["series"]
        if reach.json:
            output.json([_quality(each) for each in series])
            return OK
        rows = [row for each in series for row in _rows(each)]
        if rows:
            output.table((by, "what", "share", "95 % interval", "of", "beside it"), rows)
        else:
            output.complain("Nothing was rated or evaluated in that time. POST /v1/feedback rates a call.")
        return OK

    return told(reach, work, "quality show")


def feedback(
    *,
    call: str | None = None,
    model: str | None = None,
    thumb: Literal["up", "down"] | None = None,
    score: int | None = None,
    label: str | None = None,
    history: Flag = False,
    texts: Flag = False,
    from_: From = None,
    to: str | None = None,
    limit: Most = 50,
    reach: Reach = HERE,
) -> int:
    """List what users said of answers, the newest first.

    Parameters
    ----------
    call
        Of this call alone: what x-headgate-request-id told.
    model
        Of calls of this model alone.
    thumb
        Of these alone.
    score
        Of this score alone, from 1 to 5.
    label
        Of this label alone.
    history
        Also what users said before their last word.
    texts
        Show comments and corrections. They are content: it takes the scope content.read, and is in the audit log.
    from_
        Given from this time on: 2026-11-01T00:00:00Z.
    to
        Given before this time.
    limit
        Most rows.
    """
    query = given(
        call=call, model=model, thumb=thumb, score=score, label=label, to=to,
        history="true" if history else None, texts="true" if texts else None, **{"from": from_},
    )  # fmt: skip
    columns = {**_FEEDBACK, **(_TEXTS if texts else {})}
    return told(
        reach,
        lambda client: _listed(client, "/feedback", query, limit, reach, columns, _NO_FEEDBACK),
        "quality feedback",
    )


def evaluations(
    *,
    call: str | None = None,
    model: str | None = None,
    evaluator: str | None = None,
    outcome: Literal["pass", "fail", "skip"] | None = None,
    from_: From = None,
    to: str | None = None,
    limit: Most = 50,
    reach: Reach = HERE,
) -> int:
    """List what evaluators found in answers, the newest first.

    Parameters
    ----------
    call
        In this call alone: what x-headgate-request-id told.
    model
        In calls of this model alone.
    evaluator
        Of this one alone: schema, refusal, empty, truncated, groundedness, language, repetition, judge.NAME.
    outcome
        Of these alone.
    from_
        Found from this time on: 2026-11-01T00:00:00Z.
    to
        Found before this time.
    limit
        Most rows.
    """
    query = given(call=call, model=model, evaluator=evaluator, outcome=outcome, to=to, **{"from": from_})
    return told(
        reach,
        lambda client: _listed(client, "/evaluations", query, limit, reach, _EVALUATIONS, _NO_EVALUATIONS),
        "quality evaluations",
    )


_NO_FEEDBACK = "No feedback fits. POST /v1/feedback gives some."
_NO_EVALUATIONS = "No evaluation fits. 'evaluate:' of a model in headgate.yaml says what is looked at."

_FEEDBACK: Mapping[str, Callable[[Any], Any]] = {
    "given": lambda row: row["at"],
    "call": lambda row: row["request_id"],
    "model": lambda row: row["model"],
    "thumb": lambda row: row["thumb"],
    "score": lambda row: row["score"],
    "label": lambda row: row["label"],
    "by": lambda row: row["rater"],
    "replaced": lambda row: row["replaced"] or None,
}
_TEXTS: Mapping[str, Callable[[Any], Any]] = {
    "comment": lambda row: row["comment"],
    "correction": lambda row: row["correction"],
}
_EVALUATIONS: Mapping[str, Callable[[Any], Any]] = {
    "found": lambda row: row["at"],
    "call": lambda row: row["request_id"],
    "model": lambda row: row["model"],
    "evaluator": lambda row: row["evaluator"],
    "outcome": lambda row: row["outcome"],
    "score": lambda row: row["score"],
    "reason": lambda row: row["reason"],
}


def _listed(
    client: Client, path: str, query: Mapping[str, Any], limit: int, reach: Reach,
    columns: Mapping[str, Callable[[Any], Any]], nothing: str,
) -> int:  # fmt: skip
    rows: list[Any] = []
    cursor: str | None = None
    while len(rows) < limit:
        page = client.ask("GET", path, query={**query, "limit": min(500, limit - len(rows)), "cursor": cursor})
        rows += page["data"]
        cursor = page["next"]
        if cursor is None:
            break
    return listed(reach, rows, columns, nothing)


def _quality(series: Any) -> dict[str, Any]:
    total = series["total"]
    return {
        "name": series["name"],
        "calls": total["calls"],
        "satisfaction": total["satisfaction"],
        "evaluations": total["evaluations"],
    }


def _rows(series: Any) -> list[list[str]]:
    """The lines of one name: satisfaction, then each evaluator."""
    total, rows = series["total"], list[list[str]]()
    said = total["satisfaction"]
    if said["satisfied"]["of"]:
        beside = f"{_percent(said['rated']['share'])} of {total['calls']} calls rated"
        rows.append([series["name"], "satisfied", *_share(said["satisfied"]), beside])
    for name, found in total["evaluations"].items():
        beside = [f"{found['skipped']} could not be told of"] if found["skipped"] else []
        if found["mean_score"] is not None:
            beside.append(f"mean {found['mean_score']:.2f}")
        rows.append([series["name"], name, *_share(found["passed"]), ", ".join(beside)])
    return rows


def _share(share: Any) -> list[str]:
    return [_percent(share["share"]), f"{_percent(share['low'])} to {_percent(share['high'])}", str(share["of"])]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
