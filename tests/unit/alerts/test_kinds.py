"""Each kind of rule, from the sums in a database to an alert that fires, and what it says to a person."""

from __future__ import annotations

import json

import pytest

from alerting import DAY_S, START_S, Watched
from headgate.alerts.objectives import objectives_in
from headgate.alerts.standings import standings

PICO = 1_000_000_000_000
ONLY = "builtin: false, rules: "
CALLS = {"calls": 20}


def only(rule: str) -> str:
    return f"{{{ONLY}{{it: {rule}}}}}"


async def test_a_threshold_over_any_count():
    async with Watched(only("{threshold: {measure: unpriced, above: 2}, by: target}")) as watched:
        await watched.lately(5, {"calls": 2, "unpriced": 1}, cube="target", first="a/x")
        await watched.lately(5, {"calls": 2}, cube="target", first="a/y")
        await watched.turn()
        assert await watched.firing() == [("it", "target:a/x")]
        assert await watched.summary("it") == "target:a/x: unpriced is 5 in the last 5 minutes, to be told above 2"


async def test_a_threshold_over_a_quantile_and_a_lower_bound():
    rules = "{slow: {threshold: {measure: duration.p95, above: 2000}}, few: {threshold: {measure: calls, below: 200}}}"
    async with Watched(f"{{builtin: false, rules: {rules}}}") as watched:
        await watched.lately(5, CALLS, durations={"duration": {1.0: 17, 3.0: 3}})
        await watched.turn()
        assert await watched.firing() == [("few", ""), ("slow", "")]


async def test_errors_of_one_model():
    async with Watched(only("{error_rate: {above: 0.05}, by: model}")) as watched:
        for model, failed in (("chat", 8), ("embed", 0)):
            counts = {"calls": 20, "failed": failed, "error.timeout": failed}
            await watched.lately(5, counts, cube="model", first=model)
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat")]
        told = await watched.summary("it")
        assert told == "model:chat: 40 % of calls failed in the last 2 minutes, 5 % may; mostly timeout"


async def test_errors_of_the_client_are_no_failures_unless_named():
    rules = "{any: {error_rate: {}}, named: {error_rate: {errors: [invalid_request]}}}"
    async with Watched(f"{{builtin: false, rules: {rules}}}") as watched:
        await watched.lately(5, {"calls": 20, "failed": 10, "error.invalid_request": 10})
        await watched.turn()
        assert await watched.firing() == [("named", "")]


async def test_what_a_clients_own_limits_refuse_is_no_failure_and_what_vendors_refuse_is():
    from headgate.alerts.objectives import failures

    assert failures({"calls": 10, "failed": 9, "error.rate_limit_exceeded": 9}) == 0
    vendors = {"calls": 10, "failed": 9, "error.rate_limit_exceeded": 9, "attempt_error.rate_limit_exceeded": 27}
    assert failures(vendors) == 9


async def test_slower_than_at_such_hours():
    usual, slow = {"duration": {0.9: 10, 1.0: 70, 1.4: 20}}, {"duration": {1.8: 2, 2.0: 14, 2.8: 4}}
    async with Watched(only("{latency: {}, by: model}")) as watched:
        await watched.weeks({"calls": 100}, cube="model", first="chat", around=1, durations=usual)
        await watched.lately(15, CALLS, cube="model", first="chat", durations=slow)
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat")]
        assert "p50 of duration is 2.0" in await watched.summary("it")


async def test_as_slow_as_always_is_nothing_to_tell():
    usual = {"duration": {0.9: 2, 1.0: 14, 1.4: 4}}
    async with Watched(only("{latency: {}, by: model}")) as watched:
        await watched.weeks({"calls": 20}, cube="model", first="chat", around=1, durations=usual)
        await watched.lately(15, CALLS, cube="model", first="chat", durations=usual)
        await watched.turn()
        assert await watched.states() == {}


