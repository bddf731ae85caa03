"""`headgate errors`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.cli import output
from headgate.cli.administering import given, seconds_of, told
from headgate.cli.client import HERE, Client, Reach
from headgate.cli.configs import Most
from headgate.cli.exits import OK

AT = {
    "gateway": "before any target was asked",
    "answer": "before there was any content",
    "stream": "in the midst of a stream",
}


def errors(
    *,
    since: str = "24h",
    of: str | None = None,
    limit: Most = 10,
    reach: Reach = HERE,
) -> int:
    """Show what failing calls share that others do not.

    Parameters
    ----------
    since
        How far back: 90s, 15m, 24h, 30d.
    of
        Of one name in a dimension only: model:chat, key:key_…, tag:app=x.
    limit
        Most patterns.
    """
    begins = datetime.now(UTC) - timedelta(seconds=seconds_of(since))
    query = {**given(of=of), "from": begins.isoformat().replace("+00:00", "Z")}

    def work(client: Client) -> int:
        answer: Any = client.ask("GET", "/errors", query=query)
        if reach.json:
            output.json(answer)
        else:
            output.say(text(answer, limit))
        return OK

    return told(reach, work, "errors")


def text(answer: Mapping[str, Any], limit: int) -> str:
    """What the admin API told, for a person."""
    calls, failed = answer["calls"], answer["failed"]
    if not failed:
        return f"None of {output.counted(calls, 'call')} failed."
    lines = [f"{failed:,} of {output.counted(calls, 'call')} failed ({failed / calls:.2%})."]
    for pattern in answer["patterns"][:limit]:
        lines += ["", *_pattern(pattern, answer["confidence"])]
    left = len(answer["patterns"]) - limit
    if left > 0:
        lines += ["", f"And {output.counted(left, 'pattern')} more: --limit {len(answer['patterns'])}."]
    if any(pattern["shares"] for pattern in answer["patterns"]):
        lines += [
            "",
            f"{answer['looked_at']:,} names were held against the others; of those shown one in twenty may be chance.",
        ]
    return "\n".join(output.printable(line) for line in lines)


def _pattern(pattern: Mapping[str, Any], confidence: float) -> list[str]:
    status = "" if pattern["upstream_status"] is None else f" {pattern['upstream_status']}"
    rate = pattern["rate"]
    what = f"{pattern['failed']:,} × {pattern['code']}{status}, {AT[pattern['at']]}"
    lines = [f"{what}; {rate['estimate']:.2%} of calls ({rate['low']:.2%} to {rate['high']:.2%})"]
    lines += [
        f"  {each['dimension']} {each['name']}: {_times(each['risk'], confidence)} as often as elsewhere; "
        f"{each['failed']:,} of {each['calls']:,} calls, {each['covers']:.0%} of these failures"
        for each in pattern["shares"]
    ]
    if not pattern["shares"]:
        lines.append("  nothing that others do not share as well")
    if pattern["examples"]:
        lines.append(f"  such as {', '.join(pattern['examples'])}")
    return lines


def _times(risk: Mapping[str, Any], confidence: float) -> str:
    """How many times: an end that is open is none."""
    high = "any number" if risk["high"] is None else f"{risk['high']:.1f}"
    much = "only here, and" if risk["estimate"] is None else f"{risk['estimate']:.1f} times"
    return f"{much} ({risk['low']:.1f} to {high}, {confidence:.1%} confidence)"
