"""What is looked for in an answer, without asking a model. None of it says anything of what it read but a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import NamedTuple

from headgate import dialects
from headgate.checks.grounding import support
from headgate.checks.languages import language_of
from headgate.checks.refusals import is_unable, refuses
from headgate.checks.repetition import repeats
from headgate.dialects.hub import Answer, Choice, Reasoning, Refusal, Text, ToolCall
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError
from headgate.observing.kept import aside
from headgate.routing.validation.demand import Demand
from headgate.routing.validation.validators import no_repetition
from headgate.routing.validation.verdict import judged
from headgate.types import Payload

FEWEST_CONTEXT = 200
"""Characters of a request below which nothing was given that an answer could rest on."""


LARGE_BYTES = 4 * 1024
"""From here on an answer and its request are looked at in a thread: `groundedness` takes a millisecond of it."""


class Finding(NamedTuple):
    """What an evaluator found."""

    outcome: str
    """`pass`, `fail`, or `skip` where it could not tell."""
    reason: str = ""
    score: float | None = None


PASS = Finding("pass")
UNSAID = Finding("skip", "no_text")


class Material:
    """An answer that is looked at, and its request. Of several alternatives the first, but for schemas."""

    def __init__(self, request: Payload, answer: Answer, grounded_from: float) -> None:
        self.request = request
        self.answer = answer
        self.grounded_from = grounded_from
        self.choice = answer.choices[0] if answer.choices else Choice(parts=())

    @cached_property
    def text(self) -> str:
        """What the answer says."""
        return "".join(part.text for part in self.choice.parts if isinstance(part, Text))

    @cached_property
    def texts(self) -> list[TextNode]:
        """All texts of the request."""
        return list(dialects.get(self.request.dialect).request_texts(self.request.tree))

    @property
    def refused(self) -> bool:
        """Whether it is a refusal, as far as its dialect tells one from text, or its vendor's filter ended it."""
        return self.choice.stop in ("refusal", "content_filter") or any(
            isinstance(part, Refusal) and part.text for part in self.choice.parts
        )

    @property
    def is_large(self) -> bool:
        """Whether looking at it takes so long that others would have to wait."""
        return len(self.text) + len(self.request.encode()) > LARGE_BYTES

    def read(self) -> None:
        """Read the request, which takes a while where it is large.

        Raises:
            BadRequest: it cannot be.
        """
        _ = self.texts


async def _schema(material: Material) -> Finding:
    """It is JSON of the schema that was asked for, and calls the tools there are as they want to be called."""
    dialect, tree = dialects.get(material.request.dialect), material.request.tree
    demand = Demand(dialect.expected(tree), dialect.offered(tree), (), len(material.request.encode()))
    await demand.prepare()
    if not demand.asks:
        return Finding("skip", "none_asked" if demand.uncheckable is None else "uncheckable")
    if demand.document is None and not any(isinstance(part, ToolCall) for part in material.choice.parts):
        return Finding("skip", "no_call")
    verdict = await judged(material.answer, demand, repair=False)
    if verdict.problems:
        called = any(isinstance(part, ToolCall) for part in material.answer.choices[verdict.choice].parts)
        return Finding("fail", "tool_call" if called else "text")
    return Finding("skip", "unfinished") if verdict.skipped else PASS


def _refusal(material: Material) -> Finding:
    """It answers, and does not say that it will not, or cannot."""
    if material.refused:
        return Finding("fail", "filter" if material.choice.stop == "content_filter" else "told")
    if not material.text.strip():
        return UNSAID
    if refuses(material.text):
        return Finding("fail", "words")
    return Finding("fail", "unable") if is_unable(material.text) else PASS


def _empty(material: Material) -> Finding:
    """There is something in it beside thoughts: text, a tool call, whatever else it may hold."""
    if any(not isinstance(part, Text | Reasoning) for part in material.choice.parts) or material.text.strip():
        return PASS
    return Finding("fail", material.choice.stop or "no_stop")


def _truncated(material: Material) -> Finding:
    """It came to its end, and not to a limit of length or of the model's window."""
    stop = material.choice.stop
    if stop is None:
        return Finding("skip", "no_stop")
    return Finding("fail", stop) if stop in ("length", "context") else PASS


def _groundedness(material: Material) -> Finding:
    """What it says is in what it was given: tools' results, documents, and what the system and the user wrote."""
    if not material.text.strip() or material.refused:
        return UNSAID
    given = [node for node in material.texts if node.provenance in ("tool_result", "document")]
    if not given:
        given = [node for node in material.texts if node.provenance in ("system", "user")]
    context = "\n".join(node.text for node in given)
    if len(context) < FEWEST_CONTEXT:
        return Finding("skip", "no_context")
    score = support(material.text, context)
    if score is None:
        return UNSAID
    return Finding("pass" if score >= material.grounded_from else "fail", "", round(score, 4))


def _language(material: Material) -> Finding:
    """It is in the language of the user's last message."""
    asked = next((node.text for node in reversed(material.texts) if node.provenance == "user"), "")
    wanted, found = language_of(asked), language_of(material.text)
    if wanted is None or found is None:
        return Finding("skip", "unclear")
    return PASS if wanted == found else Finding("fail", f"{wanted}_{found}")


def _repetition(material: Material) -> Finding:
    """It does not end in the same words over and over, and does not consist of them to a large part."""
    if not material.text.strip():
        return UNSAID
    if no_repetition(material.text) is not None:
        return Finding("fail", "loop")
    return Finding("fail", "repeats") if repeats(material.text) else PASS


_LOOKS: Mapping[str, Callable[[Material], Finding]] = {
    "refusal": _refusal,
    "empty": _empty,
    "truncated": _truncated,
    "groundedness": _groundedness,
    "language": _language,
    "repetition": _repetition,
}
"""Those that wait for nothing."""


async def examined(material: Material, checks: Sequence[str]) -> list[tuple[str, Finding]]:
    """What checks find, by their names. Those that cannot do their work say nothing about the answer."""
    plain = partial(_looked, material, [name for name in checks if name in _LOOKS])
    found = await aside(plain) if material.is_large else plain()
    if "schema" in checks:
        try:
            found["schema"] = await _schema(material)
        except HeadgateError as error:
            found["schema"] = Finding("skip", error.code)
    return [(name, found[name]) for name in checks]


def _looked(material: Material, names: Sequence[str]) -> dict[str, Finding]:
    """What plain checks find. The request's texts are read here in any case: it may be in a thread."""
    found: dict[str, Finding] = {}
    try:
        material.read()
        found = {name: _LOOKS[name](material) for name in names}
    except HeadgateError as error:
        found = dict.fromkeys(names, Finding("skip", error.code))
    return found
