"""From Bifrost's providers and their keys to ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.importing import machine
from headgate.importing.bifrost import notes
from headgate.importing.bifrost.reading import VAULT
from headgate.importing.bifrost.vendors import VENDORS, base_url
from headgate.importing.places import azure_base
from headgate.importing.references import References
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, Vendor

Tree = dict[str, Any]

ALL = "*"

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")
_OTHERS = ("claude", "anthropic/", "meta/", "mistral", "codestral", "jamba", "llama", "moonshotai/", "minimaxai/")
"""Beginnings of models on Vertex AI that are not Google's."""


class Alias(msgspec.Struct, frozen=True):
    """What a name of Bifrost's stands for."""

    model: str
    """The id at the vendor."""
    base_model: str | None
    """What that is, where it does not say so itself."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of one provider that are alike but for themselves."""

    settings: Tree
    wanted: str
    names: list[str]
    """What the keys are called: names and ids."""
    weight: float
    models: list[str]
    """What may be asked for there; `*` for everything."""
    blocked: list[str]
    aliases: dict[str, Alias]

    def serves(self, model: str) -> bool:
        """Whether a model may be asked for there."""
        return (ALL in self.models or model in self.models) and model not in self.blocked and ALL not in self.blocked

    def at(self, model: str) -> Alias:
        """The id that a model has there."""
        return self.aliases.get(model) or Alias(model, None)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One provider of Bifrost's."""

    name: str
    vendor: str
    groups: list[Group]
    settings: Tree
    """Of the models that go there: retry, timeout, queue."""
    most: int | None
    """Calls under way there at a time."""


