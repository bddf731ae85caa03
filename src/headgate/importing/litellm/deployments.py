"""From `model_list` to models and their targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from headgate.importing.litellm.prices import Prices
from headgate.importing.litellm.providers import Providers
from headgate.importing.models import set_retries
from headgate.importing.places import Place
from headgate.importing.references import escaped
from headgate.importing.report import Report
from headgate.importing.section import Note, Section

Tree = dict[str, Any]

_SHARES = {
    "weight": ("weight", 1_000_000),
    "rpm": ("rpm", 1_000_000_000),
    "tpm": ("tpm", 1_000_000_000),
    "order": ("priority", 500),
    "max_parallel_requests": ("max_concurrent", 1_000_000),
}
"""By LiteLLM's name, ours and the most there can be."""

_DEFAULTS = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "n", "presence_penalty", "frequency_penalty",
    "seed", "user", "response_format", "tools", "tool_choice", "reasoning_effort", "thinking", "logit_bias", "stream",
    "dimensions", "encoding_format", "metadata", "parallel_tool_calls", "top_k", "safety_settings",
)  # fmt: skip
"""Members of a request that LiteLLM puts in where the client gave none."""

_SENT = Note(
    "cannot",
    "is not put into requests that lack it",
    "a request is sent as the client made it",
    "have clients send it; or set it for every call, whatever the client says, under providers.<name>.body",
)

_UNUSED = {
    **dict.fromkeys(_DEFAULTS, _SENT),
    "mock_response": Note(
        "cannot", "is left out", "answers are not made up by a route", "use a provider of kind simulator"
    ),
    "tags": Note("cannot", "is left out", "routes do not go by tags", "make a model of its own for those calls"),
    "region_name": Note("cannot", "is left out", "routes do not go by regions", "make a model per region"),
    "aws_role_name": Note(
        "changes",
        "is left to AWS's own configuration",
        "roles are taken on by the AWS SDK",
        "write a profile with role_arn, and name it as the provider's profile",
    ),
    "aws_session_name": Note("carries", "is not needed: a profile with role_arn has it"),
    "aws_bedrock_runtime_endpoint": Note(
        "changes", "is left out", "the address follows from the region", "set base_url of the provider, if you need it"
    ),
    "use_in_pass_through": Note("cannot", "is left out", "there are no pass-through routes", "call models by name"),
    "configurable_clientside_auth_params": Note(
        "cannot", "is left out", "where calls go is the operator's to say", "give the team its own provider key"
    ),
    "cache_control_injection_points": Note(
        "cannot", "is left out", "requests are not rewritten", "mark what is to be cached in the request"
    ),
    "merge_reasoning_content_in_choices": Note(
        "cannot", "is left out", "reasoning stays in its own field", "read reasoning_content"
    ),
    "allowed_openai_params": Note("carries", "is not needed: parameters are passed on"),
    "additional_drop_params": Note(
        "cannot", "is left out", "what a target cannot take is told from its dialect", "set drop_unsupported"
    ),
    "disable_background_health_check": Note("carries", "is not needed: hosted vendors are not asked"),
    "input_cost_per_second": Note(
        "cannot", "is left out", "prices are per token or per request", "write prices by hand"
    ),
    "output_cost_per_second": Note(
        "cannot", "is left out", "prices are per token or per request", "write prices by hand"
    ),
    "output_cost_per_image": Note(
        "cannot", "is left out", "prices are per token or per request", "write prices by hand"
    ),
    "budget_duration": Note("cannot", "is left out", "deployments have no budgets", "give the model one: model:<name>"),
    "max_budget": Note("cannot", "is left out", "deployments have no budgets", "give the model one: model:<name>"),
    "max_file_size_mb": Note("changes", "is left out", "one limit holds for all bodies", "set server.max_body_mb"),
}

_INFO = {
    name: Note("carries", "is not needed: it is told by the catalog, or by the request")
    for name in (
        "id", "mode", "max_tokens", "max_input_tokens", "max_output_tokens", "description", "supports_vision",
        "supports_function_calling", "supports_reasoning", "supports_prompt_caching", "supports_response_schema",
        "db_model", "litellm_provider", "output_vector_size", "tier", "created_at", "updated_at",
    )
} | {
    "health_check_model": Note("carries", "is not needed: hosted vendors are not asked"),
    "health_check_timeout": Note("carries", "is not needed: hosted vendors are not asked"),
    "team_id": Note(
        "changes",
        "is for everybody who may use the model",
        "a model belongs to no team",
        "leave it out of other teams' keys: 'headgate keys create --model …'",
    ),
    "team_public_model_name": Note("cannot", "is left out", "a model has one name", "add a model of that name"),
}  # fmt: skip


