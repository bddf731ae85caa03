"""The dashboard over HTTP: who sees what, whose form is taken, and that nothing a page says runs."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest

import lived
from browsing import BROWSER, FORM, Document, Person
from headgate.errors import Overloaded
from headgate.quality.called import cell_at
from headgate.server.figures import gauges
from headgate.storage.records import CalledAt
from headgate.store import Store
from headgate.telemetry.metrics import Metrics
from headgate.telemetry.rollups.cell import Cells
from headgate.telemetry.snapshot import Snapshot, summed, taken
from identity_provider import CLIENT_SECRET, IdentityProvider
from serving import Serving
from waiting import eventually

ADMIN = "hg-admin-key-of-these-tests-0123456789"
PAGES = (
    "/", "/?range=7d&by=key", "/?range=1y&of=model:chat", "/?range=custom&from=2026-11-01T00:00&to=2026-11-02T00:00",
    "/dashboard/calls?range=7d", "/dashboard/models", "/dashboard/cost?range=30d&by=tag", "/dashboard/quality",
    "/dashboard/prompts", "/dashboard/alerts", "/dashboard/alerts/rules/errors", "/dashboard/keys", "/dashboard/config",
    "/dashboard/playground",
)  # fmt: skip
HOSTILE = '<img src=x onerror="alert(1)">\u202e</script>javascript:alert(1)'


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(lived.CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        yield serving


@pytest.fixture
async def admin(serving: Serving) -> Person:
    return await Person.signed_in(serving, ADMIN)


async def made(serving: Serving, path: str, **fields: Any) -> Any:
    answer = await serving.post(path, fields, {"authorization": f"Bearer {ADMIN}"})
    assert answer.status == 201, answer.body
    return answer.json


async def call(serving: Serving, key: str, model: str = "chat", **headers: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
    answer = await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}", **headers})
    assert answer.status == 200, answer.body
    return answer.headers["x-headgate-request-id"]


# ── signing in and out ──


async def test_nobody_sees_anything_before_signing_in_and_comes_back_to_where_they_were(serving: Serving):
    nobody = Person(serving)
    for path in (*PAGES, "/dashboard/calls/req_1"):
        answer = await nobody.get(path)
        assert answer.status == 303
        assert answer.headers["location"].startswith("/dashboard/sign-in")
    asking = await nobody.get("/dashboard/sign-in?then=" + quote("/dashboard/cost?range=7d"))
    assert Document(asking.body).fields["then"] == "/dashboard/cost?range=7d"
    answer = await nobody.send("/dashboard/sign-in", key=ADMIN, then="/dashboard/cost?range=7d")
    assert (answer.status, answer.headers["location"]) == (303, "/dashboard/cost?range=7d")
    assert ADMIN not in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].endswith("Path=/; HttpOnly; SameSite=Strict")


@pytest.mark.parametrize("key", ["hg-wrong", "", "\u20ac", "x" * 5000])
async def test_a_wrong_key_opens_nothing(serving: Serving, key: str):
    answer = await Person(serving).send("/dashboard/sign-in", key=key)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.body.decode()


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\nx"]
)
async def test_signing_in_leads_nowhere_else(serving: Serving, then: str):
    answer = await Person(serving).send("/dashboard/sign-in", key=ADMIN, then=then)
    assert answer.headers["location"] == "/"


async def test_over_https_the_cookie_is_bound_to_it(serving: Serving):
    origin = {"origin": serving.url.replace("http:", "https:")}
    answer = await Person(serving).send("/dashboard/sign-in", origin, key=ADMIN)
    assert answer.headers["set-cookie"].startswith("__Host-headgate_key=")
    assert answer.headers["set-cookie"].endswith("; Secure")
    person = Person(serving, {"cookie": answer.headers["set-cookie"].partition(";")[0]})
    assert (await person.get("/dashboard/keys")).status == 200


async def test_a_session_ends_with_signing_out_and_with_its_key(serving: Serving, admin: Person):
    key = await made(serving, "/admin/keys", name="anna", roles=["developer"])
    anna = await Person.signed_in(serving, key["key"])
    assert (await anna.get("/dashboard/calls")).status == 200
    assert (await anna.send("/dashboard/sign-out", csrf="wrong")).status == 403
    assert (await anna.get("/dashboard/calls")).status == 200
    out = await anna.act("/dashboard/sign-out")
    assert (out.status, "Max-Age=0" in out.headers["set-cookie"]) == (303, True)
    assert (await anna.get("/dashboard/calls")).status == 303
    anna = await Person.signed_in(serving, key["key"])
    headers = {"authorization": f"Bearer {ADMIN}"}
    assert (await serving.request("POST", f"/admin/keys/{key['id']}/revoke", headers=headers)).status == 200
    assert (await anna.get("/dashboard/calls")).status == 303


async def test_people_of_an_identity_provider_sign_in_with_their_roles():
    now = int(time.time())
    async with IdentityProvider() as provider:
        provider.claims |= {"iat": now, "exp": now + 300, "groups": ["ops"]}
        config = (
            lived.CONFIG
            + f"""
