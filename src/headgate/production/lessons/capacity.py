"""Whether the machine bears what the configuration lets in."""

from __future__ import annotations

from headgate.production.facts import Facts, Flaw, Flaws, Unseen

BODIES_SHARE = 0.5
"""Of the memory, for request bodies: they are parsed, and a tree takes more than its text."""


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
