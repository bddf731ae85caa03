"""What a template is made of, in the order it stands there: roles, history, media, sections, partials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from headgate.prompts.dotprompt.loading import Parsed, parsed
from headgate.prompts.dotprompt.prompt import Prompt
from headgate.prompts.dotprompt.syntax import Block, Call, Inline, Literal, Mustache, Partial, Path, Program

MAX_STEPS: Final = 1_000
"""Of an outline, as of partials that name each other in many ways."""

_HELPERS: Final = frozenset({"role", "history", "media", "section"})


def outline(prompt: Prompt) -> list[str]:
    """As in `role system`, `> house`, `history`, `role user`, `media`, `section code`. What a partial is made of
    follows it; parts that stand under a condition are told as others are.
    """
    files = parsed(prompt.sources)
    found: list[str] = []
    for step in _steps(files[prompt.file].program, prompt.file, files):
        found.append(step)
        if len(found) == MAX_STEPS:
            break
    return found


def _steps(program: Program | None, place: str, files: Mapping[str, Parsed]) -> Iterator[str]:
    for statement in program.body if program is not None else ():
        match statement:
            case Mustache(call=call):
                yield from _helper(call)
            case Block():
                yield from _steps(statement.program, place, files)
                yield from _steps(statement.inverse, place, files)
            case Inline(program=inner):
                yield from _steps(inner, place, files)
            case Partial(call=call):
                name = call.path.original if not isinstance(call.path, Call) else "(any)"
                yield f"> {name}"
                yield from _steps(statement.block, place, files)
                target = files[place].partials.get(name)
                if target is not None:
                    yield from _steps(files[target].program, target, files)
            case _:
                pass


def _helper(call: Call) -> Iterator[str]:
    name = call.path.original if isinstance(call.path, Path) and call.path.simple else ""
    if name in _HELPERS:
        said = call.params[0].original if call.params and isinstance(call.params[0], Literal) else ""
        yield f"{name} {said}".rstrip()
