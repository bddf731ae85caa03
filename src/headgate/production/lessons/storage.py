"""Where records are."""

from __future__ import annotations

from headgate.production.facts import Facts, Flaw, Flaws, Unseen

MIN_FREE_BYTES = 1 << 30
"""For the records of a database's outage: a gigabyte is some million ledger rows."""
MAX_FSYNC_MS = 1_000
BACKUP_S = 26 * 3600
"""A day, and what a nightly job may be late."""


def in_memory(facts: Facts) -> Flaws:
    if (facts.config.storage.database or "").endswith(":memory:"):
        yield Flaw(
            path=("storage", "database"), what="records are kept in memory", write="database: sqlite:///headgate.db"
        )
    disk = facts.machine.database
    if disk is not None and disk.in_memory:
        yield Flaw(
            path=("storage", "database"),
            what=f"records are kept in memory: so is {disk.folder}",
            write="database: sqlite:////var/lib/headgate/headgate.db",
        )


def not_shared(facts: Facts) -> Flaws:
    if facts.replicas > 1 and not facts.shared:
        yield Flaw(
            path=("storage",),
            what=f"{facts.replicas} replicas would each keep records of their own",
            write="storage: {database: postgresql://…, shared: redis://…}",
        )


def disk_full(facts: Facts) -> Flaws:
    disk = facts.machine.journal
    if disk is None:
        raise Unseen("the disk of the journal cannot be asked here")
    if disk.free_bytes < MIN_FREE_BYTES:
        yield Flaw(
            place="disk",
            what=f"{disk.folder}: {disk.free_bytes // 2**20:,} MiB are free",
            write="make room, or storage.journal.folder on another disk",
        )


def journal_in_memory(facts: Facts) -> Flaws:
    disk = facts.machine.journal
    if disk is None:
        raise Unseen("the disk of the journal cannot be asked here")
    if disk.in_memory:
        yield Flaw(
            place="disk",
            what=f"{disk.folder} is a file system in memory",
            write="storage: {journal: {folder: /var/lib/headgate/journal}}",
        )


def synced_late(facts: Facts) -> Flaws:
    fsync_ms = facts.config.storage.journal.fsync_ms
    if fsync_ms > MAX_FSYNC_MS:
        yield Flaw(
            path=("storage", "journal", "fsync_ms"),
            what=f"a power failure loses up to {fsync_ms / 1000:g} seconds of records",
            write="fsync_ms: 50",
        )


def journal_optional(facts: Facts) -> Flaws:
    if facts.config.limits.journal_unwritable == "allow":
        yield Flaw(
            path=("limits", "journal_unwritable"),
            what="calls go on that cannot be recorded",
            write="journal_unwritable: refuse",
        )


def migrates_at_start(facts: Facts) -> Flaws:
    if facts.shared and facts.config.storage.migrate:
        yield Flaw(
            path=("storage", "migrate"),
            what="every server migrates the database as it starts",
            write="migrate: false, and 'headgate storage migrate' before the roll-out",
        )


def no_backup(facts: Facts) -> Flaws:
    age = facts.machine.newest_backup_s
    if age is None:
        raise Unseen("name the folder of backups with --backups")
    if age > BACKUP_S:
        what = "there is no backup" if age == float("inf") else f"the newest backup is {age / 86_400:.1f} days old"
        yield Flaw(place="disk", what=what, write="headgate storage backup, every night")