class Providers:
    """Reads the providers of a configuration."""

    def __init__(self, report: Report, references: References, older: bool) -> None:
        self._report = report
        self._references = references
        self._older = older
        """Whether empty lists allow everything, as before release 1.5."""

    def read(self, name: str, section: Section) -> Entry | None:
        """One provider; None where there is none of its kind here, which is then in the report."""
        custom = section.section("custom_provider_config")
        vendor_name = str(custom.take("base_provider_type", name))
        keyless = custom.take("is_key_less") is True
        custom.close(notes.CUSTOM)
        vendor = VENDORS.get(vendor_name)
        place = section.place
        if vendor is None or "/" in name or ALL in name or not name.strip() or " " in name:
            why = f"there is no provider of Bifrost's kind '{vendor_name}' here"
            if vendor is not None:
                why = "its name cannot be one here"
            do = f"if it speaks OpenAI's dialect, add a provider of kind {COMPATIBLE} with its base_url"
            self._report.cannot("models", place, "this provider is left out", why=why, do=do)
            return None
        common, settings = self._network(section.section("network_config"), vendor, vendor_name, custom)
        self._proxy(section.section("proxy_config"), common)
        most = self._concurrency(section.section("concurrency_and_buffer_size"), settings)
        meta = section.section("meta_config")
        keys = section.sections("keys")
        if not keys and (keyless or vendor.kind in ("ollama", "vllm") or meta):
            keys = [Section({}, section.at("keys"), "models", self._report)]
        groups: list[Group] = []
        for key in keys:
            group = self._key(key, name, vendor, vendor_name, common, meta, keyless or not key)
            if group is not None:
                _join(groups, group)
        if len(groups) > 1:
            groups = [
                msgspec.structs.replace(each, wanted=f"{name}-{_named(each.names) or number}")
                for number, each in enumerate(groups, 1)
            ]
        meta.close({**notes.AZURE, **notes.BEDROCK, **notes.VERTEX})
        section.close(notes.PROVIDER)
        if not groups:
            self._report.cannot(
                "models", place, "this provider is left out", why="none of its keys may be used", do="see its keys"
            )
            return None
        return Entry(name=name, vendor=vendor_name, groups=groups, settings=settings, most=most)

    # ── network ──

    def _network(self, network: Section, vendor: Vendor, name: str, custom: Section) -> tuple[Tree, Tree]:
        """Settings of the provider, and of the models that go there."""
        kind = vendor.kind
        base = self._references.text(network.take("base_url"), network.at("base_url"))
        common: Tree = {"kind": COMPATIBLE if kind == "openai" and base and "api.openai.com" not in base else kind}
        if kind not in ("azure", "bedrock", "vertex") and (base or vendor.base_url):
            common["base_url"] = base_url(name, base) if base else vendor.base_url
        elif base:
            common["base_url"] = azure_base(base.rstrip("/"))
        headers = network.mapping("extra_headers")
        if headers:
            common["headers"] = {
                str(header): self._references.text(value, network.at("extra_headers")) or ""
                for header, value in headers.items()
            }
        settings: Tree = {}
        self._retries(network, settings)
        times: Tree = {}
        whole, idle = (
            network.number("default_request_timeout_in_seconds"),
            network.number("stream_idle_timeout_in_seconds"),
        )
        if whole and whole > 0:
            times["attempt_s"] = min(whole, 86_400.0)
            if whole > 600:
                times["total_s"] = min(whole, 86_400.0)
            self._report.changes(
                "models", network.at("default_request_timeout_in_seconds"), "is timeout.attempt_s of its models",
                why="it is for one attempt; the whole call, retries included, has total_s",
            )  # fmt: skip
        if idle and idle > 0:
            times["stall_s"] = min(idle, 86_400.0)
            self._report.carries(
                "models", network.at("stream_idle_timeout_in_seconds"), "is timeout.stall_s of its models"
            )
        if times:
            settings["timeout"] = times
        network.close(notes.NETWORK)
        return common, settings

    def _retries(self, network: Section, settings: Tree) -> None:
        retries = network.count("max_retries")
        if retries is not None:
            settings["retry"] = {"attempts": min(10, max(0, retries) + 1)}
            self._report.changes(
                "models", network.at("max_retries"), f"is retry.attempts: {min(10, max(0, retries) + 1)}",
                why="the first is counted too, and all retries together are at most a fifth of a model's calls",
                do="raise retry.budget if you want more in an outage",
            )  # fmt: skip
        first, last = network.number("retry_backoff_initial"), network.number("retry_backoff_max")
        first = first or network.number("retry_backoff_initial_ms")
        last = last or network.number("retry_backoff_max_ms")
        for value, ours, there in ((first, "base_s", "retry_backoff_initial"), (last, "max_s", "retry_backoff_max")):
            if value and value > 0:
                settings.setdefault("retry", {})[ours] = min(value / 1000, 86_400.0)
                self._report.carries("models", network.at(there), f"is retry.{ours} of its models")
        retry = settings.get("retry", {})
        if retry.get("base_s", 0.25) > retry.get("max_s", 8.0):
            retry["max_s"] = retry.get("base_s", 0.25)
            retry["base_s"] = retry["max_s"]

    def _proxy(self, proxy: Section, common: Tree) -> None:
        kind, url = proxy.take("type"), self._references.text(proxy.take("url"), proxy.at("url"))
        user, word = proxy.take("username"), proxy.take("password")
        if kind == "http" and url:
            if user is not None and "${" not in url and "://" in url:
                scheme, _, host = url.partition("://")
                name = self._references.text(user, proxy.at("username")) or ""
                secret = self._references.secret(word, proxy.at("password"), "PROXY_PASSWORD") or ""
                url = f"{scheme}://{name}:{secret}@{host}"
            elif user is not None:
                self._report.cannot(
                    "models", proxy.at("username"), "is left out", why="its address comes from the environment whole",
                    do="write user and password into that: http://user:password@host:port",
                )  # fmt: skip
            common["proxy"] = url
            self._report.carries("models", proxy.place, "is proxy of the provider")
        elif kind not in (None, "none"):
            self._report.cannot(
                "models", proxy.place, "is left out", why="only HTTP proxies are known, and none from the environment",
                do="set proxy of the provider: http://host:port",
            )  # fmt: skip
        proxy.close({"ca_cert_pem": notes.NETWORK["ca_cert_pem"]})

    def _concurrency(self, section: Section, settings: Tree) -> int | None:
        most, length = section.count("concurrency"), section.count("buffer_size")
        if most and most > 0:
            self._report.changes(
                "models", section.at("concurrency"), "is max_concurrent of its targets",
                why="it is for one target, and in one process",
            )  # fmt: skip
        if length and length > 0:
            settings["queue"] = {"length": min(length, 100_000)}
            self._report.changes(
                "models", section.at("buffer_size"), "is queue.length of its models", why="calls wait for one target"
            )
        section.close()
        return min(most, 1_000_000) if most and most > 0 else None

    # ── keys ──

    def _key(
        self, key: Section, name: str, vendor: Vendor, vendor_name: str, common: Tree, meta: Section, keyless: bool
    ) -> Group | None:
        weight, models = key.number("weight"), self._models(key, keyless)
        if weight is not None and weight <= 0:
            self._report.carries("models", key.place, "gets no calls, and is left out")
            return None
        if not models:
            self._report.cannot(
                "models", key.place, "this key is left out", why="it lists no models, which allows none",
                do='write ["*"]; or "version": 1 at the top if your Bifrost is older than 1.5, where it allows all',
            )  # fmt: skip
            return None
        names = [str(each) for each in (key.take("name"), key.take("id")) if each]
        aliases = self._aliases(key)
        settings = dict(common)
        config = key.section(f"{vendor_name}_key_config") if f"{vendor_name}_key_config" in key else meta
        if vendor.kind == "azure":
            self._azure(settings, config, aliases)
        elif vendor.kind == "bedrock":
            self._bedrock(settings, config, aliases)
        elif vendor.kind == "vertex":
            self._vertex(settings, config)
        elif config is not meta:
            only = self._server(settings, config, vendor_name)
            models = [only] if only is not None and ALL in models else models
        self._credential(settings, vendor, key, name, names)
        blocked = [str(each) for each in key.values("blacklisted_models")]
        key.close(notes.KEY)
        if settings["kind"] == COMPATIBLE and "base_url" not in settings:
            self._report.cannot(
                "models", key.place, "this key is left out", why="nothing says where its server is",
                do="add network_config.base_url",
            )  # fmt: skip
            return None
        if blocked and ALL in models:
            self._report.cannot(
                "models", key.at("blacklisted_models"), f"may be asked for all the same: {', '.join(blocked[:5])}",
                why="a pattern here has no exceptions", do="name the models of keys: 'headgate keys create --model …'",
            )  # fmt: skip
        return Group(
            settings=settings,
            wanted=name,
            names=names,
            weight=1.0 if weight is None else weight,
            models=models,
            blocked=blocked,
            aliases=self._fit(aliases, models, key),
        )

    def _models(self, key: Section, keyless: bool) -> list[str]:
        """What a key lists, `*` for everything."""
        models = [str(each) for each in key.values("models") if each]
        if not models and (self._older or keyless):
            return [ALL]
        for each in [each for each in models if (ALL in each and each != ALL) or each.startswith("regex:")]:
            self._report.cannot(
                "models", key.at("models"), f"{each} is left out", why="only '*' alone is known there",
                do="write the models' names",
            )  # fmt: skip
            models.remove(each)
        return list(dict.fromkeys(models))

    def _fit(self, aliases: dict[str, Alias], models: list[str], key: Section) -> dict[str, Alias]:
        for alias in [each for each in aliases if ALL not in models and each not in models]:
            self._report.carries(
                "models", f"{key.at('aliases')}.{alias}", "is left out: the key's models do not have it"
            )
            del aliases[alias]
        return aliases

    def _aliases(self, key: Section) -> dict[str, Alias]:
        found: dict[str, Alias] = {}
        for alias, value in key.mapping("aliases").items():
            if isinstance(value, str) and value:
                found[alias] = Alias(value, None)
                continue
            section = Section(value, f"{key.at('aliases')}.{alias}", "models", self._report)
            model, base = section.take("model_id"), section.take("model_name")
            for name in ("model_family", "description"):
                section.take(name)
            for name in list(section.rest()):
                self._report.cannot(
                    "models", section.at(name), "is left out", why="a target has the settings of its provider",
                    do="make a provider of its own for it",
                )  # fmt: skip
                section.take(name)
            if model:
                found[alias] = Alias(str(model), str(base) if base else None)
        return {alias: each for alias, each in found.items() if ALL not in alias and ALL not in each.model}

    # ── kinds ──

    def _azure(self, settings: Tree, config: Section, aliases: dict[str, Alias]) -> None:
        base = self._references.text(config.take("endpoint"), config.at("endpoint"))
        if base:
            settings["base_url"] = azure_base(base.rstrip("/"))
        elif "base_url" not in settings:
            settings["base_url"] = self._references.variable("AZURE_ENDPOINT")
        self._deployments(config, aliases)
        if _taken(config, ("client_id", "client_secret", "tenant_id")):
            settings["auth"] = "entra"
            machine.entra(self._report, config.place)
        config.close(notes.AZURE)

    def _bedrock(self, settings: Tree, config: Section, aliases: dict[str, Alias]) -> None:
        region = self._references.text(config.take("region"), config.at("region"))
        settings["region"] = region or self._references.variable("AWS_REGION")
        self._deployments(config, aliases)
        keys = ("access_key", "secret_key", "session_token", "secret_access_key")
        if _taken(config, keys):
            machine.aws_keys(self._report, config.place, "name a profile as the provider's profile")
        if _taken(config, ("role_arn", "external_id", "session_name")):
            machine.aws_role(self._report, config.at("role_arn"))
        config.close(notes.BEDROCK)

    def _vertex(self, settings: Tree, config: Section) -> None:
        project = self._references.text(config.take("project_id"), config.at("project_id"))
        settings["project"] = project or self._references.variable("VERTEX_PROJECT_ID")
        location = self._references.text(config.take("region"), config.at("region"))
        if location:
            settings["location"] = location
        if config.take("auth_credentials") is not None:
            machine.google_account(self._report, config.at("auth_credentials"))
        config.close(notes.VERTEX)

    def _server(self, settings: Tree, config: Section, vendor_name: str) -> str | None:
        """A server of one's own; the only model it has, where that is said."""
        base = self._references.text(config.take("url"), config.at("url"))
        if base:
            settings["base_url"] = base if "${" in base else base_url(vendor_name, base)
            if "${" in base:
                self._report.changes(
                    "models", config.at("url"), "has to end in /v1", why="Bifrost adds that itself",
                    do=f"set {base} so",
                )  # fmt: skip
        named = config.take("model_name")
        config.close()
        return str(named) if named else None

    def _deployments(self, config: Section, aliases: dict[str, Alias]) -> None:
        for model, deployment in config.mapping("deployments").items():
            if isinstance(deployment, str) and deployment and ALL not in model + deployment:
                aliases.setdefault(model, Alias(deployment, model if model != deployment else None))

    def _credential(self, settings: Tree, vendor: Vendor, key: Section, name: str, names: list[str]) -> None:
        value, place = key.take("value"), key.at("value")
        kind = settings["kind"]
        if kind == "vertex" or "auth" in settings or value in (None, ""):
            if kind == "azure" and "auth" not in settings:
                settings["auth"] = "managed_identity"
                self._report.changes(
                    "models", key.place, "signs in by the machine's own identity", why="it has no key there, too",
                    do="pip install 'headgate[azure]'; or set api_key of the provider",
                )  # fmt: skip
            return
        own = vendor.variable if VENDORS.get(name) is vendor else None
        variable = own or f"{_UNNAMED.sub('_', name).strip('_').upper()}_API_KEY"
        if isinstance(value, str) and value.startswith(VAULT):
            named = f"{_UNNAMED.sub('_', names[0]).strip('_').upper()}_KEY" if names else variable
            settings["api_key"] = self._references.variable(f"_{named}" if named[:1].isdigit() else named)
            self._report.changes(
                "models", place, f"is the environment variable {named}",
                why="secrets come from the environment and from files",
                do="have Vault's agent write it to a file, and refer to that: docs/secrets.md",
            )  # fmt: skip
            return
        secret = self._references.secret(value, place, variable)
        if secret is not None:
            settings["api_key"] = secret


