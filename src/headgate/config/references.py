"""References to the environment, files and commands, resolved in scalars that have been parsed, never in the text.

${NAME}            the environment variable; a problem where it is not set or empty
${NAME:-default}   the same, or the default
${file:path}       what is in the file, without the newline at its end; relative to the configuration's folder
${exec:command …}  what the command prints, without the newline at its end; where `server.allow_exec` allows it
$${                the two characters ${
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from headgate.config.problem import Path, Problem
from headgate.config.secrets import Secrets, Unreadable

_REFERENCE = re.compile(r"(\$?)\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


REFERRED: set[str] = set()
"""What references have given in this process, but for defaults, which stand in the file: it is shown to nobody."""


class References:
    """Resolves the references of one tree, and remembers where it did: those values are never shown."""

    def __init__(self, environ: Mapping[str, str], directory: FilePath, secrets: Secrets | None = None) -> None:
        self._environ = environ
        self._directory = directory
        self._secrets = secrets or Secrets(environ)
        self.problems: list[Problem] = []
        self.written: dict[Path, str] = {}
        """By path, what was written where a reference was resolved."""
        self.origin: dict[str, str] = {}
        """By what came of it, what was written."""

    def resolve(self, value: Any, path: Path = ()) -> Any:
        """The tree with every reference replaced by what it refers to."""
        if isinstance(value, str):
            return self._text(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {name: self.resolve(each, (*path, name)) for name, each in value.items()}
        if isinstance(value, list):
            return [self.resolve(each, (*path, index)) for index, each in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> str:
        resolved = False

        def found(match: re.Match[str]) -> str:
            nonlocal resolved
            escaped, reference, closed = match.groups()
            if escaped:
                return match[0][1:]
            resolved = True
            if not closed:
                self.problems.append(Problem(path, "has a '${' without its '}'; write '$${' for the characters"))
                return ""
            return self._value(reference, path)

        value = _REFERENCE.sub(found, text)
        if resolved:
            self.written[path] = self.origin[value] = text
        return value

    def _value(self, reference: str, path: Path) -> str:
        kind, colon, what = reference.partition(":")
        if colon and kind in {"file", "exec"}:
            return self._secret(kind, what, path)
        name, has_default, default = reference.partition(":-")
        if not _NAME.fullmatch(name):
            known = "${NAME}, ${NAME:-default}, ${file:/path} or ${exec:command}"
            what = f"has '${{{name}}}', which is no reference; write {known}"
            self.problems.append(Problem(path, what))
            return ""
        value = self._environ.get(name) or (default if has_default else "")
        if value and value != default:
            REFERRED.add(value)
        if not _is_text(value):
            self.problems.append(Problem(path, f"needs the environment variable {name}, which is not UTF-8 text"))
            return ""
        if not value and not has_default:
            what = f"needs the environment variable {name}, which is not set; set it, or write ${{{name}:-default}}"
            self.problems.append(Problem(path, what))
        return value

    def _secret(self, kind: str, what: str, path: Path) -> str:
        try:
            origin = self._secrets
            value = origin.file(self._directory / what) if kind == "file" else origin.output(what, self._directory)
        except Unreadable as error:
            self.problems.append(Problem(path, str(error)))
            return ""
        REFERRED.add(value)
        return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of the environment that are not UTF-8 arrive as lone surrogates
        return False
    return True
