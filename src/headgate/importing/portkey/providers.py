"""From the targets of a config to providers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from headgate.importing import machine
from headgate.importing.places import azure_base, base_url, name_of
from headgate.importing.portkey.plans import PASSED, Leaf
from headgate.importing.portkey.vendors import VENDORS, guessed
from headgate.importing.references import References, escaped
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, Vendor

Tree = dict[str, Any]

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")
_SLUG = re.compile(r"[^/*\s]{1,100}")
_HEADERS = {
    "openai_organization": "OpenAI-Organization",
    "openai_project": "OpenAI-Project",
    "openai_beta": "OpenAI-Beta",
    "anthropic_beta": "anthropic-beta",
    "anthropic_version": "anthropic-version",
}
"""By member of a target, the header that it becomes."""

_VERTEX_OTHERS = ("claude", "anthropic.", "meta.", "meta/", "mistral", "codestral", "jamba", "llama")


class Integration(NamedTuple):
    """What conf.json has under a slug."""

    vendor: str
    key: Any
    place: str


class Inherited(msgspec.Struct, frozen=True, kw_only=True):
    """What a target has of the groups it is in."""

    override: Tree = {}
    """Members set in requests."""
    host: Any = None
    host_at: str = ""
    """Where that is written."""


class Providers:
    """Where targets are, and under which slugs of Portkey's model catalog."""

    def __init__(
        self,
        report: Report,
        references: References,
        vendors: Mapping[str, str],
        integrations: Mapping[str, Integration],
    ) -> None:
        self._report = report
        self._references = references
        self._vendors = vendors
        self._integrations = integrations
        self.slugs: dict[str, Leaf] = {}
        """By slug, a target there that passes the client's model on."""

    def leaf(self, target: Section, inherited: Inherited) -> Leaf | None:
        """Where a target's calls go; None where that cannot be told, which is then in the report."""
        override = {**inherited.override, **target.mapping("override_params")}
        model = override.pop("model", None)
        model = str(model) if model else None
        provider, virtual_key = target.take("provider"), target.take("virtual_key")
        slug, prefix, model = _slug(provider, virtual_key, model)
        where = target.at(prefix)
        if slug is not None and not _SLUG.fullmatch(slug):
            self._lost(where, "it names no slug", "write @slug or @slug/model")
            return None
        name = self._vendor(slug, provider, where)
        if name is None:
            return None
        vendor = VENDORS.get(name)
        host, host_at = target.take("custom_host"), target.at("custom_host")
        if host is None:
            host, host_at = inherited.host, inherited.host_at
        base = self._references.text(host or target.take("huggingface_base_url"), host_at)
        if vendor is None and base is None:
            do = f"if '{name}' speaks OpenAI's dialect, add a provider of kind {COMPATIBLE} with its base_url"
            self._lost(where, f"there is no provider of Portkey's kind '{name}' here", do)
            return None
        if vendor is None:
            vendor = Vendor(COMPATIBLE)
            self._report.changes(
                "models",
                where,
                f"is taken for a server that speaks OpenAI's dialect, at its custom_host ({name})",
                why=f"there is no provider of Portkey's kind '{name}' here",
                do="try it with 'headgate serve' before you rely on it",
            )
        return self._at(vendor, name, slug, model, base, override, target, where)

    def slug(self, slug: str) -> Leaf | None:
        """What passes models on to a slug, which conf.json has."""
        found = self._integrations[slug]
        section = Section({"virtual_key": slug}, found.place, "models", self._report)
        return self.leaf(section, Inherited())

    # ── which vendor ──

    def _vendor(self, slug: str | None, provider: Any, where: str) -> str | None:
        if slug is None:
            if isinstance(provider, str) and provider:
                return provider
            self._lost(where, "it names no provider", "name one, or a slug of the model catalog")
            return None
        known = self._vendors.get(slug) or (self._integrations[slug].vendor if slug in self._integrations else None)
        plain = provider if isinstance(provider, str) and not provider.startswith("@") else None
        found = known or plain or guessed(slug)
        if found is None:
            self._lost(
                where,
                f"what is behind '{slug}' is at Portkey, and its name does not tell",
                f"say it, and import again: --vendor {slug}=openai, or another of Portkey's names for vendors",
            )
        elif known is None and plain is None:
            self._report.changes(
                "models",
                f"@{slug}",
                f"is taken for {found}",
                why="what is behind a slug or a virtual key is at Portkey; its name tells of that vendor",
                do=f"if it is another: --vendor {slug}=…",
            )
        return found

    # ── kinds ──

    def _at(
        self,
        vendor: Vendor,
        name: str,
        slug: str | None,
        model: str | None,
        base: str | None,
        override: Tree,
        target: Section,
        where: str,
    ) -> Leaf | None:
        kind = vendor.kind
        base = base.rstrip("/") if base else None
        elsewhere = base is not None
        if kind == "openai" and elsewhere:
            kind = COMPATIBLE
        settings: Tree = {"kind": kind}
        base_model: str | None = None
        upper = _upper(slug or name)
        if kind == "azure":
            model, base_model = self._azure(settings, upper, model, base, target)
        elif kind == "bedrock":
            self._bedrock(settings, target)
        elif kind == "vertex":
            if model is not None and model.startswith(_VERTEX_OTHERS):
                self._lost(where, "of Vertex AI only Google's own models are served here", "use that vendor's own API")
                return None
            self._vertex(settings, upper, target)
            model = model.removeprefix("google.").removeprefix("google/") if model else None
        else:
            base = base or vendor.base_url
            if base is not None:
                settings["base_url"] = base_url(kind, base)
        if kind == COMPATIBLE and base is None:
            self._lost(where, "nothing says where its server is", "add custom_host")
            return None
        self._credential(settings, vendor, slug, elsewhere, target)
        headers = {
            header: self._references.text(value, target.at(member)) or ""
            for member, header in _HEADERS.items()
            if (value := target.take(member)) is not None
        }
        if headers:
            settings["headers"] = headers
        wanted = slug or None
        leaf = Leaf(
            settings=settings,
            wanted=wanted,
            model=model or PASSED,
            where=target.place,
            weight=1.0,
            base_model=base_model,
            override=escaped(override),
        )
        if slug is not None:
            self.slugs.setdefault(slug, Leaf(settings=settings, wanted=wanted, model=PASSED, where=f"@{slug}"))
        return leaf

    def _azure(
        self, settings: Tree, upper: str, model: str | None, base: str | None, target: Section
    ) -> tuple[str | None, str | None]:
        """The deployment, and the model behind it where that is known."""
        resource = _first(target, "resource_name", "azure_resource_name")
        foundry = self._references.text(target.take("azure_foundry_url"), target.at("azure_foundry_url"))
        if base is None and resource is not None:
            text = self._references.text(resource, target.at("resource_name")) or ""
            base = f"https://{text}.openai.azure.com"
        base = base or foundry
        settings["base_url"] = azure_base(base) if base else self._references.variable(f"{upper}_BASE_URL")
        if not base:
            self._report.changes(
                "models",
                target.place or "the config",
                f"its address is the environment variable {upper}_BASE_URL",
                why="the resource of Azure is at Portkey",
                do=f"set {upper}_BASE_URL to https://<resource>.openai.azure.com",
            )
        if _first(target, "api_version", "azure_api_version") is not None:
            self._report.carries(
                "models", target.at("api_version"), "is not needed: Azure's v1 API has no dated versions"
            )
        mode = target.take("azure_auth_mode")
        client = self._references.text(target.take("azure_managed_client_id"), target.at("azure_managed_client_id"))
        entra = [
            name
            for name in ("azure_entra_client_id", "azure_entra_client_secret", "azure_entra_tenant_id", "ad_auth")
            if target.take(name) is not None
        ]
        if mode == "managed" or client:
            settings["auth"] = "managed_identity"
            if client:
                settings["client_id"] = client
            self._report.changes(
                "models", target.place or "the config", "signs in by its managed identity",
                why="tokens are fetched with the credentials of the machine", do="pip install 'headgate[azure]'",
            )  # fmt: skip
        elif mode == "entra" or entra:
            settings["auth"] = "entra"
            machine.entra(self._report, target.place or "the config")
        deployment = _first(target, "deployment_id", "azure_deployment_id", "azure_deployment_name")
        named = target.take("azure_model_name")
        base_model = str(named) if named else model
        if deployment is None:
            return model, str(named) if named else None
        return str(deployment), base_model if base_model != deployment else None

    def _bedrock(self, settings: Tree, target: Section) -> None:
        region = self._references.text(target.take("aws_region"), target.at("aws_region"))
        settings["region"] = region or self._references.variable("AWS_REGION")
        keys = [
            name
            for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
            if target.take(name) is not None
        ]
        if keys:
            machine.aws_keys(self._report, target.place or "the config", "name a profile as the provider's profile")
        if _first(target, "aws_role_arn", "aws_external_id") is not None:
            target.take("aws_external_id")
            machine.aws_role(self._report, target.at("aws_role_arn"))

    def _vertex(self, settings: Tree, upper: str, target: Section) -> None:
        account = target.take("vertex_service_account_json")
        project = self._references.text(target.take("vertex_project_id"), target.at("vertex_project_id"))
        if not project and isinstance(account, dict) and isinstance(account.get("project_id"), str):
            project = escaped(account["project_id"])
        settings["project"] = project or self._references.variable(f"{upper}_PROJECT")
        location = self._references.text(target.take("vertex_region"), target.at("vertex_region"))
        if location:
            settings["location"] = location
        if account is not None:
            machine.google_account(self._report, target.at("vertex_service_account_json"))

    # ── parts ──

    def _credential(self, settings: Tree, vendor: Vendor, slug: str | None, elsewhere: bool, target: Section) -> None:
        kind = settings["kind"]
        written, place = target.take("api_key"), target.at("api_key")
        if written is None and (integration := self._integrations.get(slug or "")) is not None:
            written, place = integration.key, f"{integration.place}.credentials"
        if kind == "vertex" or "auth" in settings:
            self._machine(slug)
            if written is not None:
                self._report.changes(
                    "models", place, "is left out", why="tokens are fetched with the credentials of the machine"
                )
            return
        own = not elsewhere and vendor.variable is not None
        named = (
            f"{_upper(slug)}_API_KEY" if slug else vendor.variable if own else f"{_upper(name_of(settings))}_API_KEY"
        )
        key = self._references.secret(written, place, str(named))
        if key is not None:
            settings["api_key"] = key
        elif written is not None or kind == "ollama":
            return
        elif kind == "bedrock":
            self._machine(slug)
        elif slug is not None:
            settings["api_key"] = self._references.variable(str(named))
            self._report.changes(
                "keys",
                f"@{slug}",
                f"its key is the environment variable {named}",
                why="Portkey keeps it, and gives it to nobody",
                do=f"set {named} to the vendor's key",
            )
        elif own:
            settings["api_key"] = self._references.variable(str(named))
            self._report.changes(
                "keys",
                target.place or "the config",
                f"is called with the key in {named}",
                why="there the client sends the vendor's key in its own 'authorization'; here that is Headgate's key",
                do=f"set {named}; or set accepts_client_credential of the provider, and clients send x-headgate-key",
            )

    def _machine(self, slug: str | None) -> None:
        """Tell of a slug whose credentials are the machine's own here."""
        if slug is not None:
            self._report.changes(
                "keys",
                f"@{slug}",
                "is called with the credentials of the machine",
                why="Portkey keeps its own, and gives them to nobody",
                do="give the machine a role, a profile or a service account there: docs/providers.md",
            )

    def _lost(self, place: str, why: str, do: str) -> None:
        self._report.cannot("models", place, "this target is left out", why=why, do=do)


def _slug(provider: Any, virtual_key: Any, model: str | None) -> tuple[str | None, str, str | None]:
    """The slug a target is at, the member that says it, and the model's id there."""
    if model is not None and model.startswith("@"):
        slug, _, rest = model[1:].partition("/")
        return slug, "override_params.model", rest or None
    if isinstance(provider, str) and provider.startswith("@"):
        return provider[1:], "provider", model
    if virtual_key is not None:
        return str(virtual_key), "virtual_key", model
    return None, "provider", model


def _first(target: Section, *names: str) -> Any:
    """The first of some members that is there; all of them are dealt with."""
    found = [value for name in names if (value := target.take(name)) is not None]
    return found[0] if found else None


def _upper(name: str | None) -> str:
    """A name as the beginning of an environment variable's."""
    upper = _UNNAMED.sub("_", name or "").strip("_").upper()
    return f"_{upper}" if upper[:1].isdigit() else upper or "PROVIDER"
