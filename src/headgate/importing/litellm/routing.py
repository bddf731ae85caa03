"""`router_settings`, and what of `litellm_settings` is about routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.importing.litellm.fallbacks import CAUSES, Fallbacks
from headgate.importing.models import set_retries
from headgate.importing.report import Report
from headgate.importing.section import Section

Tree = dict[str, Any]

_STRATEGIES: dict[str, tuple[str, str]] = {
    "simple-shuffle": ("weight", ""),
    "weighted-pick": ("weight", ""),
    "latency-based-routing": ("latency", "the better of two at random, instead of the best of all"),
    "least-busy": ("latency", "the better of two by latency and calls under way, instead of the least busy of all"),
    "usage-based-routing": ("latency", "rpm and tpm of targets are kept; among those with room latency decides"),
    "usage-based-routing-v2": ("latency", "rpm and tpm of targets are kept; among those with room latency decides"),
    "cost-based-routing": ("cost", ""),
}
"""By LiteLLM's strategy, ours, and what is otherwise about it."""

_POLICY = {
    "TimeoutErrorRetries": "timeout",
    "RateLimitErrorRetries": "rate_limited",
    "ContentPolicyViolationErrorRetries": "content_filtered",
    "InternalServerErrorRetries": "server_error",
    "AuthenticationErrorRetries": "auth",
}
"""By LiteLLM's kind of error, ours."""


