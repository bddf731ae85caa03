"""Items 12 and 14 of the checklist: requests that end elsewhere than it seems, and bodies that are too much."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio

from attacked import ADMIN, ADMIN_KEY, CALLS, CHAT, Attacked, attacked
from headgate.server.admin.admin import MAX_BODY_BYTES

module = pytest.mark.asyncio(loop_scope="module")

BODY = json.dumps(CALLS[CHAT])
SIZE = f"{len(BODY):x}"
CHUNKED = f"{SIZE}\r\n{BODY}\r\n0\r\n\r\n"
INNER = f"GET /admin/keys HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN_KEY}\r\nconnection: close\r\n\r\n"
"""What is smuggled: the application must not be given it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Attacked]:
    async with attacked() as shared:
        yield shared


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Attacked]:
    async with attacked() as gateway:
        yield gateway


def post(*lines: str, body: str = BODY, path: str = CHAT) -> str:
    """A request with these lines of its head."""
    usual = (
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {ADMIN_KEY}",
        "content-type: application/json",
    )
    return "\r\n".join((*usual, *lines, "", "")) + body


def chunked(body: str) -> str:
    return post("transfer-encoding: chunked", body=body)


# ── 12: two framings, or one that is none ──

CL, TE = f"content-length: {len(CHUNKED) + len(INNER)}", "transfer-encoding: chunked"
AMBIGUOUS = {
    "length and chunks": post(CL, TE, body=CHUNKED + INNER),
    "chunks and length": post(TE, CL, body=CHUNKED + INNER),
    "chunks and a short length": post(TE, "content-length: 4", body=CHUNKED + INNER),
    "two lengths": post(f"content-length: {len(BODY)}", f"content-length: {len(BODY + INNER)}", body=BODY + INNER),
    "a list of lengths": post(f"content-length: {len(BODY)}, {len(BODY)}", body=BODY + INNER),
    "a length with a plus": post(f"content-length: +{len(BODY)}", body=BODY + INNER),
    "a negative length": post("content-length: -1", body=BODY + INNER),
    "a hexadecimal length": post(f"content-length: 0x{SIZE}", body=BODY + INNER),
    "a length with an underscore": post(f"content-length: {len(BODY) // 100}_{len(BODY) % 100}", body=BODY + INNER),
    "Unicode digits": post("content-length: " + "".join(chr(0xFF10 + int(each)) for each in str(len(BODY))), body=BODY + INNER),
    "Arabic digits": post("content-length: " + "".join(chr(0x660 + int(each)) for each in str(len(BODY))), body=BODY + INNER),
    "an empty length": post("content-length: ", body=BODY + INNER),
    "a length that overflows": post(f"content-length: {2**64 + len(BODY)}", body=BODY + INNER),
    "a blank before the colon": post(f"content-length : {len(BODY)}", body=BODY + INNER),
    "a blank before the name": post(f" content-length: {len(BODY)}", body=BODY + INNER),
    "a blank before the colon of chunks": post("transfer-encoding : chunked", "content-length: 3", body=CHUNKED + INNER),
    "a folded line": post("transfer-encoding:", " chunked", body=CHUNKED + INNER),
    "another coding": post("transfer-encoding: xchunked", body=CHUNKED + INNER),
    "identity": post("transfer-encoding: identity", body=CHUNKED + INNER),
    "chunks that are not last": post("transfer-encoding: chunked, identity", body=CHUNKED + INNER),
    "a coding after a vertical tab": post("transfer-encoding: \x0bchunked", body=CHUNKED + INNER),
    "a coding in quotes": post('transfer-encoding: "chunked"', body=CHUNKED + INNER),
    "a coding with Unicode": post("transfer-encoding: chun\u212aed", body=CHUNKED + INNER),
    "a null in a head": post("x-a: a\0b", f"content-length: {len(BODY)}", body=BODY + INNER),
    "a bare carriage return in a head": post(f"x-a: b\rcontent-length: {len(BODY)}", body=BODY + INNER),
    "chunks of HTTP/1.0": post(TE, body=CHUNKED + INNER).replace("HTTP/1.1", "HTTP/1.0", 1),
    "no version": "GET /admin/keys\r\n\r\n" + INNER,
    "another version": post(f"content-length: {len(BODY)}", body=BODY + INNER).replace("HTTP/1.1", "HTTP/1.2", 1),
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
    "a size with a plus": chunked(f"+{CHUNKED}{INNER}"),
    "a negative size": chunked(f"-{CHUNKED}{INNER}"),
    "a size with 0x": chunked(f"0x{CHUNKED}{INNER}"),
    "a size with an underscore": chunked(CHUNKED.replace("\r\n", "_\r\n", 1) + INNER),
    "a size in Unicode digits": chunked(CHUNKED.replace(SIZE, "\uff15", 1) + INNER),
    "a size that overflows": chunked(f"1{'0' * 16}{CHUNKED}{INNER}"),
    "an empty size": chunked(CHUNKED.replace(SIZE, "", 1) + INNER),
    "a size before a newline": chunked(CHUNKED.replace("\r\n", "\n", 1) + INNER),
    "a size before a carriage return": chunked(CHUNKED.replace("\r\n", "\r", 1) + INNER),
    "newlines in chunks": chunked(CHUNKED.replace("\r\n", "\n") + INNER),
    "a newline in an extension": chunked(CHUNKED.replace("\r\n", ";a=\nb\r\n", 1) + INNER),
    "a chunk without its end": chunked(f"{SIZE}\r\n{BODY}0\r\n\r\n{INNER}"),
    "a chunk with another end": chunked(f"{SIZE}\r\n{BODY}XX0\r\n\r\n{INNER}"),
    "a last chunk with another end": chunked(f"{SIZE}\r\n{BODY}\r\n0\r\nXX{INNER}"),
    "a chunk longer than its size": chunked(f"2\r\n{BODY}\r\n0\r\n\r\n{INNER}"),
}  # fmt: skip


