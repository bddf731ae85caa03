"""Cutting texts into words and sentences, for checks that count them."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W_]+(?:['’][^\W_]+)?")
"""A run of letters and digits; of scripts that put no blanks between words each character."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\s[.!?]\s|[。！？\n]+")

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def words_of(text: str) -> list[str]:
    """The words of a text, as they stand there."""
    return _WORD.findall(text)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, roughly: abbreviations end one too."""
    return [each for each in _SENTENCE.split(text) if each.strip()]


def prose_of(text: str) -> str:
    """A text without the code in it, as Markdown marks that."""
    return _CODE.sub(" ", text)
