"""`headgate prompts`: prompts in files, listed, shown, rendered and looked over."""

from __future__ import annotations

import json as stdlib_json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.catalog.retirements import RetiringNames
from headgate.cli import output
from headgate.cli.client import HERE
from headgate.cli.exits import FAILED, OK, CannotRun, Misused
from headgate.cli.files import reading
from headgate.errors import ConfigError
from headgate.prompts.dotprompt import (
    InputInvalid,
    Library,
    Message,
    Problem,
    Prompt,
    PromptNotFound,
    PromptsInvalid,
    RenderRefused,
    load_folder,
    load_package,
)
from headgate.prompts.dotprompt.marked import read
from headgate.prompts.dotprompt.problem import Notes
from headgate.registry import suggest

DEFAULT = Path("prompts")
"""The folder of prompts, where nobody names one."""

ENDING = ".prompt"

LibraryOption = Annotated[
    Path | None, Parameter(name="--library", help="The folder of prompts; 'prompts', or where a file is named its own.")
]
PackageOption = Annotated[
    str | None, Parameter(name="--package", help="An installed Python package of prompts, instead of a folder.")
]
JsonOption = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
NameOption = Annotated[
    str, Parameter(help="A prompt's name, as in support/triage, or its file; one that is published as name@label.")
]


def _file(help: str) -> Parameter:
    """An option that names a file, or `-` for standard input."""
    return Parameter(help=help, allow_leading_hyphen=True)


def list_(
    library: LibraryOption = None,
    package: PackageOption = None,
    registered: Annotated[bool, Parameter(negative="", help="Those that are published, with their labels.")] = False,
    json: JsonOption = False,
) -> int:
    """List the prompts of a library, with their variants and versions."""
    if registered:
        from headgate.cli.releasing import list_registered

        return list_registered(reach=replace(HERE, json=json))
    found = _library(library, package)
    if json:
        output.json([_summary(each) for each in found])
    else:
        output.table(
            ("name", "version", "model", "owner", "inputs", "what it is for"),
            [_row(each) for each in found],
        )
    return _told(found.problems)


def show(
    name: NameOption, library: LibraryOption = None, package: PackageOption = None, json: JsonOption = False
) -> int:
    """Show a prompt: what it is, what it takes and makes, and the files it needs."""
    prompt = _prompt(name, library, package)
    if json:
        output.json({**_summary(prompt), "settings": prompt.settings, "sources": prompt.sources})
        return OK
    for key, value in _summary(prompt).items():
        if value not in (None, {}, [], ()):
            shown = value if isinstance(value, str) else stdlib_json.dumps(value, ensure_ascii=False, default=dict)
            output.say(f"{key}: {output.printable(shown)}")
    for place, text in prompt.sources.items():
        output.say(f"\n── {output.printable(place)} ──")
        output.say("\n".join(output.printable(line) for line in text.rstrip("\n").split("\n")))
    return OK


def render(
    name: NameOption,
    input: Annotated[Path | None, _file("A file of inputs, JSON or YAML: name: value.")] = None,
    context: Annotated[Path | None, _file("A file of what '@name' stands for, JSON or YAML.")] = None,
    messages: Annotated[Path | None, _file("A file of what was said before: a list of messages.")] = None,
    docs: Annotated[Path | None, _file("A file of documents, which are @metadata.docs: a list.")] = None,
    options: Annotated[Path | None, _file("A file of metadata laid over the prompt's own.")] = None,
    library: LibraryOption = None,
    package: PackageOption = None,
    json: JsonOption = False,
) -> int:
    """Render a prompt to the messages a model is sent."""
    prompt = _prompt(name, library, package)
    if options is not None:
        prompt = prompt.with_options(_mapping(options))
    try:
        rendered = prompt.render(
            _mapping(input),
            context=_mapping(context),
            messages=_items(messages),
            docs=_items(docs),
        )
    except (InputInvalid, RenderRefused) as error:
        output.complain(f"headgate: {output.printable(error.message)}")
        return FAILED
    if json:
        written = {**_summary(prompt), **rendered.plain()}
        try:
            output.json(written)
        except (UnicodeEncodeError, OverflowError):  # what JSON can hold, and UTF-8 or 64 bits cannot
            output.say(stdlib_json.dumps(written, default=dict))
    else:
        for message in rendered.messages:
            _say(message)
    return OK


