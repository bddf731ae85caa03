from __future__ import annotations

import json
from typing import Any

import pytest

from conversation import DIALECTS, ask, chat, new, send, text, user
from headgate.dialects.hub import CacheMark, Message, Text
from headgate.providers.simulator import Simulator, read_script
from headgate.providers.simulator.response import Response

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


def body(response: Response) -> bytes:
    return response.body if response.pieces is None else b"".join(piece.data for piece in response.pieces)


def post(simulator: Simulator, path: str, tree: Any, **headers: str) -> Response:
    raw = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return simulator.respond("POST", path, named, raw)


def get(simulator: Simulator, path: str, **headers: str) -> Any:
    response = simulator.respond("GET", path, {name.replace("_", "-"): value for name, value in headers.items()}, b"")
    assert response.status == 200
    return json.loads(response.body)


# ── determinism ──


@each_dialect
@pytest.mark.parametrize("stream", [False, True])
def test_the_same_seed_gives_the_same_bytes(dialect: str, stream: bool) -> None:
    first, second = new(seed=7), new(seed=7)
    for _ in range(3):
        assert body(send(first, dialect, chat(stream=stream))) == body(send(second, dialect, chat(stream=stream)))


@each_dialect
def test_another_seed_or_another_turn_gives_another_answer(dialect: str) -> None:
    simulator = new(seed=7)
    answers = [text(ask(simulator, dialect, chat())), text(ask(simulator, dialect, chat()))]
    answers.append(text(ask(new(seed=8), dialect, chat())))
    assert len(set(answers)) == 3


def test_headers_do_not_change_the_answer() -> None:
    first = send(new(), "openai_chat", chat(), x_stainless_retry_count="1")
    assert first.body == send(new(), "openai_chat", chat(), idempotency_key="abc").body


# ── requests that are wrong ──


