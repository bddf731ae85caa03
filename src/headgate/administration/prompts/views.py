"""What is told of prompts, their versions, and the moves of their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec

from headgate.administration.values import moment, time_of
from headgate.config import Config
from headgate.prompts.reference import Reference, parse
from headgate.prompts.upkeep import Due
from headgate.storage.records import PromptHead, PromptLabel, PromptMove


class VersionView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a prompt."""

    name: str
    version: str
    """SHA-256 over all it needs: the same wherever that is the same."""
    labels: list[str]
    """Those that stand for it now."""
    git_commit: str | None
    note: str
    published_by: str
    published_at: datetime
    withdrawn_by: str | None
    """Who has withdrawn it; null where it can be served."""
    withdrawn_at: datetime | None
    withdrawn_for: str
    """Why."""


class PromptView(VersionView, frozen=True, kw_only=True):
    """One version with all there is to it."""

    description: str | None
    model: str | None
    """Its own, where it names one."""
    config: dict[str, Any]
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    file: str
    """Its own file's place among the sources."""
    sources: dict[str, str]
    """Text of every file it needs, by place."""


class PublishedView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one prompt that was published."""

    name: str
    version: str
    created: bool
    """False where there was that very version already."""
    withdrawn: bool
    """Whether that version has been withdrawn, and stays so until it is restored."""
    unsent: list[str]
    """Members of its `config` that no request can carry, and that have no effect."""


class ListedView(msgspec.Struct, frozen=True, kw_only=True):
    """One prompt."""

    name: str
    labels: dict[str, str]
    """What each stands for."""
    versions: int
    """Withdrawn ones too."""
    latest: str
    """The version that was published last, of those that are not withdrawn where there are such."""
    published_at: datetime
    """When that was."""
    owner: str | None
    """Who answers for it: as the version says that `production` stands for, else the latest."""
    review_by: date | None
    """By when somebody is to look at it again."""
    expires: date | None
    """The last day it is to be used."""
    due: Due
    """`review` or `expired` where that day is over, in UTC; empty where nothing is due."""


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was moved, or is to be."""

    id: str
    name: str
    label: str
    kind: Literal["move", "rollback", "remove"]
    from_version: str | None
    """Null for a new label."""
    to_version: str | None
    """Null where the label is taken away."""
    status: Literal["done", "waiting", "refused", "overtaken"]
    """`waiting` for a second person; `overtaken` where the label was moved otherwise meanwhile, or the version
    withdrawn."""
    reason: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    """Who approved or refused; null where nobody had to."""
    decided_at: datetime | None
    decision: str
    """Why."""
    models: list[str]
    """Models of `headgate.yaml` that are this label of the prompt."""


class WithdrawalView(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was withdrawn, or restored."""

    name: str
    version: str
    withdrawn: bool
    reason: str
    models: list[str]
    """Models of `headgate.yaml` that are pinned to it: while it is withdrawn, their callers get a 404."""


# ── from rows ──


def version_told(row: PromptHead, labels: Iterable[PromptLabel]) -> dict[str, Any]:
    """The members of a `VersionView`."""
    return {
        "name": row.name,
        "version": row.digest,
        "labels": sorted(each.label for each in labels if (each.name, each.digest) == (row.name, row.digest)),
        "git_commit": row.git_commit,
        "note": row.note,
        "published_by": row.published_by,
        "published_at": moment(row.created_us),
        "withdrawn_by": row.withdrawn_by,
        "withdrawn_at": time_of(row.withdrawn_us),
        "withdrawn_for": row.withdrawn_for,
    }


def move_view(row: PromptMove, config: Config) -> MoveView:
    return MoveView(
        id=row.id,
        name=row.name,
        label=row.label,
        kind=row.kind,
        from_version=row.from_digest,
        to_version=None if row.kind == "remove" else row.to_digest,
        status=row.status,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=moment(row.created_us),
        decided_by=row.decided_by,
        decided_at=time_of(row.decided_us),
        decision=row.decision,
        models=[model for model, use in uses(config) if (use.name, use.label) == (row.name, row.label)],
    )


def uses(config: Config) -> Sequence[tuple[str, Reference]]:
    """The models of a configuration that are prompts, and which."""
    return [(name, parse(model.prompt.use)) for name, model in config.models.items() if model.prompt is not None]
