"""Prompts of libraries as what is tested: rendered with a case's inputs, as requests of OpenAI's chat dialect."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headgate.errors import BadRequest
from headgate.evals.case import Case, Cell
from headgate.evals.problems import Place
from headgate.evals.subjects import PlainModels, Request, Unrenderable
from headgate.prompts.at_hand import Served, Spelling
from headgate.prompts.dotprompt import Library, Prompt, PromptNotFound
from headgate.prompts.serving import Unservable, history, prompted, served
from headgate.types import Payload

_FENCE = "---"

FOLDER = "prompts"
"""What the folder of a library is called, where it has its usual name."""


class Prompts:
    """The prompts of a library, and plain models beside them."""

    def __init__(self, library: Library, root: Path) -> None:
        """`root` is the folder the library is of: where its files are told to be."""
        self._library = library
        self._root = root
        self._plain = PlainModels()
        self._served: dict[str, Served] = {}

    def find(self, cell: Cell) -> Prompt | None:
        """The prompt of a cell; None for a plain model.

        Raises:
            PromptNotFound: there is none of that name.
        """
        return None if cell.prompt is None else self._library.get(cell.prompt, cell.variant)

    def request(self, cell: Cell, case: Case) -> Request:
        """The request of a case.

        Raises:
            Unrenderable: its inputs do not make one.
        """
        try:
            prompt = self.find(cell)
            if prompt is None:
                return self._plain.request(cell, case)
            rendered = prompt.render(case.inputs, context=case.context, messages=history(case.messages))
            model = cell.model or rendered.model
            if model is None:
                raise Unrenderable("the prompt names no model; write 'model:' in it or in the test file", whole=True)
            asked = Payload("openai_chat", msgspec.json.encode({"model": model, "messages": case.messages}))
            made, _ = prompted(asked, self._ready(prompt), rendered, Spelling())
        except (BadRequest, PromptNotFound) as error:
            raise Unrenderable(error.message, whole=isinstance(error, PromptNotFound)) from None
        except Unservable as error:
            raise Unrenderable(str(error)) from None
        return Request({**made.tree, **case.config}, prompt.version)

    def _ready(self, prompt: Prompt) -> Served:
        """A prompt as calls use it, so that what is tested is what is served."""
        found = self._served.get(prompt.version)
        if found is None:
            found = self._served[prompt.version] = served(prompt)
        return found

    def place(self, cell: Cell) -> Place | None:
        """The first line of the prompt's template."""
        try:
            prompt = self.find(cell)
        except PromptNotFound:
            return None
        if prompt is None:
            return None
        return Place(str(self._root / prompt.file), _first_line(prompt.sources.get(prompt.file, "")))


def root_of(test: Path) -> Path:
    """The folder whose library a test file belongs to: one around it that is called `prompts`; else the highest above
    it up to which every folder has prompts, partials, tools or schemas in it, its own where none has.
    """
    named = [each for each in test.parents if each.name == FOLDER]
    if named:
        return named[-1]
    folder = test.parent
    while folder.resolve() != Path.cwd() and folder.parent != folder and _has_prompts(folder.parent):
        folder = folder.parent
    return folder


def _has_prompts(folder: Path) -> bool:
    endings = (".prompt", ".tool.yaml", ".tool.json", ".schema.yaml", ".schema.json")
    try:
        return any(each.name.endswith(endings) for each in folder.iterdir())
    except OSError:  # of somebody else
        return False


def _first_line(source: str) -> int:
    lines = source.split("\n")
    fences = [at for at, line in enumerate(lines, 1) if line.rstrip() == _FENCE]
    after = fences[1] if len(fences) > 1 and not "".join(lines[: fences[0] - 1]).strip() else 0
    return next((at for at, line in enumerate(lines, 1) if at > after and line.strip()), 1)
