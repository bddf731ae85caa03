"""Run files and answers of before, whatever happens to them."""

from __future__ import annotations

import errno
import multiprocessing
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from headgate.evals.cache import Cache
from headgate.evals.problems import CannotEvaluate
from headgate.evals.runs import End, Header, Result, RunFile, ends_of, header_of, results_of
from headgate.evals.session import done_in

HEADER = Header(id="r", began_us=1, headgate="0", files=["x.test.yaml"], planned=3)


def result(case: str, text: str = "") -> Result:
    return Result(suite="s", cell="c", case=case, repeat=0, key=case, subject="", passed=True, text=text, file="x")


def written(file: Path, cases: str = "abc") -> None:
    run = RunFile(file)
    run.begin(HEADER)
    for case in cases:
        run.add(result(case, "é\n"))
    run.add(End(ended_us=2))
    run.close()


def test_a_run_goes_on_wherever_its_file_was_torn(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    written(whole)
    raw = whole.read_bytes()
    header = raw.index(b"\n") + 1
    for at in range(len(raw) + 1):
        file = tmp_path / "torn.jsonl"
        file.write_bytes(raw[:at])
        run = RunFile(file)
        if at < header:
            with pytest.raises(CannotEvaluate, match="is no run"):
                done_in(file)
            run.begin(HEADER)
        else:
            assert len(done_in(file)) == min(3, raw[header:at].count(b"\n"))
            run.go_on()
        done = {case for _, _, case, _ in done_in(file)}
        for case in sorted({*"abc"} - done):
            run.add(result(case))
        run.close()
        assert Counter(each.case for each in results_of(file)) == Counter("abc")
        assert header_of(file) == HEADER


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    for text in (b"remember the milk", b'{"line":"other"', b"a\nb"):
        file.write_bytes(text)
        with pytest.raises(CannotEvaluate, match="is there already"):
            RunFile(file).begin(HEADER)
        assert file.read_bytes() == text


def test_two_processes_do_not_write_to_one_file(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    run = RunFile(file)
    run.begin(HEADER)
    with pytest.raises(CannotEvaluate, match="by another process; wait for it"):
        RunFile(file).go_on()
    run.close()
    other = RunFile(file)
    other.go_on()
    other.close()


class Full:
    """A disk that takes a few bytes more."""

    def __init__(self, file: Any, room: int) -> None:
        self._file = file
        self._room = room

    def write(self, raw: Any) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(raw[: self._room])
        self._room -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_full_disk_leaves_no_half_of_a_line_before_the_next(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    run = RunFile(file)
    run.begin(HEADER)
    run.add(result("a"))
    real = run._open
    run._open = Full(real, 20)  # type: ignore[assignment]
    with pytest.raises(CannotEvaluate, match="No space left"):
        run.add(result("b"))
    run._open = real
    run.add(End(ended_us=3))
    run.close()
    assert [each.case for each in results_of(file)] == ["a"]
    assert [each.ended_us for each in ends_of(file)] == [3]


def fill(file: Path, name: int) -> None:
    cache = Cache(file)
    for at in range(100):
        cache.put(f"{name}-{at}".encode(), b"x" * 500)
    cache.close()


def test_several_processes_share_one_file_of_answers(tmp_path: Path) -> None:
    file = tmp_path / "answers.db"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fill, args=(file, name)) for name in range(4)]
    for each in processes:
        each.start()
    for each in processes:
        each.join(30)
    assert [each.exitcode for each in processes] == [0] * 4
    cache = Cache(file)
    assert all(cache.get(f"{name}-{at}".encode()) for name in range(4) for at in range(100))
    cache.close()


def test_a_damaged_file_of_answers_costs_no_result(tmp_path: Path) -> None:
    file = tmp_path / "answers.db"
    fill(file, 0)
    raw = bytearray(file.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    file.write_bytes(raw)
    cache = Cache(file)
    assert cache.get(b"0-50") is None
    cache.put(b"new", b"answer")
    cache.close()
    file.write_bytes(b"no database" * 1_000)
    with pytest.raises(CannotEvaluate, match=r"cannot be used: .*; remove it"):
        Cache(file)