def _join(groups: list[Group], group: Group) -> None:
    """Add a key to those it is like, or as a group of its own."""
    for index, known in enumerate(groups):
        if not _alike(known, group):
            continue
        first, more = known.settings, group.settings.get("api_key")
        keys = first.get("api_keys") or [first["api_key"]]
        rest = {name: value for name, value in first.items() if name not in ("api_key", "api_keys")}
        groups[index] = msgspec.structs.replace(
            known,
            settings=first if more in keys else {**rest, "api_keys": [*keys, more]},
            names=[*known.names, *group.names],
            weight=known.weight + group.weight,
        )
        return
    groups.append(group)


def _alike(one: Group, other: Group) -> bool:
    """Whether two keys differ in nothing but themselves."""
    number = len(one.settings.get("api_keys", [0]))
    same = {name: value for name, value in one.settings.items() if name not in ("api_key", "api_keys")}
    others = {name: value for name, value in other.settings.items() if name != "api_key"}
    return (
        ("api_key" in one.settings or "api_keys" in one.settings)
        and "api_key" in other.settings
        and same == others
        and abs(one.weight / number - other.weight) < 1e-9
        and (one.models, one.blocked, one.aliases) == (other.models, other.blocked, other.aliases)
    )


def _taken(section: Section, names: Sequence[str]) -> bool:
    """Whether there is one of some members; all of them are dealt with."""
    return bool([name for name in names if section.take(name) is not None])


def _named(names: list[str]) -> str:
    return _UNNAMED.sub("-", names[0]).strip("-").lower()[:40] if names else ""


def vertex_model(model: str) -> str | None:
    """A model's id on Vertex AI as it is here; None where it is not Google's own."""
    plain = model.removeprefix("google/")
    return None if plain.startswith(_OTHERS) else plain
