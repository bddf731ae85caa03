"""Too many calls fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.alerts.judged import Judged, lasting, named, of_what, pair, percent
from headgate.alerts.kinds.look import Look
from headgate.alerts.objectives import failures
from headgate.alerts.rules import Rule
from headgate.alerts.traffic import WINDOWS_S, Minutes
from headgate.stats.detection import Window, excess


async def judge(rule: Rule, look: Look) -> Sequence[Judged]:
    config = rule.config.error_rate
    assert config is not None
    by, of = rule.config.by, rule.config.of
    found: list[Judged] = []
    for name, minutes in (await look.traffic.minutes(by, pair(of))).items():
        verdict = excess(windows_of(minutes, config.errors), config.above, config.min_calls, config.window_s)
        series = named(by, name, of)
        which = f" with {', '.join(config.errors)}" if config.errors else ""
        share = "an unknown share" if verdict.value is None else percent(verdict.value)
        most = most_of(minutes.counts(verdict.window_s or WINDOWS_S[-1]))
        found.append(
            Judged(
                series,
                verdict,
                f"{of_what(series)}{share} of calls failed{which} in {lasting(verdict.window_s or config.window_s)}, "
                f"{percent(config.above)} may{most}",
            )
        )
    return found


def windows_of(minutes: Minutes, codes: Sequence[str]) -> list[Window]:
    """How many calls failed in each window, and in its worst minute."""
    single = [(failed(counts, codes), counts.get("calls", 0)) for counts in minutes.buckets(60)]
    found: list[Window] = []
    for window_s in WINDOWS_S:
        counts = minutes.counts(window_s)
        peak = max(single[-window_s // 60 :])
        found.append(Window(window_s, failed(counts, codes), counts.get("calls", 0), *peak))
    return found


def failed(counts: Mapping[str, int], codes: Sequence[str]) -> int:
    """Calls that failed in one of some ways; where none is named, all that failed by no doing of their client's."""
    return sum(counts.get(f"error.{code}", 0) for code in codes) if codes else failures(counts)


def most_of(counts: Mapping[str, int]) -> str:
    """The commonest error."""
    errors = {name: number for name, number in counts.items() if name.startswith("error.")}
    if not errors:
        return ""
    name = max(errors, key=errors.__getitem__)
    return f"; mostly {name.removeprefix('error.')}"