def lint(
    *names: Annotated[str, Parameter(help="Prompts to look at, by name or file; all without any.")],
    library: LibraryOption = None,
    package: PackageOption = None,
    only: Annotated[
        tuple[str, ...], Parameter(negative="", help="Look for this rule alone, as in review-due; may be repeated.")
    ] = (),
    strict: Annotated[bool, Parameter(negative="", help="Fail for warnings too.")] = False,
    json: JsonOption = False,
) -> int:
    """Say what is wrong and what is doubtful in prompts: inputs, injection, secrets, length, models, tests."""
    from headgate.prompts.linting import RULES, failing
    from headgate.prompts.linting import lint as look

    for rule in only:
        if rule not in RULES:
            raise Misused(f"there is no rule {rule}{suggest(rule, RULES)}", f"Name one of: {', '.join(RULES)}.")
    folder, wanted = _folder_of(names[0] if names else None, library)
    found = load_package(package, strict=False) if package else _folder(folder)
    findings = look(
        found,
        today=datetime.now(UTC).date(),
        tested=None if package else lambda prompt: _tested(folder, prompt),
        prefix=package or str(folder),
        retiring=_retiring(),
    )
    if only:
        findings = [each for each in findings if each.rule in only]
    if names:
        files = _files(found, [wanted, *(_folder_of(each, library)[1] for each in names[1:])], package or str(folder))
        findings = [each for each in findings if each.file in files]
    if json:
        output.json(findings)
    else:
        for each in findings:
            where = f"{each.file}:{each.line}:{each.column}"
            output.say(output.printable(f"{where}: {each.severity}: {each.message} [{each.rule}]"))
        output.complain(_counted(findings, len(found)))
    return FAILED if failing(findings, strict=strict) else OK


def _retiring() -> RetiringNames:
    """What is known of the models that prompts name, by the configuration where one is at hand."""
    from headgate.config import Config, default_path, load
    from headgate.config.retirements import Retiring

    path = default_path()
    try:
        return Retiring(Config() if path is None else load(path))
    except (ConfigError, OSError):  # what is wrong with it is for 'headgate check' to say
        return Retiring(Config())


# ── finding prompts ──


def _library(library: Path | None, package: str | None) -> Library:
    if package is not None:
        return _loaded(package)
    return _folder(library or _default())


def _loaded(package: str) -> Library:
    found = load_package(package, strict=False)
    if not found.prompts and not found.broken and not found.problems:
        raise CannotRun(f"the package {package} has no prompts", "Name a package that has *.prompt files.")
    return found


def _folder(folder: Path) -> Library:
    if not folder.is_dir():
        raise CannotRun(f"there is no folder {folder}", "Name the folder of prompts with --library, or make 'prompts'.")
    return load_folder(folder, strict=False)


def _default() -> Path:
    return DEFAULT if DEFAULT.is_dir() else Path()


def _folder_of(name: str | None, library: Path | None) -> tuple[Path, str]:
    """The folder of a prompt's library, and its name there."""
    if name is None or not name.endswith(ENDING):
        return library or _default(), name or ""
    file = Path(name)
    if not file.is_file() and library is not None and (library / name).is_file():
        file = library / name
    for folder in (library, DEFAULT):
        if folder is not None and folder.is_dir() and file.resolve().is_relative_to(folder.resolve()):
            return folder, file.resolve().relative_to(folder.resolve()).as_posix().removesuffix(ENDING)
    return file.parent, file.name.removesuffix(ENDING)


def _prompt(name: str, library: Path | None, package: str | None) -> Prompt:
    if "@" in name and library is package is None:
        from headgate.cli.releasing import registered

        return registered(name)
    folder, wanted = _folder_of(name, library)
    if name.endswith(ENDING) and package is None and not (folder / f"{wanted}{ENDING}").is_file():
        raise CannotRun(f"there is no file {name}", "Name a file that is there, or a prompt: 'headgate prompts list'.")
    found = _loaded(package) if package is not None else _folder(folder)
    try:
        prompt = found.get(wanted.removesuffix(ENDING))
    except PromptNotFound as error:
        raise CannotRun(error.message, "Try 'headgate prompts list'.") from None
    except PromptsInvalid as error:
        raise Unusable(error.found) from None
    for problem in found.problems:
        if problem.file in {f"{package or folder}/{each}" for each in prompt.sources}:
            output.complain(str(problem))
    return prompt


