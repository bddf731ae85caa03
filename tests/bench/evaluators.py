"""How good the evaluators are, measured on development data (`HEADGATE_DATA`, default `../shared/data`); prints
Markdown. Usage: make quality.

What there is no labelled set for is measured one-sidedly, and said so: a set that has none of what is looked for tells
false alarms, and defects made on purpose tell what is missed.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from headgate import dialects
from headgate.checks.grounding import support
from headgate.checks.languages import language_of
from headgate.checks.refusals import is_unable, refuses
from headgate.checks.repetition import repeats
from headgate.dialects.framing import SseFramer
from headgate.dialects.hub import Answer, Refusal, Text
from headgate.errors import HeadgateError
from headgate.observing.answers import stream_answer
from headgate.routing.validation.validators import no_repetition
from headgate.stats.intervals import wilson
from recordings import DATA, FILE, recordings

ATTRIBUTABLE = "Fully attributable"
AMONG = 50
"""Other texts that a response's knowledge is put among, to see what a long context does."""


def main() -> int:
    if not DATA.is_dir():
        print(f"{DATA} is not there: set HEADGATE_DATA", file=sys.stderr)
        return 1
    texts = [each["response"] for each in _rows("grounding/begin.jsonl")]
    recorded = list(_recorded())
    _groundedness()
    _refusals(texts, recorded)
    _repetition([*texts, *(text for text, _ in recorded)])
    _languages()
    return 0


# ── groundedness ──


def _groundedness() -> None:
    rows = _rows("grounding/begin.jsonl")
    knowledge = [row["knowledge"] for row in rows]
    dice = random.Random(1)

    def long(row: Any) -> str:
        given = [*dice.sample(knowledge, AMONG), row["knowledge"]]
        dice.shuffle(given)
        return "\n".join(given)

    for name, context in (("its knowledge alone", lambda row: row["knowledge"]), (f"among {AMONG} others", long)):
        scored = [(support(row["response"], context(row)) or 0.0, row["label"] == ATTRIBUTABLE) for row in rows]
        print(f"\n### groundedness, {name}\n")
        print(f"{len(scored)} responses of BEGIN, {sum(good for _, good in scored)} fully attributable; area under the "
              f"ROC curve {_area(scored):.3f}\n")  # fmt: skip
        print("| `grounded_from` | precision of `fail` | recall of `fail` | good answers failed |")
        print("|---|---|---|---|")
        for threshold in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9):
            hits = sum(not good for score, good in scored if score < threshold)
            false = sum(good for score, good in scored if score < threshold)
            bad = sum(not good for _, good in scored)
            print(f"| {threshold} | {_share(hits, hits + false)} | {_share(hits, bad)} | "
                  f"{_share(false, len(scored) - bad)} |")  # fmt: skip


def _area(scored: Sequence[tuple[float, bool]]) -> float:
    """How often a good response has the higher score than one that is not; ties count half."""
    good = sum(each for _, each in scored)
    rank, total = 1, 0.0
    for _, group in groupby(sorted(scored), key=lambda each: each[0]):
        members = list(group)
        total += (rank + (len(members) - 1) / 2) * sum(each for _, each in members)
        rank += len(members)
    return (total - good * (good + 1) / 2) / (good * (len(scored) - good))


# ── refusals ──

_NEAR = re.compile(
    r"sorry|apolog|can.?t |cannot|unable|not able|won.t|declin|refuse|don.t have (?:access|the)", re.IGNORECASE
)


def _refusals(texts: Sequence[str], recorded: Sequence[tuple[str, bool]]) -> None:
    print("\n### refusal, by its words\n")
    alarms = [text for text in texts if refuses(text) or is_unable(text)]
    print(f"- responses of BEGIN, taken to have no refusal in them: {_share(len(alarms), len(texts))} flagged")
    answers = [text for text, refused in recorded if not refused]
    alarms = [text for text in answers if refuses(text) or is_unable(text)]
    print(f"- recorded answers whose vendor tells of no refusal: {_share(len(alarms), len(answers))} flagged; all:")
    for text in alarms:
        print(f"    - {' '.join(text.split())[:160]}")
    others = [text for text in answers if text not in alarms and _NEAR.search(text[:400])]
    print(f"- others that begin with words of the kind, to be read: {len(others)}; all:")
    for text in others:
        print(f"    - {' '.join(text.split())[:160]}")


def _recorded() -> Iterator[tuple[str, bool]]:
    """The texts of recorded answers, and whether their vendors call them refusals."""
    if not FILE.is_file():
        return
    for each in recordings():
        if each.dialect is None or each.status != 200:
            continue
        answer = _answer(each)
        for choice in answer.choices if answer is not None else ():
            said = "".join(part.text for part in choice.parts if isinstance(part, Text))
            told = [part.text for part in choice.parts if isinstance(part, Refusal) and part.text]
            if said.strip() or told:
                yield said or " ".join(told), bool(told) or choice.stop == "refusal"


def _answer(recording: Any) -> Answer | None:
    dialect = dialects.get(recording.dialect)
    try:
        if not recording.streamed:
            found: Any = dialect.decode_answer(json.loads(recording.body))
            return found if isinstance(found, Answer) else None
        if dialect.framing != "sse":
            return None
        framer = SseFramer()
        return stream_answer(dialect, [framer.feed(recording.body), framer.close()])
    except (HeadgateError, ValueError):
        return None


# ── repetition ──


def _repetition(texts: Sequence[str]) -> None:
    print("\n### repetition\n")
    alarms = [text for text in texts if _loops(text)]
    print(
        f"- recorded answers and responses of BEGIN, taken to have no loop in them: {_share(len(alarms), len(texts))} flagged"
    )
    dice = random.Random(2)
    long = [text for text in texts if len(text.split()) >= 40]
    for words, times in ((1, 100), (4, 30), (12, 10), (12, 5), (30, 3), (30, 10)):
        looped = 0
        for text in long:
            cut = text.split()
            start = dice.randrange(len(cut) - words)
            unit = " ".join(cut[start : start + words]) + " "
            looped += _loops(f"{text} {unit * times}")
        print(f"- {len(long)} of them going on with {words} of their words {times} times over: "
              f"{_share(looped, len(long))} found")  # fmt: skip


def _loops(text: str) -> bool:
    return no_repetition(text) is not None or repeats(text)


# ── languages ──


def _languages() -> None:
    print("\n### language\n")
    begin = [(row["message"], row["response"]) for row in _rows("grounding/begin.jsonl")]
    pairs = [(row["a"], row["b"]) for row in _rows("semantic_cache/question_pairs.jsonl")]
    for name, given in (("messages and responses of BEGIN", begin), ("pairs of questions (Quora)", pairs)):
        found = [(language_of(one), language_of(other)) for one, other in given]
        told = [each for each in found if None not in each]
        wrong = [each for each in told if each[0] != each[1]]
        english = sum(one == "en" for each in found for one in each if one is not None)
        clear = sum(one is not None for each in found for one in each)
        print(f"- {name}, all English: {_share(len(wrong), len(told))} of the pairs it tells of flagged; it tells of "
              f"{_share(len(told), len(found))} of pairs; of texts it tells of {_share(english, clear)} are 'en'")  # fmt: skip


def _rows(name: str) -> list[Any]:
    with (DATA / name).open() as file:
        return [json.loads(line) for line in file]


def _share(number: int, of: int) -> str:
    interval = wilson(number, of)
    return f"{number} of {of} = {interval.estimate:.1%} ({interval.low:.1%} to {interval.high:.1%})"


if __name__ == "__main__":
    raise SystemExit(main())
