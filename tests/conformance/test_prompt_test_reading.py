"""What came of tests, read on every kind of database: how each suite stands now, and two versions side by side."""

from __future__ import annotations

from typing import Any

from administered import Administered
from headgate.administration import Actor
from headgate.types import Identity

CONFIG = """
providers: {sim: {kind: simulator}}
models: {chat: {targets: [sim/gpt-4o-mini]}}
"""
NAME = "support/triage"
ACTOR = Actor(identity=Identity(key_id="looker"), organisation="default", name="key:looker")


async def ran(at: Administered, run: str, suite: str, passed: int, **of: Any) -> Any:
    at.clock.advance(60)
    cases = [{"case": f"{each}", "subject": f"{each}", "tries": [each < passed] * 3, "of": 3} for each in range(30)]
    body = {"run": run, "at": "2026-11-26T03:00:00Z", "suite": suite, "cell": "chat", "cases": cases, **of}
    return await at.made("/admin/prompts/tests", body)


async def test_the_newest_of_each_suite_and_two_versions_case_by_case(database_url: str):
    async with Administered(database_url, config=CONFIG) as at:
        versions: list[str] = []
        for text in ("One.", "Two."):
            made = await at.made("/admin/prompts", {"sources": {f"{NAME}.prompt": text}})
            versions.append(made["data"][0]["version"])
        began_us = at.clock.now_us()
        for run, passed in (("a", 10), ("b", 30)):
            await ran(at, run, "first", passed, prompt=NAME, version=versions[0])
            await ran(at, run, "golden", passed)
        middle_us = at.clock.now_us() + 1
        await ran(at, "c", "first", 15, prompt=NAME, version=versions[1])
        await ran(at, "c", "second", 15, prompt=NAME, version=versions[1])
        tests = at.administration.prompt_tests

        standing = await tests.standing(ACTOR, "prompt")
        assert [(each.version, each.suite, each.run, each.pass_rate) for each in standing] == [
            (versions[1], "first", "c", 0.5), (versions[0], "first", "b", 1.0), (versions[1], "second", "c", 0.5),
        ]  # fmt: skip
        assert await tests.standing(ACTOR, "prompt", began_us) == standing
        newer = await tests.standing(ACTOR, "prompt", middle_us)
        assert [(each.suite, each.run) for each in newer] == [("first", "c"), ("second", "c")]
        [model] = await tests.standing(ACTOR, "model")
        assert (model.model, model.suite, model.run, model.verdict) == ("chat", "golden", "b", "improvement")
        other = Actor(identity=Identity(key_id="looker"), organisation="other", name="key:looker")
        assert await tests.standing(other, "model") == []

        first, second = await tests.sides(ACTOR, NAME, *versions)
        assert (first.suite, first.verdict, first.pairs, first.difference) == ("first", "regression", 30, -0.5)
        assert first.before is not None
        assert first.after is not None
        assert (first.before.run, first.after.run) == ("b", "c")
        assert first.difference_low is not None
        assert first.difference_low < -0.3
        assert (second.before, second.verdict, second.difference) == (None, None, None)
        assert await tests.sides(other, NAME, *versions) == []
        assert [each.verdict for each in await tests.sides(ACTOR, NAME, versions[1], versions[1])] == [
            "no_difference", "no_difference",
        ]  # fmt: skip