@pytest.mark.parametrize("raw", AMBIGUOUS.values(), ids=AMBIGUOUS)
@module
async def test_a_request_hidden_behind_another(shared: Attacked, raw: str):
    """CVE-2025-43859, CVE-2026-69216: what follows a request whose end is in doubt is read by nobody."""
    shared.seen.clear()
    shared.vendor.requests.clear()
    answer = await shared.raw(raw)
    assert shared.seen in ([], [("POST", CHAT)])
    bodies = [json.loads(request.body)["messages"] for request in shared.vendor.requests]
    assert bodies in ([], [CALLS[CHAT]["messages"]])
    assert b'"data"' not in answer


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ([f"content-length: {len(BODY)}"], BODY),
        ([f"content-length: {len(BODY)}"] * 2, BODY),
        ([f"content-length: 000{len(BODY)}"], BODY),
        (["transfer-encoding: chunked"], CHUNKED),
        (["Transfer-Encoding:\tChunked "], CHUNKED),
        (["transfer-encoding: chunked"], CHUNKED.replace("\r\n", ";name=value\r\n", 1)),
        (
            ["transfer-encoding: chunked"],
            f"{CHUNKED[:-2]}content-length: 5\r\nx-api-key: z\r\nauthorization: z\r\n\r\n",
        ),
        (["expect: 100-continue", f"content-length: {len(BODY)}"], BODY),
        (["connection: keep-alive, content-length, authorization", f"content-length: {len(BODY)}"], BODY),
    ],
)
@module
async def test_a_request_behind_one_that_ends_where_it_says(shared: Attacked, lines: list[str], body: str):
    """Both are what they seem: the first has its own body and no more, and is answered first."""
    shared.seen.clear()
    shared.vendor.requests.clear()
    assert await shared.statuses(post(*lines, body=body + INNER)) == [200, 200]
    assert shared.seen == [("POST", CHAT), ("GET", "/admin/keys")]
    assert json.loads(shared.vendor.requests[0].body)["messages"] == CALLS[CHAT]["messages"]


