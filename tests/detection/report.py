"""What came of the detection benchmark: tables, a plot, and whether its bars are kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from detection.incidents import KINDS, Kind
from detection.traffic import DAYS, USUAL, WORLDS
from headgate.stats.intervals import wilson

VOLUMES = (10.0, 100.0, 1_000.0, 5_000.0, 10_000.0)
"""Calls an hour."""

NOMINAL = 5_000.0
"""At which the bars are held."""

RECALL = 0.95
MOST_FALSE = 1.0

RULES = ("errors", "latency", "cost", "traffic", "keys")

Results = Sequence[dict[str, Any]]


def delays(results: Results, kind: str, world: str, volume: float) -> list[float | None]:
    """Of each seed, minutes until it was told."""
    return [each["found"] for each in results if each["task"][:3] == [kind, world, volume]]


def recall(results: Results, kind: Kind, world: str, volume: float) -> tuple[int, int]:
    """How many were told within the bar, of how many."""
    found = delays(results, kind.name, world, volume)
    return sum(1 for each in found if each is not None and each <= kind.bar), len(found)


def false_counts(results: Results, rule: str, world: str, volume: float) -> list[int]:
    return [each["found"][rule] for each in results if each["task"][:3] == ["false alarms", world, volume]]


def mean_interval(counts: Sequence[int]) -> tuple[float, float, float]:
    """A mean of counts, and between which the truth is with 95 % confidence: of counts from seed to seed, so that alarms
    that come together are not taken for independent; of none, the rule of three.
    """
    number = len(counts)
    mean = sum(counts) / number
    if not sum(counts):
        return 0.0, 0.0, 3 / number
    deviation = sqrt(sum((each - mean) ** 2 for each in counts) / max(1, number - 1) / number)
    return mean, max(0.0, mean - 1.96 * deviation), mean + 1.96 * deviation


def bars_kept(results: Results) -> bool:
    told = [recall(results, kind, USUAL.name, NOMINAL) for kind in KINDS]
    wrong = [mean_interval(false_counts(results, rule, USUAL.name, NOMINAL))[0] for rule in RULES]
    return all(good >= RECALL * total for good, total in told) and all(each <= MOST_FALSE for each in wrong)


def _share(good: int, total: int) -> str:
    found = wilson(good, total)
    return f"{good / total:.2f} ({found.low:.2f}–{found.high:.2f})"


def _mean(counts: Sequence[int]) -> str:
    mean, low, high = mean_interval(counts)
    return f"{mean:.2f} ({low:.2f}–{high:.2f})"


def _volumes(results: Results) -> list[float]:
    return [volume for volume in VOLUMES if delays(results, KINDS[0].name, USUAL.name, volume)]


def recall_table(results: Results) -> str:
    volumes = _volumes(results)
    lines = [
        f"| incident | within | {' | '.join(f'{volume:,.0f} calls/h' for volume in volumes)} |",
        f"|---|---|{'---|' * len(volumes)}",
    ]
    for kind in KINDS:
        cells = [_share(*recall(results, kind, USUAL.name, volume)) for volume in volumes]
        lines.append(f"| {kind.name} | {kind.bar} min | {' | '.join(cells)} |")
    return "\n".join(lines)


def worlds_table(results: Results) -> str:
    worlds = [world for world in WORLDS if delays(results, KINDS[0].name, world.name, NOMINAL)]
    lines = [f"| | {' | '.join(world.name for world in worlds)} |", f"|---|{'---|' * len(worlds)}"]
    for kind in KINDS:
        cells = [_share(*recall(results, kind, world.name, NOMINAL)) for world in worlds]
        lines.append(f"| told in time: {kind.name} | {' | '.join(cells)} |")
    for rule in RULES:
        cells = [_mean(false_counts(results, rule, world.name, NOMINAL)) for world in worlds]
        lines.append(f"| false alarms: `{rule}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def false_table(results: Results) -> str:
    volumes = _volumes(results)
    lines = [
        f"| rule | {' | '.join(f'{volume:,.0f} calls/h' for volume in volumes)} |",
        f"|---|{'---|' * len(volumes)}",
    ]
    for rule in RULES:
        cells = [_mean(false_counts(results, rule, USUAL.name, volume)) for volume in volumes]
        lines.append(f"| `{rule}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(results: Results) -> str:
    """All tables, for a terminal."""
    return "\n\n".join(
        (
            "Told in time, with 95 % intervals", recall_table(results),
            f"False alarms in {DAYS} days, with 95 % intervals", false_table(results),
            f"At {NOMINAL:,.0f} calls an hour", worlds_table(results),
        )
    )  # fmt: skip


def write(results: Results, seeds: int, few: int, docs: Path) -> None:
    """Put tables and plot where readers find them."""
    (docs / "detection.svg").write_text(plot(results))
    page = docs / "alerts.md"
    text = page.read_text()
    tables = {"recall": recall_table(results), "false": false_table(results), "worlds": worlds_table(results)}
    for name, table in tables.items():
        pattern = rf"(<!-- detection: {name} -->\n).*?(<!-- detection: end -->)"
        text = re.sub(pattern, lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text, flags=re.DOTALL)
    text = re.sub(r"<!-- seeds -->\d+", f"<!-- seeds -->{seeds}", text)
    page.write_text(re.sub(r"<!-- few -->\d+", f"<!-- few -->{few}", text))


# ── the plot ──

COLOURS = ("#9aa5b1", "#6b8fb5", "#3f74b0", "#1f5a9e", "#0b3c78")
PANEL_W, PANEL_H, LEFT, TOP, GAP = 250, 150, 46, 58, 40
COLUMNS = 3


def plot(results: Results) -> str:
    """By incident, the share that was told after so many minutes, a line for each volume."""
    volumes = _volumes(results)
    rows = -(-len(KINDS) // COLUMNS)
    width, height = LEFT + COLUMNS * (PANEL_W + GAP), TOP + rows * (PANEL_H + GAP + 22) + 10
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="system-ui, sans-serif" font-size="11" role="img" aria-labelledby="t d">'
        ),
        '<title id="t">Share of incidents told, by minutes since they began</title>',
        (
            '<desc id="d">Six panels, one for each kind of incident, a line for each volume of traffic; the vertical line is '
            "the time within which it has to be told, the horizontal one the share that has to be.</desc>"
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        (
            f'<text x="{LEFT}" y="18" font-size="13" font-weight="600" fill="#1c2733">Share of incidents told, by minutes '
            "since they began</text>"
        ),
    ]
    for number, volume in enumerate(volumes):
        x = LEFT + number * 135
        parts.append(f'<line x1="{x}" y1="34" x2="{x + 22}" y2="34" stroke="{COLOURS[number]}" stroke-width="2.5"/>')
        parts.append(f'<text x="{x + 27}" y="38" fill="#1c2733">{volume:,.0f} calls/h</text>')
    for number, kind in enumerate(KINDS):
        x = LEFT + number % COLUMNS * (PANEL_W + GAP)
        y = TOP + 16 + number // COLUMNS * (PANEL_H + GAP + 22)
        parts += _panel(results, kind, volumes, x, y)
    return "\n".join([*parts, "</svg>", ""])


def _panel(results: Results, kind: Kind, volumes: Sequence[float], x: int, y: int) -> list[str]:
    most = kind.bar * 2
    at = lambda minutes: x + PANEL_W * min(minutes, most) / most  # noqa: E731
    up = lambda share: y + PANEL_H * (1 - share)  # noqa: E731
    parts = [
        f'<text x="{x}" y="{y - 6}" font-weight="600" fill="#1c2733">{kind.name}</text>',
        f'<rect x="{x}" y="{y}" width="{PANEL_W}" height="{PANEL_H}" fill="#f6f8fa" stroke="#c5ced8"/>',
        (
            f'<line x1="{at(kind.bar):.1f}" y1="{y}" x2="{at(kind.bar):.1f}" y2="{y + PANEL_H}" stroke="#b3261e" '
            'stroke-dasharray="4 3"/>'
        ),
        (
            f'<line x1="{x}" y1="{up(RECALL):.1f}" x2="{x + PANEL_W}" y2="{up(RECALL):.1f}" stroke="#b3261e" '
            'stroke-dasharray="4 3"/>'
        ),
    ]
    for share in (0, 0.5, 1):
        parts.append(f'<text x="{x - 6}" y="{up(share) + 4:.1f}" text-anchor="end" fill="#4a5764">{share:g}</text>')
    for minutes in (0, kind.bar, most):
        parts.append(
            f'<text x="{at(minutes):.1f}" y="{y + PANEL_H + 15}" text-anchor="middle" fill="#4a5764">{minutes}'
            f"{' min' if minutes == most else ''}</text>"
        )
    for number, volume in enumerate(volumes):
        found = delays(results, kind.name, USUAL.name, volume)
        known = sorted(each for each in found if each is not None)
        points, share = [f"{x},{up(0):.1f}"], 0.0
        for minutes in known:
            if minutes > most:
                break
            points.append(f"{at(minutes):.1f},{up(share):.1f}")
            share += 1 / len(found)
            points.append(f"{at(minutes):.1f},{up(share):.1f}")
        points.append(f"{x + PANEL_W},{up(share):.1f}")
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"/>')
    return parts