access:
  sign_in: {{issuer: "{provider.issuer}", client_id: headgate, client_secret: {CLIENT_SECRET}, grants: {{ops: [auditor]}},
    redirect_uri: "http://127.0.0.1/auth/callback", algorithms: [ES256]}}
"""
        )
        async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
            nobody = Person(serving)
            assert "/auth/login?then=/" in (await nobody.page("/dashboard/sign-in")).links
            begun = await nobody.get("/auth/login?then=/")
            query = await provider.sign_in(begun.headers["location"])
            back = await nobody.get(f"/auth/callback?{query}", cookie=begun.headers["set-cookie"].partition(";")[0])
            [cookie] = [each.partition(";")[0] for each in back.headers["set-cookie"].split("\n") if "=;" not in each]
            person = Person(serving, {"cookie": cookie})
            page = await person.page("/")
            assert "/dashboard/keys?range=24h" in page.links or "/dashboard/keys" in page.links
            assert not any("playground" in each for each in page.links)  # an auditor calls no models
            csrf = page.fields["csrf"]
            assert (await person.send("/dashboard/keys", csrf=csrf, name="x")).status == 403
            assert (await person.send("/dashboard/sign-out", csrf=csrf)).status == 303
            assert (await person.get("/")).status == 303


# ── who sees what ──


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        ("admin", {"", "calls", "models", "cost", "quality", "alerts", "keys", "config", "playground"}),
        ("operator", {"", "calls", "models", "cost", "quality", "alerts", "keys", "config", "playground"}),
        ("auditor", {"", "calls", "models", "cost", "quality", "alerts", "keys", "config"}),
        ("developer", {"", "calls", "models", "cost", "quality", "alerts", "keys", "playground"}),
        ("caller", {"playground"}),
    ],
)
async def test_roles_decide_what_is_seen(serving: Serving, role: str, seen: set[str]):
    key = await made(serving, "/admin/keys", name="anna", roles=[role])
    anna = await Person.signed_in(serving, key["key"])
    found = set()
    for name in ("", "calls", "models", "cost", "quality", "alerts", "keys", "config", "playground"):
        answer = await anna.get(f"/dashboard/{name}" if name else "/")
        if answer.status == 200:
            found.add(name)
        else:
            assert answer.status == (303 if not name else 403)
    assert found == seen
    writes = role in ("admin", "operator")
    if "keys" in seen:
        assert ("A new key" in (await anna.page("/dashboard/keys")).text) is writes
    assert (await anna.act("/dashboard/keys", name="b", roles="caller")).status == (200 if writes else 403)


async def test_who_may_read_metrics_and_no_more_sees_no_cost_and_nobody_by_name():
    config = lived.CONFIG + "access: {roles: {watcher: [metrics]}}\n"
    async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        key = await made(serving, "/admin/keys", name="watch", roles=["watcher"])
        caller = await made(serving, "/admin/keys", name="the-caller")
        await call(serving, caller["key"])
        person = await Person.signed_in(serving, key["key"])
        page = await person.page("/")
        assert "Latency p95" in page.text
        assert "Cost" not in page.text
        assert "$" not in page.text
        for path in (
            "/?by=key",
            "/?by=team",
            "/?by=tag",
            f"/?of=key:{caller['id']}",
            "/dashboard/calls",
            "/dashboard/cost",
        ):
            assert (await person.get(path)).status == 403, path
        assert (await person.get("/?by=target&csv=by-target")).body.splitlines()[0].endswith(b"tokens_in,tokens_out")


async def test_a_key_of_a_team_sees_its_teams_calls_and_no_others(serving: Serving):
    ours = await made(serving, "/admin/teams", name="Ours")
    theirs = await made(serving, "/admin/teams", name="Theirs")
    key = await made(serving, "/admin/keys", name="of-ours", team=ours["id"], roles=["developer"])
    other = await made(serving, "/admin/keys", name="of-theirs", team=theirs["id"])
    mine, foreign = await call(serving, key["key"]), await call(serving, other["key"], "reasoning")
    person = await Person.signed_in(serving, key["key"])
    page = await person.page("/?by=key")
    assert "of-ours" in page.text
    assert "of-theirs" not in page.text
    assert "reasoning" not in (await person.page("/?by=model")).text
    listed = await person.page("/dashboard/calls")
    assert any(mine in each for each in listed.links)
    assert not any(foreign in each for each in listed.links)
    assert (await person.get(f"/dashboard/calls/{mine}")).status == 200
    assert (await person.get(f"/dashboard/calls/{foreign}")).status == 404
    for path in (
        f"/?of=team:{theirs['id']}",
        f"/?of=key:{other['id']}",
        f"/dashboard/calls?team={theirs['id']}",
        "/dashboard/config",
    ):
        assert (await person.get(path)).status == 403, path
    assert (await person.page("/dashboard/cost")).text.count("of-theirs") == 0
    assert (await person.get("/dashboard/models")).status == 200
    bearer = {"authorization": f"Bearer {key['key']}"}
    assert (await serving.request("GET", f"/admin/calls/{foreign}", headers=bearer)).status == 404
    assert [each["id"] for each in (await serving.request("GET", "/admin/calls", headers=bearer)).json["data"]] == [
        mine
    ]


async def test_without_keys_loopback_sees_how_calls_do_and_asks_models_and_changes_nothing():
    async with Serving(lived.CONFIG) as serving:
        person = Person(serving)
        page = await person.page("/")
        assert "Latency p95" in page.text
        assert "Sign out" not in page.text
        assert "$" not in page.text
        assert (await person.get("/dashboard/models")).status == 200
        for path in (
            "/dashboard/calls",
            "/dashboard/cost",
            "/dashboard/keys",
            "/dashboard/config",
            "/dashboard/calls/live",
        ):
            assert (await person.get(path)).status == 403, path
        csrf = (await person.get("/dashboard/playground")).body.decode().partition('data-csrf="')[2].partition('"')[0]
        assert (await person.send("/dashboard/keys", csrf=csrf, name="x")).status == 403
        assert (await serving.request("GET", "/", headers={"accept": "*/*"})).json["name"] == "headgate"


async def test_where_nothing_is_kept_there_is_health_and_the_playground():
    plain = "providers: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/a]}}\n"
    async with Serving(plain) as serving:
        person = Person(serving)
        assert "Nothing is kept here" in (await person.page("/")).text
        assert "sim/a" in (await person.page("/dashboard/models")).text
        assert (await person.get("/dashboard/playground")).status == 200


class Fleet:
    """Two workers, of which the other one leaves a target alone; nobody tells, where `silent`."""

    silent = False

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def total(self) -> Snapshot:
        if self.silent:
            raise Overloaded("The figures of all workers cannot be had now; try again.")
        [here] = [each for each in self._serving.gateway.targets() if each.target == "local/llama-3.3-70b"]
        there = msgspec.structs.replace(here, breaker="open", rests_s=9.0, failure_rate=0.75, in_flight=3)
        return summed([self._serving.app.figures.taken(), taken(Metrics(), gauges([there]))])


async def test_models_that_retire_are_told_with_their_day():
    text = "models: {chat: {targets: [sim/gone, sim/stays]}}\nproviders: {sim: {kind: simulator}}\n"
    async with Serving(f"{text}retirements: {{simulator/gone: 2027-01-31}}", server="auth: none") as serving:
        page = await Person(serving).page("/dashboard/models")
        assert page.text.count("retires on") == page.text.count("retires on 2027-01-31") == 1


async def test_how_targets_are_doing_is_told_for_all_workers(serving: Serving, admin: Person):
    await call(serving, ADMIN, "summaries")
    assert "What is so now is what this server knows" in (await admin.page("/dashboard/models")).text
    serving.app._dashboard._fleet = fleet = Fleet(serving)  # type: ignore[assignment]
    page = await admin.page("/dashboard/models")
    assert "all workers of this server" in page.text
    assert re.search(r"local/llama-3.3-70b rests 3 of [0-9,]+ 0 75.0 %", page.text)
    assert "Degraded" in (await admin.page("/")).text
    fleet.silent = True
    page = await admin.page("/dashboard/models")
    assert "one worker of this server" in page.text
    assert "local/llama-3.3-70b in use" in page.text


# ── whose form it is ──


async def test_a_form_is_taken_from_a_page_of_its_own_session_alone(serving: Serving, admin: Person):
    other = await Person.signed_in(serving, ADMIN)
    theirs = (await other.page("/dashboard/keys")).fields["csrf"]
    mine = (await admin.page("/dashboard/keys")).fields["csrf"]
    assert mine != theirs
    for fields in ({}, {"csrf": ""}, {"csrf": theirs}, {"csrf": "\u20ac"}):
        assert (await admin.send("/dashboard/keys", name="x", roles="caller", **fields)).status == 403
    wanted = {"name": "x", "roles": "caller", "csrf": mine}
    assert (await admin.send("/dashboard/keys", {"origin": "https://evil.example"}, **wanted)).status == 403
    assert (await admin.send("/dashboard/keys", {"origin": "null"}, **wanted)).status == 403
    assert (await admin.send("/dashboard/keys", {"origin": ""}, **wanted)).status == 403
    assert (await admin.send("/dashboard/keys", {"content-type": "application/json"}, **wanted)).status == 415
    assert (await admin.send("/dashboard/keys", {"host": "evil.example"}, **wanted)).status == 403
    assert (await admin.get("/dashboard/keys?name=x&csrf=" + mine)).status == 200
    listed = await serving.request("GET", "/admin/keys", headers={"authorization": f"Bearer {ADMIN}"})
    assert listed.json["data"] == []
    assert (await admin.send("/dashboard/keys", **wanted)).status == 200
    assert (await admin.get("/dashboard/keys/key_1/revoke")).status == 405
    huge = await serving.request(
        "POST",
        "/dashboard/keys",
        headers={**BROWSER, **FORM, **admin.headers, "origin": serving.url},
        raw=b"x" * 70_000,
    )
    assert huge.status == 413


async def test_a_session_calls_models_with_its_token_and_nowhere_else(serving: Serving, admin: Person):
    key = await made(serving, "/admin/keys", name="anna", models=["chat"])
    anna = await Person.signed_in(serving, key["key"])
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    page = await anna.get("/dashboard/playground")
    csrf = page.body.decode().partition('data-csrf="')[2].partition('"')[0]
    path, token = "/dashboard/v1/chat/completions", {"x-headgate-csrf": csrf}
    assert (await serving.post("/v1/chat/completions", body, anna.headers)).status == 401
    assert (await serving.post(path, body)).status == 401
    assert (await serving.post(path, body, anna.headers)).status == 403
    assert (await serving.post(path, body, {**anna.headers, "x-headgate-csrf": "0" * 64})).status == 403
    assert (await serving.post(path, body, {"authorization": f"Bearer {key['key']}", **token})).status == 401
    answer = await serving.post(path, body, {**anna.headers, **token})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    [row] = await serving.rows(answer)
    assert row.key_id == key["id"]
    other = await serving.post(path, {**body, "model": "reasoning"}, {**anna.headers, **token})
    assert other.status == 404
    assert other.json["error"]["code"] == "model_not_found"
    assert (await serving.post("/dashboard/v1/embeddings", body, {**anna.headers, **token})).status == 403


async def test_a_call_is_held_open_until_the_key_of_its_session_is_revoked(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("headgate.server.app.SLOW_S", 0.0)
    key = await made(serving, "/admin/keys", name="anna", models=["chat"])
    anna = await Person.signed_in(serving, key["key"])
    csrf = (await anna.get("/dashboard/playground")).body.decode().partition('data-csrf="')[2].partition('"')[0]
    asked: list[object] = []
    identify = serving.app._dashboard.caller

    async def caller(*given: Any) -> Any:
        identity = await identify(*given)
        asked.append(identity)
        return identity

    monkeypatch.setattr(serving.app._dashboard, "caller", caller)
    raw = b'{"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}'
    address = urlsplit(serving.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    headers = {**anna.headers, "x-headgate-csrf": csrf, "content-type": "application/json"}
    lines = [f"{name}: {value}" for name, value in {**headers, "content-length": str(len(raw))}.items()]
    head = "\r\n".join(["POST /dashboard/v1/chat/completions HTTP/1.1", "host: localhost", *lines, "", ""])
    writer.write(head.encode() + raw[:5])
    await writer.drain()

    async def begun() -> bool:
        return bool(asked)

    await eventually(begun)
    revoked = await serving.post(f"/admin/keys/{key['id']}/revoke", {}, {"authorization": f"Bearer {ADMIN}"})
    assert revoked.status == 200
    writer.write(raw[5:])
    assert (await reader.readline()).split()[1] == b"401"
    writer.close()


async def test_forms_act_in_the_organisation_that_is_shown(serving: Serving, admin: Person):
    await made(serving, "/admin/organisations", name="Acme", id="acme")
    for path, form in (("keys", "keys"), ("alerts", "alerts/silences"), ("alerts/rules/errors", "alerts/silences")):
        page = (await admin.get(f"/dashboard/{path}?organisation=acme")).body.decode()
        assert f'action="/dashboard/{form}?organisation=acme"' in page
    done = await admin.act("/dashboard/keys?organisation=acme", name="theirs", roles="caller")
    assert "theirs" in Document(done.body).text
    assert "theirs" not in (await admin.page("/dashboard/keys")).text
    await admin.act("/dashboard/alerts/silences?organisation=acme", lasts="2h", reason="their-own")
    assert "their-own" in (await admin.page("/dashboard/alerts?organisation=acme")).text
    assert "their-own" not in (await admin.page("/dashboard/alerts")).text


# ── what a page says ──


async def test_pages_run_nothing_of_their_own_and_fetch_nothing_from_elsewhere(serving: Serving, admin: Person):
    await made(serving, "/admin/keys", name="anna")
    for path in (*PAGES, "/dashboard/sign-in", "/dashboard/nothing"):
        answer = await admin.get(path)
        assert Document(answer.body).active == [], path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b"http://" not in answer.body.replace(b"http://www.w3.org", b"").replace(serving.url.encode(), b"")


async def test_names_from_anywhere_are_text(serving: Serving, admin: Person):
    team = await made(serving, "/admin/teams", name="<b>team</b>")
    key = await made(serving, "/admin/keys", name="<script>alert(1)</script>", team=team["id"])
    tags = {"x-headgate-tags": "app=<img/src=x/onerror=alert(1)>,link=javascript:alert(1)"}
    call_id = await call(serving, key["key"], **tags)
    for path in (
        "/?by=key",
        "/?by=tag",
        "/?by=team",
        "/dashboard/calls",
        f"/dashboard/calls/{call_id}",
        "/dashboard/keys",
        "/dashboard/cost?by=tag",
    ):
        page = await admin.page(path)
        assert page.active == [], path
    assert "<script>alert(1)</script>" in (await admin.page("/?by=key")).text
    for query in ("of", "model", "by", "range", "from", "csv", "id", "then", "refresh", "step"):
        answer = await admin.get(f"/?{query}={quote(HOSTILE)}")
        assert Document(answer.body).active == [], query
        answer = await admin.get(f"/dashboard/calls?{query}={quote(HOSTILE)}")
        assert not answer.body or Document(answer.body).active == [], query


async def test_figures_are_those_of_the_admin_api_and_the_file_is_the_table(serving: Serving, admin: Person):
    await lived.live(serving.gateway, days=5, calls=300)
    headers = {"authorization": f"Bearer {ADMIN}"}
    span = "from=2026-01-01T00:00:00Z&step=day&by=model"
    found = await serving.request("GET", f"/admin/traffic?{span}", headers=headers)
    told = {each["name"]: each["total"] for each in found.json["series"]}
    assert sum(each["calls"] for each in told.values()) == 300
    rows = _rows((await admin.get("/?range=7d&step=day&csv=by-model")).body)
    assert {row["model"] for row in rows} == set(told)
    for row in rows:
        sum_ = told[row["model"]]
        assert int(row["calls"]) == sum_["calls"]
        assert row["cost_usd"] == sum_["cost_usd"]
        for name in ("p50", "p95", "p99"):
            assert float(row[f"{name}_ms"]) == pytest.approx(sum_["durations_ms"]["duration"][name], rel=1e-5)
    page = await admin.get("/?range=7d&step=hour")
    file = _rows((await admin.get("/?range=7d&step=hour&csv=traffic")).body)
    assert sum(int(row["answered"]) + int(row["failed"]) for row in file) == 300
    assert page.body.count(b"<tr data-t=") >= 6 * len(file)
    cost = _rows((await admin.get("/?range=7d&step=day&csv=cost")).body)
    hours = _rows((await admin.get("/?range=7d&step=hour&csv=cost")).body)
    assert sum(map(float, (row["cost (USD)"] for row in cost))) == pytest.approx(
        sum(float(row["cost (USD)"]) for row in hours)
    )


def _rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode())))


async def test_a_call_is_found_by_its_id_and_by_its_trace(serving: Serving, admin: Person):
    key = await made(serving, "/admin/keys", name="anna")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    call_id = await call(serving, key["key"], traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    found = await admin.get(f"/dashboard/calls?id={call_id}")
    assert found.headers["location"].startswith(f"/dashboard/calls/{call_id}")
    for name in (call_id, trace):
        page = await admin.page(f"/dashboard/calls/{name}")
        assert call_id in page.text
        assert "openai/gpt-4o-mini" in page.text
    assert (await admin.get("/dashboard/calls/req_unknown")).status == 404
    assert (await admin.get("/dashboard/calls?slower_ms=x")).status == 422
    assert call_id.encode() in (await admin.get("/dashboard/calls?csv=calls")).body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?range=2y", 422), ("/?by=colour", 422), ("/?of=colour:red", 422), ("/?from=yesterday", 422), ("/?step=minute&range=1y", 422),
        ("/?from=2026-11-02T00:00&to=2026-11-01T00:00", 422), ("/?of=%ff", 400), ("/dashboard/calls?cursor=x", 422),
        ("/dashboard/nothing", 404), ("/dashboard/static/nothing.js", 404), ("/dashboard/static/../board.py", 404),
        ("/?" + "x" * 5000, 400), ("/?organisation=elsewhere", 404), ("/?csv=nothing", 200),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_said_to_make_none(admin: Person, path: str, status: int):
    assert (await admin.get(path)).status == status


async def test_files_are_kept_by_what_is_in_them(serving: Serving):
    nobody = Person(serving)
    body = await nobody.page("/dashboard/sign-in")
    assert body
    sign_in = (await nobody.get("/dashboard/sign-in")).body.decode()
    url = "/dashboard/static/board.css" + sign_in.partition("/dashboard/static/board.css")[2].partition('"')[0]
    answer = await nobody.get(url)
    assert (answer.status, "immutable" in answer.headers["cache-control"]) == (200, True)
    assert (await nobody.get(url, **{"if-none-match": answer.headers["etag"]})).status == 304
    assert (await nobody.get("/dashboard/static/board.css")).headers["cache-control"] == "no-cache"
    assert (await serving.request("POST", url, headers={"origin": serving.url})).status == 405


# ── acts ──


async def test_a_key_is_made_shown_once_rotated_and_revoked(serving: Serving, admin: Person):
    team = await admin.act("/dashboard/teams", name="Research", timezone="Europe/Berlin")
    assert team.status == 200
    [made_team] = (await serving.request("GET", "/admin/teams", headers={"authorization": f"Bearer {ADMIN}"})).json[
        "data"
    ]
    answer = await admin.act(
        "/dashboard/keys", name="ci", team=made_team["id"], models="chat, search-*", roles=["caller"], budget_usd="2.50",
        budget_period="month", requests="60", expires_days="30",
    )  # fmt: skip
    assert answer.status == 200, Document(answer.body).text
    key = _shown(answer.body)
    [view] = (await serving.request("GET", "/admin/keys", headers={"authorization": f"Bearer {ADMIN}"})).json["data"]
    assert (view["models"], view["team"], view["limits"][0]["requests"]) == (["chat", "search-*"], made_team["id"], 60)
    assert (view["budgets"][0]["amount_usd"], view["budgets"][0]["period"]) == ("2.5", "month")
    assert key not in (await admin.get("/dashboard/keys")).body.decode()
    await call(serving, key)
    rotated = await admin.act(f"/dashboard/keys/{view['id']}/rotate", overlap_h="1", version=view["version"])
    new = _shown(rotated.body)
    await call(serving, key)
    await call(serving, new)
    stale = await admin.act(f"/dashboard/keys/{view['id']}/revoke", version=view["version"])
    assert stale.status == 409
    assert "changed" in Document(stale.body).text
    assert (await admin.act(f"/dashboard/keys/{view['id']}/revoke")).status == 200
    body = {"model": "chat", "messages": []}
    assert (await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})).status == 401
    await call(serving, new)
    log = await serving.request("GET", "/admin/audit", headers={"authorization": f"Bearer {ADMIN}"})
    assert {"keys.create", "keys.rotate", "keys.revoke", "teams.create"} <= {
        each["action"] for each in log.json["data"]
    }


def _shown(body: bytes) -> str:
    return body.decode().partition('<code id="secret">')[2].partition("<")[0]


async def test_what_is_wrong_with_a_new_key_is_said_and_what_was_written_stays(serving: Serving, admin: Person):
    answer = await admin.act(
        "/dashboard/keys", name="ci", roles=["caller"], budget_usd="much", requests="many", expires_days="soon"
    )
    assert answer.status == 422
    text = Document(answer.body).text
    for wrong in ("budget_usd", "requests", "expires_at"):
        assert wrong in text
    assert 'value="ci"' in answer.body.decode()
    assert (await admin.act("/dashboard/keys", name="ci")).status == 422  # no role
    assert (await admin.act("/dashboard/keys/key_unknown/revoke")).status == 404


async def test_the_configuration_shows_no_secret():
    config = lived.CONFIG.replace(
        "openai: {kind: simulator}",
        'openai: {kind: simulator, api_key: "${VENDOR_KEY}", base_url: "http://${VENDOR_HOST}/v1"}',
    )
    environ = {"HEADGATE_ADMIN_KEY": ADMIN, "VENDOR_KEY": "sk-of-the-vendor", "VENDOR_HOST": "inner.example"}
    async with Serving(config, environ, "auth: keys") as serving:
        admin = await Person.signed_in(serving, ADMIN)
        body = (await admin.get("/dashboard/config")).body.decode()
        assert "chat:" in body
        assert "sk-of-the-vendor" not in body
        assert "inner.example" not in body
        assert "***" in body


async def test_what_is_changed_is_held_against_a_time_as_long_before(serving: Serving, admin: Person):
    store, now_s = serving.gateway.store, serving.gateway.services.clock.now_us() // 1_000_000
    assert isinstance(store, Store)
    cells: Cells = {}
    for hours, calls in ((1, 40), (30, 20), (60, 999)):  # hours ago; the last of them is in neither day
        at = CalledAt(started_us=(now_s - hours * 3_600) * 1_000_000, model="chat")
        cell_at(cells, "default", at).count("calls", calls)
    async with store.database.transaction() as transaction:
        await store.calls.sink.count(transaction, cells)
    page = await admin.page("/?range=24h")
    assert "Calls 40" in page.text
    assert "+100 %" in page.text


async def test_pages_are_made_ready_before_anybody_looks(serving: Serving):
    from headgate.dashboard import writing

    writing._environment.cache_clear()
    await serving.app._dashboard.load()
    cache = writing._environment().cache
    assert cache is not None
    held = {str(name) for _, name in dict(cache.items())}
    assert held == set(writing.templates())
