"""What begins like a refusal, and what only speaks of one."""

from __future__ import annotations

import pytest

from headgate.checks.refusals import BEGINNING, is_unable, refuses


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "I cannot provide instructions for that.",
        "Unfortunately, I am unable to answer questions about people.",
        "I won't write that.",
        "I must respectfully decline.",
        "As an AI language model, I am not able to generate such content.",
        "That is against my guidelines.",
        "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
        "Je ne peux pas vous aider avec cette demande.",
        "Lo siento, no puedo ayudarte con eso.",
        "Não posso fornecer isso.",
        "Mi dispiace, non posso aiutarti.",
    ],
)
def test_a_refusal_is_one(text: str):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The library cannot help with that: its cache is read-only.",
        "You can't assist two patients at once, so call for help.",
        "I can help with that. You cannot go wrong.",
        "He said: 'I will go.' and left.",
        "x" * BEGINNING + " I'm sorry, but I can't help with that.",
    ],
)
def test_what_only_speaks_of_one_is_none(text: str):
    assert not refuses(text)
    assert not is_unable(text)


def test_who_lacks_the_means_is_unable():
    assert is_unable("I'm sorry, but I don't have the ability to book flights.")
    assert is_unable("I don't have access to live data.")
    assert is_unable("I can't browse the web.")
    assert not is_unable("You don't have access to this folder; ask its owner.")
