"""What callers of a prompt would notice of a change: inputs that are refused, answers that are not what they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from headgate.checks.containment import Gap, gaps
from headgate.prompts.dotprompt.prompt import Prompt

Side = Literal["prompt", "input", "output", "tools"]


class Break(msgspec.Struct, frozen=True):
    """Something callers rely on that does not hold any more."""

    side: Side
    place: str
    """Of the input or the answer: `order.lines[].count`; empty for the whole."""
    what: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.side, self.place, self.what) if part)


_INPUT: Final = {
    "type": "no longer takes {0}",
    "value": "no longer takes {0}",
    "only": "takes nothing but {0} now",
    "required": "is required now",
    "gone": "is not taken any more",
    "closed": "takes no other names any more",
    "bound": "is bounded more tightly: {0}",
    "other": "may refuse what it took before ({0})",
}

_OUTPUT: Final = {
    "type": "may be {0} now",
    "value": "may be {0} now",
    "only": "may be something else than {0} now",
    "required": "may be missing now",
    "gone": "is not in the answer any more",
    "closed": "may have other names now",
    "bound": "is bounded less tightly: it was {0}",
    "other": "may be what it was not before ({0})",
}


def breaks(before: Prompt, after: Prompt) -> list[Break]:
    """Why callers of one prompt might fail with the other."""
    found = [_worded("input", each, _INPUT) for each in gaps(_inputs(before), _inputs(after))]
    found += _output(before, after)
    found += [
        Break("tools", name, "has to be brought by the caller now") for name in after.tools if name not in before.tools
    ]
    return found


def _inputs(prompt: Prompt) -> Mapping[str, Any]:
    """What callers may give: those with a default may be left out, whatever the schema says."""
    schema = prompt.input_schema or {"type": "object"}
    required = [name for name in schema.get("required", ()) if name not in prompt.input_default]
    return {**schema, "required": required}


def _output(before: Prompt, after: Prompt) -> list[Break]:
    was, now = _form(before), _form(after)
    if was != now:
        return [Break("output", "", f"is {now} now, and was {was}")]
    if before.output_schema is None:
        return []
    if after.output_schema is None:
        return [Break("output", "", "has no schema any more")]
    found = gaps(after.output_schema, before.output_schema, growing=True)
    return [_worded("output", each, _OUTPUT) for each in found]


def _form(prompt: Prompt) -> str:
    return prompt.output_format or ("json" if prompt.output_schema is not None else "text")


def _worded(side: Side, gap: Gap, words: Mapping[str, str]) -> Break:
    return Break(side, gap.place, words[gap.kind].format(gap.detail))