@pytest.mark.parametrize("lines", [["transfer-encoding: chunked"] * 2, ["transfer-encoding: identity", TE]])
@module
async def test_a_coding_told_twice(shared: Attacked, lines: list[str]):
    shared.vendor.requests.clear()
    assert (await shared.statuses(post(*lines, "connection: close", body=CHUNKED)))[0] == 400
    assert shared.vendor.requests == []


INNER_SIZE = f"content-length: {len(INNER)}"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (f"GET /healthz HTTP/1.1\r\nhost: localhost\r\n{INNER_SIZE}\r\n\r\n{INNER}", 200),
        (f"HEAD /healthz HTTP/1.1\r\nhost: localhost\r\n{INNER_SIZE}\r\n\r\n{INNER}", 200),
        (f"POST /nothing HTTP/1.1\r\nhost: localhost\r\n{INNER_SIZE}\r\n\r\n{INNER}", 404),
        (f"POST /nothing HTTP/1.1\r\nhost: localhost\r\n{TE}\r\n\r\n{len(INNER):x}\r\n{INNER}\r\n0\r\n\r\n", 404),
        (f"POST /healthz HTTP/1.1\r\nhost: localhost\r\n{INNER_SIZE}\r\n\r\n{INNER}", 405),
        (f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{INNER_SIZE}\r\n\r\n{INNER}", 401),
        (f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n{INNER_SIZE}\r\n\r\n{INNER}", 401),
        (f"POST {CHAT} HTTP/1.1\r\nhost: evil.test\r\n{INNER_SIZE}\r\n\r\n{INNER}", 403),
        (post(INNER_SIZE, "upgrade: h2c", "connection: upgrade, http2-settings", "http2-settings: AAMA", body=INNER), 426),
        (post(INNER_SIZE, "upgrade: websocket", "connection: upgrade", body=INNER), 426),
        (f"PUT /admin/keys HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN_KEY}\r\n{INNER_SIZE}\r\n\r\n{INNER}", 405),
        (f"GET /admin/whoami HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {ADMIN_KEY}\r\n{INNER_SIZE}\r\n\r\n{INNER}", 200),
    ],
)  # fmt: skip
@module
async def test_a_request_in_a_body_nobody_reads(shared: Attacked, raw: str, status: int):
    """What is answered before its body was read leaves nothing of it for the next request."""
    shared.seen.clear()
    after = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    statuses = await shared.statuses(raw + after)
    assert statuses[0] == status
    assert len(shared.seen) == len(statuses) <= 2
    assert shared.seen[1:] in ([], [("GET", "/readyz")])


@module
async def test_many_requests_in_one_go_are_each_their_own_callers(shared: Attacked):
    """CVE-2026-54273: pipelined; answers come in order, and no one's identity is another's."""
    await shared.put("hg-of-a-caller")
    asked = []
    for key in (ADMIN_KEY, "hg-of-a-caller", "hg-nobodys", ADMIN_KEY) * 50:
        if key == "hg-nobodys":
            continue  # whoever has no key is hung up on
        asked.append(
            (key, f"GET /admin/keys?limit=1 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n")
        )
    last = "GET /v1/models HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer hg-nobodys\r\n\r\n"
    statuses = await shared.statuses("".join(each for _, each in asked) + last + INNER)
    assert statuses == [*(200 if key == ADMIN_KEY else 403 for key, _ in asked), 401]


# ── 14: too much, too deep, too slow ──

SOON_S = 3.0
"""On a busy machine; what grows with the square of its length takes minutes."""


