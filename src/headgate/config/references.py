"""References to the environment and to files, resolved in scalars that have been parsed, never in the text.

${NAME}            the environment variable; a problem where it is not set or empty
${NAME:-default}   the same, or the default
${file:/path}      what is in the file, without the newline at its end
$${                the two characters ${
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from headgate.config.problem import Path, Problem

MAX_FILE_BYTES = 1024 * 1024

_REFERENCE = re.compile(r"(\$?)\$\{([^{}]*)(\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class References:
    """Resolves the references of one tree, and remembers where it did: those values are never shown."""

    def __init__(self, environ: Mapping[str, str], directory: FilePath) -> None:
        self._environ = environ
        self._directory = directory
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
        if reference.startswith("file:"):
            return self._file(reference.removeprefix("file:"), path)
        name, has_default, default = reference.partition(":-")
        if not _NAME.fullmatch(name):
            what = f"has '${{{name}}}', which is no reference; write ${{NAME}}, ${{NAME:-default}} or ${{file:/path}}"
            self.problems.append(Problem(path, what))
            return ""
        value = self._environ.get(name) or (default if has_default else "")
        if not _is_text(value):
            self.problems.append(Problem(path, f"needs the environment variable {name}, which is not UTF-8 text"))
            return ""
        if not value and not has_default:
            what = f"needs the environment variable {name}, which is not set; set it, or write ${{{name}:-default}}"
            self.problems.append(Problem(path, what))
        return value

    def _file(self, name: str, path: Path) -> str:
        file = self._directory / name
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_FILE_BYTES + 1)
            text = content.decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
            self.problems.append(Problem(path, f"refers to the file {str(file)!r}, which cannot be read: {why}"))
            return ""
        if len(content) > MAX_FILE_BYTES:
            self.problems.append(
                Problem(path, f"refers to the file {str(file)!r}, which is over {MAX_FILE_BYTES} bytes")
            )
            return ""
        return text.removesuffix("\n").removesuffix("\r")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of the environment that are not UTF-8 arrive as lone surrogates
        return False
    return True
