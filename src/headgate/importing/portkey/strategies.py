"""From a config's strategies to plans."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from headgate.importing.models import joined
from headgate.importing.portkey import queries
from headgate.importing.portkey.causes import causes_of
from headgate.importing.portkey.notes import TARGET
from headgate.importing.portkey.plans import Plan, Tree, chained, shared
from headgate.importing.portkey.providers import Inherited, Providers
from headgate.importing.portkey.settings import Settings, breaker
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.routing.config import FallbackCause

_MODES = ("single", "loadbalance", "fallback", "conditional")


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
        self._settings = Settings(report)

    def branches(self, config: Section) -> Branches:
        """Read a whole config."""
        strategy = config.section("strategy")
        if strategy.take("mode") != "conditional":
            return Branches({}, {}, self._plan(config, Inherited(), {}))
        inherited, settings = self._settings.read(config, Inherited(), {})
        targets = self._named_targets(config, inherited, settings)
        models: dict[str, Plan] = {}
        names: dict[str, Plan] = {}
        for condition in strategy.sections("conditions"):
            self._condition(condition, targets, models, names, f"{config.place}/" if config.place else "")
        rest = self._default(strategy, targets)
        self._close(config, strategy)
        return Branches(models, names, rest)

    # ── conditions ──

    def _condition(
        self,
        condition: Section,
        targets: dict[str, Plan],
        models: dict[str, Plan],
        names: dict[str, Plan],
        before: str,
    ) -> None:
        """Where one condition leads. `before` is what models of the config are called, before their own names."""
        query, then = condition.take("query"), str(condition.take("then", ""))
        condition.close()
        plan = targets.get(then)
        if plan is None:
            self._report.cannot(
                "models", condition.at("then"), "this condition is left out",
                why="there is no such target, or it is left out", do="name one of the targets",
            )  # fmt: skip
            return
        asked = queries.models(query)
        if not asked:
            names[then] = plan
            asks = f"{before}{then}/<model>" if plan.passes else f"{before}{then}"
            self._report.cannot(
                "models",
                condition.at("query"),
                f"this condition is left out: {queries.shown(query)}",
                why="a model's name says where its calls go, and nothing else in a request does",
                do=f"have the clients it is for ask for the model '{asks}', which is made for that",
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
            inherited, settings = self._settings.read(target, inherited, settings, leaf=True)
            leaf = self._providers.leaf(target, inherited)
            if leaf is None:
                return None
            self._close(target, strategy)
            return Plan(first=[leaf], settings=settings)
        inherited, settings = self._settings.read(target, inherited, settings)
        rests = breaker(strategy.section("cb_config"), self._report)
        if rests:
            settings = joined([settings, {"breaker": rests}])
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
                "models", condition.at("query"), f"this condition is left out: {queries.shown(query)}",
                why="inside another strategy only its default is kept",
                do=f"make a model of its own for the target '{then}'",
            )  # fmt: skip
        return self._default(strategy, targets)

    def _close(self, section: Section, strategy: Section) -> None:
        for each in (section, strategy):
            each.take("on_status_codes")  # read with the group it is about
        strategy.close()
        section.close(TARGET)
