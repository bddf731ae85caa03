"""`headgate import`: moving in from another gateway."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.access.minting import digest
from headgate.cli.client import Reach
from headgate.cli.configs import Json, OutputFile
from headgate.cli.exits import CannotRun, Misused
from headgate.cli.files import reading
from headgate.cli.moving import Asked, Found, carry_out
from headgate.errors import ConfigError, StoreUnavailable
from headgate.importing import Report
from headgate.importing.bifrost import convert as convert_bifrost
from headgate.importing.bifrost import read_file as read_bifrost
from headgate.importing.litellm import ConvertedConfig, convert, read_file, read_tables, records_of
from headgate.importing.portkey import VENDORS
from headgate.importing.portkey import convert as convert_portkey
from headgate.importing.portkey import read_file as read_portkey
from headgate.importing.records import Records

Flag = Annotated[bool, Parameter(negative="")]


def litellm(
    *,
    config: Annotated[Path, Parameter(name=["--config", "-c"])],
    database: str | None = None,
    write: Flag = False,
    output_: Annotated[OutputFile, Parameter(name=["--output", "-o"])] = None,
    replace: Flag = False,
    records_only: Flag = False,
    revoke_missing: Flag = False,
    url: str | None = None,
    key: str | None = None,
    organisation: str | None = None,
    json: Json = False,
) -> int:
    """Move in from LiteLLM's proxy. Changes nothing unless told to write, and says what becomes of everything.

    Parameters
    ----------
    config
        LiteLLM's config.yaml.
    database
        LiteLLM's own database: postgresql://user:password@host:5432/name. It is only read.
    write
        Write headgate.yaml, and with a database what it has into ours. Again is fine: what is there stays.
    output_
        Where to write the configuration; ./headgate.yaml unless given.
    replace
        Write over a configuration that is there and says something else.
    records_only
        Leave the configuration that is there as it is, and bring in the database's rows alone.
    revoke_missing
        Revoke keys that were imported before and are in LiteLLM's database no more: deleted there, or rotated.
    url
        The address of the Headgate that is to take the rows; else HEADGATE_URL, else that of the configuration.
    key
        A key that may do that; better in HEADGATE_ADMIN_KEY.
    organisation
        Another organisation than the key's own.
    json
        Print JSON.
    """
    if records_only and database is None:
        raise Misused("--records-only needs a database", "Name it with --database.")
    report = Report("docs/moving-from-litellm.md")
    with reading("Name LiteLLM's config.yaml with --config."):
        tree = read_file(config)
    converted = convert(tree, report)
    records = None if database is None else _records(database, converted, tree, report)
    reach = Reach(config=output_ or Path("headgate.yaml"), url=url, key=key, organisation=organisation, json=json)
    asked = Asked(reach, write, replace, records_only, "or leave out --database", revoke_missing)
    return carry_out(Found("LiteLLM", report, converted, records), asked)


def portkey(
    *,
    config: Annotated[tuple[Path, ...], Parameter(name=["--config", "-c"], negative="")],
    vendor: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    model: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    write: Flag = False,
    output_: Annotated[OutputFile, Parameter(name=["--output", "-o"])] = None,
    replace: Flag = False,
    json: Json = False,
) -> int:
    """Move in from Portkey's gateway configs. Changes nothing unless told to write.

    Parameters
    ----------
    config
        A gateway config as JSON, or conf.json of the open-source gateway; again for more of them.
    vendor
        What is behind a slug or a virtual key of Portkey's: openai-prod=openai. Else it is guessed from its name.
    model
        A name that clients ask for. Without any, every name is taken.
    write
        Write headgate.yaml. Again is fine: what is there stays.
    output_
        Where to write it; ./headgate.yaml unless given.
    replace
        Write over a configuration that is there and says something else.
    json
        Print JSON.
    """
    vendors = dict(_vendor(each) for each in vendor)
    report = Report("docs/moving-from-others.md")
    with reading("Name a config of Portkey's with --config."):
        files = [read_portkey(path) for path in config]
    if not files:
        raise Misused("there is no config to move", "Name one with --config.")
    converted = convert_portkey(files, report, model, vendors)
    asked = Asked(Reach(config=output_ or Path("headgate.yaml"), json=json), write, replace)
    return carry_out(Found("Portkey", report, converted), asked)


def bifrost(
    *,
    config: Annotated[Path, Parameter(name=["--config", "-c"])],
    write: Flag = False,
    output_: Annotated[OutputFile, Parameter(name=["--output", "-o"])] = None,
    replace: Flag = False,
    config_only: Flag = False,
    records_only: Flag = False,
    revoke_missing: Flag = False,
    url: str | None = None,
    key: str | None = None,
    organisation: str | None = None,
    json: Json = False,
) -> int:
    """Move in from Bifrost. Changes nothing unless told to write, and says what becomes of everything.

    Parameters
    ----------
    config
        Bifrost's config.json.
    write
        Write headgate.yaml, and bring in teams, virtual keys, budgets and limits. Again is fine: what is there stays.
    output_
        Where to write the configuration; ./headgate.yaml unless given.
    replace
        Write over a configuration that is there and says something else.
    config_only
        Leave teams, keys, budgets and limits where they are.
    records_only
        Leave the configuration that is there as it is, and bring in the rest alone.
    revoke_missing
        Revoke keys that were imported before and are in config.json no more.
    url
        The address of the Headgate that is to take the rows; else HEADGATE_URL, else that of the configuration.
    key
        A key that may do that; better in HEADGATE_ADMIN_KEY.
    organisation
        Another organisation than the key's own.
    json
        Print JSON.
    """
    if config_only and records_only:
        raise Misused("--config-only and --records-only leave nothing to do", "Take one of them.")
    report = Report("docs/moving-from-others.md")
    with reading("Name Bifrost's config.json with --config."):
        tree = read_bifrost(config)
    converted = convert_bifrost(tree, report, os.environ, datetime.now(UTC))
    reach = Reach(config=output_ or Path("headgate.yaml"), url=url, key=key, organisation=organisation, json=json)
    asked = Asked(reach, write, replace, records_only, "or take --config-only", revoke_missing)
    records = None if config_only else converted.records
    return carry_out(Found("Bifrost", report, converted, records), asked)


def _vendor(text: str) -> tuple[str, str]:
    slug, _, name = text.removeprefix("@").partition("=")
    if slug and name in VENDORS:
        return slug, name
    raise Misused(
        f"--vendor {text} says no vendor of a slug", f"Write --vendor slug=vendor, with one of {', '.join(VENDORS)}."
    )


def _records(url: str, converted: ConvertedConfig, tree: Mapping[str, Any], report: Report) -> Records:
    try:
        tables = asyncio.run(read_tables(url))
    except StoreUnavailable as error:
        raise CannotRun(f"LiteLLM's database: {error.message}", "Check --database.") from None
    except ConfigError as error:
        wrong = "; ".join(error.problems).replace("storage.database: ", "--database ")
        raise CannotRun(wrong, "Check --database.") from None
    return records_of(tables, converted, report, datetime.now(UTC), _administrators(tree))


def _administrators(tree: Mapping[str, Any]) -> frozenset[str]:
    """Digests of the keys that are to be HEADGATE_ADMIN_KEY, and no rows."""
    general = tree.get("general_settings")
    master = general.get("master_key") if isinstance(general, dict) else None
    name = master.removeprefix("os.environ/") if isinstance(master, str) else ""
    candidates = [
        os.environ.get("HEADGATE_ADMIN_KEY"),
        os.environ.get("LITELLM_MASTER_KEY"),
        os.environ.get(name) if isinstance(master, str) and master.startswith("os.environ/") else master,
    ]
    return frozenset(digest(each.encode()).hex() for each in candidates if isinstance(each, str) and each)
