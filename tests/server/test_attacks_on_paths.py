"""Items 2 and 20 of the checklist: hosts, targets and ids that mean one thing to who authorises and another to who serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio

from attacked import ADMIN_KEY, CALLS, CHAT, Attacked, attacked, named
from headgate.access.ids import Held
from headgate.server.admin.routes import ROUTES, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")


CALLER = "hg-somebody-who-may-call-models-and-nothing-else"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway() -> AsyncIterator[Attacked]:
    """A gateway that none of these tests changes."""
    async with attacked() as gateway:
        await gateway.put(CALLER)
        yield gateway


def head(target: str, *, key: str = CALLER, host: str | None = "localhost", more: str = "", method: str = "GET") -> str:
    """A request for a target, as it is written."""
    lines = [f"{method} {target} HTTP/1.1", *([] if host is None else [f"host: {host}"]), "connection: close"]
    return "\r\n".join([*lines, f"authorization: Bearer {key}{more}", "", ""])


# ── 2: Host ──

SCOPED = ["/metrics", "/targets", "/openapi.json", "/admin/keys", "/admin/config"]
"""What the caller may not see."""


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.test", "localhost/#@evil.test", "localhost#@evil.test", "localhost?@evil.test",
        "localhost/healthz", "a@localhost", "localhost:80@evil.test", "localhost, evil.test", "localhost evil.test",
        "localhost:999999", "localhost:", "localhost:a", "localhost:80:80", "[::1", "[localhost]", "::1", "2130706433",
        "0x7f.1", "127.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "localhost.", "localhost.evil.test",
        "ｌocalhost", "localhost\x0b",
    ],
)  # fmt: skip
async def test_a_crafted_host(gateway: Attacked, host: str | None):
    """CVE-2026-49468: a `Host` with a fragment moved the path that was authorised."""
    for path in (*SCOPED, "/v1/models", "/"):
        raw = await gateway.raw(head(path, key=ADMIN_KEY, host=host))
        assert int(raw.split(b" ")[1]) in (400, 403)
        assert b"headgate_" not in raw


@pytest.mark.parametrize("second", ["localhost", "evil.test", "localhost/#@evil.test", ""])
async def test_two_hosts(gateway: Attacked, second: str):
    """CVE-2026-34525."""
    for path in (*SCOPED, "/v1/models"):
        for more in (f"\r\nhost: {second}", f"\r\nHost:{second}", f"\r\nHOST: {second}"):
            assert await gateway.statuses(head(path, more=more)) == [400]


async def test_headers_that_name_another_host_or_path(gateway: Attacked):
    """What proxies put there is believed of nobody."""
    for name in ("x-forwarded-host", "x-host", "forwarded", "x-original-url", "x-rewrite-url", "x-forwarded-prefix"):
        for value in ("/healthz", "evil.test", "host=evil.test", "/v1/models"):
            for path in SCOPED:
                assert await gateway.statuses(head(path, more=f"\r\n{name}: {value}")) == [403]
    for name in ("x-http-method-override", "x-method-override"):
        assert await gateway.statuses(head("/v1/models", more=f"\r\n{name}: DELETE")) == [200]


# ── 2: targets ──


@pytest.mark.parametrize(
    "before",
    [
        "http://localhost", "http://evil.test", "http://a:b@evil.test", "http://localhost#@evil.test", "https://localhost",
        "ftp://localhost", "ws://localhost", "http://localhost:80@evil.test", "HTTP://LOCALHOST",
    ],
)  # fmt: skip
async def test_an_absolute_target(gateway: Attacked, before: str):
    """Its host decides nothing, and its path is the one that is authorised and served."""
    for path in SCOPED:
        gateway.seen.clear()
        statuses = await gateway.statuses(head(before + path))
        assert gateway.seen in ([], [("GET", path)], [("GET", "/")])
        assert statuses in ([400], [403]) or gateway.seen == [("GET", "/")], "where a fragment ate the path"
    for path, status in (("/v1/models", 200), ("/healthz", 200)):
        assert await gateway.statuses(head(before + path)) in ([400], [status])


@pytest.mark.parametrize(
    "target",
    [
        "/v1/models/../../{}", "/v1/models/%2e%2e/%2e%2e/{}", "/v1/models/..%2f..%2f{}", "/healthz/../{}", "/healthz;/../{}",
        "/healthz%2f..%2f{}", "//{}", "/./{}", "/{}/", "/{}/.", "/{};x", "/{}%00", "/{}%0a", "/{}%20", "/{}%23x", "/{}%3fx",
        "/{}.json", "/%2f{}", "\\{}", "/\\{}", "/%5c{}", "{}", "*", "/{}#/../healthz", "/{}?/../healthz", "/{}?x=/healthz",
        "/healthz?/../{}", "/healthz#/{}", "/v1/{}", "/v1/../{}", "/responses/../{}", "/v1/responses/%2e%2e/%2e%2e/{}",
    ],
)  # fmt: skip
async def test_a_crafted_target(gateway: Attacked, target: str):
    """No way of writing a path goes around the scope it needs."""
    for path in SCOPED:
        for asked in (
            path[1:],
            path[1:].upper(),
            quote(path[1:], safe="").replace("e", "%65"),
            f"%{path[1:].encode().hex('%')}",
        ):
            raw = await gateway.raw(head(target.format(asked)))
            status = int(raw.split(b" ")[1])
            if status == 200:
                assert raw.endswith(b'{"status":"ok"}'), (target, asked)
            else:
                assert status in (400, 401, 403, 404), (target, asked)


async def test_a_method_that_is_another_in_lower_case(gateway: Attacked):
    for method in ("get", "Post", "DELETE ", "X" * 100):
        for path in SCOPED:
            assert (await gateway.statuses(head(path, method=method)))[0] in (400, 403, 405)


# ── 20: ids that are paths ──

TRAVERSALS = [
    "..", ".", "../keys", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e%2f", "%252e%252e%252f", "..\\..\\x",
    "....//....//etc/passwd", "/etc/passwd", "file:///etc/passwd", "\x00", "a\x00.json", "~", "$HOME", "|id", "`id`",
    "a" * 300, "CON", "key_\u202e", "．．／", "{id}", "%s", "*",
]  # fmt: skip
WITH_ID = [route for route in ROUTES if "{" in route.path]


@pytest.mark.parametrize("route", WITH_ID, ids=named)
async def test_an_id_that_is_a_path_of_the_admin_api(gateway: Attacked, route: Route):
    """CVE-2024-37032. Every place of an id is tried, by somebody who may do everything."""
    before = await gateway.snapshot()
    wholes = ("*",) if route.path.startswith("/statements") else ()
    for text in TRAVERSALS:
        for name in (each[1:-1] for each in route.path.split("/") if each.startswith("{")):
            path = route.path.replace(f"{{{name}}}", quote(text, safe=""))
            for other in ("id", "provider", "team", "month"):
                path = path.replace(f"{{{other}}}", "2026-11" if other == "month" else "*")
            if text in wholes and name == "team":
                continue
            answer = await gateway.ask(route.method, f"/admin{path}", {"credential": "x" * 20} if route.body else None)
            assert answer.status in (400, 404, 405, 409, 415, 422), (path, answer.body)
            assert b"root:" not in answer.body
            assert "content-disposition" not in answer.headers
    assert await gateway.snapshot() == before


@pytest.mark.parametrize(
    "month",
    [
        "2026-11/../../keys",
        "..",
        "2026-13",
        "２０２６-１１",
        "2026-11\r\nx-evil: 1",
        '2026-11"; x="',
        "0000-00",
        "2026-11 ",
    ],
)
@pytest.mark.parametrize("format", ["json", "csv", "text"])
async def test_a_month_that_is_something_else(gateway: Attacked, month: str, format: str):
    """It stands in the name of the file that is given."""
    answer = await gateway.ask("GET", f"/admin/statements/*/{quote(month, safe='')}", query={"format": format})
    assert answer.status in (404, 422)
    assert "x-evil" not in answer.headers
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize("text", TRAVERSALS)
async def test_an_id_of_a_response_that_is_a_path(gateway: Attacked, text: str):
    gateway.vendor.requests.clear()
    for path in (f"/v1/responses/{quote(text, safe='')}", f"/v1/responses/{quote(text, safe='')}/cancel"):
        for method in ("GET", "DELETE", "POST"):
            answer = await gateway.ask(method, path)
            assert answer.status in (404, 405), (method, path, answer.body)
    assert gateway.vendor.requests == []


@pytest.mark.parametrize(
    "rest",
    ["/../../files", "/..%2f..%2ffiles", "/%2e%2e/%2e%2e/files", "/%252e%252e/x", "//evil.test/x", "/\\evil.test", "/%5c..%5cx",
     "/a%0d%0aX: 1", "/a%20HTTP/1.1", "/a%00", "/@evil.test", "%2f..%2f..%2ffiles"],
)  # fmt: skip
async def test_what_follows_the_id_of_a_response_climbs(gateway: Attacked, rest: str):
    """Whoever holds a good id gets nowhere but to what it names."""
    shown = gateway.ids.wrap("default", Held("openai/gpt-4o-mini", "resp_vendor1"))
    before = len(gateway.vendor.requests)
    for method in ("GET", "POST", "DELETE"):
        answer = await gateway.ask(method, f"/v1/responses/{shown}{rest}")
        assert answer.status < 500 or answer.status == 502
    for request in gateway.vendor.requests[before:]:
        assert request.target.startswith("/v1/responses/resp_vendor1/"), request.target
        assert ".." not in request.target.lower().replace("%2e", ".").replace("%252e", ".")


@pytest.mark.parametrize(
    "text",
    ["..", "../../files", "..%2f..%2f", "%2e%2e/", "/etc/passwd", "//evil.test/", "x/../../y", "x\\..\\..", "x?key=y", "x#y",
     "x:y@evil.test", "@evil.test", "x%00", "x%0d%0a", "x y", "x/../../../v1/files", ".%2e/x"],
)  # fmt: skip
async def test_a_model_that_is_a_path(gateway: Attacked, text: str):
    """Where a vendor has its models in the path, a name stays one segment of it."""
    for model, before, after in (
        ("gem", "/gemini/v1beta/models/", ":generateContent"), ("aws", "/aws/model/", "/converse"), ("any", CHAT, "")
    ):  # fmt: skip
        gateway.vendor.requests.clear()
        answer = await gateway.call(CALLER, CHAT, model=f"{model}-{text}")
        assert answer.status in (200, 400)
        for request in gateway.vendor.requests:
            assert request.target.startswith(before)
            assert request.target.endswith(after)
            name = request.target.removeprefix(before).removesuffix(after)
            assert not set(name) & set("/?#:@")
            assert not name.startswith(".")


async def test_the_list_of_models_is_no_list_of_files(gateway: Attacked):
    for text in TRAVERSALS:
        for path in (f"/v1/models/{quote(text, safe='')}", f"/models/{quote(text, safe='')}"):
            assert (await gateway.ask("GET", path, key=CALLER)).status == 404
    assert (await gateway.call(CALLER, CHAT, **CALLS[CHAT])).status == 200
