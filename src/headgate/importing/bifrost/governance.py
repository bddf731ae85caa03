"""From Bifrost's governance to ours: teams, virtual keys by their SHA-256, budgets and what was spent, limits.

A customer there is a group of teams and keys, and no end user: it becomes a tag of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from headgate.access.minting import digest
from headgate.administration.importing import (
    ImportedKey,
    ImportedSpend,
    ImportedTeam,
    NewImport,
)
from headgate.importing.bifrost import notes
from headgate.importing.bifrost.providers import ALL, Entry
from headgate.importing.bifrost.reading import REFERENCE, VAULT
from headgate.importing.bifrost.rules import Owner, Rules, time_of
from headgate.importing.bifrost.vendors import BARE
from headgate.importing.names import name_of, plain_id, tag_value, unique
from headgate.importing.records import Records
from headgate.importing.report import Report
from headgate.importing.section import Section

SOURCE = "bifrost"

CUSTOMER = "bifrost-customer"
"""The tag of a customer's keys."""


class VirtualKey(msgspec.Struct):
    """A virtual key as it is read."""

    section: Section
    owner: Owner
    id: str
    digest: str
    hint: str
    team: str | None
    customer: str | None
    allowed: dict[str, list[str]]
    """By provider, the models it may ask for there."""
    weights: dict[str, float]


