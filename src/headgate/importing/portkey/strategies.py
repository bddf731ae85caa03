"""From a config's strategies to plans."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from headgate.importing.models import joined
from headgate.importing.notes import GUARDRAIL
from headgate.importing.portkey.causes import causes_of
from headgate.importing.portkey.notes import GUARDRAILS, TARGET
from headgate.importing.portkey.plans import Plan, Tree, chained, shared
from headgate.importing.portkey.providers import Inherited, Providers
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.routing.config import FallbackCause

_MODES = ("single", "loadbalance", "fallback", "conditional")
_PLAIN = re.compile(r"[\w .@:/-]{1,80}")
_RETRIES = 5
"""Most there are at Portkey."""


class Branches(NamedTuple):
    """A config as a whole: models that conditions name, and where everything else goes."""

    models: dict[str, Plan]
    names: dict[str, Plan]
    """By their own names, targets that only conditions of another kind lead to."""
    rest: Plan | None


class Strategies:
    """Reads configs."""

    def __init__(self, report: Report, providers: Providers) -> None:
        self._report = report
        self._providers = providers

    def branches(self, config: Section) -> Branches:
        """Read a whole config."""
        strategy = config.section("strategy")
        if strategy.take("mode") != "conditional":
            return Branches({}, {}, self._plan(config, Inherited(), {}))
        inherited, settings = self._common(config, Inherited(), {})
        targets = self._named_targets(config, inherited, settings)
        models: dict[str, Plan] = {}
        names: dict[str, Plan] = {}
        for condition in strategy.sections("conditions"):
            self._condition(condition, targets, models, names)
        rest = self._default(strategy, targets)
        self._close(config, strategy)
        return Branches(models, names, rest)

    # ── conditions ──

    def _condition(
        self, condition: Section, targets: dict[str, Plan], models: dict[str, Plan], names: dict[str, Plan]
    ) -> None:
        query, then = condition.take("query"), str(condition.take("then", ""))
        condition.close()
        plan = targets.get(then)
        if plan is None:
            self._report.cannot(
                "models", condition.at("then"), "this condition is left out",
                why="there is no such target, or it is left out", do="name one of the targets",
            )  # fmt: skip
            return
        asked = _models(query)
        if not asked:
            names[then] = plan
            self._report.cannot(
                "models",
                condition.at("query"),
                f"this condition is left out: {_shown(query)}",
                why="a model's name says where its calls go, and nothing else in a request does",
                do=f"have the clients it is for ask for the model '{then}', which is made for that",
            )
            return
        for name in asked:
            if name in models:
                self._report.carries("models", condition.at("query"), f"comes after another condition for '{name}'")
            models.setdefault(name, plan)

    def _default(self, strategy: Section, targets: dict[str, Plan]) -> Plan | None:
        named = strategy.take("default")
        plan = targets.get(str(named))
        if named is not None and plan is None:
            self._report.cannot(
                "models", strategy.at("default"), "is left out", why="there is no such target, or it is left out",
                do="name one of the targets",
            )  # fmt: skip
        return plan

    def _named_targets(self, config: Section, inherited: Inherited, settings: Tree) -> dict[str, Plan]:
        found: dict[str, Plan] = {}
        for target in config.sections("targets"):
            name = target.take("name")
            plan = self._plan(target, inherited, settings)
            if plan is not None and name is not None:
                found[str(name)] = plan
            elif name is None:
                self._report.cannot(
                    "models", target.place, "is left out", why="no condition can name it", do="give it a name"
                )
        return found

    # ── plans ──

    def _plan(self, target: Section, inherited: Inherited, settings: Tree) -> Plan | None:
        """How the calls of a target or a group go; None where none of it can be carried."""
        strategy = target.section("strategy")
        mode = strategy.take("mode")
        grouped = "targets" in target
        target.take("name")
        target.take("weight")
        if not grouped:
            inherited, settings = self._common(target, inherited, settings, leaf=True)
            leaf = self._providers.leaf(target, inherited)
            if leaf is None:
                return None
            self._close(target, strategy)
            return Plan(first=[leaf], settings=settings)
        inherited, settings = self._common(target, inherited, settings)
        breaker = _breaker(strategy.section("cb_config"), self._report)
        if breaker:
            settings = joined([settings, {"breaker": breaker}])
        if mode == "conditional":
            plan = self._nested(target, strategy, inherited, settings)
        else:
            plan = self._group(str(mode), target, strategy, inherited, settings)
        self._close(target, strategy)
        return plan

    def _group(
        self, mode: str, target: Section, strategy: Section, inherited: Inherited, settings: Tree
    ) -> Plan | None:
        if mode not in _MODES:
            self._report.cannot(
                "models", strategy.at("mode"), "its first target is taken alone", why="there is no such strategy here",
                do=f"write one of {', '.join(_MODES)}",
            )  # fmt: skip
            mode = "single"
        plans: list[tuple[Plan, float]] = []
        codes: list[Any] = list(strategy.values("on_status_codes")) or list(target.values("on_status_codes"))
        for index, each in enumerate(target.sections("targets")):
            weight = each.number("weight")
            codes += [code for code in each.values("on_status_codes") if code not in codes]
            if mode == "single" and index:
                self._report.cannot(
                    "models", each.place, "is left out", why="in the mode 'single' only the first target is called",
                    do="take it out, or write another mode",
                )  # fmt: skip
                continue
            if mode == "loadbalance" and weight is not None and weight <= 0:
                self._report.carries("models", each.at("weight"), "gets no calls, and is left out")
                continue
            plan = self._plan(each, inherited, settings)
            if plan is not None:
                plans.append((plan, 1.0 if weight is None or weight <= 0 else weight))
        if not plans:
            return None
        if mode == "loadbalance":
            return self._balanced(plans, target, strategy)
        if mode == "fallback":
            return chained([plan for plan, _ in plans], self._causes(codes, strategy))
        return plans[0][0]

    def _balanced(self, plans: list[tuple[Plan, float]], target: Section, strategy: Section) -> Plan:
        place = target.place or "the config"
        plan = shared(plans)
        balance: Tree = {"by": "weight"}
        self._report.changes(
            "models", strategy.at("mode"), "another target is tried where one fails",
            why="targets of a model stand in for each other; at Portkey the call fails, unless a fallback is around it",
        )  # fmt: skip
        if any(leg.then for leg, _ in plans):
            self._report.changes(
                "fallbacks", place, "the fallbacks of one share are those of all",
                why="a model here has one list of fallbacks", do="make a model of each share if they have to be apart",
            )  # fmt: skip
        for name in ("sticky_session", "sticky"):
            sticky = strategy.section(name)
            if not sticky:
                continue
            fields = ", ".join(str(each) for each in sticky.values("hash_fields"))
            sticky.take("ttl")
            if sticky.take("enabled") is not False:
                balance["affinity"] = "session"
                self._report.changes(
                    "models", sticky.place, "is balance.affinity: session",
                    why=f"a session is x-headgate-session, else user and the like of the request; there it is {fields}",
                    do="have clients send x-headgate-session",
                )  # fmt: skip
            sticky.close()
        return msgspec.structs.replace(plan, settings=joined([{"balance": balance}, plan.settings]))

    def _causes(self, codes: list[Any], strategy: Section) -> list[FallbackCause]:
        if not codes:
            self._report.changes(
                "fallbacks", strategy.at("mode"), "holds for what another target may do better",
                why="at Portkey anything but a 2xx leads on, a request that is wrong (400) too",
            )  # fmt: skip
            return ["any"]
        causes, strange = causes_of(codes)
        place = strategy.at("on_status_codes")
        if strange:
            self._report.cannot(
                "fallbacks", place, f"{', '.join(strange)} leads nowhere",
                why="what a client has to mend is told at once, and no guardrail answers here",
                do="see 'headgate explain' for what leads where",
            )  # fmt: skip
        if causes:
            self._report.carries("fallbacks", place, f"is fallback by cause: {', '.join(causes)}")
        return [*causes] or ["any"]

    def _nested(self, target: Section, strategy: Section, inherited: Inherited, settings: Tree) -> Plan | None:
        """A condition inside another strategy: only its default can be kept."""
        targets = self._named_targets(target, inherited, settings)
        for condition in strategy.sections("conditions"):
            query, then = condition.take("query"), condition.take("then")
            condition.close()
            self._report.cannot(
                "models", condition.at("query"), f"this condition is left out: {_shown(query)}",
                why="inside another strategy only its default is kept",
                do=f"make a model of its own for the target '{then}'",
            )  # fmt: skip
        return self._default(strategy, targets)

    # ── what groups and targets have in common ──

    def _common(
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

    def _close(self, section: Section, strategy: Section) -> None:
        for each in (section, strategy):
            each.take("on_status_codes")  # read with the group it is about
        strategy.close()
        section.close(TARGET)


def _breaker(section: Section, report: Report) -> Tree:
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


def _models(query: Any) -> list[str]:
    """The models that a query asks for; none where it asks for anything else."""
    members: dict[str, Any] = query if isinstance(query, dict) else {}
    if len(members) != 1:
        return []
    [(name, wanted)] = members.items()
    if name == "$or" and isinstance(wanted, list):
        parts = [_models(part) for part in wanted]
        return [model for models in parts for model in models] if all(parts) else []
    if name != "params.model":
        return []
    operators: dict[str, Any] = wanted if isinstance(wanted, dict) else {"$eq": wanted}
    if len(operators) != 1:
        return []
    values = operators.get("$in", [operators.get("$eq")])
    return values if isinstance(values, list) and all(map(_named, values)) else []


def _named(value: Any) -> bool:
    """Whether it can be a model's name here."""
    return isinstance(value, str) and bool(value.strip()) and "*" not in value


def _shown(query: Any) -> str:
    """What a query is about: its members' names, without what they are compared with."""
    if isinstance(query, dict):
        parts = [
            _shown(value) if name.startswith("$") else name if _PLAIN.fullmatch(name) else "?"
            for name, value in query.items()
            if isinstance(name, str)
        ]
    elif isinstance(query, list):
        parts = [_shown(each) for each in query]
    else:
        parts = []
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _check(check: Any) -> str:
    """What to call a guardrail."""
    if isinstance(check, dict):
        names = [name for name in check if name not in ("deny", "on_fail", "on_success", "async", "type")]
        names = [str(check["id"])] if isinstance(check.get("id"), str) else names
        check = ", ".join(map(str, names))
    return str(check) if _PLAIN.fullmatch(str(check)) else "a check"
