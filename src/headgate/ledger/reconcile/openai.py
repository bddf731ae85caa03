"""OpenAI's account of what was used: the organisation's Usage and Costs APIs, and the dashboard's CSV of the same.

Sources: the API reference, "Usage" and "Costs", as the official SDK types it (`openai.types.admin.organization`); the
CSV's columns are the API's members beside `start_time_iso` and `end_time_iso`, as published exports have them.
"""

from __future__ import annotations

from headgate.ledger.reconcile.export import WEB_SEARCH, Bucket, Export
from headgate.ledger.reconcile.fields import Fields, UnreadableExport, span
from headgate.types import Usage

COMPLETIONS = "organization.usage.completions.result"
EMBEDDINGS = "organization.usage.embeddings.result"
SEARCHES = "organization.usage.web_searches.result"
COSTS = "organization.costs.result"

CATEGORIES = frozenset(Usage.__struct_fields__) - {
    "reasoning_tokens", "web_searches", "search_units", "image_input_tokens",
}  # fmt: skip
"""What completions are told apart by. Reasoning is among the output; images of a prompt are billed as text and stand
with it, in the ledger too."""

USAGE_COLUMNS = frozenset({"start_time", "end_time", "model", "input_tokens", "output_tokens", "num_model_requests"})
COST_COLUMNS = frozenset({"start_time", "end_time", "amount_value", "amount_currency"})
EMPTY_COLUMNS = frozenset({"start_time", "end_time", "start_time_iso", "end_time_iso"})
"""All an export has in whose time nothing was used."""


def pages(source: str, documents: list[Fields]) -> Export:
    """Pages of the Usage or the Costs API."""
    buckets: list[Bucket] = []
    times: list[int] = []
    kinds: set[str] = set()
    for page in documents:
        for bucket in page.objects("data"):
            start_us, end_us = span(bucket, bucket.unix("start_time"), bucket.unix("end_time"))
            times += (start_us, end_us)
            for result in bucket.objects("results"):
                kind = result.text("object")
                kinds.add(kind)
                buckets += _result(kind, result, start_us, end_us)
    if COSTS in kinds and len(kinds) > 1:
        raise UnreadableExport(source, "holds usage and costs: keep them in files of their own")
    return _export(source, buckets, times, COSTS in kinds, SEARCHES in kinds)


def sheet(source: str, lines: list[Fields], columns: frozenset[str]) -> Export:
    """The dashboard's CSV: of costs where it has amounts."""
    buckets: list[Bucket] = []
    times: list[int] = []
    costs = columns >= COST_COLUMNS
    for line in lines:
        start_us, end_us = span(line, line.unix("start_time"), line.unix("end_time"))
        times += (start_us, end_us)
        if costs and line.has("amount_value"):
            buckets.append(_cost(line, line, "amount_value", "amount_currency", start_us, end_us))
        elif not costs and line.has("input_tokens"):
            buckets.append(_completions(line, start_us, end_us))
    return _export(source, buckets, times, costs, False)


def _export(source: str, buckets: list[Bucket], times: list[int], costs: bool, searches: bool) -> Export:
    if not times:
        raise UnreadableExport(source, "covers no time at all")
    categories = CATEGORIES | {"web_searches"} if searches else CATEGORIES
    return Export(
        source=source,
        vendor="openai",
        kind="cost" if costs else "usage",
        buckets=tuple(buckets),
        from_us=min(times),
        to_us=max(times),
        categories=frozenset() if costs else categories,
        by_model=all(each.model or (costs and each.item) for each in buckets),
        by_key=all(each.api_key for each in buckets),
    )


def _result(kind: str, result: Fields, start_us: int, end_us: int) -> list[Bucket]:
    if kind == COMPLETIONS:
        return [_completions(result, start_us, end_us)]
    if kind == EMBEDDINGS:
        usage = Usage(input_tokens=result.needed_count("input_tokens"))
        return [_bucket(result, start_us, end_us, usage, result.count("num_model_requests"), "embeddings")]
    if kind == SEARCHES:
        usage = Usage(web_searches=result.needed_count("num_requests"))
        return [_bucket(result, start_us, end_us, usage, 0, WEB_SEARCH)]
    if kind == COSTS:
        amount = result.object("amount")
        return [_cost(result, amount, "value", "currency", start_us, end_us)] if amount.has("value") else []
    raise result.wrong("object", f"is '{kind}', which is not compared: ask for completions, embeddings or costs")


def _completions(fields: Fields, start_us: int, end_us: int) -> Bucket:
    """Both totals include everything; the parts of the input are told uncached."""
    given, made = fields.needed_count("input_tokens"), fields.needed_count("output_tokens")
    cached, cached_audio = fields.count("input_cached_tokens"), fields.count("input_cached_audio_tokens")
    long_lived = fields.count("input_cache_write_12h_tokens")
    written = fields.count("input_cache_write_tokens") or long_lived + fields.count("input_cache_write_30m_tokens")
    audio, audio_made = fields.count("input_audio_tokens"), fields.count("output_audio_tokens")
    images_made = fields.count("output_image_tokens")
    plain, plain_made = given - cached - written - audio, made - audio_made - images_made
    if plain < 0 or plain_made < 0 or cached_audio > cached or long_lived > written:
        raise UnreadableExport(fields.where, "has parts that are more than their total")
    usage = Usage(
        input_tokens=plain,
        cached_tokens=cached - cached_audio,
        cache_write_5m_tokens=written - long_lived,
        cache_write_1h_tokens=long_lived,
        output_tokens=plain_made,
        audio_input_tokens=audio,
        audio_cached_tokens=cached_audio,
        audio_output_tokens=audio_made,
        image_output_tokens=images_made,
    )
    return _bucket(fields, start_us, end_us, usage, fields.count("num_model_requests"))


def _bucket(fields: Fields, start_us: int, end_us: int, usage: Usage, requests: int, item: str = "") -> Bucket:
    return Bucket(
        start_us=start_us,
        end_us=end_us,
        model=fields.text("model"),
        api_key=fields.text("api_key_id"),
        scope=fields.text("project_id"),
        how="batch" if fields.truth("batch") else fields.text("service_tier"),
        usage=usage,
        requests=requests,
        item=item,
        where=fields.where,
    )


def _cost(fields: Fields, amount: Fields, value: str, currency: str, start_us: int, end_us: int) -> Bucket:
    amount.dollars(currency, amount.text(currency))
    model, item = _model_of(fields.text("line_item"))
    return Bucket(
        start_us=start_us,
        end_us=end_us,
        model=model,
        item=item,
        api_key=fields.text("api_key_id"),
        scope=fields.text("project_id"),
        picodollars=amount.money(value),
        where=fields.where,
    )


def _model_of(item: str) -> tuple[str, str]:
    """Model and item of a line item: `gpt-4o-2024-08-06, cached input`, `gpt-audio text, output`, `web search calls`.

    What stands before the last comma is the model; an item without a comma is about none.
    """
    if "web search" in item.lower():
        return "", WEB_SEARCH
    model, comma, part = item.rpartition(", ")
    if not comma:
        return "", item
    words = model.split()
    if len(words) > 1 and words[-1].lower() in ("text", "audio", "image"):
        model, part = " ".join(words[:-1]), f"{words[-1]} {part}"
    return model, part
