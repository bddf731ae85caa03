"""Whether what happens can be seen, and whether the machine bears it."""

from __future__ import annotations

from headgate.access.roles import Roles
from headgate.production.facts import Facts, Flaw, Flaws, Unseen

MAX_EVERY_S = 300.0
BODIES_SHARE = 0.5
"""Of the memory, for request bodies: they are parsed, and a tree takes more than its text."""


def checkpoints_here_only(facts: Facts) -> Flaws:
    if facts.config.audit.checkpoint_file is None:
        yield Flaw(
            path=("audit",),
            what="checkpoints are beside the journal alone",
            write="audit: {checkpoint_file: /mnt/elsewhere/headgate.checkpoints}",
        )


def signed_seldom(facts: Facts) -> Flaws:
    every = facts.config.audit.every_s
    if every > MAX_EVERY_S:
        yield Flaw(path=("audit", "every_s"), what=f"it is signed every {every:g} seconds", write="every_s: 10")


def nobody_scrapes(facts: Facts) -> Flaws:
    roles = Roles(facts.config.access.roles)
    scrapers = [
        key for key in facts.recorded().keys if "metrics" in roles.scopes(key.roles) and "admin" not in key.roles
    ]
    if not scrapers:
        yield Flaw(
            place="database",
            what="no key but an administrator's may read /metrics",
            write="access: {roles: {scraper: [metrics]}}, and 'headgate keys create prometheus --role scraper'",
        )


def metrics_of_one_worker(facts: Facts) -> Flaws:
    if facts.config.server.workers > 1:
        yield Flaw(
            path=("server", "workers"),
            what=f"{facts.config.server.workers} workers answer /metrics in turn, each with its own figures",
            write="workers: 1, and a replica per core behind the proxy",
        )


def bodies_too_large(facts: Facts) -> Flaws:
    memory = facts.machine.memory_bytes
    if memory is None:
        raise Unseen("the machine does not tell its memory")
    server = facts.config.server
    held = server.max_inflight_mb * server.workers << 20
    if held > memory * BODIES_SHARE:
        yield Flaw(
            path=("server", "max_inflight_mb"),
            what=f"bodies may take {held >> 20:,} MiB of {memory >> 20:,} MiB",
            write=f"max_inflight_mb: {max(server.max_body_mb, int(memory * BODIES_SHARE / server.workers) >> 20)}",
        )


def too_few_files(facts: Facts) -> Flaws:
    files = facts.machine.open_files
    needed = 2 * facts.config.server.max_concurrent
    if files is not None and files < needed:
        yield Flaw(
            place="environment",
            what=f"a process may open {files:,} files, {needed:,} are two for each of max_concurrent calls",
            write=f"LimitNOFILE={needed} in the unit, or max_concurrent: {files // 2}",
        )


def too_many_workers(facts: Facts) -> Flaws:
    cores = facts.machine.cores
    if cores is not None and facts.config.server.workers > cores:
        yield Flaw(
            path=("server", "workers"),
            what=f"{facts.config.server.workers} workers share {cores} cores",
            write=f"workers: {cores}",
        )