@pytest.mark.parametrize(
    "value",
    [
        b"9" * 1_000_000, b"-" + b"9" * 5000, b"NaN", b"Infinity", b"-Infinity", b"1_000", b"+1", b"01", b"0x10", b".5",
        b"[" * 1_000_000, b'{"a":' * 100_000, b"[" * 201 + b"]" * 201, b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"',
        b'"\xc0\xaf"', b'"\xf4\x90\x80\x80"', b'"a\x00b"', b'"a\nb"', b"'a'", b'{"a": 1, "a": 2}', b'{"a": 1, "\\u0061": 2}',
        b"1}{", b"1,", b"1 /* */", b"undefined",
    ],
    ids=lambda value: value[:12].decode("latin-1"),
)  # fmt: skip
@module
async def test_a_value_two_could_read_in_two_ways(shared: Attacked, value: bytes):
    """CVE-2024-27454, CVE-2025-67221, CVE-2026-26209 and what a validator and a forwarder disagree on."""
    shared.vendor.requests.clear()
    for path, call in CALLS.items():
        raw = json.dumps(call).encode()[:-1] + b', "metadata": ' + value + b"}"
        began = monotonic()
        answer = await shared.request("POST", path, raw=raw, headers=ADMIN)
        assert answer.status == 400
        assert monotonic() - began < SOON_S
        assert len(answer.body) < 2000
    assert shared.vendor.requests == []


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": "chat", "\\u006dodel": "other"}', b'{"model": "chat", "model": "other"}', b'[{"model": "chat"}]',
        b'\xef\xbb\xbf{"model": "chat"}', BODY.encode("utf-16"), BODY.encode("utf-32"), BODY.encode() + b"\0",
        BODY.encode() * 2, b"", b" " * 100_000, b'"chat"', b"null",
    ],
    ids=range(12),
)  # fmt: skip
@module
async def test_a_body_two_could_read_in_two_ways(shared: Attacked, raw: bytes):
    shared.vendor.requests.clear()
    assert (await shared.request("POST", CHAT, raw=raw, headers=ADMIN)).status == 400
    assert shared.vendor.requests == []


@pytest.mark.parametrize(
    "value",
    [
        b"9" * 900_000, b"1e999999999", b"-1e-999999999", b"NaN", b"Infinity", b"0." + b"1" * 900_000, b'"' + b"9" * 900_000 + b'"',
        b"[" * 900_000, b'{"a":' * 100_000, b'"\\ud800"', b'"\xed\xa0\x80"', b'{"a": 1, "a": 2}', b"true", b"[[[[1]]]]",
    ],
    ids=lambda value: value[:12].decode("latin-1"),
)  # fmt: skip
@module
async def test_a_value_the_admin_api_chokes_on(shared: Attacked, value: bytes):
    before = await shared.snapshot()
    for path in ("/admin/keys", "/admin/budgets", "/admin/ledger/corrections"):
        for field in (b"name", b"budget_usd", b"amount_usd", b"corrections", b"version", b"limits", b"tags"):
            began = monotonic()
            answer = await shared.request("POST", path, raw=b'{"' + field + b'": ' + value + b"}", headers=ADMIN)
            assert answer.status in (400, 422)
            assert monotonic() - began < SOON_S
            assert len(answer.body) < 10_000
    assert await shared.snapshot() == before


@module
async def test_a_body_with_very_many_members(shared: Attacked):
    members = b",".join(b'"k%d":%d' % (each, each) for each in range(60_000))
    for path, statuses in (("/admin/keys", [422]), (CHAT, [200])):
        raw = json.dumps({**CALLS[CHAT], "name": "k"}).encode()[:-1] + b"," + members + b"}"
        began = monotonic()
        answer = await shared.request("POST", path, raw=raw, headers=ADMIN)
        assert answer.status in statuses
        assert len(answer.body) < 10_000
        assert monotonic() - began < SOON_S


ZIPPED, DEFLATED = gzip.compress(b"0" * 4_000_000, 1), zlib.compress(b"0" * 4_000_000, 1)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x"])
@module
async def test_a_compressed_bomb(shared: Attacked, coding: str):
    """What is compressed is not unpacked, whatever it becomes."""
    bomb = DEFLATED if coding == "deflate" else ZIPPED
    for path in (CHAT, "/admin/keys", "/v1/audio/transcriptions"):
        answer = await shared.request("POST", path, raw=bomb, headers={**ADMIN, "content-encoding": coding})
        assert answer.status == 415
        answer = await shared.request("POST", path, raw=bomb, headers={**ADMIN, "transfer-encoding": coding})
        assert answer.status in (400, 501)
    chunks = f"{len(bomb):x}\r\n".encode() + bomb + b"\r\n0\r\n\r\n"
    for path in (CHAT, "/admin/keys"):
        head = post(f"transfer-encoding: {coding}, chunked", "connection: close", path=path, body="")
        assert await shared.statuses(head.encode() + chunks) == [400]


