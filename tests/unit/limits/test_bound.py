"""The most tokens an attempt can use."""

from __future__ import annotations

from headgate.dialects.sizes import Size
from headgate.limits.bound import IMAGE, OVERHEAD, TOOLS, Bound, bound


def most(size: Size, body_bytes: int = 100, generates: bool = True, window: int | None = 1000, output: int | None = 50):
    return bound(size, body_bytes, generates, window, output)


def test_a_prompt_is_at_most_its_bytes_and_what_the_vendor_adds():
    assert most(Size(output_limit=7)) == Bound(100 + OVERHEAD, 7)
    assert most(Size(output_limit=7, tools=True)) == Bound(100 + OVERHEAD + TOOLS, 7)
    assert most(Size(output_limit=7, images=2)) == Bound(100 + OVERHEAD + 2 * IMAGE, 7)


def test_an_answer_is_at_most_what_was_asked_for_or_the_model_can():
    assert most(Size(output_limit=70)) == Bound(164, 50)
    assert most(Size()) == Bound(164, 50)
    assert most(Size(), output=None) == Bound(164, 1000)
    assert most(Size(output_limit=7, choices=3)) == Bound(164, 21)


def test_what_is_not_in_the_request_has_the_whole_window():
    assert most(Size(output_limit=7, elsewhere=True)) == Bound(1000, 7)


def test_every_round_of_the_vendors_tools_reads_the_whole_window_anew():
    assert most(Size(output_limit=7, uses=2)) == Bound(3000, 7, 2)


def test_a_prediction_may_be_billed_whole():
    assert most(Size(output_limit=7, predicted=True)) == Bound(164, 107)


def test_nothing_bounds_what_nobody_knows():
    assert most(Size(output_limit=7, uses=None)) is None
    assert most(Size(output_limit=7, elsewhere=True), window=None) is None
    assert most(Size(), window=None, output=None) is None


def test_what_makes_no_tokens_has_no_answer():
    assert most(Size(output_limit=0), generates=False, window=None, output=None) == Bound(164, 0)


def test_a_ranking_is_billed_as_no_more_requests_than_its_documents_make():
    assert most(Size(output_limit=0, search_units=3), generates=False) == Bound(164, 0, 0, 3)
