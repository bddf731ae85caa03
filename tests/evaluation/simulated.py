"""The same tests run twice on the simulator and compared, over and over: what `headgate eval` does, from file to verdict."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from headgate.clock import SystemClock
from headgate.config.reading import read as read_config
from headgate.evals.comparison import compare
from headgate.evals.models import GatewayModels
from headgate.evals.runs import results_of
from headgate.evals.session import Loaded, Options, carry_out, for_tests, load
from headgate.evals.tally import Sums
from headgate.gateway import Gateway

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
TESTS = """\
model: chat
messages: "Question {{{{number}}}} of comparison {comparison}, {seed}"
repeat: 3
assert:
  - word-count: {{max: {words}}}   # how long a simulated answer is, is drawn anew each time
dataset: cases.jsonl
"""
CASES = 100


async def told(seed: int, comparisons: int, words: int = 130) -> tuple[int, float]:
    """In how many comparisons a regression is told, and the share of answers that pass."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cases.jsonl").write_text("".join(f'{{"inputs": {{"number": {at}}}}}\n' for at in range(CASES)))
        config = for_tests(read_config(CONFIG, "headgate.yaml", {}, folder), 50)
        count, rates = 0, list[float]()
        async with Gateway(config) as gateway:
            models = GatewayModels(gateway.handle, config)
            for comparison in range(comparisons):
                test = folder / "x.test.yaml"
                test.write_text(TESTS.format(comparison=comparison, seed=seed, words=words))
                loaded = load([test])
                before, after = [await _run(folder, loaded, models, f"{comparison}-{side}") for side in "ab"]
                count += compare(before, after).regressed
                rates.append(before.summaries()[0].pass_rate.estimate)
        return count, sum(rates) / len(rates)


async def _run(folder: Path, loaded: Loaded, models: GatewayModels, name: str) -> Sums:
    file = folder / f"{name}.jsonl"
    await carry_out(loaded, models, file, Options(concurrency=50), name=name, clock=SystemClock())
    sums = Sums.of(results_of(file))
    file.unlink()
    return sums


def told_twice(seed: int, comparisons: int) -> tuple[int, float]:
    return asyncio.run(told(seed, comparisons))
