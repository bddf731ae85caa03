"""Whether what happens can be seen."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path

from headgate.access.roles import Roles
from headgate.production.facts import Facts, Flaw, Flaws
from headgate.production.lessons.security import ADMINISTERING
from headgate.production.machine import journal_folder

MAX_EVERY_S = 300.0


def checkpoints_here_only(facts: Facts) -> Flaws:
    named = facts.config.audit.checkpoint_file
    folder = facts.source.directory.absolute()
    if named is None or Path(normpath(folder / named)).parent == journal_folder(facts.config, folder):
        yield Flaw(
            path=("audit",) if named is None else ("audit", "checkpoint_file"),
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
        key
        for key in facts.recorded().keys
        if "metrics" in (scopes := roles.scopes(key.roles)) and not scopes & ADMINISTERING
    ]
    if not scrapers:
        yield Flaw(
            place="database",
            what="no key but an administrator's may read /metrics",
            write="access: {roles: {scraper: [metrics]}}, and 'headgate keys create prometheus --role scraper'",
        )