@module
async def test_a_coding_told_twice_hides_no_bomb(shared: Attacked):
    headers = {**ADMIN, "content-encoding": "gzip\r\ncontent-encoding: identity"}
    assert (await shared.request("POST", CHAT, raw=gzip.compress(BODY.encode()), headers=headers)).status == 400


@module
async def test_a_body_that_is_too_long(shared: Attacked):
    """By what it announces, and by what it is."""
    limits = {CHAT: 4 * 1024 * 1024, "/v1/audio/transcriptions": 4 * 1024 * 1024, "/admin/keys": MAX_BODY_BYTES}
    for path, limit in limits.items():
        for length in (limit + 1, 10**15, 10**30):
            statuses = await shared.statuses(post(f"content-length: {length}", path=path, body="{"))
            assert statuses in ([413], [400])
        chunk = f"{65536:x}\r\n{'a' * 65536}\r\n"
        raw = post(TE, path=path, body=chunk * (limit // 65536 + 2) + "0\r\n\r\n" + INNER)
        shared.seen.clear()
        assert (await shared.statuses(raw))[:1] in ([413], [])
        assert shared.seen == [("POST", path)]
    assert shared.app._bodies._held_bytes == 0


@module
async def test_heads_that_are_too_long(shared: Attacked):
    """CVE-2024-47874's kin: lines, their number, targets, cookies."""
    for head in (
        "".join(f"x-{each}: a\r\n" for each in range(1000)),
        f"x-a: {'a' * 1_000_000}\r\n",
        "".join(f"x-{each}: {'a' * 60_000}\r\n" for each in range(20)),
        f"cookie: {'a=b; ' * 200_000}\r\n",
    ):
        answer = await shared.raw(f"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{head}\r\n")
        assert answer == b"" or answer.split(b" ")[1] in (b"400", b"431")
    for target in (f"/{'a' * 200_000}", f"/v1/models?{'a=b&' * 60_000}", f"/admin/keys?{'x' * 70_000}"):
        answer = await shared.raw(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert answer == b"" or answer.split(b" ")[1] in (b"400", b"414", b"431")
    assert (await shared.ask("GET", "/v1/models")).status == 200


@pytest.mark.parametrize(
    ("boundary", "body"),
    [
        ("-" * 70, b"--" + b"-" * 70 + b"\r\n" + b"-" * 3_000_000),
        ("-" * 70, b"--" + b"-" * 70 + b'\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + (b"\r\n--" + b"-" * 69 + b"x") * 40_000),
        ("x", b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n\r\n' * 60_000 + b"--x--"),
        ("x", b"--x\r\n" + b"a: b\r\n" * 500_000 + b"\r\n--x--"),
        ("x", b"--x\r\ncontent-disposition: form-data" + b'; a="b"' * 100_000 + b"\r\n\r\n--x--"),
        ("x", b"--x\r\ncontent-disposition: form-data" + b"; name*0=a" * 700 + b"\r\n\r\n\r\n--x--"),
        ("x", b"--x\r\ncontent-disposition: form-data; name=" + b'"' * 8000 + b"\r\n\r\n\r\n--x--"),
        ("x" * 71, b"--" + b"x" * 71 + b"--"),
        ("", b"----"),
        ("x; " + "boundary=y; " * 5000, b"--x--"),
    ],
    ids=["dashes", "nearly boundaries", "parts", "lines", "parameters", "pieces of a name", "quotes", "long", "none", "boundaries"],
)  # fmt: skip
@module
async def test_a_form_that_takes_long_to_read(shared: Attacked, boundary: str, body: bytes):
    """PYSEC-2026-1545, CVE-2024-24762, CVE-2023-30798."""
    headers = {**ADMIN, "content-type": f"multipart/form-data; boundary={boundary}"}
    began = monotonic()
    answer = await shared.request("POST", "/v1/audio/transcriptions", raw=body, headers=headers)
    assert answer.status == 400
    assert monotonic() - began < SOON_S


@module
async def test_a_content_type_that_takes_long_to_read(shared: Attacked):
    for kind in ("application/json" + ";" * 100_000, "application/json;" + " " * 100_000, "multipart/form-data;" + "a" * 100_000,
                 "multipart/form-data; boundary=" + '"\\' * 50_000, "a" * 100_000):  # fmt: skip
        for path in (CHAT, "/v1/audio/transcriptions", "/admin/keys"):
            began = monotonic()
            answer = await shared.request("POST", path, raw=b"{}", headers={**ADMIN, "content-type": kind})
            assert answer.status in (400, 415, 422)
            assert monotonic() - began < SOON_S


async def opened(gateway: Attacked, raw: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(raw.encode())
    return reader, writer


@pytest.mark.parametrize("path", [CHAT, "/admin/keys"])
async def test_a_body_that_stops(gateway: Attacked, monkeypatch: pytest.MonkeyPatch, path: str):
    monkeypatch.setattr("headgate.server.body.READ_S", 0.05)
    for raw in (post("content-length: 100", path=path, body="{"), post(TE, path=path, body="1\r\n{\r\n"),
                post("content-length: 100", path=path, body="")):  # fmt: skip
        answer = await asyncio.wait_for(gateway.raw(raw), 5)
        assert answer.split(b" ")[1] == b"408"
        assert b"connection: close" in answer.lower()


async def test_a_body_that_drips(gateway: Attacked, monkeypatch: pytest.MonkeyPatch):
    """Slowly enough to be held for hours, and quickly enough not to have stopped."""
    monkeypatch.setattr("headgate.server.body.WHOLE_S", 0.2)
    reader, writer = await opened(gateway, post("content-length: 100000", body="{"))

    async def drip() -> None:
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    try:
        assert (await asyncio.wait_for(reader.readline(), 5)).split()[1] == b"408"
    finally:
        writer.close()
        dripping.cancel()
    assert gateway.app._bodies._held_bytes == 0


@pytest.mark.parametrize("drop", ["", "GET /v1/models HTTP/1.1\r\nhost: localhost\r\n", "POST / HT"])
async def test_a_head_that_drips(monkeypatch: pytest.MonkeyPatch, drop: str):
    """Slowloris: a head line by line, and a connection that is kept for nothing."""
    monkeypatch.setattr("headgate.server.listening.HEAD_S", 0.2)
    async with attacked() as gateway:
        reader, writer = await opened(gateway, drop)

        async def drip() -> None:
            while drop.endswith("\n") and not writer.is_closing():
                writer.write(b"x-a: b\r\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        try:
            async with asyncio.timeout(5):
                while await reader.read(1000):
                    pass
        except ConnectionError:
            pass
        finally:
            writer.close()
            dripping.cancel()
        assert gateway.seen == []


async def test_many_bodies_at_once(gateway: Attacked, monkeypatch: pytest.MonkeyPatch):
    """All that are held together have one bound, whoever sends them; what is over it is refused and not held."""
    monkeypatch.setattr(gateway.app._bodies, "_max_held_bytes", 1_000_000)
    writers = []
    for _ in range(4):
        _, writer = await opened(gateway, post("content-length: 400000", body="a" * 300_000))
        writers.append(writer)
    while gateway.app._bodies._held_bytes < 900_000:
        await asyncio.sleep(0.005)
    answer: Any = await gateway.request("POST", CHAT, raw=b"{" + b" " * 300_000, headers=ADMIN)
    assert answer.status == 503
    assert (await gateway.ask("GET", "/v1/models")).status == 200
    for writer in writers:
        writer.close()
    while gateway.app._bodies._held_bytes:
        await asyncio.sleep(0.005)
    assert (await gateway.call(ADMIN_KEY)).status == 200