@pytest.mark.parametrize(("dollars", "fires"), [(1, False), (3, True)])
async def test_spending_more_than_at_such_hours(dollars: int, fires: bool):
    async with Watched(only("{cost_spike: {min_usd: 0.5}}")) as watched:
        await watched.weeks({"calls": 60, "cost_picodollars": 60 * PICO})
        await watched.lately(60, {"calls": 1, "cost_picodollars": dollars * PICO})
        await watched.turn()
        assert bool(await watched.firing()) is fires
        if fires:
            assert "$180.00 an hour in the last 15 minutes, usual at such hours is $60.00" in await watched.summary(
                "it"
            )


async def test_what_clients_pay_themselves_is_no_cost_of_ours():
    async with Watched(only("{cost_spike: {min_usd: 0.5}}")) as watched:
        await watched.weeks({"calls": 60, "cost_picodollars": 60 * PICO})
        mixed = {"calls": 1, "cost_picodollars": 9 * PICO, "cost_picodollars.client": 8 * PICO}
        await watched.lately(60, mixed)
        await watched.turn()
        assert await watched.firing() == []


async def test_calls_that_stay_away():
    async with Watched(only("{absence: {}}")) as watched:
        await watched.weeks({"calls": 1_000})
        for back in range(11, 60):
            await watched.minute(back, {"calls": 17})
        await watched.turn()
        assert await watched.firing() == [("it", "")]
        assert await watched.summary("it") == "0 calls an hour in the last 5 minutes, usual at such hours are 1,000"


async def test_calls_that_stay_away_from_one_model():
    async with Watched(only("{absence: {}, by: model}")) as watched:
        for model in ("chat", "embed"):
            await watched.weeks({"calls": 1_000}, cube="model", first=model)
        await watched.lately(60, {"calls": 17}, cube="model", first="embed")
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat")]


async def test_silence_that_is_wrong_at_every_hour():
    async with Watched(only("{absence: {silent_s: 420}}")) as watched:
        for back in range(8, 60):
            await watched.minute(back, {"calls": 1})
        await watched.turn()
        assert await watched.firing() == [("it", "")]


async def test_one_key_with_ten_times_its_calls():
    async with Watched(only("{unusual: {checks: [volume]}, by: key}")) as watched:
        for key, calls in (("key_1", 20), ("key_2", 2)):
            await watched.weeks({"calls": 120}, cube="key", first=key)
            await watched.lately(60, {"calls": calls}, cube="key", first=key)
        await watched.turn()
        assert await watched.firing() == [("it", "key:key_1 volume")]
        assert "made 1,200 calls an hour in the last 15 minutes, usual at such hours are 120" in await watched.summary(
            "it"
        )


async def test_one_key_with_ten_times_its_tokens_a_call():
    async with Watched(only("{unusual: {checks: [tokens_per_call]}, by: key}")) as watched:
        await watched.weeks({"calls": 120, "tokens.input_tokens": 120_000}, cube="key", first="key_1")
        await watched.lately(60, {"calls": 2, "tokens.input_tokens": 20_000}, cube="key", first="key_1")
        await watched.turn()
        assert await watched.firing() == [("it", "key:key_1 tokens")]


async def test_a_key_at_an_hour_of_its_own():
    async with Watched(only("{unusual: {checks: [new_hour]}, by: key}")) as watched:
        watched.clock.advance(8 * 3600)
        await watched.weeks({"calls": 120}, cube="key", first="key_1")
        watched.clock.advance(-8 * 3600)
        await watched.lately(60, {"calls": 2}, cube="key", first="key_1")
        await watched.turn()
        assert await watched.firing() == [("it", "key:key_1 hour")]