@each_dialect
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"a": 1, "a": 2}', b"\xff", b"[" * 10_000, b"{}"])
def test_a_body_that_is_no_request_is_a_400_in_the_dialect(dialect: str, raw: bytes) -> None:
    path = {"openai_chat": "/v1/chat/completions", "openai_responses": "/responses"}.get(dialect, "/v1/messages")
    response = post(new(), path, raw)
    assert response.status == 400
    error = json.loads(response.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(("headers", "shape"), [({}, "param"), ({"anthropic_version": "2023-06-01"}, "type")])
def test_an_unknown_path_is_a_404_in_the_askers_dialect(headers: dict[str, str], shape: str) -> None:
    response = post(new(), "/v1/nowhere", {}, **headers)
    assert response.status == 404
    document = json.loads(response.body)
    assert shape in (document["error"] if shape == "param" else document)


def test_a_bad_fault_or_latency_header_is_a_400_that_names_it() -> None:
    for header in ({"x_sim_fault": "flood"}, {"x_sim_latency_ms": "soon"}):
        response = send(new(), "openai_chat", chat(), **header)
        assert response.status == 400
        assert json.loads(response.body)["error"]["param"] in ("x-sim-fault", "x-sim-latency-ms")


# ── the bill ──


@each_dialect
@pytest.mark.parametrize("stream", [False, True])
def test_the_record_holds_what_the_answer_reported(dialect: str, stream: bool) -> None:
    simulator = new()
    answer = ask(simulator, dialect, chat(stream=stream, include_usage=True), authorization="Bearer sim-key")
    row = simulator.record.shown()["requests"][0]
    assert answer.usage is not None
    assert row["usage"]["input_tokens"] == answer.usage.input_tokens
    assert row["usage"]["output_tokens"] == answer.usage.output_tokens
    assert (row["model"], row["dialect"], row["key"], row["stream"]) == ("sim-small", dialect, "sim-key", stream)


def test_totals_add_up_by_model_dialect_and_key() -> None:
    simulator = new()
    for key in ("sim-a", "sim-a", "sim-b"):
        ask(simulator, "openai_chat", chat(), authorization=f"Bearer {key}")
    record = simulator.record.shown()
    assert [(each["key"], each["requests"]) for each in record["totals"]] == [("sim-a", 2), ("sim-b", 1)]
    for name in ("input_tokens", "output_tokens"):
        assert sum(each[name] for each in record["totals"]) == sum(row["usage"][name] for row in record["requests"])


def test_keys_that_may_be_real_are_not_shown() -> None:
    simulator = new()
    send(simulator, "openai_chat", chat(), authorization="Bearer sk-live-0123456789abcdef")
    shown = json.dumps(simulator.record.shown())
    assert "0123456789abcdef" not in shown
    assert '"sha256:' in shown


def test_a_refused_request_costs_nothing() -> None:
    simulator = new()
    send(simulator, "openai_chat", chat(), x_sim_fault="429")
    (row,) = simulator.record.shown()["requests"]
    assert (row["status"], row["outcome"], row["usage"]["input_tokens"]) == (429, "rate_limit", 0)


def test_rows_that_are_no_longer_kept_stay_in_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.providers.simulator.record.KEPT", 3)
    simulator = new()
    answers = [ask(simulator, "openai_chat", chat()) for _ in range(5)]
    record = simulator.record.shown()
    assert (len(record["requests"]), record["dropped"], record["totals"][0]["requests"]) == (3, 2, 5)
    assert record["totals"][0]["output_tokens"] == sum(each.usage.output_tokens for each in answers if each.usage)


# ── the prompt cache ──

LONG = "word " * 2000


def marked(ttl: str = "5m", more: str = "") -> Message:
    parts = (Text(text=LONG, cache=CacheMark(ttl=ttl)), *((Text(text=more),) if more else ()))
    return Message(role="user", parts=parts)


@pytest.mark.parametrize(("ttl", "field"), [("5m", "cache_write_5m_tokens"), ("1h", "cache_write_1h_tokens")])
def test_a_marked_prefix_is_written_once_and_read_after_that(ttl: str, field: str) -> None:
    simulator = new()
    first = ask(simulator, "anthropic_messages", chat(marked(ttl, "one"))).usage
    second = ask(simulator, "anthropic_messages", chat(marked(ttl, "two"))).usage
    assert first is not None
    assert second is not None
    assert getattr(first, field) >= 2000
    assert first.cached_tokens == 0
    assert second.cached_tokens == getattr(first, field)
    assert getattr(second, field) == 0
    assert first.total_input_tokens == second.total_input_tokens


def test_a_mark_that_moves_on_reads_what_was_written_and_writes_the_rest() -> None:
    simulator = new()
    first = ask(simulator, "anthropic_messages", chat(marked())).usage
    history = (Message(role="user", parts=(Text(text=LONG),)), Message(role="assistant", parts=(Text(text="Yes."),)))
    plain_then_marked = Message(role="user", parts=(Text(text=LONG + "more", cache=CacheMark()),))
    request = chat(marked(), history[1], plain_then_marked)
    second = ask(simulator, "anthropic_messages", request).usage
    assert first is not None
    assert second is not None
    assert second.cached_tokens == first.cache_write_5m_tokens
    assert second.cache_write_5m_tokens >= 2000


def test_a_short_prefix_is_not_cached() -> None:
    short = Message(role="user", parts=(Text(text="short", cache=CacheMark()),))
    usage = ask(new(), "anthropic_messages", chat(short)).usage
    assert usage is not None
    assert usage.cache_write_5m_tokens == 0


def test_a_cache_key_reads_a_repeated_beginning_in_whole_steps() -> None:
    simulator = new()
    first = ask(simulator, "openai_chat", chat(user(LONG), cache_key="k")).usage
    second = ask(simulator, "openai_chat", chat(user(LONG), user("And now?"), cache_key="k")).usage
    other = ask(simulator, "openai_chat", chat(user(LONG), cache_key="other")).usage
    assert first is not None
    assert second is not None
    assert other is not None
    assert (first.cached_tokens, other.cached_tokens) == (0, 0)
    assert second.cached_tokens >= 1920
    assert second.cached_tokens % 128 == 0
    assert second.total_input_tokens > first.total_input_tokens


# ── other endpoints ──


def test_counted_tokens_are_those_that_are_billed() -> None:
    simulator = new()
    request = {"model": "m", "messages": [{"role": "user", "content": "How many are these?"}]}
    counted = json.loads(post(simulator, "/v1/messages/count_tokens", request).body)
    billed = json.loads(post(simulator, "/v1/messages", {**request, "max_tokens": 50}).body)
    assert counted["input_tokens"] == billed["usage"]["input_tokens"]


def test_responses_count_their_input_too() -> None:
    request = {"model": "m", "input": "How many are these?"}
    counted = json.loads(post(new(), "/v1/responses/input_tokens", request).body)
    billed = json.loads(post(new(), "/v1/responses", request).body)
    assert counted == {"object": "response.input_tokens", "input_tokens": billed["usage"]["input_tokens"]}


def test_a_stored_response_can_be_had_again_until_it_is_deleted() -> None:
    simulator = new()
    given = json.loads(post(simulator, "/v1/responses", {"model": "m", "input": "Hi"}).body)
    assert get(simulator, f"/v1/responses/{given['id']}") == given
    assert simulator.respond("DELETE", f"/v1/responses/{given['id']}", {}, b"").status == 200
    assert simulator.respond("GET", f"/v1/responses/{given['id']}", {}, b"").status == 404


def test_an_unstored_response_cannot_be_had_again() -> None:
    simulator = new()
    given = json.loads(post(simulator, "/v1/responses", {"model": "m", "input": "Hi", "store": False}).body)
    assert simulator.respond("GET", f"/v1/responses/{given['id']}", {}, b"").status == 404


def test_models_are_listed_in_the_askers_shape() -> None:
    simulator = new()
    assert get(simulator, "/v1/models")["object"] == "list"
    assert get(simulator, "/v1/models", anthropic_version="2023-06-01")["has_more"] is False
    assert get(simulator, "/v1/models/any-name")["id"] == "any-name"


def test_texts_that_share_words_have_embeddings_that_are_close() -> None:
    texts = ["the old canal gate", "an old canal lock", "quarterly tax report"]
    answer = json.loads(post(new(), "/v1/embeddings", {"model": "e", "input": texts, "dimensions": 256}).body)
    one, two, three = (each["embedding"] for each in answer["data"])
    assert len(one) == 256
    assert sum(x * x for x in one) == pytest.approx(1)
    assert sum(map(lambda x, y: x * y, one, two)) > sum(map(lambda x, y: x * y, one, three)) + 0.2


def test_embeddings_of_a_text_never_change() -> None:
    request = {"model": "e", "input": "constant"}
    first, second = (json.loads(post(new(seed=seed), "/v1/embeddings", request).body) for seed in (1, 2))
    assert first["data"] == second["data"]


def test_documents_that_hold_the_querys_words_rank_first() -> None:
    request = {"model": "r", "query": "water gate", "documents": ["nothing", "a gate for water"], "top_n": 1}
    results = json.loads(post(new(), "/v1/rerank", request).body)["results"]
    assert [each["index"] for each in results] == [1]


def test_a_ranking_is_billed_by_its_documents_and_their_pieces() -> None:
    long = "abcdefghi" * 600
    for documents, units in ((["a"] * 100, 1), (["a", {"text": "b"}] * 51, 2), ([long] * 60, 2)):
        request = {"model": "r", "query": "water", "documents": documents}
        answer = json.loads(post(new(), "/v1/rerank", request).body)
        assert answer["meta"] == {"billed_units": {"search_units": units}}


def test_moderation_flags_nothing_once_per_input() -> None:
    results = json.loads(post(new(), "/v1/moderations", {"input": ["a", "b"]}).body)["results"]
    assert [each["flagged"] for each in results] == [False, False]


def test_images_are_png_and_labelled() -> None:
    import base64

    answer = json.loads(post(new(), "/v1/images/generations", {"prompt": "a lock", "n": 2}).body)
    assert len(answer["data"]) == 2
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG")
    assert answer["data"][0]["revised_prompt"] == "Simulated image: a lock"


@pytest.mark.parametrize(("form", "begins"), [("mp3", b"\xff\xfb"), ("wav", b"RIFF"), ("pcm", b"\0\0")])
def test_speech_is_silence_in_the_format_asked_for(form: str, begins: bytes) -> None:
    response = post(new(), "/v1/audio/speech", {"model": "s", "input": "Hello there", "response_format": form})
    assert response.body.startswith(begins)


def test_speech_in_another_format_is_refused_by_name() -> None:
    response = post(new(), "/v1/audio/speech", {"input": "Hello", "response_format": "opus"})
    assert json.loads(response.body)["error"]["param"] == "response_format"


def test_a_transcription_says_that_it_is_simulated() -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--b--\r\n'
    response = post(new(), "/v1/audio/transcriptions", form, content_type="multipart/form-data; boundary=b")
    assert json.loads(response.body)["text"].startswith("This is a simulated transcription.")


# ── scripts and pages ──


def test_a_raw_body_is_sent_as_it_is() -> None:
    script = b'[{"reply": {"body": "teapot", "status": 418, "content_type": "text/plain"}}]'
    response = send(new(script=read_script(script)), "openai_chat", chat())
    assert (response.status, response.body, response.headers[0][1]) == (418, b"teapot", "text/plain")


def test_a_header_fault_goes_before_the_script() -> None:
    simulator = new(script=read_script(b'[{"times": 1, "fault": "server_error"}]'))
    assert send(simulator, "openai_chat", chat(), x_sim_fault="429").status == 429
    assert send(simulator, "openai_chat", chat()).status == 500
    assert send(simulator, "openai_chat", chat()).status == 200


def test_the_script_can_be_set_shown_and_cleared() -> None:
    simulator = new()
    assert simulator.respond("PUT", "/_sim/script", {}, b'[{"fault": "server_error"}]').status == 200
    send(simulator, "openai_chat", chat())
    assert get(simulator, "/_sim/script") == [{"fault": "server_error", "used": 1}]
    assert simulator.respond("DELETE", "/_sim/script", {}, b"").status == 204
    assert get(simulator, "/_sim/script") == []


def test_a_bad_script_leaves_the_old_one_in_force() -> None:
    simulator = new(script=read_script(b'[{"fault": "server_error"}]'))
    response = simulator.respond("PUT", "/_sim/script", {}, b'[{"fault": "flood"}]')
    assert response.status == 400
    assert b"no fault 'flood'" in response.body
    assert send(simulator, "openai_chat", chat()).status == 500


def test_the_record_can_be_cleared() -> None:
    simulator = new()
    send(simulator, "openai_chat", chat())
    assert len(get(simulator, "/_sim/record")["requests"]) == 1
    assert simulator.respond("DELETE", "/_sim/record", {}, b"").status == 204
    assert get(simulator, "/_sim/record") == {"totals": [], "requests": [], "dropped": 0}


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/_sim/record", 405), ("GET", "/_sim/else", 404)])
def test_other_pages_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert new().respond(method, path, {}, b"").status == status
