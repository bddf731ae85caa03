"""The ledger against vendors' own accounts: reading them, telling what differs, and making the sums meet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from headgate.catalog import Catalog, Price, cost
from headgate.ledger.reconcile import (
    Comparing,
    Comparison,
    Export,
    UnreadableExport,
    compare,
    corrections,
    read,
    read_all,
    shown,
    text,
)
from headgate.ledger.reconcile.corrections import divided
from headgate.ledger.reconcile.export import family
from headgate.storage.records import LedgerRow
from headgate.types import Usage
from ledger_rows import DAY_US, NOVEMBER_US, row

NOVEMBER = NOVEMBER_US // 1_000_000
DAY = 86_400
CATALOG = Catalog()


# ── exports as the vendors write them ──


def openai_usage(*results: Mapping[str, Any], day: int = 0, **page: Any) -> bytes:
    kind = {"object": "organization.usage.completions.result", "num_model_requests": 1}
    start = NOVEMBER + day * DAY
    bucket = {
        "object": "bucket",
        "start_time": start,
        "end_time": start + DAY,
        "results": [{**kind, **each} for each in results],
    }
    return json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None, **page}).encode()


def openai_costs(*results: tuple[str | None, Any], day: int = 0, **more: Any) -> bytes:
    start = NOVEMBER + day * DAY
    kind = {"object": "organization.costs.result", "project_id": None}
    made = [
        {**kind, "line_item": item, "amount": {"value": value, "currency": "usd"}, **more} for item, value in results
    ]
    bucket = {"object": "bucket", "start_time": start, "end_time": start + DAY, "results": made}
    return json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None}).encode()


def anthropic_usage(*results: Mapping[str, Any], day: int = 1) -> bytes:
    zero = {
        "uncached_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 0}, "api_key_id": None, "workspace_id": None, "service_tier": None,
        "context_window": None,
    }  # fmt: skip
    bucket = {
        "starting_at": f"2026-11-{day:02d}T00:00:00Z",
        "ending_at": f"2026-11-{day + 1:02d}T00:00:00Z",
        "results": [{**zero, **each} for each in results],
    }
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None}).encode()


def anthropic_costs(*results: Mapping[str, Any]) -> bytes:
    kind = {"currency": "USD", "cost_type": "tokens", "workspace_id": None, "context_window": "0-200k"}
    bucket = {
        "starting_at": "2026-11-01T00:00:00Z",
        "ending_at": "2026-11-02T00:00:00Z",
        "results": [{**kind, **each} for each in results],
    }
    return json.dumps({"data": [bucket], "has_more": False, "next_page": None}).encode()


OPENAI_SHEET = (
    "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,"
    "service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,input_audio_tokens,"
    "output_audio_tokens\n"
)
OPENAI_COST_SHEET = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,"
    "user_id,api_key_id,project_id,organization_id\n"
)
ANTHROPIC_SHEET = (
    "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
    "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
    "usage_output_tokens,web_search_count,inference_geo,speed\n"
)
ANTHROPIC_COST_SHEET = (
    "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,"
    "inference_geo,speed\n"
)


def test_openais_usage_is_divided_into_our_categories() -> None:
    made = read(
        "u.json",
        openai_usage(
            {
                "model": "gpt-4o-2024-08-06", "api_key_id": "key_a", "batch": True, "input_tokens": 1_000,
                "input_cached_tokens": 300, "input_cached_audio_tokens": 100, "input_cache_write_tokens": 150,
                "input_cache_write_12h_tokens": 50, "input_audio_tokens": 40, "output_tokens": 90,
                "output_audio_tokens": 20, "output_image_tokens": 10, "num_model_requests": 7,
            }
        ),
    )  # fmt: skip
    [bucket] = made.buckets
    assert (made.vendor, made.kind, made.by_model, made.by_key) == ("openai", "usage", True, True)
    assert (made.from_us, made.to_us) == (NOVEMBER_US, NOVEMBER_US + DAY_US)
    assert bucket.usage == Usage(
        input_tokens=510, cached_tokens=200, cache_write_5m_tokens=100, cache_write_1h_tokens=50, output_tokens=60,
        audio_input_tokens=40, audio_cached_tokens=100, audio_output_tokens=20, image_output_tokens=10,
    )  # fmt: skip
    assert bucket.usage.total_input_tokens == 1_000
    assert (bucket.how, bucket.requests, bucket.where) == ("batch", 7, "u.json: data[0].results[0]")


@pytest.mark.parametrize("value", [0.06, "0.0600000000000000000000000000", "6e-2"])
def test_openais_costs_are_exact_whether_written_as_numbers_or_as_texts(value: Any) -> None:
    made = read(
        "c.json", openai_costs(("gpt-4o-mini-2024-07-18, cached input", value), ("web search tool calls", 1), (None, 2))
    )
    assert [(each.model, each.item, each.picodollars) for each in made.buckets] == [
        ("gpt-4o-mini-2024-07-18", "cached input", 6 * 10**10),
        ("", "web-search", 10**12),
        ("", "", 2 * 10**12),
    ]
    assert made.by_model is False


def test_what_stands_before_the_last_comma_of_a_line_item_is_its_model() -> None:
    made = read("c.json", openai_costs(("gpt-audio-mini-2025-12-15 audio, input", 1), ("code interpreter sessions", 1)))
    assert [(each.model, each.item) for each in made.buckets] == [
        ("gpt-audio-mini-2025-12-15", "audio input"),
        ("", "code interpreter sessions"),
    ]


def test_openais_sheets_say_what_its_api_says() -> None:
    line = f"{NOVEMBER},{NOVEMBER + DAY},2026-11-01T00:00:00+00:00,2026-11-02T00:00:00+00:00,"
    usage = read("u.csv", (OPENAI_SHEET + line + "proj,3.0,,key_a,gpt-4o,False,default,100,20,30,70,0,0\n").encode())
    [bucket] = usage.buckets
    assert bucket.usage == Usage(input_tokens=70, cached_tokens=30, output_tokens=20)
    assert (bucket.requests, bucket.how, bucket.where) == (3, "default", "u.csv:2")
    costs = line + '0.003835980000000000000000000000,usd,1000,tokens,"gpt-5-nano, input",,key_a,proj,org\n'
    empty = (
        f"{NOVEMBER + DAY},{NOVEMBER + 2 * DAY},2026-11-02T00:00:00+00:00,2026-11-03T00:00:00+00:00" + "," * 9 + "\n"
    )
    made = read("c.csv", (OPENAI_COST_SHEET + costs + empty).encode())
    [bucket] = made.buckets
    assert (bucket.model, bucket.picodollars, bucket.tolerance) == ("gpt-5-nano", 3_835_980_000, 0)
    assert made.to_us == NOVEMBER_US + 2 * DAY_US


def test_a_sheet_of_nothing_but_times_says_that_nothing_was_used() -> None:
    made = read("u.csv", f"start_time,end_time,start_time_iso,end_time_iso\n{NOVEMBER},{NOVEMBER + DAY},a,b\n".encode())
    assert made.buckets == ()
    assert made.to_us - made.from_us == DAY_US


def test_anthropics_usage_is_divided_into_our_categories() -> None:
    made = read(
        "u.json",
        anthropic_usage(
            {
                "model": "claude-sonnet-4-5-20250929", "api_key_id": "apikey_1", "uncached_input_tokens": 100,
                "cache_read_input_tokens": 200, "output_tokens": 50, "service_tier": "batch",
                "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 40},
                "server_tool_use": {"web_search_requests": 2}, "context_window": "200k-1M",
            }
        ),
    )  # fmt: skip
    [bucket] = made.buckets
    assert bucket.usage == Usage(
        input_tokens=100, cached_tokens=200, cache_write_5m_tokens=30, cache_write_1h_tokens=40, output_tokens=50,
        web_searches=2,
    )  # fmt: skip
    assert (bucket.how, bucket.long, bucket.api_key) == ("batch", True, "apikey_1")


def test_anthropics_costs_are_in_cents() -> None:
    made = read(
        "c.json",
        anthropic_costs(
            {"amount": "123.45678", "model": "claude-opus-4-5", "token_type": "output_tokens"},
            {"amount": "2", "cost_type": "web_search", "model": None},
        ),
    )
    assert [(each.model, each.item, each.picodollars) for each in made.buckets] == [
        ("claude-opus-4-5", "output_tokens", Fraction(12345678, 10**7) * 10**12),
        ("", "web-search", 2 * 10**10),
    ]


def test_anthropics_sheets_say_what_its_api_says_but_for_money_rounded_to_cents() -> None:
    line = "2026-11-01,claude-haiku-4-5-20251001,my key,Default,standard,≤ 200k,10,20,30,40,50,6,global,\n"
    [usage] = read("u.csv", (ANTHROPIC_SHEET + line).encode()).buckets
    assert usage.usage == Usage(
        input_tokens=10, cache_write_5m_tokens=20, cache_write_1h_tokens=30, cached_tokens=40, output_tokens=50, web_searches=6
    )  # fmt: skip
    assert (usage.api_key, usage.how, usage.long) == ("my key", "", False)
    line = "2026-11-01,Claude Haiku 4.5,Default,my key,message,≤ 200k,output,0.19,0.19,token,global,\n"
    [cost_] = read("c.csv", (ANTHROPIC_COST_SHEET + line).encode()).buckets
    assert (cost_.picodollars, cost_.tolerance) == (19 * 10**10, 5 * 10**9)
    assert family(cost_.model) == family("claude-haiku-4-5-20251001") == "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
        ("Claude 3.5 Sonnet 2024-10-22", "claude-3-5-sonnet-20241022"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("chatgpt-4o-latest", "chatgpt-4o"),
        ("GPT-4.1-mini", "gpt-4.1-mini-2025-04-14"),
    ],
)
def test_a_models_names_are_one_model(name: str, other: str) -> None:
    assert family(name) == family(other) == family(family(name))


@pytest.mark.parametrize(
    ("one", "two"), [("gpt-4o", "gpt-4o-mini"), ("o3", "o3-pro"), ("claude-opus-4-1", "claude-opus-4-5")]
)
def test_different_models_stay_different(one: str, two: str) -> None:
    assert family(one) != family(two)


def test_pages_come_as_one_as_a_list_or_line_by_line() -> None:
    one = openai_usage({"model": "m", "input_tokens": 1, "output_tokens": 2}, has_more=True)
    two = openai_usage({"model": "m", "input_tokens": 3, "output_tokens": 4}, day=1)
    for raw in (b"[" + one + b"," + two + b"]", one + b"\n" + two + b"\n", b"\xef\xbb\xbf" + one + b"\n" + two):
        made = read("u.json", raw)
        assert [each.usage.input_tokens for each in made.buckets] == [1, 3]
        assert made.to_us - made.from_us == 2 * DAY_US


# ── what is wrong with a file is told with its place ──

GOOD = {"model": "m", "input_tokens": 1, "output_tokens": 2}
LINE = f"{NOVEMBER},{NOVEMBER + DAY},a,b,"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "f: is empty"),
        (b"\xff\xfe", "f: is not UTF-8, at byte 0"),
        (b"{", "f:1: is no JSON: "),
        (b'{"data": [\n{"start_time": 1,}]}', "f:2: is no JSON: "),
        (b'{"data": []}', "f: covers no time at all"),
        (b"[1]", "f: holds something else than pages, which are objects"),
        (b'{"a": 1}', "f: lacks a list 'data'"),
        (b'{"data": [1]}', "f: data[0]: is a number, not an object"),
        (b'{"data": [{}]}', "f: data[0]: has neither OpenAI's 'start_time' nor Anthropic's 'starting_at'"),
        (b'{"data": [{"start_time": 1, "end_time": 2, "results": [NaN]}]}', "f:1: is no JSON: NaN is no number"),
        (b"[" * 100_000, "f:1: is no JSON: nested too deep"),
        (openai_usage(GOOD, has_more=True), "f: has_more: is true: fetch the pages that follow"),
        (openai_usage({"model": "m", "input_tokens": 1}), "f: data[0].results[0]: lacks 'output_tokens'"),
        (openai_usage({**GOOD, "input_tokens": -1}), "f: data[0].results[0]: input_tokens: is -1, less than nothing"),
        (openai_usage({**GOOD, "input_tokens": 1.5}), "f: data[0].results[0]: input_tokens: is 1.5, not a whole number"),
        (openai_usage({**GOOD, "input_tokens": "many"}), "f: data[0].results[0]: input_tokens: is 'many', not a number"),
        (openai_usage({**GOOD, "input_tokens": True}), "f: data[0].results[0]: input_tokens: is true or false, not a number"),
        (openai_usage({**GOOD, "input_tokens": 10**30}), "input_tokens: is 1000000000000000000000000000000, beyond anything"),
        (openai_usage({**GOOD, "input_cached_tokens": 5}), "f: data[0].results[0]: has parts that are more than their total"),
        (openai_usage({**GOOD, "model": 7}), "f: data[0].results[0]: model: is a number, not a text"),
        (openai_usage({**GOOD, "batch": "maybe"}), "f: data[0].results[0]: batch: is 'maybe', neither true nor false"),
        (openai_usage({**GOOD, "object": "organization.usage.images.result"}), "object: is 'organization.usage.images.result'"),
        (openai_costs(("x, input", "much")), "f: data[0].results[0].amount: value: is 'much', not a number"),
        (openai_costs(("x, input", "1e400")), "value: is 1e400, beyond anything there can be"),
        (openai_costs(("x", 1)).replace(b'"usd"', b'"eur"'), "amount: currency: is 'eur', and the ledger is in US dollars"),
        (openai_usage(GOOD).replace(str(NOVEMBER + DAY).encode(), str(NOVEMBER).encode()), "f: data[0]: ends before it begins"),
        (openai_usage(GOOD).replace(str(NOVEMBER + DAY).encode(), str(NOVEMBER + DAY + 1).encode()), "reaches over a day in UTC"),
        (openai_usage(GOOD).replace(str(NOVEMBER).encode(), b'"soon"'), "f: data[0]: start_time: is 'soon', not a number"),
        (anthropic_usage({}).replace(b"2026-11-01T", b"2026-13-01T"), "f: data[0]: starting_at: is '2026-13-01T00:00:00Z', no time"),
        (anthropic_usage({"cache_creation": 5}), "f: data[0].results[0]: cache_creation: is a number, not an object"),
        (b"a,b\n1,2\n", "f:1: has none of the columns of OpenAI's or Anthropic's exports"),
        (b"usage_date_utc,model_version,usage_output_tokens\n", "f:1: lacks usage_input_tokens_no_cache to be Anthropic's usage"),
        (b"start_time,start_time,end_time\n", "f:1: names a column twice"),
        ((OPENAI_SHEET + LINE + "x\n").encode(), "f:2: has 5 cells under 17 names"),
        ((OPENAI_SHEET + LINE + "p,1,,k,m,False,default,ten,2,0,0,0,0\n").encode(), "f:2: input_tokens: is 'ten', not a number"),
        ((OPENAI_SHEET + LINE + 'p,1,,k,"m,False\n').encode(), "is no CSV: "),
        ((ANTHROPIC_SHEET + "yesterday,m,k,w,standard,,1,0,0,0,1,0,,\n").encode(), "f:2: usage_date_utc: is 'yesterday', no time"),
        ((ANTHROPIC_COST_SHEET + "2026-11-01,m,w,k,message,,output,,0,token,,\n").encode(), "f:2: lacks 'cost_usd'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_with_its_place(raw: bytes, told: str) -> None:
    with pytest.raises(UnreadableExport) as caught:
        read("f", raw)
    assert told in str(caught.value)
    assert str(caught.value).startswith("f")


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_file_fails_in_another_way(raw: bytes) -> None:
    try:
        read("f", raw)
    except UnreadableExport:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(
        [openai_usage(GOOD), openai_costs(("x, input", 1)), anthropic_usage({}), anthropic_costs({"amount": "1"})]
    ),
    st.data(),
)
def test_no_member_of_the_wrong_kind_fails_in_another_way(raw: bytes, data: st.DataObject) -> None:
    tree = json.loads(raw)
    places = [tree, tree["data"][0], *tree["data"][0]["results"]]
    place = data.draw(st.sampled_from(places))
    name = data.draw(st.sampled_from(sorted(place)))
    place[name] = data.draw(JSON)
    try:
        read("f", json.dumps(tree).encode())
    except UnreadableExport:
        pass


def test_files_that_say_the_same_twice_are_refused() -> None:
    with pytest.raises(UnreadableExport, match=r"says again what a\.json has said"):
        read_all([("a.json", openai_usage(GOOD)), ("b.json", openai_usage(GOOD))])
    assert len(read_all([("a.json", openai_usage(GOOD)), ("b.json", openai_usage(GOOD, day=1))])) == 2
    searches = {"object": "organization.usage.web_searches.result", "model": "m", "num_requests": 3}
    assert len(read_all([("a.json", openai_usage(GOOD)), ("b.json", openai_usage(searches))])) == 2


def test_files_of_two_vendors_are_refused_and_so_is_none() -> None:
    with pytest.raises(UnreadableExport, match="b: is anthropic's, and a is not"):
        read_all([("a", openai_usage(GOOD)), ("b", anthropic_usage({}))])
    with pytest.raises(UnreadableExport, match="name at least one export"):
        read_all([])


# ── side by side ──


def price_of(one: LedgerRow) -> Price | None:
    return CATALOG.versioned(one.price_version) if one.price_version else None


def sides(given: Sequence[LedgerRow], *exports: Export, vendor: str = "openai", **options: Any) -> Comparison:
    return compare(given, exports, ("openai",), price_of, lambda model: CATALOG.price(vendor, model), **options)


def attempt(usage: Usage, model: str = "gpt-4o", **changes: Any) -> LedgerRow:
    price = CATALOG.price("openai", model)
    assert price is not None
    members = {"id": f"r{id(usage)}", "target": f"openai/{model}", "usage": usage, "price_version": price.version}
    return row(**{**members, "cost_picodollars": cost(usage, price), **changes})


def guessed(usage: Usage, **changes: Any) -> LedgerRow:
    return attempt(
        usage, **{"usage_source": "estimated", "code": "cancelled", "team_id": "team_1", "charged": ("b1",), **changes}
    )


def account(model: str = "gpt-4o-2024-08-06", given: int = 0, cached: int = 0, made: int = 0, **more: Any) -> Export:
    result = {
        "model": model,
        "input_tokens": given + cached,
        "input_cached_tokens": cached,
        "output_tokens": made,
        **more,
    }
    return read("u.json", openai_usage(result))


def test_sides_that_agree_need_no_correction() -> None:
    made = sides(
        [attempt(Usage(input_tokens=10, cached_tokens=5, output_tokens=3, reasoning_tokens=2), id="a"),
         attempt(Usage(input_tokens=90, output_tokens=7), "gpt-4o-2024-08-06", id="b")],
        account(given=100, cached=5, made=10),
    )  # fmt: skip
    [cell] = made.usage
    assert (made.verdict, cell.verdict, cell.differences, cell.attempts) == ("equal", "equal", {}, 2)
    assert corrections(made) == []
    assert "The ledger and the vendor agree." in text(made)


def test_rows_that_are_not_on_the_account_are_passed_over() -> None:
    usage = Usage(input_tokens=7)
    made = sides(
        [attempt(usage, id="a", payer="client"), attempt(usage, id="b", target="other/gpt-4o"),
         attempt(usage, id="c", started_us=NOVEMBER_US + DAY_US), attempt(usage, id="d", organisation="x"),
         attempt(usage, id="e", cause="cache_hit"), attempt(Usage(), id="f", code="timeout")],
        account(),
    )  # fmt: skip
    assert made.verdict == "equal"


def test_an_estimate_is_corrected_to_what_the_vendor_says_and_charged_back() -> None:
    one = guessed(Usage(input_tokens=4_000, output_tokens=500), id="e", call_id="call", project_id="p")
    made = sides(
        [attempt(Usage(input_tokens=10, output_tokens=1), id="a"), one], account(given=110, cached=900, made=41)
    )
    [cell] = made.usage
    assert (cell.verdict, made.verdict) == ("estimated", "estimated")
    assert [each.id for each in made.correctable] == ["e"]
    [correction] = corrections(made)
    assert correction.usage == Usage(input_tokens=-3_900, cached_tokens=900, output_tokens=-460)
    assert (correction.parent, correction.call_id, correction.cause, correction.usage_source) == (
        "e",
        "call",
        "correction",
        "reported",
    )
    assert (correction.team_id, correction.project_id, correction.charged, correction.payer) == (
        "team_1",
        "p",
        ("b1",),
        "caller",
    )
    price = CATALOG.price("openai", "gpt-4o")
    assert price is not None
    assert (one.cost_picodollars or 0) + (correction.cost_picodollars or 0) == cost(
        Usage(input_tokens=100, cached_tokens=900, output_tokens=40), price
    )


def test_several_estimates_share_what_was_too_much_in_proportion_and_none_gets_less_than_nothing() -> None:
    given = [guessed(Usage(input_tokens=tokens), id=f"e{tokens}") for tokens in (1, 10, 100)]
    made = corrections(sides(given, account(given=11)))
    taken = {each.parent: each.usage.input_tokens for each in made}
    assert sum(taken.values()) == -100
    assert all(-count <= int(str(parent)[1:]) for parent, count in taken.items())
    assert taken["e100"] == -90


def test_an_attempt_cut_off_by_a_crash_stands_at_its_reservation_until_the_vendor_tells() -> None:
    blank = guessed(Usage(), id="o", code="interrupted", cost_picodollars=10**12)
    made = sides([attempt(Usage(input_tokens=5), id="a"), blank], account(given=25, made=4))
    assert made.usage[0].verdict == "estimated"
    [correction] = corrections(made)
    assert correction.usage == Usage(input_tokens=20, output_tokens=4)
    assert (correction.cost_picodollars or 0) + 10**12 == cost(correction.usage, CATALOG.price("openai", "gpt-4o"))  # type: ignore[arg-type]


def test_a_reservation_of_which_the_vendor_knows_nothing_is_given_back() -> None:
    blank = guessed(Usage(), id="o", code="interrupted", cost_picodollars=10**12)
    made = sides([blank], account())
    [correction] = corrections(made)
    assert (correction.usage, correction.cost_picodollars) == (Usage(), -(10**12))


def test_what_did_not_come_through_here_is_nobodys() -> None:
    made = sides([], account("gpt-4o-mini-2024-07-18", given=1_000_000))
    [cell] = made.usage
    assert (cell.verdict, made.verdict) == ("missing", "different")
    [correction] = corrections(made)
    assert (correction.payer, correction.team_id, correction.key_id, correction.charged) == (
        "internal",
        None,
        "reconcile",
        (),
    )
    assert (correction.target, correction.parent) == ("openai/gpt-4o-mini-2024-07-18", "openai:2026-11-01:gpt-4o-mini")
    assert correction.cost_picodollars == 150_000_000_000
    assert correction.started_us == NOVEMBER_US


def test_what_the_vendor_does_not_know_is_taken_off() -> None:
    made = sides([attempt(Usage(input_tokens=10), id="a")], account())
    assert made.usage[0].verdict == "absent"
    [correction] = corrections(made)
    assert correction.usage == Usage(input_tokens=-10)
    assert correction.cost_picodollars == -25_000_000


def test_a_batch_that_is_missing_costs_what_a_batch_costs_and_a_day_is_no_long_prompt() -> None:
    made = sides([], account("gpt-5.4", given=1_000_000, batch=True))
    [correction] = corrections(made)
    assert correction.cost_picodollars == 1_250_000_000_000
    assert str(correction.price_version).endswith("openai/gpt-5.4#batch")


def test_keys_are_compared_each_by_itself_and_other_keys_left_out() -> None:
    export = read(
        "u.json",
        openai_usage(
            {**GOOD, "model": "gpt-4o", "api_key_id": "key_a"},
            {**GOOD, "model": "gpt-4o", "api_key_id": "key_b", "input_tokens": 9},
            {**GOOD, "model": "gpt-4o", "api_key_id": "key_elsewhere", "input_tokens": 1_000},
        ),
    )
    given = [
        attempt(Usage(input_tokens=1, output_tokens=2), id="a", target="one/gpt-4o"),
        attempt(Usage(input_tokens=8, output_tokens=2), id="b", target="two/gpt-4o"),
    ]
    made = compare(
        given, [export], ("one", "two"), price_of, lambda model: CATALOG.price("openai", model),
        keys={"key_a": "one", "key_b": "two"},
    )  # fmt: skip
    assert [(cell.key[2], cell.verdict, cell.differences) for cell in made.usage] == [
        ("one", "equal", {}),
        ("two", "different", {"input_tokens": 1}),
    ]
    assert made.ignored == 1
    [correction] = corrections(made)
    assert correction.target == "two/gpt-4o"
    assert "Lines of the exports about other keys or other days: 1." in text(made)


def test_exports_that_are_not_divided_as_they_have_to_be_are_refused() -> None:
    undivided = read("u.json", openai_usage({"input_tokens": 1, "output_tokens": 1}))
    with pytest.raises(UnreadableExport, match="not divided by model: group it by model"):
        sides([], undivided)
    with pytest.raises(UnreadableExport, match="not divided by key: group it by API key"):
        sides([], account(given=1), keys={"k": "openai"})
    with pytest.raises(UnreadableExport, match="have no day in common"):
        sides([], read("a", openai_usage(GOOD)), read("b", openai_costs(("x, input", 1), day=3)))


def test_only_days_that_all_exports_cover_are_compared() -> None:
    usage = read(
        "u.json", openai_usage({**GOOD, "model": "gpt-4o"}) + b"\n" + openai_usage({**GOOD, "model": "gpt-4o"}, day=1)
    )
    costs = read("c.json", openai_costs(("gpt-4o, input", "0.0000025"), ("gpt-4o, output", "0.00002")))
    made = sides([attempt(Usage(input_tokens=1, output_tokens=2), id="a")], usage, costs)
    assert (made.verdict, made.ignored) == ("equal", 1)
    assert made.to_us == NOVEMBER_US + DAY_US


def test_rows_that_come_page_by_page_are_compared_the_same() -> None:
    given = [attempt(Usage(input_tokens=5), id=f"r{number}") for number in range(4)]
    comparing = Comparing([account(given=20)], ("openai",), price_of, lambda model: CATALOG.price("openai", model))
    for each in given:
        comparing.add([each])
    assert comparing.comparison().verdict == "equal"
    assert (comparing.from_us, comparing.to_us) == (NOVEMBER_US, NOVEMBER_US + DAY_US)


# ── money ──


def test_money_is_compared_by_model_and_searches_stand_by_themselves() -> None:
    used = Usage(input_tokens=1_000, output_tokens=100, web_searches=2)
    costs = openai_costs(
        ("gpt-4o-2024-08-06, input", "0.0025"), ("gpt-4o-2024-08-06, output", 0.001), ("web search tool calls", "0.02")
    )
    made = sides([attempt(used, id="a")], read("c.json", costs))
    assert [(cell.key[1], cell.ours, cell.verdict) for cell in made.money] == [
        ("gpt-4o", 3_500_000_000, "equal"),
        ("web-search", 20_000_000_000, "equal"),
    ]


def test_money_that_is_told_by_day_alone_is_compared_by_day() -> None:
    made = sides([attempt(Usage(input_tokens=1_000), id="a")], read("c.json", openai_costs((None, "0.0026"))))
    [cell] = made.money
    assert (cell.key[1], cell.difference, cell.verdict) == ("", 100_000_000, "different")
    [correction] = corrections(made)
    assert (correction.cost_picodollars, correction.usage, correction.target) == (100_000_000, Usage(), "openai/all")


def test_money_rounded_to_cents_is_equal_within_half_a_cent() -> None:
    line = "2026-11-01,Claude Haiku 4.5,Default,k,message,≤ 200k,output,{},0.19,token,global,\n"
    used = Usage(output_tokens=37_500)
    price = CATALOG.price("anthropic", "claude-haiku-4-5")
    assert price is not None
    one = row(
        id="a",
        target="openai/claude-haiku-4-5",
        usage=used,
        cost_picodollars=cost(used, price),
        price_version=price.version,
    )
    near = read("c.csv", (ANTHROPIC_COST_SHEET + line.format("0.19")).encode())
    far = read("c.csv", (ANTHROPIC_COST_SHEET + line.format("0.20")).encode())
    assert sides([one], near).verdict == "equal"
    assert sides([one], far).money[0].difference == 12_500_000_000


def test_money_is_corrected_for_what_tokens_did_not_explain() -> None:
    one = guessed(Usage(input_tokens=1_000), id="e")
    usage, costs = account(given=400), read("c.json", openai_costs(("gpt-4o, input", "0.0009")))
    made = corrections(sides([one], usage, costs))
    assert [(each.usage.input_tokens, each.cost_picodollars) for each in made] == [
        (-600, -1_500_000_000),
        (0, -100_000_000),
    ]
    assert made[1].parent == "openai:2026-11-01:gpt-4o:cost"
    total = sum(each.cost_picodollars or 0 for each in [one, *made])
    assert total == 900_000_000


def test_an_attempt_without_a_known_price_gets_the_vendors() -> None:
    one = attempt(Usage(input_tokens=10), id="a", cost_picodollars=None, price_version=None)
    made = sides([one], read("c.json", openai_costs(("gpt-4o, input", "0.5"))))
    assert (made.money[0].unpriced, made.money[0].verdict) == (1, "different")
    [correction] = corrections(made)
    assert correction.cost_picodollars == 500_000_000_000


def test_anthropics_usage_and_costs_agree_with_a_ledger_of_its_models() -> None:
    used = Usage(
        input_tokens=1_000, cached_tokens=2_000, cache_write_5m_tokens=300, cache_write_1h_tokens=400, output_tokens=50,
        reasoning_tokens=20, web_searches=3,
    )  # fmt: skip
    price = CATALOG.price("anthropic", "claude-sonnet-4-5")
    assert price is not None
    one = row(
        target="claude/claude-sonnet-4-5", usage=used, cost_picodollars=cost(used, price), price_version=price.version
    )
    usage = read(
        "u.json",
        anthropic_usage(
            {
                "model": "claude-sonnet-4-5-20250929", "uncached_input_tokens": 1_000, "cache_read_input_tokens": 2_000,
                "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 400},
                "output_tokens": 50, "server_tool_use": {"web_search_requests": 3},
            }
        ),
    )  # fmt: skip
    # in cents: 1,000 x 3 + 2,000 x 0.30 + 300 x 3.75 + 400 x 6 + 50 x 15 = 7,875 millionths of a dollar; 3 searches
    costs = read(
        "c.json",
        anthropic_costs(
            {"amount": "0.7875", "model": "claude-sonnet-4-5-20250929"},
            {"amount": "3", "cost_type": "web_search", "model": None},
        ),
    )
    made = compare([one], [usage, costs], ("claude",), price_of, lambda model: CATALOG.price("anthropic", model))
    assert made.verdict == "equal"
    assert [(cell.key[1], cell.ours) for cell in made.money] == [
        ("claude-sonnet-4-5", 7_875_000_000),
        ("web-search", 30_000_000_000),
    ]


# ── the promise: with the corrections in the ledger, both sides are equal ──

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5.4")


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRow]:
    made: list[LedgerRow] = []
    for number in range(draw(st.integers(min_value=0, max_value=8))):
        counts = {
            name: draw(st.integers(min_value=0, max_value=2_000))
            for name in ("input_tokens", "cached_tokens", "output_tokens", "audio_input_tokens")
        }
        estimated, blank = draw(st.booleans()), draw(st.booleans())
        usage = Usage() if estimated and blank else Usage(**{**counts, "audio_input_tokens": 0})
        one = attempt(
            usage,
            draw(st.sampled_from(MODELS)),
            id=f"r{number}",
            started_us=NOVEMBER_US + draw(st.integers(min_value=0, max_value=2 * DAY_US - 1)),
            usage_source="estimated" if estimated else "reported",
        )
        if estimated and blank:
            one = replace(one, cost_picodollars=draw(st.integers(min_value=1, max_value=10**12)))
        made.append(one)
    return made


@st.composite
def accounts(draw: st.DrawFn, costs: bool) -> list[Export]:
    files: list[tuple[str, bytes]] = []
    for day in (0, 1):
        results: list[dict[str, Any]] = []
        amounts: list[tuple[str | None, Any]] = []
        for model in MODELS:
            if draw(st.booleans()):
                cached = draw(st.integers(min_value=0, max_value=3_000))
                given = draw(st.integers(min_value=0, max_value=6_000))
                made = draw(st.integers(min_value=0, max_value=6_000))
                results.append(
                    {
                        "model": model,
                        "input_tokens": given + cached,
                        "input_cached_tokens": cached,
                        "output_tokens": made,
                    }
                )
                amounts.append(
                    (f"{model}-2026-01-01, input", str(draw(st.decimals(min_value=0, max_value=10, places=12))))
                )
        amounts.append(("web search tool calls", str(draw(st.decimals(min_value=0, max_value=1, places=12)))))
        files.append((f"u{day}.json", openai_usage(*results, day=day)))
        if costs:
            files.append((f"c{day}.json", openai_costs(*amounts, day=day)))
    # one file of pages a kind, so that each covers both days
    usage = b"\n".join(raw for name, raw in files if name.startswith("u"))
    told = [("u.json", usage)]
    if costs:
        told.append(("c.json", b"\n".join(raw for name, raw in files if name.startswith("c"))))
    return read_all(told)


@given(ledgers(), accounts(costs=False))
def test_with_the_corrections_the_tokens_are_the_vendors(given: list[LedgerRow], exports: list[Export]) -> None:
    made = corrections(sides(given, *exports))
    assert len({each.id for each in made}) == len(made)
    again = sides([*given, *made], *exports)
    assert again.verdict == "equal"
    assert corrections(again) == []
    for name in again.categories:
        told = sum(getattr(bucket.usage, name) for export in exports for bucket in export.buckets)
        assert sum(getattr(each.usage, name) for each in [*given, *made]) == told


@given(ledgers(), accounts(costs=True))
def test_with_the_corrections_the_money_is_the_vendors_too(given: list[LedgerRow], exports: list[Export]) -> None:
    made = corrections(sides(given, *exports))
    again = sides([*given, *made], *exports)
    assert again.verdict == "equal"
    assert corrections(again) == []
    told = sum((bucket.picodollars or 0 for export in exports for bucket in export.buckets), Fraction(0))
    assert sum(each.cost_picodollars or 0 for each in [*given, *made]) == told


@given(ledgers(), accounts(costs=True))
def test_corrections_are_the_same_when_they_are_made_again_in_whatever_order_rows_come(
    given: list[LedgerRow], exports: list[Export]
) -> None:
    once = corrections(sides(given, *exports))
    assert once == corrections(sides(list(reversed(given)), *exports))


@given(ledgers(), accounts(costs=False))
def test_no_estimated_attempt_is_corrected_below_nothing(given: list[LedgerRow], exports: list[Export]) -> None:
    by_id = {each.id: each for each in given}
    for correction in corrections(sides(given, *exports)):
        if correction.parent in by_id:
            parent = by_id[correction.parent]
            assert parent.usage_source == "estimated"
            for name in Usage.__struct_fields__:
                assert getattr(parent.usage, name) + getattr(correction.usage, name) >= 0


@given(
    st.integers(min_value=0, max_value=10**6),
    st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=8),
)
def test_shares_add_up_and_are_nowhere_more_than_there_is(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    shares = divided(amount, weights)
    if total:
        assert sum(shares) == amount
        if amount <= total:
            assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


# ── the report ──


def test_the_report_says_what_differs_and_what_it_comes_to() -> None:
    one = guessed(Usage(input_tokens=1_000), id="e")
    comparison = sides([one], account(given=400), read("c.json", openai_costs(("gpt-4o, input", "0.002"))))
    made = corrections(comparison)
    told = text(comparison, made)
    assert "2026-11-01 gpt-4o: input tokens 1,000 here, 400 there, -600 (estimated)" in told
    assert "2026-11-01 gpt-4o: $0.0025 here, $0.002 there, $-0.0005 (estimated)" in told
    assert "Estimated attempts that can be corrected: 1." in told
    assert "Corrections: 2, which come to $-0.0005." in told
    tree = json.loads(json.dumps(shown(comparison, made)))
    assert tree["verdict"] == "estimated"
    assert tree["usage"][0]["differences"] == {"input_tokens": -600}
    assert Decimal(tree["money"][0]["difference_usd"]) == Decimal("-0.0005")
    assert [each["cause"] for each in tree["corrections"]] == ["correction", "correction"]
    assert tree["correctable"] == ["e"]


def test_no_name_in_an_export_can_act_on_a_terminal() -> None:
    told = text(sides([], account("evil\x1b[2J", given=1)))
    assert "\x1b" not in told
