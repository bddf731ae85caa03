"""Taking out of a body what must not be stored: credentials, what is somebody's own, the names of end users."""

from __future__ import annotations

from collections.abc import Mapping
from operator import ne
from typing import Any, cast

from headgate.checks.personal import Personal
from headgate.checks.redaction import Redactor
from headgate.types import JSON


class Redacting:
    """What is taken out, by one configuration."""

    def __init__(self, secrets: Redactor, personal: Personal) -> None:
        self._secrets = secrets
        self._personal = personal

    def clean(self, value: Any, names: Mapping[str, str], taken: dict[str, int]) -> Any:
        """A copy of a JSON value with all its texts and members' names cleaned; `taken` counts by kind. `names` are
        those of end users, and what is put in the place of texts that are nothing else.
        """
        texts: dict[str, str] = {}
        _collect(value, texts)
        found = list(texts)
        without = self._secrets.clean_all(found)
        if without is not found:
            taken |= _counted("secret", sum(map(ne, found, without)), taken)
        without = self._personal.clean_all(without, taken)
        if without is found and not names:
            return value
        texts = dict(zip(found, without, strict=True))
        own = [name for name in names if name in texts]
        texts |= {name: names[name] for name in own}
        taken |= _counted("end_user", len(own), taken)
        return _rewritten(value, texts)


def _counted(kind: str, number: int, taken: Mapping[str, int]) -> dict[str, int]:
    return {kind: taken.get(kind, 0) + number} if number else {}


def _collect(value: Any, into: dict[str, str]) -> None:
    if isinstance(value, str):
        into[value] = value
    elif isinstance(value, dict):
        for name, each in cast("JSON", value).items():
            into[name] = name
            _collect(each, into)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            _collect(each, into)


def _rewritten(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return texts[value]
    if isinstance(value, dict):
        return {texts[name]: _rewritten(each, texts) for name, each in cast("JSON", value).items()}
    if isinstance(value, list):
        return [_rewritten(each, texts) for each in cast("list[Any]", value)]
    return value
