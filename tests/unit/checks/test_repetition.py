"""What says the same over and over."""

from __future__ import annotations

from headgate.checks.repetition import repeats

TEXT = (
    "The train leaves at noon from the second platform, and tickets are sold in the hall. Who comes late waits for an "
    "hour, since there is one train an hour until nine in the evening; after that a bus goes to the next town instead."
)


def test_a_text_that_goes_round_is_found_wherever_it_does():
    round_ = "Then the bus goes back to the hall and waits for the train. "
    assert repeats(round_ * 6)
    assert repeats(TEXT + round_ * 6 + TEXT[:60])


def test_a_text_a_list_code_and_json_are_not():
    assert not repeats(TEXT)
    assert not repeats(TEXT + " " + TEXT)
    assert not repeats("\n".join(f"- item {number} costs {number * 7} euros" for number in range(60)))
    assert not repeats("```\n" + "total = total + 1\n" * 100 + "```")
    assert not repeats('[{"a": "one two three four five six seven eight nine"}' * 50)
    assert not repeats("no " * 20)
