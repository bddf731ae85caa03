"""The commands of `headgate prompts` for what is registered: publishing, labels, withdrawing, the history."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.administering import given, listed, shown, told
from headgate.cli.client import HERE, Client, Reach, Refused, everything, reached, segment
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.prompts.dotprompt import Library, Prompt, PromptNotFound, load_folder, load_package, load_sources
from headgate.prompts.reference import SHORT

MAX_BYTES = 700 * 1024
"""Of sources in one request; the admin API takes a MiB, and JSON has its own marks."""

GIT_S = 5.0

UNMOVED = "label_unmoved"
"""What the admin API says where nothing is to be done."""

LISTED = {
    "name": lambda row: row["name"],
    "labels": lambda row: ", ".join(f"{label}={version[:SHORT]}" for label, version in sorted(row["labels"].items())),
    "versions": lambda row: row["versions"],
    "latest": lambda row: row["latest"][:SHORT],
    "published": lambda row: row["published_at"],
    "owner": lambda row: row["owner"],
    "review by": lambda row: _day(row["review_by"], row["due"] == "review", "overdue"),
    "expires": lambda row: _day(row["expires"], row["due"] == "expired", "over"),
}

PUBLISHED = {
    "name": lambda row: row["name"],
    "version": lambda row: row["version"][:SHORT],
    "": lambda row: "new" if row["created"] else "was there, withdrawn" if row["withdrawn"] else "was there",
    "has no effect": lambda row: ", ".join(row["unsent"]),
}

VERSIONS = {
    "version": lambda row: f"{row['name']}@{row['version'][:SHORT]}",
    "labels": lambda row: ", ".join(row["labels"]),
    "published": lambda row: row["published_at"],
    "by": lambda row: row["published_by"],
    "commit": lambda row: (row["git_commit"] or "")[:SHORT],
    "note": lambda row: row["note"],
    "withdrawn": lambda row: ": ".join(each for each in (row["withdrawn_at"], row["withdrawn_for"]) if each),
}

HISTORY = {
    "id": lambda row: row["id"],
    "when": lambda row: row["decided_at"] or row["asked_at"],
    "label": lambda row: f"{row['name']}@{row['label']}",
    "from": lambda row: (row["from_version"] or "nothing")[:SHORT],
    "to": lambda row: (row["to_version"] or "nothing")[:SHORT],
    "is": lambda row: row["status"] if row["kind"] == "move" else f"{row['status']} ({row['kind']})",
    "asked by": lambda row: row["asked_by"],
    "decided by": lambda row: row["decided_by"],
    "why": lambda row: "; ".join(each for each in (row["reason"], row["decision"]) if each),
}

Reason = Annotated[str, Parameter(help="Why: it stays in the history.")]


def publish(
    *names: str,
    library: Path | None = None,
    package: str | None = None,
    label: str | None = None,
    reason: Reason = "",
    commit: str | None = None,
    note: str = "",
    reach: Reach = HERE,
) -> int:
    """Publish versions of prompts, which never change. What is there already stays as it is.

    Parameters
    ----------
    names
        Prompts of the library; all of them without any.
    library
        The folder of prompts; 'prompts' unless given.
    package
        An installed Python package of prompts, instead of a folder.
    label
        Have this label stand for each of them then.
    commit
        The git commit they are from; that of the folder unless given, where nothing in it is uncommitted.
    note
        A word about them.
    """
    folder = library or Path("prompts")
    found = load_package(package) if package is not None else load_folder(folder)
    wanted = [_named(found, name) for name in names] or list(found)
    if not wanted:
        raise CannotRun(f"there is no prompt in {package or folder}", "Name the folder of *.prompt files: --library.")
    commit = commit or (None if package is not None else commit_of(folder))

    def work(client: Client) -> int:
        rows: list[Any] = []
        for part in _parts(wanted):
            sources = {place: text for prompt in part for place, text in prompt.sources.items()}
            body = given(sources=sources, names=[each.full_name for each in part], git_commit=commit, note=note or None)
            rows += client.ask("POST", "/prompts", body)["data"]
        moves = [move for row in rows if label and (move := _labelled(client, row, label, reason)) is not None]
        if reach.json:
            output.json({"published": rows, "moves": moves} if label else rows)
            return OK
        listed(reach, rows, PUBLISHED)
        for move in moves:
            output.say(_said(move))
        return OK

    return told(reach, work, "prompts publish")


def label(
    name: str, label: str, to: str | None = None, /, *, remove: bool = False, reason: Reason = "", reach: Reach = HERE
) -> int:
    """Have a label stand for another version, or take it away: at once, or once a second person approves where it is
    protected.

    Parameters
    ----------
    name
        The prompt, with its variant: support/triage.
    label
        The label: production.
    to
        A version, seven of its digits at least, or another label of the prompt.
    remove
        Take the label away instead: who asks for it gets a 404 then.
    """
    if (to is None) != remove:
        what = "a label moves, or is taken away, not both" if remove else "nothing says what the label is to stand for"
        raise Misused(what, "Name a version or another label, or write --remove.")

    def work(client: Client) -> int:
        body = {**given(name=name, label=label, reason=reason or None), "to": to}
        return _moved(reach, client.ask("POST", "/prompts/moves", body))

    return told(reach, work, "prompts label")


def rollback(name: str, label: str, /, *, to: str | None = None, reason: Reason = "", reach: Reach = HERE) -> int:
    """Have a label stand for what it stood for before, at once.

    Parameters
    ----------
    name
        The prompt, with its variant.
    label
        The label.
    to
        A version it stood for earlier; the one before unless given.
    """

    def work(client: Client) -> int:
        body = given(name=name, label=label, to=to, reason=reason or None)
        return _moved(reach, client.ask("POST", "/prompts/rollback", body))

    return told(reach, work, "prompts rollback")


def approve(move: str, /, *, reason: Reason = "", reach: Reach = HERE) -> int:
    """Approve what somebody else asked of a protected label.

    Parameters
    ----------
    move
        Its id: 'headgate prompts history --status waiting'.
    """
    return _decided(move, "approve", reason, reach)


def refuse(move: str, /, *, reason: Reason = "", reach: Reach = HERE) -> int:
    """Refuse what was asked of a protected label.

    Parameters
    ----------
    move
        Its id: 'headgate prompts history --status waiting'.
    """
    return _decided(move, "refuse", reason, reach)


def withdraw(version: str, /, *, reason: Reason, reach: Reach = HERE) -> int:
    """Have a version be served to nobody, and no label be moved to it. It is kept for the record.

    Parameters
    ----------
    version
        The prompt and seven of its version's digits at least: support/triage@4f1c2d3e4a5b.
    """

    def work(client: Client) -> int:
        return _kept(reach, client.ask("POST", "/prompts/withdraw", given(prompt=version, reason=reason)))

    return told(reach, work, "prompts withdraw")


def restore(version: str, /, *, reason: Reason = "", reach: Reach = HERE) -> int:
    """Bring a version back that was withdrawn. Labels stay where they are.

    Parameters
    ----------
    version
        The prompt and seven of its version's digits at least: support/triage@4f1c2d3e4a5b.
    """

    def work(client: Client) -> int:
        return _kept(reach, client.ask("POST", "/prompts/restore", given(prompt=version, reason=reason or None)))

    return told(reach, work, "prompts restore")


def versions(name: str | None = None, /, *, reach: Reach = HERE) -> int:
    """List the versions that are published, the oldest first, with what stands for them and which are withdrawn.

    Parameters
    ----------
    name
        Of one prompt alone.
    """
    query = given(name=name)
    return told(
        reach,
        lambda client: listed(reach, everything(client, "/prompts/versions", query), VERSIONS, "Nothing is published."),
        "prompts versions",
    )


def history(
    name: str | None = None,
    /,
    *,
    label: str | None = None,
    status: Literal["done", "waiting", "refused", "overtaken"] | None = None,
    reach: Reach = HERE,
) -> int:
    """List who moved labels when, from what, to what and why, the oldest first.

    Parameters
    ----------
    name
        Of one prompt alone.
    label
        Of one label alone.
    status
        Those alone: 'waiting' for what waits for a second person.
    """
    query = given(name=name, label=label, status=status)
    return told(
        reach,
        lambda client: listed(reach, everything(client, "/prompts/moves", query), HISTORY, "No label was moved."),
        "prompts history",
    )


def list_registered(*, reach: Reach = HERE) -> int:
    """List the prompts that are registered, with what their labels stand for."""
    return told(
        reach,
        lambda client: listed(reach, everything(client, "/prompts"), LISTED, "Nothing is published."),
        "prompts list --registered",
    )


def registered(reference: str) -> Prompt:
    """A registered prompt by `name@label` or `name@version`.

    Raises:
        CannotRun: there is none, or nobody can be asked.
    """
    with reached(HERE) as client:
        try:
            row = client.ask("GET", "/prompts/show", query={"prompt": reference})
        except Refused as error:
            raise CannotRun(str(error), "Try 'headgate prompts list --registered'.") from None
    return load_sources(row["sources"]).get(row["name"])


# ── parts ──


def _day(day: str | None, over: bool, told: str) -> str:
    return f"{day or ''}{f' ({told})' if over else ''}"


def _named(library: Library, name: str) -> Prompt:
    try:
        return library.get(name)
    except PromptNotFound as error:
        raise CannotRun(error.message, "Try 'headgate prompts list'.") from None


def _parts(prompts: Sequence[Prompt]) -> Iterator[list[Prompt]]:
    """Prompts in as many requests as they need; what several share goes with each."""
    part: list[Prompt] = []
    places: dict[str, int] = {}
    for prompt in prompts:
        sizes = {place: len(text.encode()) for place, text in prompt.sources.items()}
        if part and sum({**places, **sizes}.values()) > MAX_BYTES:
            yield part
            part, places = [], {}
        part.append(prompt)
        places |= sizes
    if part:
        yield part


def _labelled(client: Client, row: Any, label: str, reason: str) -> Any:
    """The move of a label to a version that was published; None where it stands for that already, or that waits for a
    second person.
    """
    body = given(name=row["name"], label=label, to=row["version"], reason=reason or None)
    try:
        return client.ask("POST", "/prompts/moves", body)
    except Refused as error:
        if error.error.get("code") != UNMOVED:
            raise
        output.complain(f"headgate: {error}")
        return None


def _decided(move: str, how: str, reason: str, reach: Reach) -> int:
    def work(client: Client) -> int:
        body = given(reason=reason or None)
        return _moved(reach, client.ask("POST", f"/prompts/moves/{segment(move)}/{how}", body))

    return told(reach, work, f"prompts {how}")


def _moved(reach: Reach, move: Any) -> int:
    if reach.json:
        return shown(reach, move)
    output.say(_said(move))
    return FAILED if move["status"] == "overtaken" else OK


def _said(move: Any) -> str:
    what, to = f"{move['name']}@{move['label']}", move["to_version"]
    before = (move["from_version"] or "nothing")[:SHORT]
    match move["status"]:
        case "waiting":
            wanted = "be taken away" if to is None else f"move to {to[:SHORT]}"
            said = f"{what} waits for a second person to {wanted}: headgate prompts approve {move['id']}"
        case "refused":
            return f"{what} stays where it is"
        case _ if to is None:
            said = f"{what} is taken away, it stood for {before}"
        case _:
            return f"{what} stands for {to[:SHORT]}, for {before} before"
    return said + (_unserved(move) if to is None else "")


def _kept(reach: Reach, row: Any) -> int:
    if reach.json:
        return shown(reach, row)
    what = f"{row['name']}@{row['version'][:SHORT]}"
    if row["withdrawn"]:
        output.say(f"{what} is withdrawn, and served to nobody{_unserved(row)}")
    else:
        output.say(f"{what} is back; labels stay where they are")
    return OK


def _unserved(told: Any) -> str:
    """Which models of headgate.yaml that leaves without a prompt."""
    when = "then" if told.get("status") == "waiting" else "now"
    return (
        f". In headgate.yaml it is {', '.join(told['models'])}, whose callers get a 404 {when}"
        if told["models"]
        else ""
    )


def commit_of(folder: Path) -> str | None:
    """The commit a folder is at; None where it is in no repository, or something in it is not committed."""
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    if _git(folder, "status", "--porcelain", "--", ".") != "":
        output.complain(f"headgate: {folder} has changes that are not committed, so no commit is noted")
        return None
    return head


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