class Governance:
    """Reads the block."""

    def __init__(
        self,
        block: Section,
        entries: Mapping[str, Entry],
        environ: Mapping[str, str],
        now: datetime,
        older: bool,
    ) -> None:
        self._report: Report = block.report
        self._block = block
        self._entries = entries
        self._environ = environ
        self._older = older
        self._rules = Rules(block, now)
        self._owners: dict[str, Owner] = {}
        """By kind and id: `team:t1`."""
        self._teams: list[ImportedTeam] = []
        self._customer_of: dict[str, str] = {}
        """By team, the customer it belongs to."""
        self._keys: list[VirtualKey] = []
        self._read()

    # ── what models need to know ──

    def shares(self) -> dict[str, dict[str, float]]:
        """By model, the providers that virtual keys share its calls among."""
        found: dict[str, dict[str, float]] = {}
        models = dict.fromkeys(
            each for entry in self._entries.values() for group in entry.groups for each in group.models
        )
        for model in [each for each in models if each != ALL]:
            for key in self._keys:
                own = {
                    provider: key.weights.get(provider, 1.0)
                    for provider, allowed in key.allowed.items()
                    if (ALL in allowed or model in allowed)
                    and any(group.serves(model) and ALL not in group.models for group in self._entries[provider].groups)
                }
                known = found.setdefault(model, own)
                if own and own != known:
                    self._report.changes(
                        "models",
                        model,
                        "is shared among the providers of all virtual keys that may ask for it",
                        why="a model goes to the same places, whoever asks; weights are those of the first key",
                        do="where they have to be apart, have clients ask for provider/model",
                    )
                    found[model] = {**own, **known}
        return {model: providers for model, providers in found.items() if providers}

    def records(self, providers: Mapping[str, Sequence[str]]) -> Records | None:
        """What is to be imported; None where there is nothing. `providers` are those that each model goes to."""
        keys: list[ImportedKey] = []
        spends: list[ImportedSpend] = []
        spent = Decimal(0)
        names: set[str] = set()
        for key in self._keys:
            keys.append(self._key(key, names, providers))
            owners = [self._owners[name] for name in self._above(key) if name in self._owners]
            for owner in owners:
                owner.of_keys += key.owner.spent
            spent += key.owner.spent
            budgets = [*key.owner.budgets, *(budget for owner in owners for budget in owner.budgets)]
            if budgets or key.owner.spent:
                spends.append(
                    ImportedSpend(subject=key.owner.subject, cost_usd=key.owner.spent, budgets=sorted(budgets))
                )
        for name, owner in self._owners.items():
            rest = owner.spent - owner.of_keys
            if not name.startswith("key:") and owner.budgets:
                counted = name.startswith("team:") and rest > 0
                spends.append(
                    ImportedSpend(subject=owner.subject, cost_usd=rest, budgets=owner.budgets, counted=counted)
                )
        whole = NewImport(
            source=SOURCE,
            teams=self._teams,
            keys=keys,
            limits=self._rules.limits,
            budgets=self._rules.budgets,
            spend=spends,
        )
        if not (whole.teams or whole.keys or whole.limits or whole.budgets):
            return None
        return Records(whole=whole, spent=spent)

    # ── reading ──

    def _read(self) -> None:
        block = self._block
        for each in block.sections("customers", "customers"):
            self._customer(each)
        for each in block.sections("teams", "teams"):
            self._team(each)
        for each in block.sections("virtual_keys", "keys"):
            self._virtual_key(each)
        for each in block.sections("model_configs", "budgets"):
            self._model(each)
        self._rules.finish(self._owners)

    def _customer(self, section: Section) -> None:
        own_id = str(section.take("id", ""))
        name = tag_value(name_of(_text(section.take("name")), own_id))
        subject, place = f"tag:{CUSTOMER}={name}", f"customer {name}"
        owner = self._owners[f"customer:{own_id}"] = Owner(subject, place, section.take("calendar_aligned") is True)
        self._report.changes(
            "customers", place, f"is the tag {CUSTOMER}={name} of its keys",
            why="a customer here is an end user; Bifrost's are groups of teams and keys",
            do=f"give keys that you make for it the same tag: 'headgate keys create --tag {CUSTOMER}=…'",
        )  # fmt: skip
        self._rules.attach(section, owner)
        section.close(notes.TEAM)

    def _team(self, section: Section) -> None:
        own_id = plain_id(str(section.take("id", "")))
        name = unique(name_of(_text(section.take("name")), own_id), own_id, {each.name for each in self._teams})
        place = f"team {name}"
        if any(each.id == own_id for each in self._teams):
            self._report.cannot("teams", place, "is left out", why="it has no id of its own", do="give it one")
            return
        self._teams.append(ImportedTeam(id=own_id, name=name))
        self._report.carries("teams", place, "with what limits it")
        owner = Owner(f"team:{own_id}", place, section.take("calendar_aligned") is True)
        self._owners[owner.subject] = owner
        customer = section.take("customer_id")
        if customer is not None:
            self._customer_of[own_id] = str(customer)
        self._rules.attach(section, owner)
        section.close(notes.TEAM)

    def _virtual_key(self, section: Section) -> None:
        value = self._value(section)
        if value is None:
            return
        own_id = str(section.take("id", ""))
        name = name_of(_text(section.take("name")), "of no name")
        plain = _plain(own_id, value)
        owner = Owner(f"key:{plain}", f"key {name}", section.take("calendar_aligned") is True)
        hashed = digest(value.encode()).hex()
        if any(key.id == plain or key.digest == hashed for key in self._keys) or not own_id:
            self._report.cannot(
                "keys", owner.place, "is left out", why="it has no id and value of its own", do="give it both"
            )
            return
        self._owners[f"key:{own_id}"] = owner
        team = section.take("team_id")
        team = plain_id(str(team)) if team is not None else None
        customer = section.take("customer_id")
        if customer is None and team is not None:
            customer = self._customer_of.get(team)
        customer = str(customer) if f"customer:{customer}" in self._owners else None
        key = VirtualKey(
            section=section,
            owner=owner,
            id=plain,
            digest=hashed,
            hint=value[-4:] if len(value) > 16 else "",
            team=team if f"team:{team}" in self._owners else None,
            customer=customer,
            allowed={},
            weights={},
        )
        for config in section.sections("provider_configs", "keys"):
            self._provider(config, key)
        if section.take("allow_all_providers") is True:
            key.allowed = {name: key.allowed.get(name, [ALL]) for name in self._entries}
        elif not key.allowed and self._older:
            key.allowed = {name: [ALL] for name in self._entries}
        self._rules.attach(section, owner)
        self._keys.append(key)

    def _value(self, section: Section) -> str | None:
        """A virtual key itself; None where it cannot be known."""
        value, place = section.take("value"), section.at("value")
        match = REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            value = self._environ.get(match[1])
            why, do = f"{match[1]} is not in the environment", f"set {match[1]}, and import again"
        else:
            why, do = "config.json does not say it", "write its value there, or as env.NAME, and import again"
        if isinstance(value, str) and value and not value.startswith(VAULT):
            return value
        self._report.cannot(
            "keys", f"key {name_of(_text(section.take('name')), place)}", "is left out", why=why, do=do,
        )  # fmt: skip
        return None

    def _provider(self, config: Section, key: VirtualKey) -> None:
        """What a virtual key may do at one provider."""
        provider, weight = str(config.take("provider", "")), config.number("weight")
        listed = [str(each) for each in config.values("allowed_models") if each]
        allowed = [each for each in listed if each == ALL or not (ALL in each or each.startswith("regex:"))]
        ids = [str(each) for each in (config.values("key_ids") or config.values("allowed_keys"))]
        place = key.owner.place
        for name in ("id", "virtual_key_id"):
            config.take(name)
        for each in config.values("blacklisted_models"):
            self._report.cannot(
                "keys", place, f"may ask for {provider}/{each} all the same, where its models allow it",
                why="what a key may ask for is a list, without exceptions", do="name its models one by one",
            )  # fmt: skip
        if config.take("rate_limit_id") is not None or config.take("budget_id") is not None or config.values("budgets"):
            config.take("budget_id")
            self._report.cannot(
                "limits", place, f"its limit or budget at {provider} alone is left out",
                why="a limit here is of one subject: of a key or of a model, not of both",
                do="make a key of its own for that provider, or limit the models",
            )  # fmt: skip
        if strange := [each for each in listed if each not in allowed]:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for {', '.join(strange)}", why="only '*' alone is known there",
                do="write the models' names",
            )  # fmt: skip
        config.close()
        entry = self._entries.get(provider)
        if entry is None:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for anything", why="there is no such provider here",
                do="see what became of it",
            )  # fmt: skip
            return
        if self._older:
            allowed, ids = allowed if listed else [ALL], ids or [ALL]
        if not allowed or not ids:
            self._report.cannot(
                "keys", place, f"may not ask {provider} for anything",
                why="it lists no models or no keys of that provider, which allows none",
                do='write ["*"]; or "version": 1 at the top if your Bifrost is older than 1.5, where it allows all',
            )  # fmt: skip
            return
        if ALL not in ids and any(not set(group.names) & set(ids) for group in entry.groups):
            self._report.cannot(
                "keys", place, f"uses all keys of {provider}, and not only those it names",
                why="a target has all keys of its provider",
                do="make a provider and models of their own for these keys, and name those as the key's models",
            )  # fmt: skip
        key.allowed[provider] = allowed
        if weight is not None and weight > 0:
            key.weights[provider] = weight

    def _model(self, section: Section) -> None:
        """Budgets and limits of a model."""
        name, provider = str(section.take("model_name", "")), section.take("provider")
        scope, section_id = section.take("scope", "global"), str(section.take("id", ""))
        section.take("scope_id")
        aligned = section.take("calendar_aligned") is True
        subject = f"model:{provider}/{name}" if provider else f"model:{name}"
        if scope != "global" or ALL in name or not name or plain_id(name) != name:
            self._report.cannot(
                "budgets", section.place, "is left out", why="a subject here is a model or a key, not one in the other",
                do="make a key of its own, or budget the model: 'headgate budgets set model:…'",
            )  # fmt: skip
            for each in ("budget_id", "budget_ids", "rate_limit_id", "rate_limit_ids"):
                section.take(each)
        else:
            owner = self._owners[f"model:{section_id}"] = Owner(subject, f"model {subject[6:]}", aligned)
            self._rules.attach(section, owner)
            if provider is None:
                self._report.changes(
                    "budgets", owner.place, "holds for calls of that name, not for those of provider/model",
                    why="each name is a model of its own here", do="set those too: 'headgate budgets set model:…'",
                )  # fmt: skip
        section.close()

    # ── keys ──

    def _above(self, key: VirtualKey) -> list[str]:
        """Whom a key's spend counts for too."""
        return [f"team:{key.team}", f"customer:{key.customer}"]

    def _key(self, key: VirtualKey, names: set[str], providers: Mapping[str, Sequence[str]]) -> ImportedKey:
        section, place = key.section, key.owner.place
        name = unique(place.removeprefix("key "), key.id, names)
        active = section.take("is_active") is not False
        expires = time_of(section.take("expires_at"))
        section.close(notes.VIRTUAL_KEY)
        self._report.carries("keys", place, "by its SHA-256: its holder goes on using it")
        if not active:
            self._report.changes(
                "keys", place, "is revoked, for good", why="it is not active there",
                do="make it active in Bifrost before the import, if it is to come back",
            )  # fmt: skip
        tags = {CUSTOMER: self._owners[f"customer:{key.customer}"].subject.partition("=")[2]} if key.customer else {}
        return ImportedKey(
            id=key.id,
            name=name,
            digest=key.digest,
            hint="".join(each for each in key.hint if each.isprintable()),
            team=key.team,
            models=self._models_of(key, providers),
            tags=tags,
            expires_at=expires,
            revoked=not active,
        )

    def _models_of(self, key: VirtualKey, providers: Mapping[str, Sequence[str]]) -> list[str]:
        """What a key may ask for: `provider/model`, and the model alone where it goes nowhere else."""
        found: dict[str, None] = {}
        apart: list[str] = []
        for provider, allowed in key.allowed.items():
            if ALL in allowed:
                found[f"{provider}/*"] = None
                bare = [name for name, of in providers.items() if provider in of and not _full(name, self._entries)]
                bare += [f"{start}*" for start in BARE.get(provider, ()) if f"{start}*" in providers]
            else:
                found |= {f"{provider}/{model}": None for model in allowed}
                bare = list(allowed)
            for name in bare:
                of = providers.get(name) or next(
                    (of for start, of in providers.items() if start.endswith("*") and name.startswith(start[:-1])), []
                )
                if of and all(each in key.allowed for each in of):
                    found[name] = None
                elif of:
                    apart.append(name)
        if apart:
            self._report.cannot(
                "keys", key.owner.place, f"may not ask for {', '.join(dict.fromkeys(apart))} by that name alone",
                why="these models go to other providers too, which the key may not use",
                do="have its clients ask for provider/model",
            )  # fmt: skip
        return list(found)


def _full(name: str, entries: Mapping[str, Entry]) -> bool:
    """Whether a model's name begins with its provider's."""
    return name.partition("/")[0] in entries and "/" in name


def _plain(own_id: str, value: str) -> str:
    """An id as rows may have it. Some write the key itself as its id, and rows are read by many."""
    return sha256(own_id.encode()).hexdigest() if own_id == value or own_id.startswith("sk-") else plain_id(own_id)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
