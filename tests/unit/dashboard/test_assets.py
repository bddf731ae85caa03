"""What pages refer to is there, and what is vendored is what it is said to be."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from headgate.dashboard.assets import TYPES, asset, read
from headgate.dashboard.board import SCREENS

WRITING = (".write", ".label", ".approve")
"""How scopes end that let somebody change something."""

STATIC = files("headgate.dashboard") / "static"


def test_what_is_vendored_is_what_it_is_said_to_be():
    listed = re.findall(
        r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", (STATIC / "VENDORED.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _ in listed} == {"htmx.min.js", "uplot.min.js", "uplot.min.css"}
    for name, digest in listed:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_every_file_has_a_url_that_changes_with_it():
    for name in TYPES:
        found = read(name)
        assert found is not None
        assert asset(name) == f"/dashboard/static/{name}?{found.version}"
    assert read("../board.py") is None
    assert {each.name for each in STATIC.iterdir()} - set(TYPES) == {
        "VENDORED.md",
        "htmx.LICENSE.txt",
        "uplot.LICENSE.txt",
    }


def test_scripts_of_our_own_make_no_markup_of_what_comes_from_anywhere():
    for name in ("board.js", "charts.js", "playground.js", "theme.js"):
        text = (STATIC / name).read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML\s*=|document\.write|\beval\(|new Function", text), name
        assert text.count("insertAdjacentHTML") == (name == "board.js")


def test_templates_trust_nothing():
    for each in (files("headgate.dashboard") / "templates").iterdir():
        assert not re.search(
            r"\|\s*safe\b|autoescape|<script(?! src=)|\sstyle=|\son[a-z]+=", each.read_text("utf-8")
        ), each.name


def test_there_is_no_page_that_takes_no_scope():
    assert all(screen.scopes for screen in SCREENS)
    assert all(screen.method == "GET" or screen.scopes[0].endswith(WRITING) for screen in SCREENS)