class Unusable(CannotRun):
    """A prompt has mistakes."""

    code = FAILED

    def __init__(self, found: Sequence[Problem]) -> None:
        super().__init__("the prompt cannot be used:\n" + "\n".join(str(each) for each in found))


def _told(problems: Sequence[Problem]) -> int:
    fatal = [each for each in problems if each.fatal]
    for each in fatal:
        output.complain(str(each))
    return FAILED if fatal else OK


def _files(found: Library, names: Sequence[str], prefix: str) -> set[str]:
    """The files that prompts need."""
    files: set[str] = set()
    for name in names:
        if name in found.broken:
            files |= {each.file for each in found.broken[name]}
            continue
        try:
            files |= {f"{prefix}/{place}" for place in found.get(name).sources}
        except PromptNotFound as error:
            raise CannotRun(error.message, "Try 'headgate prompts list'.") from None
    return files


def _tested(folder: Path, prompt: Prompt) -> bool:
    beside = folder / prompt.name
    return any(
        beside.with_name(f"{beside.name}.test{ending}").is_file() for ending in (".yaml", ".yml", ".json", ".py")
    )


# ── reading ──


def _read(path: Path) -> Any:
    """A document of JSON or YAML; `-` is standard input."""
    if str(path) == "-":
        text, shown = sys.stdin.read(), "standard input"
    else:
        with reading("Name a file of JSON or YAML."):
            text, shown = path.read_text("utf-8"), str(path)
    try:
        return stdlib_json.loads(text)
    except ValueError as error:
        if shown.endswith(".json"):
            raise Misused(f"{shown} is not JSON: {error}") from None
    except RecursionError:
        raise Misused(f"{shown} is nested too deep") from None
    notes = Notes(shown, text)
    marked = read(text, notes)
    if notes.found:
        raise Misused("\n".join(str(each) for each in notes.found))
    return marked.value


def _mapping(path: Path | None) -> dict[str, Any]:
    value = {} if path is None else _read(path)
    if not isinstance(value, dict):
        raise Misused(f"{path} is not a mapping", "Write 'name: value' lines, or a JSON object.")
    return value


def _items(path: Path | None) -> list[dict[str, Any]]:
    value = [] if path is None else _read(path)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Misused(f"{path} is not a list of mappings", 'Write a JSON list: [{"role": "user", "content": …}].')
    return value


# ── showing ──


def _summary(prompt: Prompt) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "variant": prompt.variant,
        "version": prompt.version,
        "file": prompt.file,
        "description": prompt.description,
        "model": prompt.model,
        "config": prompt.config,
        "input": prompt.input,
        "output": prompt.output,
        "tools": prompt.tools,
        "toolDefs": prompt.tool_defs,
        "ext": prompt.ext,
        "metadata": prompt.metadata,
        "raw": prompt.raw,
    }


def _row(prompt: Prompt) -> list[str]:
    properties: Mapping[str, Any] = (prompt.input_schema or {}).get("properties") or {}
    owner = prompt.settings.get("owner") or ""
    inputs = ", ".join(properties)
    return [prompt.full_name, prompt.version[:12], prompt.model or "", str(owner), inputs, prompt.description or ""]


def _say(message: Message) -> None:
    purpose = (message.metadata or {}).get("purpose")
    output.say(f"── {output.printable(message.role)}{f' ({purpose})' if purpose else ''} ──")
    for part in message.content:
        plain = part.plain()
        text = plain["text"] if set(plain) == {"text"} else stdlib_json.dumps(plain, ensure_ascii=False, default=dict)
        output.say("\n".join(output.printable(line) for line in text.split("\n")))


def _counted(findings: Sequence[Any], prompts: int) -> str:
    errors = sum(each.severity == "error" for each in findings)
    told = f"{output.counted(errors, 'error')}, {output.counted(len(findings) - errors, 'warning')}"
    return f"{output.counted(prompts, 'prompt')}: {told if findings else 'nothing to say'}"
