"""Parts of the pages of prompts: what other releases tell, or do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headgate.dashboard.tested import verdict
from headgate.dashboard.writing import _environment


class View:
    """A version as a release tells of it."""

    version = "0" * 64
    labels = ("production", "<b>")
    published_at = datetime(2026, 11, 26, tzinfo=UTC)

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def part(template: str, macro: str, *given: Any) -> str:
    return str(getattr(_environment().get_template(template).module, macro)(*given))


@pytest.mark.parametrize(
    ("fields", "told"),
    [({}, False), ({"withdrawn_at": None}, False),
     ({"withdrawn_at": datetime(2026, 1, 1, tzinfo=UTC)}, True)],
)  # fmt: skip
def test_a_version_that_is_withdrawn_says_so(fields: dict[str, Any], told: bool):
    said = part("prompt_parts.html", "labels", View(**fields))
    assert ("withdrawn" in said) is told
    assert "&lt;b&gt;" in said
    assert "<b>" not in said


def test_a_verdict_of_another_release_is_its_own_word():
    assert verdict("no_cases") == ("", "no cases")
    assert part("test_parts.html", "badge", verdict("<b>")) == '<span class="badge "><bdi>&lt;b&gt;</bdi></span>'
    assert part("test_parts.html", "badge", verdict(None)) == "–"
