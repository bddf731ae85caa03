"""Reading vectors out of a vendor's answer."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.errors import MalformedOutput, Unsupported

Vector = tuple[float, ...]


def vector(value: Any, where: str) -> Vector:
    """A list of numbers.

    Raises:
        MalformedOutput: it is not one.
    """
    try:
        return msgspec.convert(value, Vector)
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"{where} is not a vector: {error}") from None


def vectors(value: Any, where: str) -> tuple[Vector, ...]:
    """A list of lists of numbers.

    Raises:
        MalformedOutput: it is not one.
    """
    try:
        return msgspec.convert(value, tuple[Vector, ...])
    except msgspec.ValidationError as error:
        raise MalformedOutput(f"{where} is not a list of vectors: {error}") from None


def sole_input(inputs: tuple[str | tuple[int, ...], ...], model: str) -> str:
    """The one text a model takes that embeds a text a request.

    Raises:
        Unsupported: there are several, or token ids.
    """
    if len(inputs) != 1:
        raise Unsupported(
            f"'{model}' embeds one text a request, not {len(inputs)}. Send them one by one.", param="input"
        )
    return text_input(inputs[0], 0, model)


def text_input(value: str | tuple[int, ...], index: int, model: str) -> str:
    """An input that has to be text.

    Raises:
        Unsupported: it is token ids, which mean something else to every model.
    """
    if isinstance(value, str):
        return value
    raise Unsupported(f"'{model}' embeds text, not token ids.", param=f"input[{index}]")
