"""From the keys of one of Bifrost's providers to providers here: keys that are alike share one."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headgate.importing.bifrost import notes
from headgate.importing.bifrost.clouds import Clouds, vertex_model
from headgate.importing.bifrost.reading import VAULT
from headgate.importing.bifrost.vendors import VENDORS, base_url
from headgate.importing.references import References, variable_of
from headgate.importing.report import Report
from headgate.importing.section import Section
from headgate.importing.vendors import COMPATIBLE, Vendor

Tree = dict[str, Any]

ALL = "*"

_UNNAMED = re.compile(r"[^A-Za-z0-9]+")


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
        """What a model is there."""
        return self.aliases.get(model) or Alias(model, None)

    def there(self, model: str) -> str | None:
        """The id of a model there; None for one on Vertex AI that is not Google's own."""
        found = self.at(model).model
        return vertex_model(found) if self.settings["kind"] == "vertex" else found


class Keys:
    """Reads the keys of one provider."""

    def __init__(
        self, report: Report, references: References, name: str, vendor: Vendor, vendor_name: str, *, open_lists: bool
    ) -> None:
        """`open_lists` is whether empty lists of models allow everything."""
        self._report = report
        self._references = references
        self._name = name
        self._vendor = vendor
        self._vendor_name = vendor_name
        self._open_lists = open_lists
        self._clouds = Clouds(report, references)
        self._groups: list[Group] = []

    def groups(self) -> list[Group]:
        """What the keys come to."""
        if len(self._groups) < 2:
            return self._groups
        return [
            msgspec.structs.replace(each, wanted=f"{self._name}-{_named(each.names) or number}")
            for number, each in enumerate(self._groups, 1)
        ]

    def read(self, key: Section, common: Tree, meta: Section) -> None:
        """One key. `common` are the settings of the provider, `meta` what older releases say there of its cloud."""
        weight, models = key.number("weight"), self._models(key)
        if (weight is not None and weight <= 0) or key.take("enabled") is False:
            self._report.carries("models", key.place, "gets no calls, and is left out")
            return
        if not models:
            self._report.cannot(
                "models", key.place, "this key is left out", why="it lists no models, which allows none",
                do='write ["*"]; or "version": 1 at the top if your Bifrost is older than 1.5, where it allows all',
            )  # fmt: skip
            return
        names = [str(each) for each in (key.take("name"), key.take("id")) if each]
        aliases = self._aliases(key)
        settings = dict(common)
        own = f"{self._vendor_name}_key_config"
        config = key.section(own) if own in key else meta
        if self._vendor.kind in ("azure", "bedrock", "vertex"):
            self._deployments(config, aliases)
            self._clouds.read(self._vendor.kind, settings, config)
        elif config is not meta:
            only = self._server(settings, config)
            models = [only] if only is not None and ALL in models else models
        self._credential(settings, key, names)
        blocked = [str(each) for each in key.values("blacklisted_models")]
        key.close(notes.KEY)
        if settings["kind"] == COMPATIBLE and "base_url" not in settings:
            self._report.cannot(
                "models", key.place, "this key is left out", why="nothing says where its server is",
                do="add network_config.base_url",
            )  # fmt: skip
            return
        if blocked and ALL in models:
            self._report.cannot(
                "models", key.at("blacklisted_models"), f"may be asked for all the same: {', '.join(blocked[:5])}",
                why="a pattern here has no exceptions", do="name the models of keys: 'headgate keys create --model …'",
            )  # fmt: skip
        group = Group(
            settings=settings,
            wanted=self._name,
            names=names,
            weight=1.0 if weight is None else weight,
            models=models,
            blocked=blocked,
            aliases=self._fit(aliases, models, key),
        )
        _join(self._groups, group)

    # ── models ──

    def _models(self, key: Section) -> list[str]:
        """What a key lists, `*` for everything."""
        models = [str(each) for each in key.values("models") if each]
        if not models and self._open_lists:
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

    def _deployments(self, config: Section, aliases: dict[str, Alias]) -> None:
        for model, deployment in config.mapping("deployments").items():
            if isinstance(deployment, str) and deployment and ALL not in model + deployment:
                aliases.setdefault(model, Alias(deployment, model if model != deployment else None))

    # ── where, and with what ──

    def _server(self, settings: Tree, config: Section) -> str | None:
        """A server of one's own; the only model it has, where that is said."""
        base = self._references.address(
            config.take("url"), config.at("url"), f"{variable_of(self._name, 'SERVER')}_URL"
        )
        if base:
            settings["base_url"] = base if "${" in base else base_url(self._vendor_name, base)
            if "${" in base:
                self._report.changes(
                    "models", config.at("url"), "has to end in /v1", why="Bifrost adds that itself",
                    do=f"set {base} so",
                )  # fmt: skip
        named = config.take("model_name")
        config.close()
        return str(named) if named else None

    def _credential(self, settings: Tree, key: Section, names: list[str]) -> None:
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
        own = self._vendor.variable if VENDORS.get(self._name) is self._vendor else None
        variable = own or f"{variable_of(self._name, 'PROVIDER')}_API_KEY"
        if isinstance(value, str) and value.startswith(VAULT):
            named = self._references.kept(value, f"{variable_of(names[0], 'VAULT')}_KEY" if names else variable)
            settings["api_key"] = self._references.variable(named)
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


def _named(names: list[str]) -> str:
    return _UNNAMED.sub("-", names[0]).strip("-").lower()[:40] if names else ""
