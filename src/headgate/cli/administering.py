"""What the commands over the admin API share: how they end, and how they show what they were told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.cli import output
from headgate.cli.client import Client, Reach, Refused, everything, reached
from headgate.cli.exits import OK, Misused

Columns = Mapping[str, Callable[[Any], Any]]
"""What is shown of a row, by its heading."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def told(reach: Reach, work: Callable[[Client], int], command: str, *, subject: str | None = None) -> int:
    """Do some work with whoever answers. Where that goes wrong, `command`, which this is, and `subject`, which it is
    about, say what to try.
    """
    try:
        with reached(reach) as client:
            return work(client)
    except Refused as error:
        for each in error.problems:
            output.complain(f"headgate: {output.printable(_spoken(each))}")
        output.complain(_next(error, command, (subject or "").partition(":")[0]))
        return error.code


_NOUNS = ("organisation", "team", "project", "user", "key")

_LISTS = {"eval": "eval suites", "shadow": "models", "quality": "quality show", "calls": "calls export"}
"""What lists the things of a group that has no list of its own."""

_OPTIONS = {
    "alert_percent": "--alert",
    "amount_usd": "AMOUNT",
    "budget_usd": "--budget",
    "cost_usd": "cost",
    "endpoints": "--endpoint",
    "expires_at": "--expires",
    "input_tokens": "input",
    "key": "--of-key",
    "limits": "--limit",
    "models": "--model",
    "networks": "--network",
    "output_tokens": "output",
    "overlap_s": "--overlap",
    "roles": "--role",
    "tags": "--tag",
} | {name: f"--{name}" for name in ("email", "from", "issuer", "project", "team", "timezone", "to", "user")}
"""Fields of the admin API as a command line has them, where it has another name for them."""

_PARAM = re.compile(r"(\w+)(?:\[\d+\])?(?:\.(.+))?")


def _spoken(problem: Mapping[str, Any]) -> str:
    """What is wrong, with the option at fault in place of the admin API's field."""
    message, param = str(problem.get("message", "")), str(problem.get("param") or "")
    match = _PARAM.fullmatch(param)
    if match is None or not message.startswith(param):
        return message
    if problem.get("code") == "not_found":  # `team names no team: there is no team 'x'`
        return message.partition(": ")[2] or message
    return " ".join(_OPTIONS.get(each, each) for each in match.groups() if each) + message.removeprefix(param)


def _next(error: Refused, command: str, kind: str) -> str:
    """What to try next; `kind` is that of the subject."""
    match error.status:
        case 403:
            return "Try another key; 'headgate whoami' tells what this one may do."
        case 503:
            return "Try again once the database can be reached."
        case 500:
            return "The server's log has the details."
        case _:
            pass
    for each in error.problems:
        noun = kind if each.get("param") == "subject" else each.get("param")
        if noun in _NOUNS:
            return f"Try 'headgate {noun}s list'."
    if error.status in (404, 409):
        group = command.partition(" ")[0]
        return f"Try 'headgate {_LISTS.get(group, f'{group} list')}'."
    return f"Try 'headgate {command} --help'."


def listed(reach: Reach, rows: Sequence[Any], columns: Columns, nothing: str = "There are none.") -> int:
    """Print rows: as JSON, or their columns; on standard error `nothing` where there are none."""
    if reach.json:
        output.json(rows)
    elif rows:
        output.table(list(columns), [[cell(get(row)) for get in columns.values()] for row in rows])
    else:
        output.complain(nothing)
    return OK


def shown(reach: Reach, thing: Mapping[str, Any]) -> int:
    """Print one thing: as JSON, or what is known of it, a line each."""
    if reach.json:
        output.json(thing)
    else:
        output.table(
            ("", ""),
            [[name.replace("_", " "), cell(value)] for name, value in thing.items() if value not in (None, [], {})],
        )
    return OK


