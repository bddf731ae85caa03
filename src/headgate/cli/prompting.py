"""`headgate prompts`: prompts in files, listed, shown, rendered and looked over."""

from __future__ import annotations

import json as stdlib_json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.client import HERE
from headgate.cli.data import items, mapping, once
from headgate.cli.exits import FAILED, OK, Misused
from headgate.cli.libraries import files_of, folder_of, is_tested, library_of, nothing_in, prefix_of, prompt_of, told
from headgate.prompts.dotprompt import InputInvalid, Message, Prompt, RenderRefused
from headgate.registry import suggest

LibraryOption = Annotated[
    Path | None, Parameter(name="--library", help="The folder of prompts; 'prompts', or where a file is named its own.")
]
PackageOption = Annotated[
    str | None,
    Parameter(
        name="--package", help="An installed Python package of prompts instead: acme_prompts, or acme_prompts:folder."
    ),
]
JsonOption = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
NameOption = Annotated[
    str, Parameter(help="A prompt's name, as in support/triage, or its file; one that is published as name@label.")
]


def _file(help: str) -> Parameter:
    """An option that names a file, or `-` for standard input."""
    return Parameter(help=help, allow_leading_hyphen=True)


def list_(
    *,
    library: LibraryOption = None,
    package: PackageOption = None,
    registered: Annotated[bool, Parameter(negative="", help="Those that are published, with their labels.")] = False,
    json: JsonOption = False,
) -> int:
    """List the prompts of a library, with their variants and versions."""
    if registered:
        from headgate.cli.releasing import list_registered

        return list_registered(reach=replace(HERE, json=json))
    found = library_of(library, package)
    if json:
        output.json([_summary(each) for each in found])
    else:
        output.table(
            ("name", "version", "model", "owner", "inputs", "what it is for"),
            [_row(each) for each in found],
        )
        if not found.prompts and not found.broken:
            output.complain(f"headgate: {nothing_in(package or library or '.').message}")
    return told(found.problems)


def show(
    name: NameOption,
    /,
    *,
    library: LibraryOption = None,
    package: PackageOption = None,
    json: JsonOption = False,
) -> int:
    """Show a prompt: what it is, what it takes and makes, and the files it needs."""
    prompt = prompt_of(name, library, package)
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
    /,
    *,
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
    once((input, context, messages, docs, options))
    prompt = prompt_of(name, library, package)
    try:
        if options is not None:
            prompt = prompt.with_options(mapping(options))
        rendered = prompt.render(
            mapping(input),
            context=mapping(context),
            messages=items(messages),
            docs=items(docs),
        )
    except (InputInvalid, RenderRefused) as error:
        output.complain(f"headgate: {output.printable(error.message)}")
        if isinstance(error, InputInvalid) and input is None:
            output.complain("Give inputs in a file with --input, or as JSON on standard input with --input -.")
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
    folder, wanted = folder_of(names[0] if names else None, library)
    found = library_of(folder, package)
    if not found.prompts and not found.problems:
        raise nothing_in(package or folder)
    findings = look(
        found,
        today=datetime.now(UTC).date(),
        tested=None if package else lambda prompt: is_tested(folder, prompt),
        prefix=prefix_of(folder, package),
    )
    if only:
        findings = [each for each in findings if each.rule in only]
    if names:
        files = files_of(
            found, [wanted, *(folder_of(each, library)[1] for each in names[1:])], prefix_of(folder, package)
        )
        findings = [each for each in findings if each.file in files]
    if json:
        output.json(findings)
    else:
        for each in findings:
            where = f"{each.file}:{each.line}:{each.column}"
            output.say(output.printable(f"{where}: {each.severity}: {each.message} [{each.rule}]"))
        output.complain(_counted(findings, len(found)))
    return FAILED if failing(findings, strict=strict) else OK


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
