"""What is known of targets outlives a reload that leaves them as they are."""

from __future__ import annotations

import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.gateway import Gateway
from headgate.routing.conditions import Conditions
from headgate.routing.hedge import Hedge
from headgate.routing.retry import RetryBudget
from headgate.routing.target import Target


class Thing:
    pass


def test_what_is_borrowed_again_is_the_same() -> None:
    conditions = Conditions()
    one = conditions.borrow("a", [1, None], Thing)
    assert conditions.borrow("a", [1, None], Thing) is one


@pytest.mark.parametrize(("name", "made_of"), [("b", [1]), ("a", [2]), ("a", ["1"])])
def test_what_is_another_or_made_of_something_else_is_not(name: str, made_of: list[object]) -> None:
    conditions = Conditions()
    assert conditions.borrow("a", [1], Thing) is not conditions.borrow(name, made_of, Thing)


def test_what_is_borrowed_in_each_round_survives() -> None:
    conditions = Conditions()
    one = conditions.borrow("a", 1, Thing)
    for _ in range(3):
        conditions.prune()
        assert conditions.borrow("a", 1, Thing) is one


def test_what_nobody_has_borrowed_since_is_forgotten() -> None:
    conditions = Conditions()
    one, other = conditions.borrow("a", 1, Thing), conditions.borrow("b", 1, Thing)
    conditions.prune()
    assert conditions.borrow("a", 1, Thing) is one
    conditions.prune()
    assert conditions.of(Thing) == [one]
    assert conditions.borrow("b", 1, Thing) is not other


def test_things_are_told_by_their_kind() -> None:
    conditions = Conditions()
    thing = conditions.borrow("a", 1, Thing)
    conditions.borrow("b", 1, dict)
    assert conditions.of(Thing) == [thing]


CONFIG = """
providers: {{sim: {{kind: simulator}}}}
models:
  chat: {{targets: [sim/gpt-4o-mini, {{target: sim/gpt-4o, rpm: {rpm}}}], breaker: {{min_calls: {calls}}}, hedge: {{budget: {share}}}}}
"""


def targets(gateway: Gateway) -> dict[str, Target]:
    return {target.name: target for target in gateway._services.conditions.of(Target)}


def reloaded(gateway: Gateway, rpm: int = 10, calls: int = 50, share: float = 0.1) -> dict[str, Target]:
    gateway.reload(loads(CONFIG.format(rpm=rpm, calls=calls, share=share)))
    return targets(gateway)


def test_a_reload_keeps_all_that_stays_as_it_is() -> None:
    gateway = Gateway(loads(CONFIG.format(rpm=10, calls=50, share=0.1)))
    conditions = gateway._services.conditions
    before = targets(gateway)
    kept = conditions.of(RetryBudget) + conditions.of(Hedge)
    assert reloaded(gateway) == before
    assert conditions.of(RetryBudget) + conditions.of(Hedge) == kept
    changed = reloaded(gateway, rpm=20)
    assert changed["sim/gpt-4o-mini"] is before["sim/gpt-4o-mini"]
    assert changed["sim/gpt-4o"] is not before["sim/gpt-4o"]
    changed = reloaded(gateway, rpm=20, calls=60)
    assert changed["sim/gpt-4o-mini"] is not before["sim/gpt-4o-mini"]
    assert len(changed) == 2


def test_a_reload_that_fails_forgets_nothing() -> None:
    gateway = Gateway(loads(CONFIG.format(rpm=10, calls=50, share=0.1)))
    before = targets(gateway)
    bad = CONFIG.format(rpm=99, calls=50, share=0.1) + "stages: [{use: 'no.such:Stage', after: context}]\n"
    with pytest.raises(ConfigError):
        gateway.reload(loads(bad))
    assert targets(gateway) == before
    assert reloaded(gateway) == before
