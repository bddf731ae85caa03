"""A small word model: sentences that read like an answer and say that they are none."""

from __future__ import annotations

from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.tokens import pieces

_OPENERS = (
    "In short,",
    "As a rule,",
    "In practice,",
    "Most of the time,",
    "To begin with,",
    "On the other hand,",
    "For example,",
    "Seen from outside,",
    "After a while,",
    "In the end,",
)
_SUBJECTS = (
    "a small team",
    "the first draft",
    "a careful reader",
    "the usual approach",
    "a steady stream",
    "the old canal",
    "a good measurement",
    "the whole system",
    "an early warning",
    "the second attempt",
    "a plain explanation",
    "the water level",
    "a patient keeper",
    "the next step",
)
_VERBS = (
    "turns out to matter more than",
    "depends on",
    "leads straight to",
    "makes room for",
    "is easier to explain than",
    "quietly replaces",
    "works well together with",
    "tells us something about",
    "is best compared with",
    "slows down without",
    "can be checked against",
    "follows from",
)
_OBJECTS = (
    "the number of gates",
    "what was agreed before",
    "a short list of facts",
    "the weather upstream",
    "three independent sources",
    "the size of the question",
    "an honest estimate",
    "the work already done",
    "a simple rule of thumb",
    "the people who ask",
    "many small changes",
    "the numbers at hand",
    "one clear example",
)
_ENDS = (
    ".",
    ".",
    ", and that is enough.",
    ", although nobody expected it.",
    " most of the year.",
    ", at least for now.",
    " when it is measured twice.",
    ", which keeps things simple.",
    " from the very first day.",
)
_NAMES = (
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "inlet",
    "juniper",
    "kestrel",
    "linden",
)


def sentence(dice: Dice) -> str:
    """One sentence about nothing."""
    body = f"{dice.pick(_SUBJECTS)} {dice.pick(_VERBS)} {dice.pick(_OBJECTS)}{dice.pick(_ENDS)}"
    if dice.unit() < 0.4:
        return f"{dice.pick(_OPENERS)} {body}"
    return body[0].upper() + body[1:]


def prose(dice: Dice, first: str, tokens: int) -> str:
    """`first`, and sentences after it, at least `tokens` long in all and ending with a whole sentence."""
    written = [first]
    left = tokens - first.count(" ")
    while left > 0:  # counts words only: every word is at least one token, and counting tokens takes longer
        more = sentence(dice)
        written.append(more)
        left -= more.count(" ") + 1
    return " ".join(written)


def exactly(dice: Dice, first: str, tokens: int) -> str:
    """A text of exactly that many tokens."""
    return "".join(pieces(prose(dice, first, tokens))[:tokens])


def name(dice: Dice) -> str:
    """One word."""
    return dice.pick(_NAMES)


def phrase(dice: Dice) -> str:
    """A few words, for a string in made-up JSON."""
    return f"{dice.pick(_SUBJECTS)} of {name(dice)}"