def cell(value: Any) -> str:
    """A value in a table."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(cell(each) for each in value)
        case {"subject": _, "amount_usd": amount}:
            return f"${amount}/{value['period']}{'' if value['hard'] else ' soft'}"
        case {"subject": _, "per": per}:
            return ", ".join(limit_words(value, per))
        case dict():
            return ", ".join(f"{name}={cell(each)}" for name, each in value.items())
        case _:
            return str(value)


def limit_words(limit: Mapping[str, Any], per: str) -> list[str]:
    """What a limit limits, as 'headgate limits set' takes it."""
    words = [
        f"{short}={limit[name]}/{per}"
        for short, name in METRICS.items()
        if name != "concurrent" and limit.get(name) is not None
    ]
    return [*words, *([f"concurrent={limit['concurrent']}"] if limit.get("concurrent") is not None else [])]


METRICS = {
    "requests": "requests",
    "tokens": "tokens",
    "input": "input_tokens",
    "output": "output_tokens",
    "cost": "cost_usd",
    "concurrent": "concurrent",
}
"""What a limit can limit, as a command line has it, and as the admin API has it."""

_WINDOWS = ("second", "minute", "hour", "day", "week", "month")

_LIMIT = re.compile(r"(\w+)=([^/]+)(?:/(\w+))?")


def limits_of(words: Sequence[str]) -> list[dict[str, Any]]:
    """Limits as the admin API takes them, one per window: of `requests=100/minute`, `cost=5/day`, `concurrent=4`.

    Raises:
        Misused: one of the words is none.
    """
    found: dict[str | None, dict[str, Any]] = {}
    for word in words:
        match = _LIMIT.fullmatch(word)
        if match is None or match[1] not in METRICS:
            raise Misused(
                f"'{output.printable(word)}' is no limit",
                f"Write {'|'.join(METRICS)}=NUMBER/{'|'.join(_WINDOWS)}; 'concurrent=4' needs no window.",
            )
        metric, value, per = METRICS[match[1]], match[2], match[3]
        _check_window(word, match[1], value, per)
        amount: Any = value if metric == "cost_usd" else int(value) if value.isascii() and value.isdigit() else value
        limit = found.setdefault(per, {} if per is None else {"per": per})
        limit[metric] = amount
    return list(found.values())


def _check_window(word: str, metric: str, value: str, per: str | None) -> None:
    """Raise `Misused` unless a limit has the window it needs."""
    shown, amount = output.printable(word), f"{metric}={output.printable(value)}"
    if metric == "concurrent":
        if per is not None:
            raise Misused(f"'{shown}' has a window, and calls under way at once have none", f"Write {amount}.")
    elif per not in _WINDOWS:
        what = "has no window" if per is None else f"has a window there is not: '{per}'"
        total = "; dollars in total are a budget: 'headgate budgets set'" if (metric, per) == ("cost", "total") else ""
        raise Misused(f"'{shown}' {what}", f"Write {amount}/{'|'.join(_WINDOWS)}{total}.")


def pairs_of(words: Sequence[str]) -> dict[str, str]:
    """A mapping from `name=value` words.

    Raises:
        Misused: one of them is none.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Misused(f"'{output.printable(word)}' is no tag", "Write name=value.")
        pairs[name] = value
    return pairs


def seconds_of(text: str) -> int:
    """A length of time: `3600`, `90s`, `15m`, `24h`, `30d`.

    Raises:
        Misused: it is none.
    """
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdigit()):
        raise Misused(f"'{output.printable(text)}' is no length of time", "Write 3600, 90s, 15m, 24h or 30d.")
    return int(number) * _UNITS[unit]


def moment_of(since: str | None) -> str | None:
    """A time as the admin API takes it: of `7d` that long ago, of a time itself.

    Raises:
        Misused: it is neither.
    """
    if since is None:
        return None
    if "T" not in since and "-" not in since:
        return (datetime.now(UTC) - timedelta(seconds=seconds_of(since))).isoformat()
    if zoned(since) is None:
        what = f"'{output.printable(since)}' is neither a length of time nor a time with its zone"
        raise Misused(what, "Write --since 7d, or --since 2026-11-01T00:00:00Z.")
    return since


def zoned(text: str) -> datetime | None:
    """A time with its zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def id_of(client: Client, kind: str, prefix: str, text: str) -> str:
    """The id of what is called so: the text itself where it is one, else that of the one thing of that name. Of a key
    that was rotated it is the newest's.

    Raises:
        Refused: there is none of that name, or more than one.
    """
    if text.startswith(f"{prefix}_"):
        return text
    found = everything(client, f"/{kind}", {"name": text})
    if len(found) > 1 and kind == "keys":
        live = [each for each in found if each["status"] == "live"]
        replaced = {each["replaces"] for each in live}
        found = [each for each in live if each["id"] not in replaced] or found
    if len(found) == 1:
        return str(found[0]["id"])
    what = f"{len(found)} {kind} are called '{text}'; name one by its id"
    raise Refused(404, {"message": what if found else f"there is no {kind[:-1]} called '{text}'"})


def given(**fields: Any) -> dict[str, Any]:
    """The fields of a request that were said."""
    return {name: value for name, value in fields.items() if value is not None}