class Models:
    """The models of a configuration, as their deployments are read."""

    def __init__(self, report: Report, providers: Providers, credentials: Mapping[str, Tree]) -> None:
        self._report = report
        self.providers = providers
        self._credentials = credentials
        self.prices = Prices(report)
        self.tree: dict[str, Tree] = {}
        self.repeated = Counter[tuple[str, str]]()
        """By model and target, how many deployments beyond the first go there."""
        self.groups: dict[str, list[str]] = {}
        """Access groups: by name, the models in them."""

    def add(self, entry: Section) -> None:
        """Read one entry of `model_list`."""
        name = entry.take("model_name")
        params, info = self._with_credential(entry.section("litellm_params")), entry.section("model_info")
        if not isinstance(name, str) or not name or "*" in name[:-1]:
            why = "it has no model_name" if not name else f"'{name}' has a '*' that is not at its end"
            self._report.cannot(
                "models", entry.place, "is left out", why=why, do="give it a name, or the beginning of one and '*'"
            )
            return
        place = self.providers.place(params)
        if place is None:
            return
        if "*" in place.model and (not name.endswith("*") or place.model.count("*") > 1):
            self._report.cannot(
                "models",
                params.at("model"),
                "this deployment is left out",
                why=f"its '*' has nothing to stand for in the name '{name}'",
                do="write a model id",
            )
            return
        model = self.tree.setdefault(name, {"targets": []})
        named = info.take("base_model") or params.take("base_model")
        base_model = None if named is None else str(named).rpartition("/")[2]
        priced = self.prices.take(place, params, info, base_model)
        target = self._target(place, params, base_model)
        known = next((each for each in model["targets"] if each["target"] == target["target"]), None)
        if known is not None:
            self._join(name, known, target, entry)
        else:
            model["targets"].append(target)
            self.prices.list.bound(place, name, base_model, priced=priced)
        self._times(model, params)
        if params.take("drop_params") is True:
            model["drop_unsupported"] = True
        for group in info.values("access_groups"):
            members = self.groups.setdefault(str(group), [])
            if name not in members:
                members.append(name)
        entry.close()
        params.close(_UNUSED)
        info.close(_INFO)

    def _with_credential(self, params: Section) -> Section:
        """What a deployment says itself, and behind it what its credential of `credential_list` does."""
        name = params.take("litellm_credential_name")
        if name is None:
            return params
        if (values := self._credentials.get(str(name))) is None:
            self._report.cannot(
                "models",
                params.at("litellm_credential_name"),
                "has no credential",
                why=f"there is none called '{name}' in credential_list",
                do="set api_key and base_url of its provider in headgate.yaml",
            )
            return params
        return params.before(values)

    def _target(self, place: Place, params: Section, base_model: str | None) -> Tree:
        """The target of a deployment."""
        found: Tree = {"target": place.target}
        if base_model is not None:
            found["base_model"] = escaped(base_model)
        for name, (ours, most) in _SHARES.items():
            value = params.positive(name)
            if value is not None:
                found[ours] = min(value, most) if name == "weight" and value % 1 else max(1, min(int(value), most))
        return found

    def _join(self, name: str, known: Tree, found: Tree, entry: Section) -> None:
        """One target of the same place twice: its shares add up, and a limit that one of them lacks is none."""
        if "weight" in known or "weight" in found:
            known["weight"] = known.get("weight", 0) + found.get("weight", 0)
        self.repeated[name, known["target"]] += 1
        for name in ("rpm", "tpm", "max_concurrent"):
            more, before = found.get(name), known.pop(name, None)
            if more is not None and before is not None:
                known[name] = before + more
        self._report.changes(
            "models",
            entry.place,
            f"adds to the share and the limits of {known['target']}",
            why="the same place twice is one target",
        )

    def _times(self, model: Tree, params: Section) -> None:
        """Timeouts and retries, which are a model's here: the longest of its deployments'."""
        for name, ours in (
            ("timeout", "attempt_s"),
            ("request_timeout", "attempt_s"),
            ("stream_timeout", "first_token_s"),
        ):
            seconds = params.positive(name)
            if seconds:
                times = model.setdefault("timeout", {})
                times[ours] = max(seconds, times.get(ours, 0))
        retries = params.count("max_retries")
        if retries is None:
            retries = params.count("num_retries")
        if retries is not None:
            set_retries(model, retries)
