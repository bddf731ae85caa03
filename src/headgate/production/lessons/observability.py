"""Whether what happens can be seen."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path

from headgate.access.roles import Roles
from headgate.config.rules import loopback
from headgate.production.facts import Facts, Flaw, Flaws, models
from headgate.production.lessons.security import ADMINISTERING
from headgate.production.machine import journal_folder
from headgate.providers.address import parse_url
from headgate.telemetry.otel.settings import settle

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


def traces_in_the_clear(facts: Facts) -> Flaws:
    otel = facts.config.telemetry.otel
    settings = None if otel is None else settle(otel, facts.machine.environ)
    if otel is None or settings is None:
        return
    for destination in (settings.traces, settings.metrics):
        if destination is None:
            continue
        origin = parse_url(destination.url).origin
        if not origin.secure and not loopback(origin.host) and (destination.headers or otel.content is not None):
            what = "a credential" if destination.headers else "what was asked and answered"
            yield Flaw(
                path=("telemetry", "otel", "endpoint") if otel.endpoint else ("telemetry", "otel"),
                what=f"{what} goes to {origin.host} over plain HTTP",
                write=f"endpoint: https://{origin.host}:{origin.port}, or a collector on this machine",
            )
            return


def content_in_traces(facts: Facts) -> Flaws:
    otel = facts.config.telemetry.otel
    if otel is not None and otel.content is not None and otel.traces:
        yield Flaw(
            path=("telemetry", "otel", "content"),
            what="traces hold what was asked and answered",
            write="no 'content' block, or a second gateway for the calls that are to be looked at",
        )


def told_nowhere(facts: Facts) -> Flaws:
    channels = facts.config.alerts.channels
    if not any("page" in channel.severities for channel in channels.values()):
        yield Flaw(
            path=("alerts", "channels") if channels else (),
            what="no channel takes alerts that are to wake somebody",
            write='alerts: {channels: {pager: {kind: webhook, url: "${HOOK_URL}", secret: "${HOOK_SECRET}"}}}',
        )


def nothing_promised(facts: Facts) -> Flaws:
    if all(model.objectives is None for _, model in models(facts)):
        yield Flaw(
            path=("models",),
            what="no model has objectives",
            write="objectives: {availability: 0.999, latency: [{target: 0.95, within_s: 10}]} in a model's block",
        )


def promises_broken(facts: Facts) -> Flaws:
    for each in facts.recorded().objectives:
        if each.met is False:
            yield Flaw(
                path=("models", each.model, "objectives"),
                what=f"{each.objective} was missed over {each.period_days} days",
                write="'headgate objectives' says by how much; mend what is slow or fails, or promise less",
            )
