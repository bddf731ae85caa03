"""A simulator of `headgate.yaml` that answers by a script beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.cli.app import run
from headgate.config import load
from headgate.config.places import with_scripts
from headgate.gateway import Gateway

CONFIG = """
providers: {sim: {kind: simulator, script: answers.yaml}}
models: {chat: {targets: [sim/any]}}
prices: {any: {input: 1, output: 1}}
"""


async def test_its_script_is_beside_the_configuration(tmp_path: Path):
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    (tmp_path / "answers.yaml").write_text("- match: {text: refund}\n  reply: {text: Never.}\n")
    config = with_scripts(load(tmp_path / "headgate.yaml"), tmp_path)
    async with Gateway(config) as gateway:
        answer = await gateway.chat("chat", [{"role": "user", "content": "Where is my refund?"}])
        assert answer.text == "Never."


@pytest.mark.parametrize(
    ("script", "told"), [(None, "No such file"), ("- reply: {txt: x}\n", "txt"), ("- share: 2\n", "between 0 and 1")]
)
def test_a_check_tells_what_is_wrong_with_it(
    script: str | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "headgate.yaml").write_text(CONFIG)
    if script is not None:
        (tmp_path / "answers.yaml").write_text(script)
    assert run(["check", "--config", str(tmp_path / "headgate.yaml")]) == 1
    printed = capsys.readouterr().err
    assert "answers.yaml" in printed and told in printed
