"""From `model_list` to models and their targets."""

from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import Any

from headgate.catalog import Catalog
from headgate.importing.litellm.providers import Place, Providers
from headgate.importing.report import Report
from headgate.importing.section import Note, Section
from headgate.providers.row import find_row

Tree = dict[str, Any]

_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write_5m",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
}
"""Dollars per token there, per million tokens here."""

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

    def __init__(self, report: Report, providers: Providers) -> None:
        self._report = report
        self._providers = providers
        self._catalog = Catalog()
        self.tree: dict[str, Tree] = {}
        self.prices: dict[str, Tree] = {}
        self.unbounded = False
        """Whether there is a target for whose calls nobody can say what they cost at most."""
        self.groups: dict[str, list[str]] = {}
        """Access groups: by name, the models in them."""

    def add(self, entry: Section) -> None:
        """Read one entry of `model_list`."""
        name = entry.take("model_name")
        params, info = entry.section("litellm_params"), entry.section("model_info")
        if not isinstance(name, str) or not name or "*" in name[:-1]:
            why = "it has no model_name" if not name else f"'{name}' has a '*' that is not at its end"
            self._report.cannot(
                "models", entry.place, "is left out", why=why, do="give it a name, or the beginning of one and '*'"
            )
            return
        place = self._providers.place(params)
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
        priced = self._price(place, params, info)
        target = self._target(model["targets"], place, params, info, entry)
        if target is not None:
            self._bound(target, place, name, priced)
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

    def _target(self, targets: list[Tree], place: Place, params: Section, info: Section, entry: Section) -> Tree | None:
        """Add the target of a deployment; None where it is there already."""
        base_model = info.take("base_model") or params.take("base_model")
        found: Tree = {"target": place.target}
        if base_model is not None:
            found["base_model"] = str(base_model).rpartition("/")[2]
        for name, ours in (("weight", "weight"), ("rpm", "rpm"), ("tpm", "tpm"), ("order", "priority")):
            value = params.number(name)
            if value:
                found[ours] = value if name == "weight" and value % 1 else int(value)
        concurrent = params.count("max_parallel_requests")
        if concurrent:
            found["max_concurrent"] = concurrent
        for known in targets:
            if known["target"] == found["target"]:
                known["weight"] = known.get("weight", 1) + found.get("weight", 1)
                self._report.changes(
                    "models",
                    entry.place,
                    f"adds to the weight of {place.target}",
                    why="the same place twice is one target",
                )
                return None
        targets.append(found)
        return found

    def _times(self, model: Tree, params: Section) -> None:
        """Timeouts and retries, which are a model's here: the longest of its deployments'."""
        for name, ours in (
            ("timeout", "attempt_s"),
            ("request_timeout", "attempt_s"),
            ("stream_timeout", "first_token_s"),
        ):
            seconds = params.number(name)
            if seconds:
                times = model.setdefault("timeout", {})
                times[ours] = max(seconds, times.get(ours, 0))
        retries = params.count("max_retries")
        if retries is None:
            retries = params.count("num_retries")
        if retries is not None:
            set_retries(model, retries)

    def _bound(self, target: Tree, place: Place, name: str, priced: bool) -> None:
        """Tell of a target for whose calls nobody can say what they cost at most, and let them through as there."""
        model = target.get("base_model", place.model)
        catalog = find_row(place.kind).catalog
        known = (priced or self._catalog.price(catalog, model) is not None) and self._catalog.limits(catalog, model)
        if "*" in model or place.kind == "simulator" or known:
            return
        self.unbounded = True
        self._report.changes(
            "prices",
            name,
            f"what a call of {target['target']} can cost is not known, and it is let through",
            why="under a hard budget a call is refused where its price, or the longest answer of its model, is not "
            "known; LiteLLM lets it pass, and so does limits.unknown_price as it is written",
            do="write prices (0 for a model of your own), have clients send max_tokens, then take that setting out",
        )

    def _price(self, place: Place, params: Section, info: Section) -> bool:
        """Take over the price that is given for a deployment, if one is."""
        price: Tree = {}
        for name, ours in _PRICES.items():
            own, other = params.number(name), info.number(name)
            value = other if own is None else own
            if value is not None and 0 <= value < inf:
                price[ours] = per_million(value)
        if not price:
            return False
        if "input" not in price:
            price["input"] = "0"
        catalog = find_row(place.kind).catalog
        name = f"{catalog}/{place.model}" if catalog else place.model
        known = self.prices.setdefault(name, price)
        if known != price:
            self._report.changes(
                "prices", params.place, f"has the price of the other deployment of {name}", why="a model has one price"
            )
        return True


def per_million(dollars: float) -> str:
    """Dollars per million tokens, of dollars per token."""
    return format((Decimal(str(dollars)) * 1_000_000).normalize(), "f")


def set_retries(model: Tree, retries: int) -> None:
    """Have a model's attempts be one more than the retries."""
    attempts = min(10, max(1, retries + 1))
    settings = model.setdefault("retry", {})
    settings["attempts"] = max(attempts, settings.get("attempts", 1))
