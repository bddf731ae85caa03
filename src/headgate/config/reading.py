"""The work behind `load`: a text read, checked and made a `Config`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from headgate.catalog.config import PriceListConfig
from headgate.config import check, fallbacks, prompts, rules
from headgate.config.loader import read_text
from headgate.config.problem import Problem, written
from headgate.config.schema import Config, ServerConfig
from headgate.config.secrets import ExecRules, Secrets
from headgate.config.source import Source
from headgate.errors import ConfigError
from headgate.types import JSON


def read(text: str, name: str, environ: Mapping[str, str], directory: Path, secrets: Secrets | None = None) -> Config:
    """The configuration in a text.

    Raises:
        ConfigError: it cannot be used.
    """
    source = Source(text, name, environ, directory, secrets)
    problems: list[str] = []
    if source.usable:
        _write_out(source.tree)
        problems = _add_price_file(source, environ)
        _place_price_list(source)
        _place_prompts(source)
        _check(source)
        problems += prompts.file_problems(source)
    problems = source.told() + problems
    if problems:
        raise ConfigError(problems)
    return _converted(source)


def with_server(config: Config, settings: Mapping[str, Any]) -> Config:
    """The same configuration with some settings of its server replaced.

    Raises:
        ConfigError: they cannot be used.
    """
    source = Source("", "command line", {}, Path())
    server = {**msgspec.to_builtins(config.server), **settings}
    source.tree = {"server": server, "storage": msgspec.to_builtins(config.storage)}
    _check(source)
    problems = [f"{written(each.path)}: {each.what}" for each in source.problems if each.path[0] == "server"]
    if problems:
        raise ConfigError(problems)
    return msgspec.structs.replace(config, server=msgspec.convert(server, ServerConfig))


def _check(source: Source) -> None:
    source.add(check.check(source))
    source.add(rules.check(source))
    source.add(fallbacks.check(source))
    source.add(prompts.check(source))


def _write_out(tree: Any) -> None:
    """Write out the short forms of targets and fallbacks, so that one schema fits both."""
    models = tree.get("models") if isinstance(tree, dict) else None
    for model in models.values() if isinstance(models, dict) else ():
        if not isinstance(model, dict):
            continue
        _name_members(model, "targets", "target")
        if isinstance(model.get("prompt"), str):
            model["prompt"] = {"use": model["prompt"]}
        if isinstance(model.get("fallback"), list):
            model["fallback"] = {"any": model["fallback"]}
        if isinstance(fallback := model.get("fallback"), dict):
            for cause in fallback:
                _name_members(fallback, cause, "use")


def _name_members(holder: JSON, name: str, member: str) -> None:
    """Write the strings of a list as mappings with that one member."""
    if isinstance(holder.get(name), list):
        holder[name] = [{member: each} if isinstance(each, str) else each for each in holder[name]]


def _add_price_file(source: Source, environ: Mapping[str, str]) -> list[str]:
    """Put the prices of `price_file` below those of `prices`. Returns what is wrong with that file."""
    tree = source.tree
    named = tree.get("price_file") if isinstance(tree, dict) else None
    prices = tree.get("prices", {}) if isinstance(tree, dict) else None
    if not isinstance(named, str) or not isinstance(prices, dict):
        return []
    path = source.directory / named
    try:
        text = read_text(path)
    except ConfigError as error:
        what = "names a file that cannot be read" if source.referred(("price_file",)) else error.problems[0]
        source.add([Problem(("price_file",), what)])
        return []
    secrets = Secrets(environ)
    secrets.rules = ExecRules()  # a list of prices runs nothing
    listed = Source(text, str(path), environ, path.parent, secrets)
    if listed.usable:
        listed.nest("prices")
        listed.add(check.check(listed))
    if not listed.problems:
        tree["prices"] = {**listed.tree["prices"], **prices}
    return listed.told()


def _place_price_list(source: Source) -> None:
    """Say where a price list is installed by its whole path: a reload knows no folder."""
    block = source.tree.get("price_list") if isinstance(source.tree, dict) else None
    if isinstance(block, dict) and isinstance(file := block.get("file", PriceListConfig().file), str):
        block["file"] = str(source.directory.absolute() / file)


def _place_prompts(source: Source) -> None:
    """Say where the folder of prompts is by its whole path, likewise."""
    block = source.tree.get("prompts") if isinstance(source.tree, dict) else None
    if isinstance(block, dict) and isinstance(folder := block.get("folder"), str):
        block["folder"] = str(source.directory.absolute() / folder)


_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def _converted(source: Source) -> Config:
    """The tree as a `Config`. Only what a JSON Schema takes for the same is left to go wrong: `3.0` for `3`."""
    try:
        return msgspec.convert(source.tree, Config)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        known = place.partition("[...]")[0]
        path = tuple(int(step[2]) if step[2] else step[1] for step in _STEP.finditer(known))
        source.add([Problem(path, f"cannot be used: {what}")])
        raise ConfigError(source.told()) from None
