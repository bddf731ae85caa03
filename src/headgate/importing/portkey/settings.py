"""What targets and groups of them have in common: retries, timeouts, breakers, guardrails."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.importing.notes import GUARDRAIL
from headgate.importing.portkey.causes import causes_of
from headgate.importing.portkey.notes import GUARDRAILS
from headgate.importing.portkey.plans import Tree
from headgate.importing.portkey.providers import Inherited
from headgate.importing.portkey.queries import PLAIN
from headgate.importing.report import Report
from headgate.importing.section import Section

_RETRIES = 5
"""Most there are at Portkey."""


class Settings:
    """Reads that."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def read(
        self, section: Section, inherited: Inherited, settings: Tree, leaf: bool = False
    ) -> tuple[Inherited, Tree]:
        """What holds below a section, and the settings of the model there."""
        for name in GUARDRAILS:
            for check in section.values(name):
                GUARDRAIL.tell(self._report, "guardrails", f"{section.at(name)}: {_check(check)}")
        own: Tree = {}
        retry = section.section("retry")
        if retry:
            own |= self._retry(retry)
        timeout_ms = section.number("request_timeout")
        if timeout_ms and timeout_ms > 0:
            seconds = min(timeout_ms / 1000, 86_400.0)
            own["timeout"] = {"attempt_s": seconds, "first_token_s": seconds}
            if seconds > 600:
                own["timeout"]["total_s"] = seconds
            self._report.changes(
                "models", section.at("request_timeout"), f"is timeout.attempt_s and first_token_s: {seconds:g}",
                why="it is for one attempt; the whole call, retries included, has total_s",
            )  # fmt: skip
        settings = {**settings, **own}
        if leaf:
            return inherited, settings
        host = section.take("custom_host")
        override = {**inherited.override, **section.mapping("override_params")}
        if host is None:
            return msgspec.structs.replace(inherited, override=override), settings
        return Inherited(override=override, host=host, host_at=section.at("custom_host")), settings

    def _retry(self, retry: Section) -> Tree:
        retries = retry.count("attempts")
        codes = retry.values("on_status_codes")
        for name in ("use_retry_after_header", "use_retry_after_headers"):
            if retry.take(name) is not None:
                self._report.carries("models", retry.at(name), "a vendor's word when to come back is kept to")
        place = retry.at("attempts")
        retry.close()
        if retries is None:
            return {}
        attempts = min(_RETRIES, max(0, retries)) + 1
        causes, strange = causes_of(codes)
        if strange:
            self._report.cannot(
                "models", retry.at("on_status_codes"), f"{', '.join(strange)} is not tried again",
                why="nothing says that it would go better", do="see 'headgate explain' for what is tried again",
            )  # fmt: skip
        self._report.changes(
            "models", place, f"is retry.attempts: {attempts}",
            why="the first is counted too, and all retries together are at most a fifth of a model's calls",
            do="raise retry.budget if you want more in an outage",
        )  # fmt: skip
        if not causes:
            return {"retry": {"attempts": attempts}}
        return {"retry": {"attempts": 1, "rules": dict.fromkeys(causes, attempts)}}


def breaker(section: Section, report: Report) -> Tree:
    """A circuit breaker's settings."""
    if not section:
        return {}
    found: Tree = {}
    share, calls = section.number("failure_threshold_percentage"), section.count("minimum_requests")
    if share is not None and 0 < share <= 100:
        found["error_rate"] = share / 100
    if calls is not None and calls >= 1:
        found["min_calls"] = calls
    rest_ms = section.number("cooldown_interval")
    if rest_ms and rest_ms > 0:
        found["open_s"] = min(max(rest_ms, 30_000) / 1000, 86_400.0)
    report.changes(
        "models", section.place, "is the model's breaker",
        why="a target rests by its share of failures within 30 s, then one call at a time is let through to see",
    )  # fmt: skip
    for name in ("failure_threshold", "failure_status_codes"):
        if section.take(name) is not None:
            report.cannot(
                "models", section.at(name), "is left out", why="a share of failures counts, of any kind that tells of "
                "the target's health", do="set breaker.error_rate and breaker.min_calls",
            )  # fmt: skip
    section.close()
    return found


def _check(check: Any) -> str:
    """What to call a guardrail."""
    if isinstance(check, dict):
        names = [name for name in check if name not in ("deny", "on_fail", "on_success", "async", "type")]
        names = [str(check["id"])] if isinstance(check.get("id"), str) else names
        check = ", ".join(map(str, names))
    return str(check) if PLAIN.fullmatch(str(check)) else "a check"
