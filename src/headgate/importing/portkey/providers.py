"""From the targets of a config to providers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from headgate.importing.places import base_url, name_of
from headgate.importing.portkey.clouds import Clouds, shown
from headgate.importing.portkey.plans import PASSED, Leaf
from headgate.importing.portkey.vendors import VENDORS, guessed
from headgate.importing.references import References, is_secret, variable_of
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, NOT_GOOGLES, Vendor

Tree = dict[str, Any]

_SLUG = re.compile(r"[^/*\s]{1,100}")
_HEADERS = {
    "openai_organization": "OpenAI-Organization",
    "openai_project": "OpenAI-Project",
    "openai_beta": "OpenAI-Beta",
    "anthropic_beta": "anthropic-beta",
    "anthropic_version": "anthropic-version",
}
"""By member of a target, the header that it becomes."""

_THE_CLIENTS = ("messages", "stream")
"""Members of a request that no target sets."""


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
        self._clouds = Clouds(report, references)
        self.slugs: dict[str, Leaf] = {}
        """By slug, a target there that passes the client's model on."""

    def leaf(self, target: Section, inherited: Inherited) -> Leaf | None:
        """Where a target's calls go; None where that cannot be told, which is then in the report."""
        override = {**inherited.override, **target.mapping("override_params")}
        for member in [each for each in _THE_CLIENTS if override.pop(each, None) is not None]:
            self._report.cannot(
                "models", f"{target.at('override_params')}.{member}", "is not set",
                why="what is asked, and whether as a stream, is the client's to say", do="have clients send it",
            )  # fmt: skip
        model = override.pop("model", None)
        model = str(model) if model else None
        provider, virtual_key = target.take("provider"), target.take("virtual_key")
        slug, prefix, model = _slug(provider, virtual_key, model)
        where = target.at(prefix)
        if slug is not None and (is_secret("", slug) or not _SLUG.fullmatch(slug)):
            self._lost(where, "it names no slug", "write @slug or @slug/model")
            return None
        name = self._vendor(slug, provider, where)
        if name is None:
            return None
        vendor = VENDORS.get(name)
        host, host_at = target.take("custom_host"), target.at("custom_host")
        if host is None:
            host, host_at = inherited.host, inherited.host_at
        if host is None:
            host, host_at = target.take("huggingface_base_url"), target.at("huggingface_base_url")
        base = self._references.address(host, host_at, f"{variable_of(slug or name, 'PROVIDER')}_BASE_URL")
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
        elsewhere = base is not None
        if kind == "openai" and elsewhere:
            kind = COMPATIBLE
        settings: Tree = {"kind": kind}
        base_model: str | None = None
        upper = variable_of(slug or name, "PROVIDER")
        if kind == "azure":
            model, base_model = self._clouds.azure(settings, upper, model, base, target)
        elif kind == "bedrock":
            self._clouds.bedrock(settings, target)
        elif kind == "vertex":
            if model is not None and model.startswith(NOT_GOOGLES):
                self._lost(where, "of Vertex AI only Google's own models are served here", "use that vendor's own API")
                return None
            self._clouds.vertex(settings, upper, target)
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
            header: self._references.settings(str(value), target.at(member), header)
            for member, header in _HEADERS.items()
            if (value := target.take(member)) is not None
        }
        if headers:
            settings["headers"] = headers
        leaf = Leaf(
            settings=settings,
            wanted=slug,
            model=model or PASSED,
            where=target.place,
            base_model=base_model,
            override=self._references.settings(override, target.at("override_params")),
        )
        if slug is not None:
            self.slugs.setdefault(slug, Leaf(settings=settings, wanted=slug, model=PASSED, where=f"@{slug}"))
        return leaf

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
        own = vendor.variable if not elsewhere else None
        named = f"{variable_of(slug, 'PROVIDER')}_API_KEY" if slug else own
        named = named or f"{variable_of(name_of(settings), 'PROVIDER')}_API_KEY"
        key = self._references.secret(written, place, named)
        if key is not None:
            settings["api_key"] = key
        elif written is not None or kind == "ollama":
            return
        elif kind == "bedrock":
            self._machine(slug)
        elif slug is not None:
            settings["api_key"] = self._references.variable(named)
            self._report.changes(
                "keys",
                f"@{slug}",
                f"its key is the environment variable {named}",
                why="Portkey keeps it, and gives it to nobody",
                do=f"set {named} to the vendor's key",
            )
        elif own:
            settings["api_key"] = self._references.variable(named)
            self._report.changes(
                "keys",
                shown(target),
                f"is called with the key in {named}",
                why="there the client sends the vendor's key in its own 'authorization'; here that is Headgate's key",
                do=f"set {named}; or set accepts_client_credential of the provider, and clients send x-headgate-key",
            )
        else:
            self._report.changes(
                "keys",
                shown(target),
                "is called without a key",
                why="there the client's own 'authorization' goes to that server; here that is Headgate's key",
                do="set api_key of the provider, if the server asks for one",
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
