"""From `config.yaml` to `headgate.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from headgate.importing.converted import Converted, Tree, referred
from headgate.importing.litellm import notes, settings
from headgate.importing.litellm.deployments import Models
from headgate.importing.litellm.fallbacks import Fallbacks
from headgate.importing.litellm.providers import Providers
from headgate.importing.litellm.routing import Routing
from headgate.importing.litellm.vendors import VENDORS, split
from headgate.importing.models import tell, tell_retries
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section

SOURCE = "litellm"

_REFERENCE = re.compile(r"os\.environ/(.*)", re.DOTALL)


class ConvertedConfig(Converted, frozen=True, kw_only=True):
    """What a `config.yaml` comes to."""

    groups: dict[str, list[str]]
    """Access groups: by name, the models in them."""
    aliases: dict[str, str]
    """Further names of models: by alias, the model."""
    defaults: settings.Defaults


def convert(tree: Tree, report: Report) -> ConvertedConfig:
    """What a configuration comes to, and into `report` what becomes of each of its members."""
    top = Section(tree, "", "configuration", report)
    references = References(report, _REFERENCE, "config.yaml", tree, _implied(top))
    models = Models(report, Providers(report, references), _credentials(top))
    for entry in top.sections("model_list", "models"):
        models.add(entry)
    tell(models.tree, report)
    fallbacks = Fallbacks(models.tree, report)
    routing = Routing(models.tree, models.repeated, fallbacks, report)
    litellm, router = top.section("litellm_settings", "settings"), top.section("router_settings", "settings")
    routing.read(router, litellm)
    tell_retries(models.tree, report, "LiteLLM", as_there=True)
    defaults = settings.read_litellm(litellm, report)
    router.close(notes.ROUTER)
    server, personal = settings.read_general(top.section("general_settings", "settings"), report)
    settings.read_environment(top, report)
    settings.read_guardrails(top, report)
    top.close(notes.TOP)
    made: Tree = {"server": server}
    if models.prices.list.unbounded:
        made["limits"] = {"unknown_price": "allow"}
    made |= {"providers": models.providers.tree, "models": models.tree}
    if models.prices.tree:
        made["prices"] = models.prices.tree
    return ConvertedConfig(
        source=SOURCE,
        tree=made,
        groups=models.groups,
        aliases=fallbacks.aliases,
        defaults=msgspec.structs.replace(defaults, user_budget_on_team_keys=personal),
        variables=referred(references.names, made),
    )


def _implied(top: Section) -> Iterator[str]:
    """The variables that LiteLLM takes keys from where deployments name none."""
    for entry in top.sections("model_list", "models"):
        params = entry.section("litellm_params")
        model = params.take("model")
        found = split(model, params.take("custom_llm_provider")) if isinstance(model, str) else None
        vendor = VENDORS.get(found[0]) if found is not None and params.take("api_key") is None else None
        if vendor is not None and vendor.variable is not None:
            yield vendor.variable


def _credentials(top: Section) -> dict[str, Tree]:
    """`credential_list`: by name, what deployments take of each."""
    found: dict[str, Tree] = {}
    for each in top.sections("credential_list", "models"):
        found[str(each.take("credential_name"))] = each.mapping("credential_values")
        each.take("credential_info")
        each.close()
    return found
