"""A key or a team does what it has not done before."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.alerts.config import UnusualRule
from headgate.alerts.habits import new_pairs
from headgate.alerts.judged import Judged, lasting, named
from headgate.alerts.kinds.look import Look
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import HOUR_S, Hours, Minutes, tokens
from headgate.stats.detection import Verdict, per_call_surge, surge
from headgate.stats.detection.surges import BUCKET_S

LEAST_DAYS = 14
"""Days of which is known at which hours there were calls."""

MANY_NETWORKS = 5
"""Networks that were new to a key in the week before: one that has more travels, and another one means nothing."""

AFTER_MIDNIGHT_S = 1_800
"""So long a day is still looked at when it is over: what came in its last minutes may not have been counted by then."""

BAD = Verdict("bad")


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config, by = rule.config.unusual, rule.config.by
    assert config is not None
    assert by is not None
    found: list[Judged] = []
    if {"volume", "tokens_per_call", "new_hour"} & set(config.checks):
        for name, minutes in (await look.traffic.minutes(by, None)).items():
            past = await look.traffic.hours(by, None, name)
            found += _counted(named(by, name), minutes, past, config, look)
    if "new_model" in config.checks:
        found += await _new_models(by, config, look)
    if "new_network" in config.checks and by == "key":
        found += await _new_networks(config, look)
    return found


def _counted(series: str, minutes: Minutes, past: Hours, config: UnusualRule, look: Look) -> list[Judged]:
    end_s, checks = look.traffic.end_s, config.checks
    found: list[Judged] = []
    if "volume" in checks:
        amounts = [float(counts.get("calls", 0)) for counts in minutes.buckets(BUCKET_S)]
        verdict = surge(amounts, past.calls, end_s, config.factor, config.min_calls, above_all=True)
        found.append(Judged(f"{series} volume", verdict, f"{series} made {_told(verdict, 'calls an hour')}"))
    if "tokens_per_call" in checks:
        buckets = [(float(tokens(counts)), counts.get("calls", 0)) for counts in minutes.buckets(BUCKET_S)]
        verdict = per_call_surge(buckets, past.per_call, end_s, config.factor, config.min_calls)
        found.append(Judged(f"{series} tokens", verdict, f"{series} used {_told(verdict, 'tokens a call')}"))
    if "new_hour" in checks and past.calls.age_hours >= config.known_days * 24 and minutes.calls >= config.min_calls:
        ever, days = past.calls.ever_at((end_s - 1) // HOUR_S)
        if days >= LEAST_DAYS and not ever:
            hour = (end_s - 1) // HOUR_S % 24
            what = f"{series} made {minutes.calls:,} calls about {hour:02}:00 UTC, when there were none in {days} days"
            found.append(Judged(f"{series} hour", BAD, what))
    return found


def _told(verdict: Verdict, unit: str) -> str:
    if verdict.value is None or verdict.usual is None or verdict.limit is None:
        return f"{unit} of which too little is known to say whether they are unusual"
    return (
        f"{verdict.value:,.0f} {unit} in {lasting(verdict.window_s)}, usual at such hours are {verdict.usual:,.0f}, "
        f"up to {verdict.limit:,.0f} is nothing to tell"
    )


async def _new_models(by: str, config: UnusualRule, look: Look) -> list[Judged]:
    now_s = look.now_us // 1_000_000 - AFTER_MIDNIGHT_S
    habits = await look.habits.before(look.organisation, by, now_s)
    today = await look.habits.today(look.organisation, by, now_s)
    return [
        Judged(f"{named(by, who)} model:{what}", BAD, f"{named(by, who)} uses the model {what} for the first time")
        for who, what in new_pairs(habits, today, now_s, config.known_days)
    ]


async def _new_networks(config: UnusualRule, look: Look) -> list[Judged]:
    day_us = 86_400_000_000
    rows = await look.database.fetch(
        _NETWORKS,
        look.organisation,
        look.now_us - day_us,
        look.now_us - config.known_days * day_us,
        look.now_us - 8 * day_us,
        MANY_NETWORKS,
    )
    return [
        Judged(f"key:{key} network:{network}", BAD, f"key:{key} is used from the network {network} for the first time")
        for key, network in rows
    ]


_NETWORKS = (
    "SELECT n.key_id, n.network FROM key_networks n WHERE n.organisation = $1 AND n.first_us >= $2 "
    "AND EXISTS (SELECT 1 FROM key_networks e WHERE e.organisation = $1 AND e.key_id = n.key_id AND e.first_us < $3) "
    "AND (SELECT count(*) FROM key_networks r WHERE r.organisation = $1 AND r.key_id = n.key_id "
    "AND r.first_us >= $4 AND r.first_us < $2) < $5 ORDER BY n.first_us LIMIT 100"
)
"""New today, to keys that are known, and are not at home everywhere."""
