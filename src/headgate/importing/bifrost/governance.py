"""From Bifrost's governance to ours: teams, virtual keys by their SHA-256, budgets and what was spent, limits.

A customer there is a group of teams and keys, and no end user: it becomes a tag of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
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
from headgate.importing.bifrost.grants import Granted, Grants
from headgate.importing.bifrost.keys import ALL
from headgate.importing.bifrost.providers import Entry
from headgate.importing.bifrost.reading import REFERENCE, VAULT
from headgate.importing.bifrost.rules import Owner, Rules, time_of
from headgate.importing.budgets import picodollars
from headgate.importing.names import name_of, plain_id, sha256_of, tag_text, unique
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
    granted: Granted


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
        self._environ = environ
        self._grants = Grants(entries, older, block.report)
        self._rules = Rules(block, now)
        self._owners: dict[str, Owner] = {}
        """By kind and id: `team:t1`."""
        self._names: set[str] = set()
        """Of customers."""
        self._team_names: set[str] = set()
        self._known: set[str] = set()
        """Ids and digests of keys."""
        self._teams: list[ImportedTeam] = []
        self._customer_of: dict[str, str] = {}
        """By team, the customer it belongs to."""
        self._keys: list[VirtualKey] = []
        self._read()

    def shares(self) -> dict[str, dict[str, float]]:
        """By model, the providers that virtual keys share its calls among."""
        return self._grants.shares(key.granted for key in self._keys)

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
            rest = picodollars(owner.spent - owner.of_keys)
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
        named = name_of(_text(section.take("name")), own_id)
        if f"customer:{own_id}" in self._owners:
            why = "it has no id of its own"
            self._report.cannot("customers", f"customer {named}", "is left out", why=why, do="give it one")
            return
        name = tag_text(unique(named, own_id, self._names))
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
        named = name_of(_text(section.take("name")), own_id)
        if f"team:{own_id}" in self._owners:
            why = "it has no id of its own"
            self._report.cannot("teams", f"team {named}", "is left out", why=why, do="give it one")
            return
        name = unique(named, own_id, self._team_names)
        place = f"team {name}"
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
        if not own_id or self._known & {plain, hashed}:
            self._report.cannot(
                "keys", owner.place, "is left out", why="it has no id and value of its own", do="give it both"
            )
            return
        self._known |= {plain, hashed}
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
            granted=self._grants.read(section, owner.place),
        )
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
            models=self._grants.models(key.granted, place, providers),
            tags=tags,
            expires_at=expires,
            revoked=not active,
        )


def _plain(own_id: str, value: str) -> str:
    """An id as rows may have it. Some write the key itself as its id, and rows are read by many."""
    return sha256_of(own_id) if own_id == value or own_id.startswith("sk-") else plain_id(own_id)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
