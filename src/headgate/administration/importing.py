"""Taking over what another gateway administered: who there is, their keys by digest, rules, and what was spent.

Everything has the id it had there, from which ours follows: importing the same again changes nothing. What is there
already stays as it is, with two exceptions: a key that has been blocked there since is revoked, and what was spent is
brought up to what it is there now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from headgate.access.grants import exceeds
from headgate.access.roles import Roles as KnownRoles
from headgate.administration import budgets, keyring, limits, projects, teams, users
from headgate.administration.acting import Act, Actor, Acts, Ports, within_organisation
from headgate.administration.problems import Path, Problem, invalid, problem
from headgate.administration.register import Register
from headgate.administration.requests import (
    BudgetPeriod,
    Endpoints,
    LimitBody,
    Models,
    Request,
    Roles,
    TagSet,
)
from headgate.administration.users import check_roles
from headgate.administration.values import DollarChange, Dollars, Email, Label, Name, Subject, Time, Timezone, Usd
from headgate.administration.values import microseconds as microseconds_of
from headgate.errors import Forbidden
from headgate.ids import counted_subject, end_user_id
from headgate.ledger.sink import LedgerSink
from headgate.ledger.table import encode
from headgate.limits.calendar import Calendar
from headgate.limits.pots import Pot
from headgate.money import format_usd, from_decimal
from headgate.storage.records import Budget, Entity, Key, LedgerRow, Limit, Project, Team, User
from headgate.storage.tables import BUDGETS, KEYS, LIMITS, Table
from headgate.types import Usage

E = TypeVar("E", bound=Entity)

Id = Annotated[str, Meta(min_length=1, max_length=400)]
"""What something is called where it comes from."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]

KINDS = ("teams", "projects", "users", "keys", "limits", "budgets", "spend")
"""What there is in an import, in the order it is made."""

MOST = 10_000
"""Things of one kind in one import."""

OWNED = frozenset({"team", "project", "user", "key"})
"""Kinds of subjects whose names are ids."""

_NOBODY = "import"
"""In place of a key, for what was spent by no key that there is."""


class ImportedTeam(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    timezone: Timezone = "UTC"
    archived: bool = False
    """Whether it is out of use from the beginning: its keys open nothing."""


class ImportedProject(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    team: Id | None = None
    archived: bool = False


class ImportedUser(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    email: Email | None = None
    team: Id | None = None


class ImportedKey(Request, frozen=True, kw_only=True):
    id: Id
    name: Name
    digest: Digest
    """Hexadecimal SHA-256 of the whole key: its holder goes on using it."""
    hint: Annotated[str, Meta(max_length=4)] = ""
    """Its last characters, for people."""
    team: Id | None = None
    project: Id | None = None
    user: Id | None = None
    roles: Roles = msgspec.field(default_factory=lambda: ["caller"])
    models: Models | None = None
    endpoints: Endpoints | None = None
    tags: TagSet = msgspec.field(default_factory=dict[str, str])
    expires_at: Time | None = None
    """It may be over already: then the key is there, and opens nothing."""
    revoked: bool = False


class ImportedLimit(LimitBody, frozen=True, kw_only=True):
    id: Id
    subject: Subject
    """`kind:name`, in which teams, projects, users and keys are named by the id they come with."""
    timezone: Timezone = "UTC"


class ImportedBudget(Request, frozen=True, kw_only=True):
    id: Id
    subject: Subject
    """As of a limit."""
    amount_usd: Dollars
    period: BudgetPeriod
    timezone: Timezone = "UTC"
    hard: bool = True


class ImportedSpend(Request, frozen=True, kw_only=True):
    """What a subject has spent before, as one row of the ledger."""

    subject: Subject
    """As of a limit: who spent it."""
    cost_usd: DollarChange
    budgets: Annotated[list[Id], Meta(max_length=20)] = msgspec.field(default_factory=list[str])
    """Budgets it counts for, in the period under way."""
    counted: bool = True
    """Whether it is money that no other row has. Else a row of nobody stands beside it that takes it off again, so that
    the ledger as a whole has it once."""


class NewImport(Request, frozen=True, kw_only=True):
    """What another gateway administered, or a part of it. What is referred to is here, or was imported before."""

    source: Label
    """Where it comes from: `litellm`. The same id from elsewhere is another thing."""
    teams: Annotated[list[ImportedTeam], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedTeam])
    projects: Annotated[list[ImportedProject], Meta(max_length=MOST)] = msgspec.field(
        default_factory=list[ImportedProject]
    )
    users: Annotated[list[ImportedUser], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedUser])
    keys: Annotated[list[ImportedKey], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedKey])
    limits: Annotated[list[ImportedLimit], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedLimit])
    budgets: Annotated[list[ImportedBudget], Meta(max_length=MOST)] = msgspec.field(
        default_factory=list[ImportedBudget]
    )
    spend: Annotated[list[ImportedSpend], Meta(max_length=MOST)] = msgspec.field(default_factory=list[ImportedSpend])

    def problems(self, path: Path) -> list[Problem]:
        found: list[Problem] = []
        for name in ("teams", "projects", "users", "keys", "limits", "budgets"):
            seen: set[str] = set()
            for index, each in enumerate(getattr(self, name)):
                if each.id in seen:
                    found.append(problem((*path, name, index, "id"), "invalid_value", "is there twice"))
                seen.add(each.id)
        return found


