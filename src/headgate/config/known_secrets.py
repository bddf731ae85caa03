"""What of a configuration and its environment must not be said: what redaction takes out wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
from msgspec import inspect

from headgate.config.schema import Config

LEAST = 8
"""Characters from which on a variable is taken for a secret because of its name."""

_NAME = re.compile(r"(?:^|_)(?:API_?)?(?:KEY|SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PAT|DSN)(?:_|S?$)")
_PLAIN = re.compile(r"memory|[a-z]+/[a-z.+*-]+|\*/\*|\d{4}-\d\d-\d\d|true|false|\d{1,3}")
"""What may stand where secrets do, and is none: a kind of counters, media types and versions in headers."""
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey)\s+", re.IGNORECASE)
_PLACE = re.compile(r"_(?:FILE|PATH|DIR|FOLDER|SOCK)$|^GOOGLE_APPLICATION_CREDENTIALS$")


def secrets_of(config: Config, environ: Mapping[str, str]) -> Iterator[str]:
    """The values of all settings that are secret, and of variables whose names say so."""
    yield from _found(config, inspect.type_info(Config), secret=False)
    yield from secrets_of_environment(environ)


def secrets_of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose names say that they are secret, and of those that are addresses with a password."""
    for name, value in environ.items():
        upper = name.upper()
        named = bool(_NAME.search(upper)) and not _PLACE.search(upper)
        long = len(value) >= LEAST or upper.startswith("HEADGATE_")
        if (named and long) or ("://" in value and "@" in value):
            yield value


def _found(value: Any, kind: inspect.Type, *, secret: bool) -> Iterator[str]:
    match kind, value:
        case inspect.Metadata(type=inner), _:
            yield from _found(value, inner, secret=secret or bool((kind.extra or {}).get("secret")))
        case inspect.UnionType(types=types), _:
            for each in types:
                yield from _found(value, each, secret=secret)
        case inspect.StructType(cls=struct, fields=fields), msgspec.Struct() if isinstance(value, struct):
            for field in fields:
                yield from _found(getattr(value, field.name), field.type, secret=secret)
        case inspect.ListType(item_type=item), list():
            for each in cast("list[Any]", value):
                yield from _found(each, item, secret=secret)
        case inspect.DictType(value_type=item), dict():
            for each in cast("dict[Any, Any]", value).values():
                yield from _found(each, item, secret=secret)
        case inspect.StrType(), str() if secret and not _PLAIN.fullmatch(value):
            yield value
            if credential := _SCHEME.match(value):
                yield value[credential.end() :]
        case _:
            return
