"""Every code block of README.md and docs/*.md is what it says: configurations load, commands and programs run."""

from __future__ import annotations

import json
import os
import re
import runpy
import socket
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from documented import PAGES, ROOT, Block, Reader, blocks, names, tools, whole
from headgate.cli.app import run
from headgate.providers.simulator.script import load_script

UNTESTED = 20
"""Blocks that are not tried, each with its reason beside it. It may fall, and should not grow."""

CONFIGURATIONS = [each for page in PAGES for each in blocks(page) if each.language == "yaml" and not each.skipped]
FOLLOWED = [
    page for page in PAGES if any(each.language in {"sh", "python"} and not each.skipped for each in blocks(page))
]


def test_every_block_is_tried_or_says_why_not():
    every = [each for page in PAGES for each in blocks(page)]
    untested = [each for each in every if not each.tried]
    told = "\n".join(f"{each.name} {each.language}: {each.skipped}" for each in untested)
    assert len(every) > 50
    for each in untested:
        assert each.skipped, f"{each.name} is not tried and has no reason: write <!-- test: skip: why --> before it"
    assert len(untested) == UNTESTED, told


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=lambda each: each.name)
def test_configurations_pass_the_check(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    if block.note == "script":
        (tmp_path / "script.yaml").write_text(block.text)
        assert load_script(tmp_path / "script.yaml")
        return
    monkeypatch.setenv("PATH", f"{tools(tmp_path / '.tools')}:{os.environ['PATH']}")
    for name, value in names(block).items():
        monkeypatch.setenv(name, value)
    file = whole(block, tmp_path)
    with pytest.raises(SystemExit) as ended:
        sys.exit(run(["check", "--config", str(file)]))
    assert not ended.value.code, "".join(capsys.readouterr())


@pytest.mark.parametrize(("language", "read"), [("json", json.loads), ("toml", tomllib.loads)])
def test_data_is_data(language: str, read: Callable[[str], object]):
    for block in (each for page in PAGES for each in blocks(page)):
        if block.language == language:
            assert read(block.text), block.name


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Future[None]]:
    """Every page with commands or programs, followed beside the others: most of it is waiting."""
    folder = tmp_path_factory.mktemp("readers")
    with ThreadPoolExecutor(6) as pool:
        return {page: pool.submit(follow, page, folder / page.stem) for page in FOLLOWED}


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_a_page_can_be_followed(page: Path, followed: dict[Path, Future[None]]):
    followed[page].result()


def follow(page: Path, folder: Path) -> None:
    reader = Reader(folder, blocks(page))
    try:
        for block in blocks(page):
            if block.skipped:
                continue
            if block.file:
                reader.put(block.file, block)
            elif block.language in {"sh", "python"} or block.note == "shows":
                reader.follow(block)
    finally:
        reader.leave()


_KILLED = """
import sys
from pathlib import Path
from documented import Block, Reader
reader = Reader(Path(sys.argv[1]), [])
reader.follow(Block(Path("page.md"), 1, "sh", "headgate simulate --port 8090", "start"))
print(reader.sim_port, flush=True)
sys.stdin.read()
"""


def test_what_a_reader_has_started_ends_when_the_run_is_killed(tmp_path: Path):
    folder = tmp_path / "reader"
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'src'}"}
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
    ) as run:
        assert run.stdout is not None
        port = int(run.stdout.readline())
        run.kill()
    end = time.monotonic() + 20
    while folder.exists():
        assert time.monotonic() < end, "its folder is still there"
        time.sleep(0.02)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_pages_refer_to_pages_that_are_there():
    wrong: Counter[str] = Counter()
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                wrong[f"{page.name}: {target}"] += 1
    assert not wrong


def test_the_configuration_reference_is_current():
    page = runpy.run_path(str(ROOT / "tools" / "configuration_page.py"))["page"]()
    assert (ROOT / "docs" / "configuration.md").read_text() == page, "make reference makes it anew"


def test_every_page_is_in_the_navigation():
    site = yaml.load((ROOT / "mkdocs.yml").read_text(), yaml.CSafeLoader)
    listed = [*leaves(site["nav"])]
    there = [str(page.relative_to(ROOT / "docs")) for page in sorted((ROOT / "docs").rglob("*.md"))]
    assert sorted(listed) == there


def leaves(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from leaves(each)