class ImportMade(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did."""

    made: dict[str, int]
    """New rows, by kind."""
    known: dict[str, int]
    """Those that were there already, by kind; they stay as they are."""
    revoked: int
    """Keys that were there, and have been blocked since."""
    spent_usd: Usd
    """What the recorded rows of the ledger come to."""
    left: list[str]
    """What was left out, and why."""


class Imports:
    def __init__(self, ports: Ports, acts: Acts) -> None:
        self._acts = acts
        self._roles = ports.roles
        self._calendar = Calendar(ports.clock)

    async def create(self, actor: Actor, request: NewImport) -> ImportMade:
        """Take everything over, or nothing.

        Raises:
            Invalid: it refers to what is not there.
            Conflict: another organisation has one of the keys.
            Forbidden: a key would be more than the actor may do.
        """
        within_organisation(actor, "importing")
        for key in request.keys:
            check_roles(self._roles(), key.roles)
        async with self._acts.begin(actor) as act:
            work = _Import(act, request, self._roles(), self._calendar)
            await work.run()
            made = work.summary()
            if any(made.made.values()) or made.revoked:
                counts = {f"made_{name}": count for name, count in made.made.items() if count}
                detail = {"source": request.source, "revoked": made.revoked, "spent_usd": made.spent_usd, **counts}
                act.record("imports.create", f"organisation:{actor.organisation}", detail)
        return made


class _Import:
    """One import under way."""

    def __init__(self, act: Act, request: NewImport, roles: KnownRoles, calendar: Calendar) -> None:
        self._act = act
        self._request = request
        self._roles = roles
        self._calendar = calendar
        self._made: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._known = dict(self._made)
        self._left: list[str] = []
        self._revoked = 0
        self._spent = 0
        self._budgets: dict[str, Budget] = {}
        """By the id here, those that what was spent counts for."""

    def summary(self) -> ImportMade:
        return ImportMade(
            made=self._made,
            known=self._known,
            revoked=self._revoked,
            spent_usd=format_usd(self._spent),
            left=self._left,
        )

    async def run(self) -> None:
        asked = self._request
        await self._rows("teams", teams.register, asked.teams, self._team, ["name", "timezone"])
        await self._rows("projects", projects.register, asked.projects, self._project, ["name", "team_id"])
        await self._rows("users", users.register, asked.users, self._user, ["team_id"])
        await self._keys(asked.keys)
        await self._check_subjects()
        await self._rules("limits", LIMITS, limits.register, asked.limits, self._limit, ["subject", "per"])
        shown = ["subject", "amount_picodollars", "period", "timezone", "hard"]
        await self._rules("budgets", BUDGETS, budgets.register, asked.budgets, self._budget, shown)
        await self._spend(asked.spend)

    # ── who there is ──

    async def _rows(
        self, name: str, register: Register[E], asked: Sequence[Any], make: Callable[[Any], E], shown: Sequence[str]
    ) -> None:
        known = await self._present(register.table, (self._id(register.noun, each.id) for each in asked))
        for each in asked:
            row = make(each)
            if row.id in known:
                self._known[name] += 1
                continue
            if isinstance(row, Team | Project):
                row = msgspec.structs.replace(row, name=await self._free_name(register, row.name))
            await register.add(self._act, row, shown)
            self._made[name] += 1

    async def _free_name(self, register: Register[Any], name: str) -> str:
        """A name nothing in use has: the one asked for, unless it is taken."""
        wanted, number = name, 1
        while (await register.table.list(self._act.transaction, self._organisation, {"name": wanted}, limit=1))[0]:
            suffix = f" ({self._request.source}{f' {number}' if number > 1 else ''})"
            wanted, number = f"{name[: 200 - len(suffix)]}{suffix}", number + 1
        return wanted

    def _team(self, asked: ImportedTeam) -> Team:
        archived_us = self._act.at_us if asked.archived else None
        common = self._common("team", asked.id)
        return Team(**common, name=asked.name, timezone=asked.timezone, archived_us=archived_us)

    def _project(self, asked: ImportedProject) -> Project:
        archived_us = self._act.at_us if asked.archived else None
        team_id = self._reference("team", asked.team)
        return Project(**self._common("project", asked.id), name=asked.name, team_id=team_id, archived_us=archived_us)

    def _user(self, asked: ImportedUser) -> User:
        return User(
            **self._common("user", asked.id),
            name=asked.name,
            email=asked.email,
            team_id=self._reference("team", asked.team),
            roles=[],
        )

    # ── keys ──

    async def _keys(self, asked: Sequence[ImportedKey]) -> None:
        identity = self._act.actor.identity
        held = await KEYS.get(self._act.transaction, identity.organisation, identity.key_id)
        known = await self._present(KEYS, (self._id("key", each.id) for each in asked))
        digests = await self._digests(each.digest for each in asked)
        for each in asked:
            key = self._key(each)
            if (row := known.get(key.id)) is not None:
                self._known["keys"] += 1
                await self._revoke_since(row, each)
                continue
            if key.digest in digests:
                self._left.append(f"key {each.name}: it is here already, as '{digests[key.digest]}'")
                continue
            beyond = exceeds(identity, key, self._roles, held)
            if beyond:
                raise Forbidden(f"A key can do no more than who makes it, and yours lacks: {beyond}.")
            shown = ["name", "hint", "team_id", "project_id", "user_id", "roles", "models", "endpoints", "tags"]
            await keyring.register.add(self._act, key, [*shown, "expires_us", "revoked_us"])
            self._made["keys"] += 1

    def _key(self, asked: ImportedKey) -> Key:
        return Key(
            **self._common("key", asked.id),
            name=asked.name,
            digest=asked.digest,
            hint=asked.hint,
            team_id=self._reference("team", asked.team),
            project_id=self._reference("project", asked.project),
            user_id=self._reference("user", asked.user),
            roles=asked.roles,
            models=asked.models,
            endpoints=None if asked.endpoints is None else list(asked.endpoints),
            tags=asked.tags,
            created_by=self._act.actor.name,
            expires_us=None if asked.expires_at is None else microseconds_of(asked.expires_at),
            revoked_us=self._act.at_us if asked.revoked else None,
        )

    async def _revoke_since(self, row: Key, asked: ImportedKey) -> None:
        if asked.revoked and row.revoked_us is None:
            await KEYS.update(self._act.transaction, self._act.changed(row, revoked_us=self._act.at_us))
            self._act.record("keys.revoke", f"key:{row.id}")
            self._revoked += 1

    async def _digests(self, digests: Iterable[str]) -> dict[str, str]:
        """Keys that are here under another id: by digest, their names."""
        found = await keyring.of_digests(self._act.transaction, self._organisation, digests)
        return {key.digest: key.name for key in found}

    # ── rules ──

    async def _check_subjects(self) -> None:
        """Raise `Invalid` for subjects that are not there."""
        asked = self._request
        places = [
            ((name, index, "subject"), each.subject.partition(":"))
            for name, every in (("limits", asked.limits), ("budgets", asked.budgets), ("spend", asked.spend))
            for index, each in enumerate(every)
        ]
        registers: dict[str, Register[Any]] = {
            "team": teams.register, "project": projects.register, "user": users.register, "key": keyring.register,
        }  # fmt: skip
        for kind, register in registers.items():
            named = {place: self._id(kind, parts[2]) for place, parts in places if parts[0] == kind and parts[2] != "*"}
            there = await self._present(register.table, named.values())
            for place, ours in named.items():
                if ours not in there:
                    raise invalid(place, f"names no {kind} that was imported", "not_found")

    async def _rules(
        self,
        name: str,
        table: Table[E],
        register: Register[E],
        asked: Sequence[Any],
        make: Callable[[Any], E],
        shown: Sequence[str],
    ) -> None:
        known = await self._present(table, (self._id(register.noun, each.id) for each in asked))
        for each in asked:
            row = make(each)
            if row.id in known:
                self._known[name] += 1
            elif (other := await self._same(row)) is not None:
                self._left.append(f"{register.noun} of {each.subject}: there is one of that kind already, '{other}'")
                continue
            else:
                await register.add(self._act, row, shown)
                self._made[name] += 1
            if isinstance(row, Budget):
                self._budgets[row.id] = row

    async def _same(self, row: Entity) -> str | None:
        """A rule made otherwise that takes a new one's place."""
        if isinstance(row, Limit):
            filters: dict[str, Any] = {"subject": row.subject, "per": row.per}
            found, _ = await LIMITS.list(self._act.transaction, self._organisation, filters, limit=1)
            return found[0].id if found else None
        assert isinstance(row, Budget)
        filters = {"subject": row.subject, "period": row.period, "hard": row.hard}
        found_budgets, _ = await BUDGETS.list(self._act.transaction, self._organisation, filters, limit=1)
        return found_budgets[0].id if found_budgets else None

    def _limit(self, asked: ImportedLimit) -> Limit:
        return Limit(
            **self._common("limit", asked.id),
            subject=self._subject(asked.subject),
            per=asked.per or "total",
            timezone=asked.timezone,
            **limits.values_of(asked),
        )

    def _budget(self, asked: ImportedBudget) -> Budget:
        return Budget(
            **self._common("budget", asked.id),
            subject=self._subject(asked.subject),
            amount_picodollars=from_decimal(asked.amount_usd),
            period=asked.period,
            timezone=asked.timezone,
            hard=asked.hard,
        )

    # ── what was spent ──

    async def _spend(self, asked: Sequence[ImportedSpend]) -> None:
        await self._earlier_budgets(asked)
        named = [each.subject.partition(":")[2] for each in asked if each.subject.startswith("key:")]
        keys = await self._present(KEYS, (self._id("key", each) for each in named))
        rows: list[LedgerRow] = []
        for each in asked:
            charged = self._charged(each)
            parent = f"{self._request.source}:{each.subject}"[:512]
            found = await self._act.transaction.fetch(
                "SELECT charged, cost_picodollars FROM ledger "
                "WHERE organisation = $1 AND parent = $2 AND cause = 'correction'",
                self._organisation,
                parent,
            )
            text = msgspec.json.encode(charged).decode() if charged else "[]"
            if any(counters != text for counters, _ in found):
                self._left.append(f"what {each.subject} spent: it was imported before, in another period")
                continue
            before = sum(cost for _, cost in found)
            wanted = from_decimal(each.cost_usd)
            if wanted == before:
                self._known["spend"] += bool(found)
                continue
            ours = f"imp_{_hashed(self._organisation, parent, text, str(before), str(wanted))}"
            row = self._row(each, ours, parent, charged, wanted - before, keys)
            rows.append(row)
            if each.counted:
                self._spent += wanted - before
            else:
                rows.append(self._balance(row))
        if rows:
            await LedgerSink().store(self._act.transaction, [encode(row) for row in rows])
            self._made["spend"] = len([row for row in rows if row.parent != self._balancing])

    async def _earlier_budgets(self, asked: Sequence[ImportedSpend]) -> None:
        """Find the budgets that an import before this one made.

        Raises:
            Invalid: none did.
        """
        named = {self._id("budget", name) for each in asked for name in each.budgets}
        self._budgets |= await self._present(BUDGETS, named - self._budgets.keys())

    def _charged(self, asked: ImportedSpend) -> tuple[str, ...]:
        """The counters that what was spent belongs to now."""
        ids = [self._id("budget", each) for each in asked.budgets]
        rows = [self._budgets[each] for each in ids if each in self._budgets]
        subject = counted_subject(self._organisation, self._subject(asked.subject))
        pots = [Pot.of_budget(row, self._counted(row, subject)) for row in rows]
        return tuple(sorted(pot.claim(self._calendar)[0].counter for pot in pots))

    def _counted(self, row: Budget, subject: str) -> str:
        """Whom a budget counts something for: of `customer:*`, the customer."""
        if row.subject.endswith(":*") and subject.startswith(row.subject[:-1]):
            return subject
        return counted_subject(self._organisation, row.subject)

    def _row(
        self,
        asked: ImportedSpend,
        id: str,
        parent: str,
        charged: tuple[str, ...],
        picodollars: int,
        keys: dict[str, Key],
    ) -> LedgerRow:
        kind, _, name = asked.subject.partition(":")
        owner = {"team": "team_id", "project": "project_id", "user": "user_id"}.get(kind)
        whose: dict[str, Any] = {} if owner is None else {owner: self._id(kind, name)}
        key = keys.get(self._id("key", name)) if kind == "key" else None
        if key is not None:
            whose = {"team_id": key.team_id, "project_id": key.project_id, "user_id": key.user_id}
        if kind == "customer":
            whose = {"end_user": end_user_id(self._organisation, name)}
        tags = (tuple(name.partition("=")[::2]),) if kind == "tag" else tuple(key.tags.items()) if key else ()
        return LedgerRow(
            id=id,
            call_id=id,
            organisation=self._organisation,
            key_id=_NOBODY if key is None else key.id,
            **whose,
            model=self._request.source,
            target=f"{self._request.source}/before",
            operation="chat",
            cause="correction",
            parent=parent,
            payer="caller" if key is not None else "internal",
            started_us=self._act.at_us,
            duration_us=0,
            status=0,
            code=None,
            usage=Usage(),
            usage_source="reported",
            cost_picodollars=picodollars,
            streamed=False,
            vendor_request_id=None,
            tags=tags,  # pyright: ignore[reportArgumentType] - pairs, as a partition makes them
            charged=charged,
        )

    @property
    def _balancing(self) -> str:
        """The parent of rows that take off what another row has too."""
        return f"{self._request.source}:balance"

    def _balance(self, row: LedgerRow) -> LedgerRow:
        """What takes a row's cost off the whole again."""
        assert row.cost_picodollars is not None
        return msgspec.structs.replace(
            row,
            id=f"{row.id}b",
            call_id=f"{row.id}b",
            team_id=None,
            project_id=None,
            user_id=None,
            end_user=None,
            parent=self._balancing,
            cost_picodollars=-row.cost_picodollars,
            tags=(),
            charged=(),
        )

    # ── ids ──

    @property
    def _organisation(self) -> str:
        return self._act.actor.organisation

    def _id(self, kind: str, id: str) -> str:
        """Our id of what is called so there."""
        prefix = projects.register.prefix if kind == "project" else kind
        return f"{prefix}_{_hashed(self._organisation, self._request.source, kind, id)[:24]}"

    def _reference(self, kind: str, id: str | None) -> str | None:
        return None if id is None else self._id(kind, id)

    def _common(self, kind: str, id: str) -> dict[str, Any]:
        return self._act.common(kind, self._id(kind, id))

    def _subject(self, subject: str) -> str:
        """A subject with our ids in place of those it comes with."""
        kind, _, name = subject.partition(":")
        if kind == "organisation":
            return f"organisation:{self._organisation}"
        return f"{kind}:{self._id(kind, name)}" if kind in OWNED and name != "*" else subject

    async def _present(self, table: Table[E], ids: Iterable[str]) -> dict[str, E]:
        rows = await keyring.of_ids(self._act.transaction, table, self._organisation, ids)
        return {row.id: row for row in rows}


def _hashed(*parts: str) -> str:
    """32 hexadecimal digits that follow from some texts."""
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
