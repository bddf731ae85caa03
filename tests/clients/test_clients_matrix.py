"""The matrix is whole, its releases are pinned, and what it holds against the ledger would be found."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from clients import scenes
from clients.matrix import CLIENTS, HERE, OWN, TRANSLATED, model_of
from clients.report import Cell, page, table
from clients.scenes import SCENES, Amiss, check_books
from clients.stack import Stack

USAGE = {"input_tokens": 10, "output_tokens": 5}


def asked(**changed: Any) -> dict[str, Any]:
    """One request as the simulator records it."""
    fine = {"id": "r1", "operation": "chat", "outcome": "complete", "fault": None, "status": 200, "stream": True}
    return {**fine, "usage": USAGE, **changed}


def row(**changed: Any) -> dict[str, Any]:
    """The same as the ledger has it."""
    fine = {"id": "a", "vendor_request_id": "r1", "operation": "chat", "cost_usd": "0.1", "usage_source": "reported"}
    return {**fine, "code": None, **USAGE, **changed}


def stack(record: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Stack:
    return cast("Stack", SimpleNamespace(simulator=SimpleNamespace(requests=lambda: record), rows=lambda _: rows))


def test_twelve_clients_in_eight_scenes():
    assert len(CLIENTS) * len(SCENES) == 96
    for client in CLIENTS:
        if isinstance(client.program, str):
            text = HERE.joinpath("programs", client.program).read_text()
            assert all(re.search(rf"^ *(async )?(def )?{scene}\(facts", text, re.MULTILINE) for scene in SCENES), (
                client.name
            )
        else:
            assert all(callable(getattr(client.program, scene)) for scene in SCENES)
        assert {model_of(client, route) for route in (OWN, TRANSLATED)} == {"on-openai", "on-anthropic"}


def test_all_is_pinned_with_hashes_and_names_no_registry():
    for client in CLIENTS:
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)+", client.version), client.name
    for lock in HERE.glob("*.lock"):
        pins = re.findall(r"^[a-z0-9.\[\],_-]+==\S+", lock.read_text(), re.MULTILINE | re.IGNORECASE)
        assert lock.read_text().count("--hash=sha256:") >= len(pins) > 10
        assert "://" not in lock.read_text()
    assert '"resolved"' not in HERE.joinpath("package-lock.json").read_text()


def test_the_trojaned_releases_are_not_among_them():
    pinned = "".join(each.read_text() for each in HERE.glob("*.lock"))
    assert not re.search(r"^litellm==1\.82\.[78]\b", pinned, re.MULTILINE)
    assert "litellm==" not in "".join(HERE.joinpath(f"{name}.lock").read_text() for name in ("sdks", "llamaindex"))
    assert "litellm" not in Path(HERE.parents[1], "constraints.txt").read_text()


@pytest.mark.parametrize("scene", ["chat", "stream"])
def test_books_that_agree_are_fine(scene: str):
    check_books(stack([asked()], [row()]), "key", scene)


@pytest.mark.parametrize(
    ("scene", "record", "rows", "says"),
    [
        ("chat", [], [], "nothing reached"),
        ("chat", [asked()], [], "no row"),
        ("chat", [asked()], [row(), row(vendor_request_id="r2")], "nobody asked"),
        ("chat", [asked()], [row(output_tokens=6)], "the model"),
        ("chat", [asked()], [row(usage_source="estimated")], "the model"),
        ("chat", [asked()], [row(cost_usd=None)], "no cost"),
        ("stream", [asked(stream=False)], [row()], "stream"),
        ("errors", [asked()], [row()], "refused nothing"),
        ("cancel", [asked()], [row()], "not told of the end"),
        ("cancel", [asked(outcome="disconnected")], [row()], "was cancelled"),
    ],
)
def test_books_that_do_not_are_found(
    monkeypatch: pytest.MonkeyPatch, scene: str, record: list[Any], rows: list[Any], says: str
):
    monkeypatch.setattr(scenes, "SETTLE_S", 0.0)
    with pytest.raises(Amiss, match=says):
        check_books(stack(record, rows), "key", scene)


def test_a_cell_is_green_where_both_routes_are_and_the_page_says_what_is_not():
    [first, second, *_] = CLIENTS
    cells = [
        Cell(first, "chat", {OWN: None, TRANSLATED: None}),
        Cell(second, "chat", {OWN: None, TRANSLATED: "it was amiss"}),
    ]
    assert [cell.mark for cell in cells] == ["yes", "in part"]
    assert len(table(cells).splitlines()) == 4
    text = page(cells, {"Codex": None})
    assert "1 of 2 cells" in text
    assert "it was amiss" in text
