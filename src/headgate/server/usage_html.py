"""What the page `/usage` says, in HTML: everything that came from anywhere is escaped."""

from __future__ import annotations

from html import escape

from headgate.administration.own_usage import DAYS, Line, OwnBudget, OwnUsageView
from headgate.server.usage_style import STYLE

PATH = "/usage"


def _document(inner: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Usage · Headgate</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><style>{STYLE}</style></head><body>{inner}</body></html>'
    )


def asking(problem: str, *, signing_in: bool) -> str:
    said = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    link = f'<p class="or">or <a href="/auth/login?then={PATH}">sign in</a></p>' if signing_in else ""
    return _document(
        f'<main class="ask"><h1>Your usage</h1>{said}<form method="post" action="{PATH}">'
        '<label for="key">Your Headgate key</label>'
        '<input id="key" name="key" type="password" autocomplete="off" placeholder="hg-…" required autofocus>'
        "<button>Show my usage</button></form>"
        f'<p class="note">It shows your own calls and nobody else’s. The key is not kept.</p>{link}</main>'
    )


def telling(view: OwnUsageView, models: list[str]) -> str:
    own = (
        f'<p class="note">Beside that, ${_money(view.own_cost_usd)} at list prices went to your own credential at a '
        "vendor; it counts for no budget.</p>"
        if view.own_cost_usd != "0"
        else ""
    )
    unpriced = (
        f'<p class="note">Attempts of unknown price, which are not in it: {view.unpriced:,}.</p>'
        if view.unpriced
        else ""
    )
    return _document(
        f"<main><header><h1>Your usage</h1><p>{escape(view.name)} · {view.from_:%B %Y}"
        f"<span> · {escape(view.timezone)}</span></p></header>"
        f'<section class="tiles">{_tile("Cost", "$" + _money(view.cost_usd))}{_tile("Calls", f"{view.calls:,}")}'
        f"{_tile('Tokens in', _short(view.input_tokens))}{_tile('Tokens out', _short(view.output_tokens))}</section>"
        f"{own}{unpriced}{_budgets(view)}{_days(view.by_day)}{_by_model(view.by_model)}{_latest(view)}"
        f"{_models(models)}</main>"
    )


def _tile(name: str, value: str) -> str:
    return f'<div class="tile"><span>{name}</span><strong>{value}</strong></div>'


def _budgets(view: OwnUsageView) -> str:
    if not view.budgets and not view.limits:
        return '<section><h2>Budget</h2><p class="note">You have no budget or limit of your own.</p></section>'
    bars = "".join(map(_budget, view.budgets))
    limits = f'<p class="note">At most {escape(", ".join(view.limits))}.</p>' if view.limits else ""
    return f"<section><h2>Budget</h2>{bars}{limits}</section>"


def _budget(budget: OwnBudget) -> str:
    state = "spent" if budget.spent_share >= 1 else "low" if budget.spent_share >= 0.8 else "fine"
    begins = f", anew on {budget.ends_at.day} {budget.ends_at:%B}" if budget.ends_at is not None else ""
    per = "in all" if budget.period == "total" else f"a {budget.period}"
    kind = "" if budget.hard else " A warning, not a stop."
    return (
        f'<div class="budget {state}"><p><strong>${_money(budget.left_usd)} left</strong> of '
        f"${_money(budget.amount_usd)} {per}{begins}.{kind}</p>"
        f'<div class="bar" role="img" aria-label="{budget.spent_share:.0%} spent">'
        f'<i style="width:{budget.spent_share * 100:.1f}%"></i></div></div>'
    )


def _days(days: list[Line]) -> str:
    if not any(day.calls for day in days):
        return f'<section><h2>Calls by day</h2><p class="note">No call in the last {DAYS} days.</p></section>'
    by_cost = any(float(day.cost_usd) for day in days)
    heights = [float(day.cost_usd) if by_cost else day.calls for day in days]
    bars = "".join(map(_day, days, [height / max(heights) for height in heights]))
    what = "Cost" if by_cost else "Calls"
    note = f'<p class="note">The last {DAYS} days, UTC.</p>'
    return f'<section><h2>{what} by day</h2><ol class="days">{bars}</ol>{note}</section>'


def _day(day: Line, share: float) -> str:
    told = f"{day.name}: {day.calls:,} calls, ${_money(day.cost_usd)}"
    used = ' class="used"' if day.calls else ""
    return (
        f'<li title="{told}"><i{used} role="img" aria-label="{told}" style="height:{share * 100:.1f}%"></i>'
        f"<span>{int(day.name[-2:])}</span></li>"
    )


def _by_model(lines: list[Line]) -> str:
    if not lines:
        return '<section><h2>By model</h2><p class="note">No call yet this month.</p></section>'
    rows = "".join(
        f"<tr><th scope=row>{escape(line.name)}</th><td>{line.calls:,}</td><td>{_short(line.input_tokens)}</td>"
        f"<td>{_short(line.output_tokens)}</td><td>${_money(line.cost_usd)}</td></tr>"
        for line in lines
    )
    head = "<tr><th scope=col>Model<th scope=col>Calls<th scope=col>In<th scope=col>Out<th scope=col>Cost</tr>"
    return _table("By model", "models-used", head, rows)


def _latest(view: OwnUsageView) -> str:
    if not view.latest:
        return ""
    rows = "".join(
        f"<tr><td>{each.at:%d %b %H:%M:%S}</td><th scope=row>{escape(each.model)}</th>"
        f"<td>{_short(each.input_tokens)}</td><td>{_short(each.output_tokens)}</td>"
        f"<td>{'?' if each.cost_usd is None else '$' + _money(each.cost_usd)}</td>"
        f"<td>{_ended(each.code, each.payer)}</td></tr>"
        for each in view.latest
    )
    head = (
        "<tr><th scope=col>When, UTC<th scope=col>Model<th scope=col>In<th scope=col>Out<th scope=col>Cost"
        "<th scope=col>Ended</tr>"
    )
    return _table("Latest attempts", "latest", head, rows)


def _table(title: str, kind: str, head: str, rows: str) -> str:
    table = f'<table class="{kind}"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    return f"<section><h2>{title}</h2>{table}</section>"


def _ended(code: str | None, payer: str) -> str:
    word = "ok" if code is None else f'<b class="code">{escape(code)}</b>'
    return f"{word}, own credential" if payer == "client" else word


def _models(names: list[str]) -> str:
    if not names:
        return ""
    listed = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return f'<section><h2>Models you may use</h2><ul class="models">{listed}</ul></section>'


def _money(usd: str) -> str:
    """Dollars for people: cents, or as many digits as a small amount has."""
    amount = float(usd)
    if amount == 0:
        return "0.00"
    return f"{amount:,.2f}" if abs(amount) >= 1 else f"{amount:.6f}".rstrip("0").ljust(4, "0")


def _short(count: int) -> str:
    """A count in three or four digits."""
    for size, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if count >= size:
            return f"{count / (1000 if unit == 'k' else size):.1f}{unit}"
    return f"{count:,}"