class Routing:
    """What holds for all models of a configuration."""

    def __init__(
        self, models: dict[str, Tree], repeated: Mapping[tuple[str, str], int], fallbacks: Fallbacks, report: Report
    ) -> None:
        """`repeated` tells, by model and target, how many deployments' shares a target has beyond its own."""
        self._models = models
        self._repeated = repeated
        self._fallbacks = fallbacks
        self._report = report

    def read(self, router: Section, litellm: Section) -> None:
        self._aliases(router, "model_group_alias")
        self._aliases(litellm, "model_alias_map")
        self._balance(router)
        self._retries(router, litellm)
        self._times(router, litellm)
        self._cooldown(router, litellm)
        if litellm.take("drop_params") is True:
            for model in self._models.values():
                model["drop_unsupported"] = True
            self._report.carries("models", litellm.at("drop_params"), "is drop_unsupported of every model")
        for name, cause in CAUSES.items():
            if (found := self._first(name, router, litellm)) is not None:
                self._fallbacks.add(found[0], cause, found[1])
        if (found := self._first("default_fallbacks", router, litellm)) is not None:
            self._fallbacks.add_default(*found)
        self._fallbacks.share()

    # ── parts ──

    def _first(self, name: str, router: Section, litellm: Section) -> tuple[Any, str] | None:
        """A list of fallbacks, and where it stands: LiteLLM takes the router's, and the other where that has none."""
        own, other = router.take(name), litellm.take(name)
        if own and other:
            why = f"{router.at(name)} is there, and LiteLLM takes that one"
            self._report.changes("fallbacks", litellm.at(name), "is left out", why=why)
        if own:
            return own, router.at(name)
        return None if other is None else (other, litellm.at(name))

    def _aliases(self, section: Section, name: str) -> None:
        for alias, value in section.mapping(name).items():
            place = f"{section.at(name)}.{alias}"
            wanted = value.get("model") if isinstance(value, dict) else value
            model = self._models.get(str(wanted))
            if model is None or alias in self._models:
                why = f"there is no model '{wanted}'" if model is None else "there is a model of that name"
                self._report.cannot("models", place, "is left out", why=why, do="add the model by hand")
                continue
            self._models[str(alias)] = model
            self._fallbacks.aliases[str(alias)] = self._fallbacks.aliases.get(str(wanted), str(wanted))
            self._report.carries("models", place, f"is a model with the targets of '{wanted}'")
            if isinstance(value, dict) and value.get("hidden"):
                self._report.changes(
                    "models", place, "is listed by /v1/models", why="models are not hidden", do="leave it out of keys"
                )

    def _balance(self, router: Section) -> None:
        named = router.take("routing_strategy")
        by, difference = _STRATEGIES.get(str(named or "simple-shuffle"), ("", ""))
        place = router.at("routing_strategy")
        if not by:
            self._report.cannot(
                "models", place, "targets are chosen by latency", why="there is no such strategy here", do="see balance"
            )
        elif difference:
            self._report.changes("models", place, f"is balance.by: {by}", why=difference)
        elif named:
            self._report.carries("models", place, f"is balance.by: {by}")
        for name, model in self._models.items():
            if name not in self._fallbacks.aliases and len(model["targets"]) > 1 and by:
                model.setdefault("balance", {})["by"] = by
                if by == "weight":
                    self._weigh(name, model["targets"])
        affinity = {"prompt_caching": "prompt", "session_affinity": "session", "deployment_affinity": "session"}
        for check in map(str, router.values("optional_pre_call_checks")):
            if check not in affinity:
                self._report.cannot(
                    "models", f"optional_pre_call_checks: {check}", "is left out", why="there is none", do="see balance"
                )
                continue
            for model in self._models.values():
                model.setdefault("balance", {})["affinity"] = affinity[check]
            self._report.carries("models", f"optional_pre_call_checks: {check}", f"is affinity: {affinity[check]}")

    def _weigh(self, name: str, targets: list[Tree]) -> None:
        """LiteLLM shuffles by weight, else by rpm, else by tpm of the deployments. One that lacks what others have gets
        no calls as long as one of those does.
        """
        measure = next((each for each in ("weight", "rpm", "tpm") if any(each in target for target in targets)), None)
        if measure is None:
            for target in targets:
                if more := self._repeated.get((name, target["target"]), 0):
                    target["weight"] = 1 + more
            return
        if measure != "weight":
            for target in targets:
                if measure in target:
                    target["weight"] = min(target[measure], 1_000_000)
            self._report.changes(
                "models",
                name,
                f"{measure} is the share of a target, and also the most that is sent there",
                why="LiteLLM's shuffle takes it as a share only; here a vendor's limit is kept",
            )
        spare = [target for target in targets if measure not in target]
        if spare:
            for target in targets:
                target["priority"] = 2 * target.get("priority", 1) - (measure in target)
            self._report.changes(
                "models",
                name,
                f"{', '.join(target['target'] for target in spare)} gets calls only where the others cannot",
                why=f"it has no {measure} and others do, so LiteLLM's shuffle never draws it while those are healthy",
                do="give it a weight, and the priority of the others, if it is to have its share",
            )

    def _retries(self, router: Section, litellm: Section) -> None:
        own, other = router.count("num_retries"), litellm.count("num_retries")
        retries = own if own is not None else other
        if retries is not None:
            place = router.at("num_retries") if own is not None else litellm.at("num_retries")
            for model in self._models.values():
                if "attempts" not in model.get("retry", {}):
                    set_retries(model, retries)
            self._report.changes(
                "models",
                place,
                f"is {min(10, max(1, retries + 1))} attempts per target",
                why="the first is counted too, and all retries together are at most a fifth of a model's calls",
                do="raise retry.budget if you want more in an outage",
            )
        base_s = router.positive("retry_after")
        if base_s:
            for model in self._models.values():
                model.setdefault("retry", {})["base_s"] = min(base_s, 8.0)
            self._report.changes(
                "models", router.at("retry_after"), "is retry.base_s", why="waits are random, up to it, and double"
            )
        self._policy(router.section("retry_policy", "models"), list(self._models))
        for name, policy in router.mapping("model_group_retry_policy").items():
            place = f"{router.at('model_group_retry_policy')}.{name}"
            self._policy(Section(policy, place, "models", self._report), [name] if name in self._models else [])

    def _policy(self, policy: Section, names: list[str]) -> None:
        rules: Tree = {}
        for kind, cause in _POLICY.items():
            retries = policy.count(kind)
            if retries is not None:
                rules[cause] = min(10, max(1, retries + 1))
        if rules:
            for name in names:
                self._models[name].setdefault("retry", {})["rules"] = rules
            self._report.carries("models", policy.place, "is retry.rules: attempts by kind of failure")
        policy.close()

    def _times(self, router: Section, litellm: Section) -> None:
        whole = router.positive("timeout")
        other = litellm.positive("request_timeout")
        streams = router.positive("stream_timeout")
        seconds = whole or other
        for model in self._models.values():
            times: Tree = model.get("timeout", {})
            if seconds:
                times.setdefault("attempt_s", seconds)
            if streams:
                times.setdefault("first_token_s", streams)
            longest = max(times.get("attempt_s", 0), times.get("first_token_s", 0))
            if longest > 600:
                times["total_s"] = longest
            if times:
                model["timeout"] = {name: min(value, 86_400.0) for name, value in times.items()}
        for place, there, ours in (
            (router.at("timeout"), whole, "attempt_s"),
            (litellm.at("request_timeout"), other, "attempt_s"),
            (router.at("stream_timeout"), streams, "first_token_s"),
        ):
            if there:
                what = "the whole call, retries included, has total_s"
                self._report.changes("models", place, f"is timeout.{ours}", why=f"it is for one attempt; {what}")

    def _cooldown(self, router: Section, litellm: Section) -> None:
        own, other = router.positive("cooldown_time"), litellm.positive("cooldown_time")
        seconds = own or other
        if seconds:
            for model in self._models.values():
                model.setdefault("breaker", {})["open_s"] = seconds
            self._report.changes(
                "models",
                (router if own else litellm).at("cooldown_time"),
                "is breaker.open_s",
                why="a target rests by its share of failures; then one call at a time is let through to see",
            )
