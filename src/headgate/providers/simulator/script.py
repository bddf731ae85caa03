"""Scripted answers: which requests get what, in what order, how often."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from headgate.dialects.hub import Stop
from headgate.errors import ConfigError
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.faults import Fault, fault_of
from headgate.providers.simulator.timing import Latency, check_latency
from headgate.types import JSON, Usage

MAX_RULES = 10_000


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a rule is for: all that is said must hold. What is not said matches everything."""

    model: str | None = None
    """The model's name; one that ends in `*` matches what begins so."""
    text: str | None = None
    """Contained in the text of the last message: the user's, or a tool's result."""
    body: str | None = None
    """Contained anywhere in the request's body, as it was sent."""
    dialect: str | None = None
    operation: str | None = None
    stream: bool | None = None
    key: str | None = None
    """The API key, whole."""
    header: dict[str, str] = {}
    """Headers that must have these values. Names in any case."""
    path: str | None = None
    """Contained in the path."""


class ScriptedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tool call to answer with."""

    name: str
    arguments: JSON | str = {}
    """An object, or the text to send as it is, valid or not."""
    id: str | None = None


class ScriptedReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to answer. What is not said is made up as without a script."""

    text: str | None = None
    tokens: int | None = None
    """Write a text of exactly this many tokens, whatever the request's limit."""
    tool_calls: tuple[ScriptedCall, ...] | None = None
    json: Any = msgspec.UNSET
    """Answer with this value as JSON text."""
    reasoning: str | None = None
    refusal: str | None = None
    stop: Stop | None = None
    usage: dict[str, int] | None = None
    """Report these token counts instead; the names are those of the record."""
    embedding: tuple[float, ...] | None = None
    body: str | None = None
    """Send this as the whole body of the response, whatever was asked."""
    status: int = 200
    """For `body`."""
    content_type: str = "application/json"
    """For `body`."""

    def __post_init__(self) -> None:
        given = [name for name in ("text", "tokens", "refusal") if getattr(self, name) is not None]
        if self.json is not msgspec.UNSET:
            given.append("json")
        if len(given) > 1:
            raise ValueError(f"'{given[0]}' and '{given[1]}' are two answers: give one of them")
        if self.tokens is not None and not 0 <= self.tokens <= 1_000_000:
            raise ValueError(f"tokens is between 0 and 1000000, not {self.tokens}")
        if not 200 <= self.status <= 599:
            raise ValueError(f"a status is between 200 and 599, not {self.status}")
        if unknown := (self.usage or {}).keys() - set(Usage.__struct_fields__):
            raise ValueError(f"usage has no '{min(unknown)}'; known: {', '.join(Usage.__struct_fields__)}")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of a script."""

    match: Match = Match()
    times: int | None = None
    """How many requests it serves before it is used up; None is no end."""
    share: float = 1.0
    """The share of matching requests it serves, from 0 to 1; the others try the rules after it."""
    reply: ScriptedReply | None = None
    fault: str | int | JSON | None = None
    latency: Latency | None = None

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError(f"times is at least 1, not {self.times}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is between 0 and 1, not {self.share:g}")
        if self.fault is not None:
            fault_of(self.fault)
        if self.latency is not None:
            check_latency(self.latency)


class Facts(msgspec.Struct, frozen=True):
    """What rules look at."""

    model: str
    text: str
    body: bytes
    dialect: str
    operation: str
    stream: bool
    key: str
    headers: Mapping[str, str]
    path: str


class Script:
    """Rules in order; the first that matches and is not used up serves a request."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self.rules = rules
        self.used = [0] * len(rules)
        self._faults = [fault_of(rule.fault) if rule.fault is not None else None for rule in rules]

    def take(self, facts: Facts, dice: Dice) -> tuple[Rule, Fault | None, int] | None:
        """The rule for a request, its fault and its number, counted as used; None where none matches."""
        for number, rule in enumerate(self.rules):
            if rule.times is not None and self.used[number] >= rule.times:
                continue
            if not _matches(rule.match, facts):
                continue
            if rule.share < 1 and dice.fork(f"rule {number}").unit() >= rule.share:
                continue
            self.used[number] += 1
            return rule, self._faults[number], number
        return None

    def shown(self) -> list[Any]:
        """The rules as they were given, and how often each has served."""
        return [{**msgspec.to_builtins(rule), "used": used} for rule, used in zip(self.rules, self.used, strict=True)]


def read_script(raw: bytes) -> Script:
    """A script from JSON.

    Raises:
        ConfigError: it is not one; says where.
    """
    try:
        return Script(_checked(msgspec.json.decode(raw, type=tuple[Rule, ...])))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError([f"script: {_placed(str(error))}"]) from None


def load_script(path: Path) -> Script:
    """A script from a YAML or JSON file.

    Raises:
        ConfigError: it cannot be read, or is not a script; says where.
    """
    import yaml

    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Script(_checked(msgspec.convert([] if tree is None else tree, tuple[Rule, ...])))
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: {_placed(str(error))}"]) from None


def _checked(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if len(rules) > MAX_RULES:
        raise ValueError(f"a script has at most {MAX_RULES} rules, not {len(rules)}")
    return rules


def _placed(message: str) -> str:
    """A message of msgspec's with the place first: `[2].reply.stop: Invalid enum value 'x'`."""
    text, separator, place = message.rpartition(" - at `$")
    return f"{place.removesuffix('`')}: {text}" if separator else message


def _matches(match: Match, facts: Facts) -> bool:
    return (
        _names(match.model, facts.model)
        and (match.text is None or match.text in facts.text)
        and (match.dialect is None or match.dialect == facts.dialect)
        and (match.operation is None or match.operation == facts.operation)
        and (match.stream is None or match.stream == facts.stream)
        and (match.key is None or match.key == facts.key)
        and (match.path is None or match.path in facts.path)
        and (match.body is None or match.body.encode() in facts.body)
        and all(facts.headers.get(name.lower()) == value for name, value in match.header.items())
    )


def _names(pattern: str | None, model: str) -> bool:
    if pattern is None:
        return True
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern
