"""A comparison for people, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from headgate.ledger.exports.columns import plain, rfc3339
from headgate.ledger.reconcile.comparison import Comparison, Key
from headgate.ledger.reconcile.export import day_text
from headgate.ledger.statement import printable
from headgate.money import format_usd, round_half_even
from headgate.storage.records import LedgerRow

VERDICTS = {
    "equal": "The ledger and the vendor agree.",
    "estimated": "All that differs are attempts whose usage had to be estimated.",
    "different": "The ledger and the vendor do not agree.",
}


def shown(comparison: Comparison, made: Sequence[LedgerRow] = ()) -> dict[str, Any]:
    """The comparison, and the corrections made of it, as JSON shows them."""
    return {
        "vendor": comparison.vendor,
        "from": rfc3339(comparison.from_us),
        "to": rfc3339(comparison.to_us),
        "verdict": comparison.verdict,
        "ignored": comparison.ignored,
        "usage": [
            {
                **_about(cell.key),
                "verdict": cell.verdict,
                "attempts": cell.attempts,
                "requests": cell.requests,
                "estimated": [row.id for row in cell.estimated],
                "ours": cell.ours,
                "theirs": cell.theirs,
                "differences": cell.differences,
            }
            for cell in comparison.usage
        ],
        "money": [
            {
                **_about(cell.key),
                "verdict": cell.verdict,
                "ours_usd": format_usd(cell.ours),
                "theirs_usd": _usd(cell.theirs),
                "difference_usd": format_usd(cell.difference),
                "rounded_by_usd": _usd(cell.tolerance),
                "unpriced": cell.unpriced,
            }
            for cell in comparison.money
        ],
        "correctable": [row.id for row in comparison.correctable],
        "corrections": [plain(row) for row in made],
    }


def text(comparison: Comparison, made: Sequence[LedgerRow] = ()) -> str:
    """The same for a terminal: what differs, line by line, and what it comes to."""
    lines = [
        f"{comparison.vendor}, {rfc3339(comparison.from_us)} to {rfc3339(comparison.to_us)}",
        VERDICTS[comparison.verdict],
    ]
    for cell in comparison.usage:
        lines += [
            f"{_named(cell.key)}: {name.replace('_', ' ')} {cell.ours[name]:,} here, {cell.theirs[name]:,} there, "
            f"{count:+,} ({cell.verdict})"
            for name, count in cell.differences.items()
        ]
    for cell in comparison.money:
        if cell.verdict != "equal":
            lines.append(
                f"{_named(cell.key)}: ${format_usd(cell.ours)} here, ${_usd(cell.theirs)} there, "
                f"${format_usd(cell.difference)} ({cell.verdict})"
            )
    equal = sum(cell.verdict == "equal" for cell in (*comparison.usage, *comparison.money))
    lines.append(f"Lines that agree: {equal} of {len(comparison.usage) + len(comparison.money)}.")
    if comparison.ignored:
        lines.append(f"Lines of the exports about other keys or other days: {comparison.ignored}.")
    if comparison.correctable:
        lines.append(f"Estimated attempts that can be corrected: {len(comparison.correctable)}.")
    if made:
        known = sum(row.cost_picodollars or 0 for row in made)
        lines.append(f"Corrections: {len(made)}, which come to ${format_usd(known)}.")
    return "\n".join(lines) + "\n"


def _about(key: Key) -> dict[str, str]:
    day, about, provider = key
    return {"day": day_text(day), "model": about, "provider": provider}


def _named(key: Key) -> str:
    day, about, provider = key
    return printable(" ".join(part for part in (day_text(day), provider, about) if part))


def _usd(amount: Fraction) -> str:
    return format_usd(round_half_even(amount))
