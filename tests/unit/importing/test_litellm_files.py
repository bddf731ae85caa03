"""LiteLLM's configuration as it is written: included files, and what is no configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headgate.errors import ConfigError
from headgate.importing.litellm import read_file


def model(name: str) -> dict[str, object]:
    return {"model_name": name, "litellm_params": {"model": "openai/gpt-4o"}}


def test_files_that_are_included_are_read_as_litellm_merges_them(tmp_path: Path) -> None:
    """Lists behind each other, other settings in place of those before; a file beside the one that names it."""
    (tmp_path / "more").mkdir()
    written = {
        "config.yaml": {"include": ["more/one.yaml"], "model_list": [model("a")], "litellm_settings": {"cache": False}},
        "more/one.yaml": {"include": ["two.yaml"], "model_list": [model("b")], "litellm_settings": {"cache": True}},
        "more/two.yaml": {"include": ["one.yaml"], "model_list": [model("c")]},
    }
    for name, tree in written.items():
        (tmp_path / name).write_text(yaml.safe_dump(tree))
    tree = read_file(tmp_path / "config.yaml")
    assert [each["model_name"] for each in tree["model_list"]] == ["a", "b", "c"]
    assert tree["litellm_settings"] == {"cache": True}
    assert "include" not in tree


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "just a text",
        "a: [",
        "",
        "include: other.yaml",
        "include: [7]",
        "when: 2026-02-31",
        "a: " + "[" * 2000 + "]" * 2000,
        "a: " + "[" * 200 + "]" * 200,
        "a: &a [*a]",
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 20)}]\n" for a, b in zip("abcdef", "bcdefg")),  # noqa: B905
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError):
        read_file(tmp_path / "config.yaml")
