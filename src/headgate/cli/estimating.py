"""`headgate estimate`: what a prompt will use and cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from headgate.cli import output
from headgate.cli.configs import ConfigFile, Json, load_or_starter
from headgate.cli.exits import FAILED, OK, Misused
from headgate.cli.files import reading
from headgate.config.price_lists import catalog_of
from headgate.estimates import (
    AnswerLengths,
    Asked,
    BadEstimate,
    Estimate,
    Interval,
    Prompt,
    Sample,
    estimate,
    places_of,
    read_samples,
)
from headgate.stats.traffic import Curve

Percent = Annotated[float, Parameter(validator=Number(gt=-100, lte=10_000))]
Share = Annotated[float, Parameter(validator=Number(gte=0, lte=1))]

_COLUMNS = (
    "model",
    "target",
    "month",
    "calls",
    "in/call",
    "out/call",
    "$/call",
    "in M",
    "out M",
    "$",
    "95 % low",
    "high",
)


def estimate_(
    prompt: str,
    /,
    *,
    model: Annotated[tuple[str, ...], Parameter(name=["--model", "-m"], negative="")] = (),
    samples: Path | None = None,
    answer: str = "answer",
    answer_tokens: str | None = None,
    max_tokens: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    system: str | None = None,
    calls_per_day: Annotated[float, Parameter(validator=Number(gt=0, lte=1e12))] = 1_000,
    growth: Percent = 0,
    peak: Annotated[float, Parameter(validator=Number(gte=1, lte=1e6))] = 1,
    months: Annotated[int, Parameter(validator=Number(gte=1, lte=120))] = 1,
    cached: Share = 0,
    attempts: Annotated[float, Parameter(validator=Number(gte=1, lte=100))] = 1,
    seed: int = 0,
    config: ConfigFile = None,
    json: Json = False,
) -> int:
    """Estimate what a prompt will use and cost in a month, side by side for models and targets.

    Parameters
    ----------
    prompt
        A text, a file of one, or a .json file of a whole chat request; {name} is filled in from the samples.
    model
        A model, or provider/model-id; may be repeated. All models of the configuration by default.
    samples
        A file of JSON lines: an object each, with what is filled in, and the answer that is expected.
    answer
        The member of a sample that is its answer.
    answer_tokens
        How long answers are where samples have none: 250, 100..400, or median=200,p95=900.
    max_tokens
        The most tokens of an answer.
    system
        A system prompt: a text, or a file of one.
    calls_per_day
        Calls a day, in the first month.
    growth
        Per cent by which each month has more calls than the one before.
    peak
        How many times the average the busiest minutes have.
    months
        How many months.
    cached
        Share of calls that find the beginning of the prompt in the vendor's cache: 0.8.
    attempts
        How often a call is paid for on average, with retries, hedges and repetitions: 1.05.
    seed
        Of the drawings behind the intervals.
    config
        The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one.
    json
        Print JSON.
    """
    loaded, _ = load_or_starter(config)
    names = model or tuple(name for name in loaded.models if not name.endswith("*"))
    try:
        read = _prompt(prompt, system)
        if samples is None and read.places:
            raise BadEstimate(f"the prompt has a place for '{read.places[0]}'; say with --samples what goes there")
        asked = Asked(
            prompt=read,
            samples=_samples(samples, answer),
            lengths=None if answer_tokens is None else AnswerLengths.read(answer_tokens),
            curve=Curve(calls_per_day, growth / 100, peak),
            months=months,
            cached=cached,
            max_tokens=max_tokens,
            attempts=attempts,
            seed=seed,
        )
        catalog = catalog_of(loaded)
        found = [each for name in names for each in estimate(asked, places_of(loaded, catalog, name))]
    except BadEstimate as error:
        raise Misused(str(error), "Try 'headgate estimate --help'.") from None
    if json:
        output.json(found)
    else:
        _show(found)
    return OK if all(each.cost_usd is not None for each in found) else FAILED


def _prompt(given: str, system: str | None) -> Prompt:
    text, name = _text(given)
    if name.endswith(".json"):
        if system is not None:
            raise BadEstimate("a prompt in JSON has its own messages; leave --system out")
        return Prompt.read(text)
    return Prompt.of(text, None if system is None else _text(system)[0])


def _text(given: str) -> tuple[str, str]:
    """A text, or that of a file, and the file's name."""
    name = given if "\n" not in given and len(given) < 1_000 else ""
    if name and (Path(name).is_file() or Path(name).suffix in (".txt", ".md", ".json")):
        with reading("Name a file that is there, or write the prompt itself."):
            return Path(name).read_text("utf-8"), name
    return given, ""


def _samples(path: Path | None, answer: str) -> Sequence[Sample]:
    if path is None:
        return [Sample({})]
    with reading('Name a file of JSON lines: {"question": "…", "answer": "…"}.'):
        text = path.read_text("utf-8")
    try:
        return read_samples(text, answer)
    except BadEstimate as error:
        raise BadEstimate(f"{path}: {error}") from None


def _show(found: Sequence[Estimate]) -> None:
    output.table(_COLUMNS, [row for each in found for row in _rows(each)])
    told = [(each, note) for each in found for note in each.notes]
    for place, (each, note) in enumerate(told):
        if all((other.model, said) != (each.model, note) for other, said in told[:place]):
            output.complain(f"{each.model} at {each.target}: {note}")


def _rows(each: Estimate) -> list[list[str]]:
    target = each.target if each.share == 1 else f"{each.target} ({each.share:.0%})"
    call = [f"{each.input_tokens:,.0f}", f"{each.output_tokens:,.0f}", _dollars(each.cost_usd)]
    rows: list[list[str]] = []
    for month in each.months:
        cost = month.cost_usd
        money = (
            ["unknown", "", ""] if cost is None else [_dollars(cost.expected), _dollars(cost.low), _dollars(cost.high)]
        )
        used = [_millions(month.input_tokens), _millions(month.output_tokens)]
        rows.append([each.model, target, str(month.month), f"{month.calls.expected:,.0f}", *call, *used, *money])
    return rows


def _millions(tokens: Interval) -> str:
    return f"{tokens.expected / 1e6:,.2f}"


def _dollars(amount: float | None) -> str:
    if amount is None:
        return "unknown"
    return f"{amount:,.2f}" if amount >= 10 else f"{amount:.4g}"
