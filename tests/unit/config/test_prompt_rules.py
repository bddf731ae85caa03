"""Models that are prompts: every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.config import loads
from headgate.errors import ConfigError

GOOD = "providers: {sim: {kind: simulator}}\nmodels:\n  chat: {targets: [sim/m]}\n"


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as found:
        loads(GOOD + text, "h.yaml", {}, folder)
    return found.value.problems


def test_short_and_long_say_the_same(tmp_path: Path):
    long = loads(GOOD + "  p: {prompt: {use: a@staging}, targets: [sim/m]}\n")
    assert loads(GOOD + "  p: {prompt: a@staging, targets: [sim/m]}\n") == long


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("  p: {prompt: ../a, targets: [sim/m]}", 4, "models.p.prompt.use: is no name of a prompt"),
        ("  p: {prompt: a@, targets: [sim/m]}", 4, "neither a label nor a version"),
        ("  'p-*': {prompt: a, targets: ['sim/*']}", 4, "cannot be that of a pattern"),
        ("  p: {prompt: a, timeout: {total_s: 5}}", 4, "models.p.timeout: has no effect: without targets"),
        ("  p: {prompt: {use: a, override: [warmth]}, targets: [sim/m]}", 4, "override[0]: cannot be 'warmth'"),
        ("  p: {prompt: {}, targets: [sim/m]}", 4, "lacks 'use'"),
        ("  p: {prompt: 5, targets: [sim/m]}", 4, "models.p.prompt: must be a mapping"),
        ("  p: {}", 4, "lacks 'targets'"),
        ("  p: {prompt: a, targets: [sim/m]}\n  q: {targets: [sim/m], fallback: [{use: p, system: x}]}", 5, "goes with no prompt"),
        ("prompts: {protected: [deadbeef]}", 4, "prompts.protected[0]: is no label"),
        ("prompts: {folder: x, package: y}", 4, "stands beside a folder"),
        ("prompts: {folder: nowhere}", 1, "is no folder"),
        ("prompts: {package: no_such_package_here}", 1, "is not installed"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text: str, line: int, words: str, tmp_path: Path):
    found = [problem for problem in problems(f"{text}\n", tmp_path) if words in problem]
    assert found
    assert f":{line}:" in found[0]


def test_mistakes_of_the_files_are_told_with_those_of_the_configuration(tmp_path: Path):
    (tmp_path / "a.prompt").write_text("fine\n{{> nowhere}}")
    (tmp_path / "b.prompt").write_text("---\nconfig: {temperature: hot}\n---\nHi")
    found = problems("  p: {prompt: c, targets: [sim/m, sim/m]}\nprompts: {folder: .}\n", tmp_path)
    assert any("a.prompt:2:" in each for each in found)
    assert any("is there twice" in each for each in found)
    (tmp_path / "a.prompt").write_text("fine")
    assert any(
        "b.prompt:1:1: config.temperature must be a number" in each
        for each in problems("prompts: {folder: .}\n", tmp_path)
    )
    (tmp_path / "b.prompt").unlink()
    [missing] = problems("  p: {prompt: aa, targets: [sim/m]}\nprompts: {folder: .}\n", tmp_path)
    assert (
        missing.startswith("h.yaml:4: models.p.prompt.use: is not in the folder of prompts; did you mean 'a'?")
        or "a" in missing
    )
    assert loads(GOOD + "  p: {prompt: aa@staging, targets: [sim/m]}\nprompts: {folder: .}\n", "h.yaml", {}, tmp_path)


def test_a_model_without_targets_needs_a_prompt_that_says_where_its_calls_go(tmp_path: Path):
    for name, model in (("none", ""), ("prompt", "model: fine"), ("gone", "model: nobody"), ("fine", "model: chat"),
                        ("target", "model: sim/x"), ("pattern", "model: sim/*")):  # fmt: skip
        (tmp_path / f"{name}.prompt").write_text(f"---\n{model}\n---\nHi")
    names = ("none", "prompt", "gone", "fine", "target", "pattern")
    models = "".join(f"  {name}: {{prompt: {name}@staging}}\n" for name in names)
    found = problems(f"{models}  other: {{prompt: none, targets: [sim/m]}}\nprompts: {{folder: .}}\n", tmp_path)
    assert [each.partition(";")[0] for each in found] == [
        "h.yaml:4: models.none.prompt.use: is a prompt that names no model",
        "h.yaml:5: models.prompt.prompt.use: is a prompt for 'fine', which is neither a model here that is no prompt, nor a target",
        "h.yaml:6: models.gone.prompt.use: is a prompt for 'nobody', which is neither a model here that is no prompt, nor a target",
        "h.yaml:9: models.pattern.prompt.use: is a prompt for 'sim/*', which is neither a model here that is no prompt, nor a target",
    ]  # fmt: skip