@pytest.mark.parametrize(("known_days", "fires"), [(3, False), (10, True)])
async def test_a_key_that_uses_another_model(known_days: int, fires: bool):
    async with Watched(only("{unusual: {checks: [new_model]}, by: key}")) as watched:
        async with watched.database.transaction() as transaction:
            for first, second, back in (("key_1", "chat", known_days), ("key_1", "chat", 0), ("key_1", "gpt-9", 0)):
                await transaction.execute(
                    "INSERT INTO rollup_names (organisation, cube, day_s, first, second) VALUES ('default', $1, $2, $3, $4)",
                    "key+model", (START_S // DAY_S - back) * DAY_S, first, second,
                )  # fmt: skip
        await watched.turn()
        assert await watched.firing() == ([("it", "key:key_1 model:gpt-9")] if fires else [])


async def test_a_key_from_another_network():
    async with Watched(only("{unusual: {checks: [new_network]}, by: key}")) as watched:
        async with watched.database.transaction() as transaction:
            for key, network, days in (
                ("key_1", "192.0.2.0/24", 30), ("key_1", "198.51.100.0/24", 0), ("key_2", "203.0.113.0/24", 0),
                *(("key_3", f"10.0.{number}.0/24", 2 + number) for number in range(10)), ("key_3", "10.1.0.0/24", 0),
            ):  # fmt: skip
                at_us = watched.clock.now_us() - days * DAY_S * 1_000_000
                await transaction.execute(
                    "INSERT INTO key_networks VALUES ('default', $1, $2, NULL, $3, $3)", key, network, at_us
                )
        await watched.turn()
        assert await watched.firing() == [("it", "key:key_1 network:198.51.100.0/24")]


async def budget(watched: Watched, spent: int, *, amount: int = 100, subject: str = "organisation:default") -> None:
    """A budget of so many dollars a month, of which some are spent."""
    from headgate.ids import counted_subject
    from headgate.limits.calendar import Calendar
    from headgate.limits.pots import Pot
    from headgate.storage.records import Budget
    from headgate.storage.tables import BUDGETS

    row = Budget(
        id="budget_1", organisation="default", subject=subject, amount_picodollars=amount * PICO, period="month"
    )
    claim, _ = Pot.of_budget(row, counted_subject("default", subject)).claim(Calendar(watched.clock))
    async with watched.database.transaction() as transaction:
        await BUDGETS.insert(transaction, row)
        sql = "INSERT INTO spend (counter, picodollars) VALUES ($1, $2)"
        await transaction.execute(sql, claim.counter, spent * PICO)


async def test_a_budget_that_is_mostly_gone():
    async with Watched(only("{budget: {}}")) as watched:
        await budget(watched, 85)
        await watched.turn()
        assert await watched.firing() == [("it", "budget:budget_1 organisation:default 80 %")]


@pytest.mark.parametrize(("hourly", "fires"), [(0.02, False), (0.3, True)])
async def test_a_budget_that_will_not_last(hourly: float, fires: bool):
    """On the 19th of a month of thirty days at two o'clock there are 274 hours to come."""
    async with Watched(only("{budget: {}}")) as watched:
        await budget(watched, 40)
        cost = {"calls": 10, "cost_picodollars": int(hourly * PICO)}
        await watched.weeks(cost, around=12)
        await watched.turn()
        assert bool(await watched.firing()) is fires
        if fires:
            told = await watched.summary("it")
            assert told.startswith("$100.00 a month of organisation:default will be spent on 27 November"), told


async def test_an_error_budget_that_burns():
    models = (
        "{chat: {targets: [sim/gpt-4o-mini], objectives: {availability: 0.999, latency: [{target: 0.9, within_s: 2}]}}}"
    )
    async with Watched("{builtin: false}", models) as watched:
        counts = {"calls": 100, "failed": 5, "error.server_error": 5}
        quick = {"duration": {1.0: 99, 3.0: 1}}
        await watched.lately(60, counts, cube="model", first="chat", durations=quick)
        await watched.turn()
        states = await watched.states()
        assert [each for each, status in states.items() if status == "firing"] == [
            ("objectives", "model:chat availability")
        ]
        assert "burns 50 times as fast as it lasts, over 1 h" in await watched.summary("objectives")


async def test_without_a_past_nothing_is_said_of_seasons():
    async with Watched() as watched:
        await watched.lately(30, {"calls": 5_000, "cost_picodollars": 900 * PICO})
        await watched.turn()
        states = await watched.states()
        assert states[("cost", "")] == states[("traffic", "")] == "no_data"
        assert await watched.firing() == []


async def test_a_higher_share_of_a_budget_is_no_end_of_a_lower_one():
    async with Watched(only("{budget: {}, clear_s: 0}")) as watched:
        await budget(watched, 85)
        await watched.turn()
        async with watched.database.transaction() as transaction:
            await transaction.execute("UPDATE spend SET picodollars = $1", 101 * PICO)
        await watched.turn(5)
        subject = "budget:budget_1 organisation:default"
        assert await watched.firing() == [("it", f"{subject} 100 %"), ("it", f"{subject} 80 %")]
        assert "alerts.resolve" not in await watched.audited()


async def test_a_budget_that_is_gone_is_not_foreseen_to_be():
    async with Watched(only("{budget: {percent: false}}")) as watched:
        await budget(watched, 120)
        await watched.weeks({"calls": 10, "cost_picodollars": PICO}, around=12)
        await watched.turn()
        assert await watched.summary("it") == "$100.00 a month of organisation:default are spent: $120.00"


async def test_a_budget_of_nothing_is_nothing_to_tell():
    async with Watched(only("{budget: {}}")) as watched:
        await budget(watched, 0, amount=0)
        await watched.weeks({"calls": 10, "cost_picodollars": PICO}, around=12)
        await watched.turn()
        assert await watched.states() == {}


async def test_an_objective_of_cost_does_not_count_what_clients_pay_themselves():
    models = "{chat: {targets: [sim/gpt-4o-mini], objectives: {cost: {period_usd: 100, per_call_usd: 1}}}}"
    async with Watched("{builtin: false}", models) as watched:
        watched.clock.advance(300)
        mixed = {"calls": 100, "cost_picodollars": 150 * PICO, "cost_picodollars.client": 120 * PICO}
        await watched.lately(1, mixed, cube="model", first="chat")
        await watched.turn()
        assert await watched.firing() == []


async def test_an_objective_of_cost_that_is_not_met():
    models = "{chat: {targets: [sim/gpt-4o-mini], objectives: {cost: {period_usd: 100}}}}"
    async with Watched("{builtin: false}", models) as watched:
        watched.clock.advance(300)
        await watched.lately(1, {"calls": 100, "cost_picodollars": 150 * PICO}, cube="model", first="chat")
        await watched.turn()
        assert await watched.firing() == [("objectives", "model:chat cost")]
        assert await watched.summary("objectives") == (
            "model:chat cost: calls cost $150.00 over 30 days, $100.00 was meant"
        )


async def test_a_model_that_is_new_in_the_last_minutes_of_a_day_is_told_of():
    async with Watched(only("{unusual: {checks: [new_model]}, by: key}")) as watched:
        watched.clock.advance(DAY_S - START_S % DAY_S - 120)
        today = watched.now_s // DAY_S
        async with watched.database.transaction() as transaction:
            for second, back in (("chat", 10), ("gpt-9", 0)):
                await transaction.execute(
                    "INSERT INTO rollup_names (organisation, cube, day_s, first, second) "
                    "VALUES ('default', 'key+model', $1, 'key_1', $2)", (today - back) * DAY_S, second,
                )  # fmt: skip
        await watched.turn(2)
        assert await watched.firing() == [("it", "key:key_1 model:gpt-9")]


async def test_hours_of_silence_are_told_within_the_hour():
    async with Watched(only("{absence: {silent_s: 14400}}")) as watched:
        await watched._write(3_600, watched.hour_s - 4 * 3_600, {"calls": 9})
        await watched.turn()
        assert await watched.firing() == []
        async with watched.database.transaction() as transaction:
            await transaction.execute("DELETE FROM rollups")
        await watched._write(3_600, watched.hour_s - 5 * 3_600, {"calls": 9})
        watched.alerting.evaluator._past = type(watched.alerting.evaluator._past)(watched.database)
        await watched.turn(1)
        assert await watched.firing() == [("it", "")]
        assert await watched.summary("it") == "0 calls an hour in the last 241 minutes"


async def test_every_rule_that_is_no_mistake_can_be_looked_at():
    from headgate.alerts.problems import DIMENSIONS, rule_problems

    kinds = {
        "threshold": {"measure": "calls", "above": 1},
        "error_rate": {},
        "latency": {},
        "cost_spike": {},
        "absence": {},
    }
    rules = {
        f"{kind}-{by}-{of}": {kind: config} | ({"by": by} if by else {}) | ({"of": f"{of}:x"} if of else {})
        for kind, config in kinds.items()
        for by in (None, *DIMENSIONS)
        for of in (None, *DIMENSIONS)
    }
    fine = {name: rule for name, rule in rules.items() if not [*rule_problems(rule, ())]}
    assert len(fine) > 100
    assert "error_rate-model-tag" in fine
    async with Watched(f"{{builtin: false, rules: {json.dumps(fine)}}}") as watched:
        await watched.turn()
        assert watched.alerting.evaluator.failed == 0


async def test_objectives_of_a_pattern_are_of_all_names_it_matches():
    models = (
        '{"claude-*": {targets: [sim/*], objectives: {availability: 0.99, cost: {period_usd: 9}}}, '
        '"claude-opus-*": {targets: [sim/*]}, claude-1: {targets: [sim/x]}}'
    )
    async with Watched("{builtin: false}", models) as watched:
        watched.clock.advance(1_800)
        bad = {"calls": 100, "failed": 50, "error.server_error": 50, "cost_picodollars": PICO}
        for name in ("claude-opus-3", "claude-1", "gpt"):
            await watched.lately(20, bad, cube="model", first=name)
        for name in ("claude-2", "claude-3"):
            await watched.minute(1, {"calls": 100}, cube="model", first=name)
        await watched.turn()
        assert await watched.firing() == []
        standing, _ = await standings(watched.database, "default", objectives_in(watched.config.models), watched.now_s)
        assert (standing.model, standing.calls, standing.met) == ("claude-*", 200, True)
        await watched.lately(20, bad, cube="model", first="claude-9")
        await watched.turn(1)
        series = ["model:claude-* availability", "model:claude-* cost"]
        assert [series for _, series in await watched.firing()] == series


async def released(watched: Watched, name: str, text: str) -> str:
    """A prompt that `production` stands for; its version."""
    from headgate.prompts.dotprompt import load_sources
    from headgate.storage.records import PromptLabel, PromptVersion
    from headgate.storage.tables import PROMPT_LABELS, PROMPT_VERSIONS, next_revision

    sources = {f"{name}.prompt": text}
    digest = load_sources(sources).get(name).version
    row = PromptVersion(
        id=f"prompt_{name}", organisation="default", name=name, digest=digest, file=f"{name}.prompt", sources=sources
    )
    label = PromptLabel(id=f"label_{name}", organisation="default", name=name, label="production", digest=digest)
    async with watched.database.transaction() as transaction:
        await next_revision(transaction)
        await PROMPT_VERSIONS.insert(transaction, row)
        await PROMPT_LABELS.insert(transaction, label)
    return digest


async def test_a_released_prompt_that_nobody_looks_after():
    rule = "{prompt: {ahead_days: 30, retiring: {gpt-4o*: 2027-01-05, other: 2026-11-20, later: 2028-01-01}}}"
    async with Watched(only(rule)) as watched:
        await released(watched, "late", "---\nheadgate.owner: support\nheadgate.review_by: 2026-11-01\n---\nHi")
        await released(watched, "soon", "---\nheadgate.expires: 2026-12-01\n---\nHi")
        await released(watched, "fine", "---\nheadgate.review_by: 2027-11-01\nmodel: later\n---\nHi")
        await released(watched, "going", "---\nmodel: openai/gpt-4o-mini\n---\nHi")
        await watched.turn()
        assert await watched.firing() == [
            ("it", "prompt:going@production retires gpt-4o*"),
            ("it", "prompt:late@production review"),
            ("it", "prompt:soon@production expiry"),
        ]
        told = "prompt:late@production was to be looked at again by 2026-11-01; support answers for it"
        assert told in await watched.summaries()


async def test_a_released_prompt_whose_model_is_known_to_retire():
    models = (
        "{chat: {targets: [az/mine, sim/gpt-4o]}, it: {prompt: served@production, targets: [az/gpt-4o]}, "
        "other: {prompt: served@staging, targets: [az/gone]}}"
    )
    providers = (
        "{sim: {kind: simulator}, az: {kind: azure, base_url: 'https://x.test', models: {mine: {base_model: m}}}}"
    )
    retirements = (
        "{azure/m: 2027-01-10, azure/gpt-4o: 2026-12-31, gone: 2026-01-01, late: 2029-01-01, said: 2026-01-01}"
    )
    rule = only("{prompt: {retiring: {said: 2029-01-01}}}")
    async with Watched(rule, models, providers=providers, retirements=retirements) as watched:
        await released(watched, "named", "---\nmodel: chat\nheadgate.owner: support\n---\nHi")
        await released(watched, "served", "Hi")
        await released(watched, "later", "---\nmodel: az/late\n---\nHi")
        await released(watched, "ruled", "---\nmodel: az/said\n---\nHi")
        await watched.turn()
        assert await watched.firing() == [
            ("it", "prompt:named@production retires az/mine"),
            ("it", "prompt:served@production retires az/gpt-4o"),
        ]
        told = "prompt:named@production is answered by az/mine, which retires on 2027-01-10; support answers for it"
        assert told in await watched.summaries()


async def test_tests_of_a_released_prompt_that_come_out_worse():
    from headgate.storage.records import PromptTest
    from headgate.storage.tables import PROMPT_TESTS, next_revision

    async with Watched(only("{prompt: {}}")) as watched:
        digest = await released(watched, "triage", "Hi")

        async def tested(run: str, verdict: str, version: str, subject: str = "prompt:triage") -> None:
            figures = {"pass_rate": [0.5, 0.4, 0.6]}
            comparison = {"difference": [-0.4, -0.5, -0.3], "worse": [{"case": "blue"}]}
            row = PromptTest(
                id=f"test_{run}", organisation="default", created_us=watched.clock.now_us(), subject=subject,
                digest=version, suite="triage", cell="triage", run=run, ran_us=0, figures=figures,
                verdict=verdict, comparison=comparison, cases=[], posted_by="key:ci",
            )  # fmt: skip
            watched.clock.advance(1)
            async with watched.database.transaction() as transaction:
                await next_revision(transaction)
                await PROMPT_TESTS.insert(transaction, row)

        await tested("a", "baseline", digest)
        await tested("b", "regression", digest)
        await tested("c", "regression", "0" * 64)
        await tested("d", "regression", "", "model:chat")
        await watched.turn()
        assert await watched.firing() == [
            ("it", "model:chat tests triage triage"),
            ("it", "prompt:triage tests triage triage"),
        ]
        told = f"prompt:triage@{digest[:12]} does worse in its tests 'triage' (triage): 50 % of answers pass, 90 % did"
        assert any(each.startswith(f"{told}; worst: blue") for each in await watched.summaries())
        await tested("e", "no_difference", digest)
        watched.clock.advance(300)
        await watched.turn()
        watched.clock.advance(600)
        await watched.turn()
        assert await watched.firing() == [("it", "model:chat tests triage triage")]
