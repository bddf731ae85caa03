"""LiteLLM's tables in PostgreSQL, as its `schema.prisma` has them. Only read, and only what is needed of them.

Rows come as JSON, made by the database, so that a column an older or newer release lacks is simply not there, and a
double comes as the shortest decimal that stands for it.
"""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec.structs import replace

from headgate.errors import ConfigError, StoreUnavailable
from headgate.importing.litellm.rows import (
    AliasesRow,
    BudgetRow,
    CustomerRow,
    GroupRow,
    KeyRow,
    MemberRow,
    ModelRow,
    OrganisationRow,
    ProjectRow,
    RotatedRow,
    Row,
    SettingRow,
    TagRow,
    TeamRow,
    UserRow,
)
from headgate.importing.names import plain_id
from headgate.storage.opening import POSTGRES, connect
from headgate.storage.tables import Reader

R = TypeVar("R", bound="Row")

_PRISMA = frozenset(
    {"schema", "connection_limit", "pool_timeout", "connect_timeout", "sslaccept", "pgbouncer", "socket_timeout"}
)
"""Parameters of a URL that Prisma takes, and PostgreSQL does not."""


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What a database has."""

    budgets: list[BudgetRow] = msgspec.field(default_factory=list[BudgetRow])
    teams: list[TeamRow] = msgspec.field(default_factory=list[TeamRow])
    users: list[UserRow] = msgspec.field(default_factory=list[UserRow])
    keys: list[KeyRow] = msgspec.field(default_factory=list[KeyRow])
    organisations: list[OrganisationRow] = msgspec.field(default_factory=list[OrganisationRow])
    projects: list[ProjectRow] = msgspec.field(default_factory=list[ProjectRow])
    members: list[MemberRow] = msgspec.field(default_factory=list[MemberRow])
    customers: list[CustomerRow] = msgspec.field(default_factory=list[CustomerRow])
    tags: list[TagRow] = msgspec.field(default_factory=list[TagRow])
    aliases: list[AliasesRow] = msgspec.field(default_factory=list[AliasesRow])
    models: list[ModelRow] = msgspec.field(default_factory=list[ModelRow])
    groups: list[GroupRow] = msgspec.field(default_factory=list[GroupRow])
    rotated: list[RotatedRow] = msgspec.field(default_factory=list[RotatedRow])
    settings: list[SettingRow] = msgspec.field(default_factory=list[SettingRow])
    unread: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """How many rows there are in tables that nothing is taken of."""


_NAMES = {
    "budgets": ("LiteLLM_BudgetTable", BudgetRow, "budget_id"),
    "teams": ("LiteLLM_TeamTable", TeamRow, "team_id"),
    "users": ("LiteLLM_UserTable", UserRow, "user_id"),
    "keys": ("LiteLLM_VerificationToken", KeyRow, "token"),
    "organisations": ("LiteLLM_OrganizationTable", OrganisationRow, "organization_id"),
    "projects": ("LiteLLM_ProjectTable", ProjectRow, "project_id"),
    "members": ("LiteLLM_TeamMembership", MemberRow, "team_id"),
    "customers": ("LiteLLM_EndUserTable", CustomerRow, "user_id"),
    "tags": ("LiteLLM_TagTable", TagRow, "tag_name"),
    "aliases": ("LiteLLM_ModelTable", AliasesRow, "id"),
    "models": ("LiteLLM_ProxyModelTable", ModelRow, "model_id"),
    "groups": ("LiteLLM_AccessGroupTable", GroupRow, "access_group_id"),
    "settings": ("LiteLLM_Config", SettingRow, "param_name"),
    "rotated": ("LiteLLM_DeprecatedVerificationToken", RotatedRow, "token"),
}
"""By member of `Tables`: the table, its struct, what it is ordered by."""

UNREAD = {
    "LiteLLM_ConfigOverrides": "settings made in LiteLLM's pages",
    "LiteLLM_SSOConfig": "how people sign in to LiteLLM's pages",
    "LiteLLM_CredentialsTable": "vendors' credentials, encrypted under LiteLLM's own key",
    "LiteLLM_UserProviderCredentials": "people's own vendor credentials",
    "LiteLLM_GuardrailsTable": "guardrails",
    "LiteLLM_PolicyTable": "policies",
    "LiteLLM_PromptTable": "prompts",
    "LiteLLM_MCPServerTable": "MCP servers",
    "LiteLLM_AgentsTable": "agents",
    "LiteLLM_SearchToolsTable": "search tools",
    "LiteLLM_ManagedVectorStoresTable": "vector stores",
    "LiteLLM_ManagedFileTable": "files",
    "LiteLLM_ManagedObjectTable": "batches and fine-tuning jobs",
    "LiteLLM_JWTKeyMapping": "claims of tokens that stand for keys",
    "LiteLLM_ModelAccessGroupBudgetTable": "budgets of model access groups",
}
"""Tables that nothing is taken of, and what is in them. What is in no list of these is records of the past."""

REQUIRED = ("LiteLLM_TeamTable", "LiteLLM_UserTable", "LiteLLM_VerificationToken")


async def read_tables(url: str) -> Tables:
    """Everything, as it is at one moment.

    Raises:
        ConfigError: the URL is none of PostgreSQL's, or there is no database of LiteLLM's.
        StoreUnavailable: the database cannot be reached, or a row cannot be read.
    """
    if not url.startswith(POSTGRES):
        raise ConfigError(["--database is no URL of PostgreSQL; write postgresql://user:password@host:5432/name"])
    plain, schema = _plain(url)
    database = await connect(plain, connections=1)
    try:
        async with database.transaction() as transaction:
            await transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            found = await transaction.fetch(
                "SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = $1", schema
            )
            there = {name for (name,) in found}
            if missing := [name for name in REQUIRED if name not in there]:
                raise ConfigError(
                    [f"--database has no table {missing[0]} in its schema '{schema}': it is not LiteLLM's"]
                )
            members: dict[str, Any] = {
                member: await _rows(transaction, schema, table, struct, order)
                for member, (table, struct, order) in _NAMES.items()
                if table in there
            }
            members["unread"] = {table: await _count(transaction, schema, table) for table in UNREAD if table in there}
    finally:
        await database.close()
    return Tables(**members)


def tidied(tables: Tables) -> Tables:
    """The rows with ids that can be named in subjects."""
    return replace(
        tables,
        **{
            name: [_tidied(row) for row in getattr(tables, name)]
            for name in ("teams", "users", "keys", "projects", "members")
        },
    )


def _tidied(row: R) -> R:
    named = {name: getattr(row, name, None) for name in ("team_id", "user_id", "project_id")}
    return replace(row, **{name: plain_id(value) for name, value in named.items() if value is not None})


async def _rows(reader: Reader, schema: str, table: str, struct: type[R], order: str) -> list[R]:
    there = await _columns(reader, schema, table)
    columns = ", ".join(f'"{name}"' for name in struct.__struct_fields__ if name in there)
    found = await reader.fetch(
        f"SELECT CAST(to_jsonb(t) AS text) FROM (SELECT {columns} FROM {_quoted(schema, table)}) t "  # noqa: S608 - quoted, or ours
        f'ORDER BY t."{order}"'
    )
    decode = msgspec.json.Decoder(struct).decode
    try:
        return [decode(text) for (text,) in found]
    except msgspec.ValidationError as error:
        raise StoreUnavailable(f"a row of {table} is not as LiteLLM writes it: {error}") from None


async def _columns(reader: Reader, schema: str, table: str) -> set[str]:
    found = await reader.fetch(
        "SELECT CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2",
        schema,
        table,
    )
    return {name for (name,) in found}


async def _count(reader: Reader, schema: str, table: str) -> int:
    return (await reader.fetch(f"SELECT count(*) FROM {_quoted(schema, table)}"))[0][0]  # noqa: S608 - quoted


def _quoted(schema: str, table: str) -> str:
    escaped = schema.replace('"', '""')
    return f'"{escaped}"."{table}"'


def _plain(url: str) -> tuple[str, str]:
    """A URL as PostgreSQL takes it, and the schema that Prisma's names in it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(["--database is no URL; write postgresql://user:password@host:5432/name"]) from None
    query = parse_qsl(parts.query, keep_blank_values=True)
    schema = next((value for name, value in query if name == "schema"), "public")
    kept = [(name, value) for name, value in query if name not in _PRISMA]
    return urlunsplit(parts._replace(query=urlencode(kept))), schema
