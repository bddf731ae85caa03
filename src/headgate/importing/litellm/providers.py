"""From the `litellm_params` of deployments to providers: deployments that are reached alike share one."""

from __future__ import annotations

import re
from typing import Any

from headgate.catalog import Catalog
from headgate.importing import machine
from headgate.importing.litellm.vendors import VENDORS, split
from headgate.importing.places import Place, Places, azure_base, base_url, host_of, name_of
from headgate.importing.references import References, variable_of
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, NOT_GOOGLES, Vendor

Tree = dict[str, Any]

_REGION = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-\d")
_BEDROCK_ROUTES = ("converse/", "invoke/", "converse_like/")
_AZURE_ROUTES = ("responses/", "o_series/", "gpt5_series/")


class Providers:
    """The providers of a configuration, as they are found to be needed."""

    def __init__(self, report: Report, references: References) -> None:
        self._report = report
        self._references = references
        self._catalog = Catalog()
        self._places = Places()

    @property
    def tree(self) -> dict[str, Tree]:
        return self._places.tree

    def place(self, params: Section) -> Place | None:
        """Where a deployment's calls go; None where there is no such provider here, which is then in the report."""
        model = params.take("model")
        named = params.take("custom_llm_provider")
        where = params.at("model")
        if not isinstance(model, str) or not model:
            self._lost(where, "it names no model", "name one")
            return None
        if model.startswith("os.environ/"):
            self._lost(where, "which model it is, stands in the environment", "write it out, and import again")
            return None
        found = split(model, named)
        if found is None:
            self._lost(where, f"LiteLLM guesses the vendor of '{model}' from its name", f"write vendor/{model}")
            return None
        prefix, name = found
        if not name:
            self._lost(where, "it names no model", "name one")
            return None
        vendor = VENDORS.get(prefix)
        base = self._base(params)
        if base is not None and not _is_url(base):
            self._lost(params.at("api_base"), "it is no URL", "write https://host/v1")
            return None
        if vendor is None:
            if base is None:
                do = f"if '{prefix}' speaks OpenAI's dialect, add a provider of kind {COMPATIBLE} with its base_url"
                self._lost(where, f"there is no provider of LiteLLM's kind '{prefix}' here", do)
                return None
            vendor = Vendor(COMPATIBLE)
            self._report.changes(
                "models",
                where,
                f"is taken for a server that speaks OpenAI's dialect, at its api_base ({prefix})",
                why=f"there is no provider of LiteLLM's kind '{prefix}' here",
                do="try it with 'headgate serve' before you rely on it",
            )
        return self._of(vendor, name, base, params, where)

    def _of(self, vendor: Vendor, name: str, base: str | None, params: Section, where: str) -> Place | None:
        kind = vendor.kind
        if kind == "vertex" and name.startswith(NOT_GOOGLES):
            self._lost(where, "of Vertex AI only Google's own models are served here", "use that vendor's own API")
            return None
        elsewhere = base is not None and kind == "openai" and host_of(base) != "api.openai.com"
        if elsewhere and self._catalog.price("openai", name) is None:
            kind = COMPATIBLE
        settings: Tree = {"kind": kind}
        if kind == "bedrock":
            name = self._bedrock(settings, name, params)
        elif kind == "azure":
            name = self._azure(settings, name, base, params)
        elif kind == "vertex":
            self._vertex(settings, params)
        base = base or vendor.base_url
        if base is not None and kind not in ("azure", "bedrock", "vertex"):
            settings["base_url"] = base_url(kind, base)
        if kind == COMPATIBLE and base is None:
            self._lost(where, "it has no api_base, so nothing says where its server is", "add api_base")
            return None
        elsewhere = elsewhere or (kind == COMPATIBLE and vendor.base_url is None)
        self._common(settings, kind, vendor, params, elsewhere)
        return Place(self._places.add(settings), name, kind)

    # ── kinds ──

    def _bedrock(self, settings: Tree, name: str, params: Section) -> str:
        for route in _BEDROCK_ROUTES:
            name = name.removeprefix(route)
        first, slash, rest = name.partition("/")
        if slash and _REGION.fullmatch(first):
            settings["region"], name = first, rest
        region = self._text(params, "aws_region_name")
        profile = self._text(params, "aws_profile_name")
        settings.setdefault("region", region or self._references.variable("AWS_REGION"))
        if profile is not None:
            settings["profile"] = profile
        keys = [each for each in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token") if each in params]
        for each in keys:
            params.take(each)
        if keys:
            machine.aws_keys(self._report, params.place, "a profile with aws_profile_name")
        return name

    def _azure(self, settings: Tree, name: str, base: str | None, params: Section) -> str:
        for route in _AZURE_ROUTES:
            name = name.removeprefix(route)
        settings["base_url"] = azure_base(base or self._references.variable("AZURE_API_BASE"))
        if params.take("api_version") is not None:
            self._report.carries(
                "models", params.at("api_version"), "is not needed: Azure's v1 API has no dated versions"
            )
        if params.take("azure_ad_token") is not None or params.take("tenant_id") is not None:
            for member in ("client_id", "client_secret"):
                params.take(member)
            settings["auth"] = "entra"
            machine.entra(self._report, params.place)
        return name

    def _vertex(self, settings: Tree, params: Section) -> None:
        project = self._text(params, "vertex_project") or self._text(params, "vertex_ai_project")
        location = self._text(params, "vertex_location") or self._text(params, "vertex_ai_location")
        settings["project"] = project or self._references.variable("VERTEXAI_PROJECT")
        if location:
            settings["location"] = location
        credentials = params.take("vertex_credentials")
        if isinstance(credentials, str) and not credentials.lstrip().startswith("{"):
            settings["credentials_file"] = self._references.text(credentials, params.at("vertex_credentials"))
        elif credentials is not None:
            machine.google_account(self._report, params.at("vertex_credentials"))

    # ── parts ──

    def _base(self, params: Section) -> str | None:
        first, second = params.take("api_base"), params.take("base_url")
        written, where = first or second, params.at("api_base" if first else "base_url")
        return self._references.address(written, where, "API_BASE")

    def _common(self, settings: Tree, kind: str, vendor: Vendor, params: Section, elsewhere: bool) -> None:
        """Credential and headers. `elsewhere` is where the vendor's own key has no business."""
        written = params.take("api_key")
        name = f"{name_of(settings)}_API_KEY" if elsewhere or vendor.variable is None else vendor.variable
        key = self._references.secret(written, params.at("api_key"), variable_of(name, "API_KEY"))
        signed = "auth" in settings or kind == "vertex"
        if key is not None and not signed:
            settings["api_key"] = key
        elif written is None and vendor.variable is not None and not (signed or elsewhere):
            settings["api_key"] = self._references.variable(vendor.variable)
        elif written is None and vendor.variable is not None and elsewhere:
            self._report.changes(
                "models",
                params.place,
                "is called without a key",
                why=f"LiteLLM would send {vendor.variable} to a server that is not that vendor's",
                do=f"set api_key of the provider {name_of(settings)}, if it needs one",
            )
        headers = {**params.mapping("extra_headers"), **params.mapping("headers")}
        texts = {str(name): str(value) for name, value in headers.items()}
        found = self._references.settings(texts, params.at("extra_headers"))
        organisation = self._text(params, "organization")
        if organisation is not None:
            found["OpenAI-Organization"] = organisation
        if found:
            settings["headers"] = found
        body = params.take("extra_body")
        if isinstance(body, dict) and body:
            settings["body"] = self._references.settings(body, params.at("extra_body"))

    def _text(self, params: Section, name: str) -> str | None:
        return self._references.text(params.take(name), params.at(name))

    def _lost(self, place: str, why: str, do: str) -> None:
        self._report.cannot("models", place, "this deployment is left out", why=why, do=do)


def _is_url(base: str) -> bool:
    """Whether it is one, or a reference to what may be one."""
    return "${" in base or bool(host_of(base))
