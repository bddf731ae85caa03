"""`headgate explain`: what stands behind a model, and what it does when something fails."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK
from headgate.config import Config
from headgate.registry import suggest
from headgate.routing.balance import strategy
from headgate.routing.config import ModelConfig, TargetConfig
from headgate.routing.outcomes import Outcome, outcomes


def explain(model: str, /, *, config: ConfigFile = None, json: Json = False) -> int:
    """Show where a model's calls go, and what happens on each kind of failure.

    Parameters
    ----------
    model
        A name under 'models'.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    loaded, _ = load_or_starter(config)
    found = loaded.models.get(model) or _wildcard(loaded, model)
    if found is None:
        output.complain(f"headgate: there is no model '{model}'{suggest(model, loaded.models)}")
        output.complain("Try 'headgate models'.")
        return FAILED
    if not found.targets and found.prompt is not None:
        output.complain(f"headgate: '{model}' is the prompt '{found.prompt.use}', and goes to the model this names.")
        return FAILED
    told = _told(model, found)
    if json:
        output.json(told)
        return OK
    _show(model, found, told)
    return OK


def _wildcard(config: Config, name: str) -> ModelConfig | None:
    """The model whose pattern a name fits, the longest first."""
    patterns = [each for each in config.models if each.endswith("*") and name.startswith(each[:-1])]
    return config.models[max(patterns, key=len)] if patterns else None


def _told(name: str, model: ModelConfig) -> dict[str, Any]:
    targets = sorted(model.targets, key=lambda target: (target.priority, not target.provisioned))
    return {
        "model": name,
        "prompt": None if model.prompt is None else model.prompt.use,
        "targets": [msgspec.to_builtins(target) for target in targets],
        "chosen_by": strategy(model.balance, model.targets),
        "settings": {
            block: msgspec.to_builtins(getattr(model, block))
            for block in ("timeout", "retry", "breaker", "balance", "hedge", "queue", "validate", "once", "shadow")
        },
        "fallback": {cause: [entry.use for entry in entries] for cause, entries in model.fallback.items()},
        "failures": outcomes(model),
    }


def _show(name: str, model: ModelConfig, told: dict[str, Any]) -> None:
    if model.prompt is not None:
        output.say(f"{name} is the prompt {model.prompt.use}: see 'headgate prompts show {model.prompt.use}'")
    output.say(f"{name}: targets in the order in which they are considered")
    output.table(
        ("priority", "target", "share", "limits"),
        [
            [
                f"{target.priority}{' provisioned' if target.provisioned else ''}",
                target.target,
                _share(model, target),
                _limits(target),
            ]
            for target in sorted(model.targets, key=lambda each: (each.priority, not each.provisioned))
        ],
    )
    output.say("")
    output.say(_sentences(model))
    output.say("")
    output.say("If an attempt fails before the client has got any content:")
    columns = ("failure", "same target", "other targets", "then", "else the client gets", "breaker")
    output.table(columns, [_row(each) for each in told["failures"]])
    output.say("")
    output.say("Once it has got some, a failure ends the stream with an error event, and nothing is tried again.")
    if hint := advice(model):
        output.say(hint)
    output.say(f"Try 'headgate drill {name}' to see it.")


def _limits(target: TargetConfig) -> str:
    known = [f"{name} {value:,}" for name, value in (("rpm", target.rpm), ("tpm", target.tpm)) if value]
    return ", ".join([*known, f"{target.max_concurrent:,} at a time"])


def _share(model: ModelConfig, target: TargetConfig) -> str:
    place = target.priority, target.provisioned
    tier = [each for each in model.targets if (each.priority, each.provisioned) == place]
    if len(tier) == 1:
        return "all, while it has room"
    if model.balance.affinity != "none":
        return f"by {model.balance.affinity}, {target.weight / sum(each.weight for each in tier):.0%} of them"
    match strategy(model.balance, model.targets):
        case "weight":
            return f"{target.weight / sum(each.weight for each in tier):.0%}"
        case "cost":
            return "the cheapest"
        case "latency":
            return "the faster of two"


def advice(model: ModelConfig) -> str | None:
    """What to write so that a vendor that never answers does not take the whole call with it."""
    if model.timeout.attempt_s is not None or (len(model.targets) == 1 and not model.fallback):
        return None
    return (
        "A vendor that never answers a whole request takes all of its time, and nothing else is tried: "
        "'timeout: {attempt_s: …}' says how long one attempt may take."
    )


def _sentences(model: ModelConfig) -> str:
    timeout, retry, breaker, hedge = model.timeout, model.retry, model.breaker, model.hedge
    attempt = f", an attempt at a whole answer {timeout.attempt_s:g} s" if timeout.attempt_s else ""
    times = (
        f"A call has {timeout.total_s:g} s in all{attempt}; a connection {timeout.connect_s:g} s, "
        f"a stream's first content {timeout.first_token_s:g} s, the next piece {timeout.stall_s:g} s."
    )
    retries = (
        f"Retries may be {retry.budget:.0%} of the calls; the wait before one begins at up to {retry.base_s:g} s and "
        f"grows to {retry.max_s:g} s."
    )
    rests = (
        f"A target rests for {breaker.open_s:g} s once {breaker.error_rate:.0%} of at least {breaker.min_calls} "
        f"attempts within {breaker.window_s:g} s failed."
    )
    lines = [times, retries, rests]
    if hedge is not None:
        when = f"{hedge.after_s:g} s" if hedge.after_s else f"the time in which {hedge.quantile:.0%} are answered"
        lines.append(f"A second attempt begins after {when}, for at most {hedge.budget:.0%} of the calls.")
    shadow = model.shadow
    if shadow is not None and shadow.share:
        lines.append(
            f"{100 * shadow.share:.3g} % of the calls go to {shadow.to} too, once they are answered; nobody gets that."
        )
    return "\n".join(lines)


def _row(outcome: Outcome) -> list[str]:
    return [
        outcome.failure,
        "once" if outcome.attempts == 1 else f"up to {outcome.attempts} times",
        "yes" if outcome.elsewhere else "no",
        ", ".join(outcome.fallback) or "nothing",
        f"{outcome.status} {outcome.code}",
        "counts it" if outcome.counts else "ignores it",
    ]
