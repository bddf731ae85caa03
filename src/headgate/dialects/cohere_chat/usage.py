"""What Cohere says of tokens and of why a generation ended, in the hub's terms.

Cohere counts twice: `tokens` is what the model saw, its own preamble included, `billed_units` what is on the invoice
(Cohere docs, "How does Cohere's pricing work?"). The hub's usage is for billing, so it holds the billed units, and
`tokens` only where there are none. `cached_tokens` says how many of `tokens` came from a cache, which changes nothing
on the invoice, so it is no category of the hub's. All of it is kept as it came in the answer's `extra`.
"""

from __future__ import annotations

from headgate.dialects.hub import Stop
from headgate.dialects.members import optional
from headgate.errors import MalformedOutput
from headgate.types import JSON, Usage, json_type

_STOPS: dict[str, Stop] = {
    "COMPLETE": "end",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "context",
}


def stop_of(reason: str) -> Stop:
    """The hub's word for a `finish_reason`; one that nobody has heard of yet is an ordinary end."""
    return _STOPS.get(reason, "end")


def usage_of(members: JSON, where: str) -> Usage:
    """The billed tokens of a `usage`.

    Raises:
        MalformedOutput: a count is not a whole number.
    """
    name = "billed_units" if members.get("billed_units") is not None else "tokens"
    counts = optional(members, name, dict, where) or {}
    at = f"{where}.{name}"
    return Usage(
        input_tokens=count(counts, "input_tokens", at),
        output_tokens=count(counts, "output_tokens", at),
        image_input_tokens=count(counts, "image_tokens", at),
    )


def count(members: JSON, name: str, where: str) -> int:
    """A number of tokens or units; 0 where it is absent. Cohere's schema lets them be floats.

    Raises:
        MalformedOutput: it is not a whole number.
    """
    value = members.get(name)
    if value is None:
        return 0
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    raise MalformedOutput(f"{where}.{name} is {json_type(value)}, not a whole one")
