"""What in a library's folder is read, and what only looks like a prompt."""

from __future__ import annotations

import os
from pathlib import Path

from headgate.prompts.dotprompt import load_folder


def test_a_link_is_followed_within_the_library_and_not_out_of_it(tmp_path: Path):
    (tmp_path / "secret").write_text("hg-secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "_part.prompt").write_text("hg-secret")
    library = tmp_path / "linked"
    (tmp_path / "real" / "..data").mkdir(parents=True)
    library.symlink_to(tmp_path / "real")
    (library / "..data" / "a.prompt").write_text("A")
    (library / "a.prompt").symlink_to("..data/a.prompt")  # as Kubernetes mounts a ConfigMap
    (library / "in").mkdir()
    (library / "in" / "b.prompt").symlink_to("../a.prompt")
    (library / "in" / "c.prompt").symlink_to(tmp_path / "secret")
    (library / "_part.prompt").symlink_to("../elsewhere/_part.prompt")
    (library / "gone.prompt").symlink_to("nowhere")
    found = load_folder(library, strict=False)
    assert sorted(each.name for each in found) == ["a", "in/b"]
    assert [(Path(each.file).name, each.message.partition(";")[0]) for each in found.problems] == [
        ("_part.prompt", "is a link that leads out of the library"),
        ("gone.prompt", "cannot be read: No such file or directory"),
        ("c.prompt", "is a link that leads out of the library"),
    ]
    assert "hg-secret" not in str([each.sources for each in found])


def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.prompt")
    found = load_folder(tmp_path, strict=False)
    assert [each.message for each in found.problems] == ["is no file"]
