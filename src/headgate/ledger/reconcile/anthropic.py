"""Anthropic's account of what was used: the Usage and Cost API of the Admin API, and the Console's CSV of the same.

Sources: the Admin API reference, "Get Messages Usage Report" and "Get Cost Report", in which amounts are decimal
strings in cents; the CSV's columns as published exports have them, in which amounts are dollars, rounded to cents.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec.structs import replace

from headgate.ledger.reconcile.export import DAY_US, WEB_SEARCH, Bucket, Export
from headgate.ledger.reconcile.fields import Fields, UnreadableExport, span
from headgate.money import PICODOLLARS_PER_DOLLAR
from headgate.types import Usage

CATEGORIES = frozenset(
    {
        "input_tokens",
        "cached_tokens",
        "cache_write_5m_tokens",
        "cache_write_1h_tokens",
        "output_tokens",
        "web_searches",
    }
)
"""What is told apart. Thinking is among the output."""

USAGE_COLUMNS = frozenset({"usage_date_utc", "model_version", "usage_input_tokens_no_cache", "usage_output_tokens"})
COST_COLUMNS = frozenset({"usage_date_utc", "model", "cost_usd"})

_CENT = PICODOLLARS_PER_DOLLAR // 100


def pages(source: str, documents: list[Fields]) -> Export:
    """Pages of the usage report or the cost report."""
    buckets: list[Bucket] = []
    times: list[int] = []
    costs: set[bool] = set()
    for page in documents:
        for bucket in page.objects("data"):
            start_us, end_us = span(bucket, bucket.moment("starting_at"), bucket.moment("ending_at"))
            times += (start_us, end_us)
            for result in bucket.objects("results"):
                costs.add(result.has("amount"))
                buckets.append(_result(result, start_us, end_us))
    if len(costs) > 1:
        raise UnreadableExport(source, "holds usage and costs: keep them in files of their own")
    return _export(source, buckets, times, True in costs)


def sheet(source: str, lines: list[Fields], columns: frozenset[str]) -> Export:
    """The Console's CSV: of costs where it has amounts."""
    buckets: list[Bucket] = []
    times: list[int] = []
    costs = columns >= COST_COLUMNS
    for line in lines:
        start_us = line.day("usage_date_utc")
        times += (start_us, start_us + DAY_US)
        if costs:
            bucket = _cost(line, start_us, start_us + DAY_US, line.money("cost_usd"))
            buckets.append(replace(bucket, tolerance=line.rounding("cost_usd")))
        else:
            buckets.append(_sheet_usage(line, start_us))
    return _export(source, buckets, times, costs)


def _export(source: str, buckets: list[Bucket], times: list[int], costs: bool) -> Export:
    if not times:
        raise UnreadableExport(source, "covers no time at all")
    return Export(
        source=source,
        vendor="anthropic",
        kind="cost" if costs else "usage",
        buckets=tuple(buckets),
        from_us=min(times),
        to_us=max(times),
        categories=frozenset() if costs else CATEGORIES,
        by_model=all(each.model or each.item for each in buckets),
        by_key=all(each.api_key for each in buckets),
    )


def _result(result: Fields, start_us: int, end_us: int) -> Bucket:
    if result.has("amount"):
        result.dollars("currency", result.text("currency"))
        return _cost(result, start_us, end_us, result.money("amount", _CENT))
    written = result.object("cache_creation")
    usage = Usage(
        input_tokens=result.needed_count("uncached_input_tokens"),
        cached_tokens=result.count("cache_read_input_tokens"),
        cache_write_5m_tokens=written.count("ephemeral_5m_input_tokens"),
        cache_write_1h_tokens=written.count("ephemeral_1h_input_tokens"),
        output_tokens=result.needed_count("output_tokens"),
        web_searches=result.object("server_tool_use").count("web_search_requests"),
    )
    return Bucket(
        start_us=start_us,
        end_us=end_us,
        model=result.text("model"),
        api_key=result.text("api_key_id"),
        scope=result.text("workspace_id"),
        how=_how(result.text("service_tier"), result.text("speed")),
        long=_is_long(result.text("context_window")),
        usage=usage,
        where=result.where,
    )


def _sheet_usage(line: Fields, start_us: int) -> Bucket:
    usage = Usage(
        input_tokens=line.needed_count("usage_input_tokens_no_cache"),
        cached_tokens=line.count("usage_input_tokens_cache_read"),
        cache_write_5m_tokens=line.count("usage_input_tokens_cache_write_5m"),
        cache_write_1h_tokens=line.count("usage_input_tokens_cache_write_1h"),
        output_tokens=line.needed_count("usage_output_tokens"),
        web_searches=line.count("web_search_count"),
    )
    return Bucket(
        start_us=start_us,
        end_us=start_us + DAY_US,
        model=line.text("model_version"),
        api_key=line.text("api_key_id") or line.text("api_key"),
        scope=line.text("workspace"),
        how=_how(line.text("usage_type"), line.text("speed")),
        long=_is_long(line.text("context_window")),
        usage=usage,
        where=line.where,
    )


def _cost(fields: Fields, start_us: int, end_us: int, picodollars: Fraction) -> Bucket:
    kind = fields.text("cost_type").replace("_", " ").lower()
    tokens = kind in ("", "token", "tokens")
    return Bucket(
        start_us=start_us,
        end_us=end_us,
        model=fields.text("model") if tokens else "",
        item=(fields.text("token_type") or fields.text("description")) if tokens else _item(kind),
        api_key=fields.text("api_key_id") or fields.text("api_key"),
        scope=fields.text("workspace_id") or fields.text("workspace"),
        how=_how(fields.text("service_tier") or fields.text("usage_type"), fields.text("speed")),
        long=_is_long(fields.text("context_window")),
        picodollars=picodollars,
        where=fields.where,
    )


def _item(kind: str) -> str:
    return WEB_SEARCH if "search" in kind else kind


def _how(tier: str, speed: str) -> str:
    """`standard` is what `usage_type` says of ordinary usage, and `message` what it says of any in a sheet of costs."""
    if speed == "fast":
        return "fast"
    return "" if tier in ("standard", "message", "default") else tier


def _is_long(window: str) -> bool:
    """Whether a context window is the long one: `200k-1M`, `> 200k`, as against `0-200k` and `≤ 200k`."""
    return window.replace(" ", "").lower().startswith(("200k-", ">"))
