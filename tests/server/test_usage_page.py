"""The page `/usage`: each sees what is his own, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest

from identity_provider import CLIENT_SECRET, IdentityProvider
from serving import Response, Serving

ADMIN = "hg-admin-key-of-these-tests-0123456789"
CONFIG = """
storage: {database: "sqlite:///:memory:"}
providers: {sim: {kind: simulator}}
models:
  chat: {targets: [{target: sim/gpt-4o-mini, price_like: openai/gpt-4o-mini}]}
  "<b>odd</b>": {targets: [{target: sim/gpt-4o-mini, price_like: openai/gpt-4o-mini}]}
  "wild-*": {targets: [{target: "sim/*", price_like: openai/gpt-4o-mini}]}
"""


class Page(HTMLParser):
    """The text of a page, and what in it could fetch or run something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.active: list[str] = []
        self.feed(html)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base"):
            self.active.append(tag)
        self.active += [f"{name}={value}" for name, value in attrs if name.startswith("on") or name == "src"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    async with Serving(CONFIG, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
        yield serving


async def made(serving: Serving, path: str, **fields: Any) -> Any:
    answer = await serving.post(path, fields, {"authorization": f"Bearer {ADMIN}"})
    assert answer.status == 201, answer.body
    return answer.json


async def call(serving: Serving, key: str, model: str = "chat") -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    assert (await serving.post("/v1/chat/completions", body, {"authorization": f"Bearer {key}"})).status == 200


async def shown(serving: Serving, key: str) -> Response:
    form = {"content-type": "application/x-www-form-urlencoded", "origin": serving.url}
    return await serving.request("POST", "/usage", headers=form, raw=urlencode({"key": key}).encode())


async def told(serving: Serving, key: str) -> Any:
    headers = {"authorization": f"Bearer {key}", "accept": "application/json"}
    answer = await serving.request("GET", "/usage", headers=headers)
    assert answer.status == 200, answer.body
    return answer.json


async def test_it_asks_for_a_key_and_shows_what_is_the_keys_own(serving: Serving):
    asking = await serving.request("GET", "/usage")
    assert asking.status == 200
    assert 'type="password"' in asking.body.decode()
    mine = await made(serving, "/admin/keys", name="anna", budget_usd="0.5", limits=[{"per": "minute", "requests": 9}])
    other = await made(serving, "/admin/keys", name="boris")
    await call(serving, mine["key"])
    for _ in range(3):
        await call(serving, other["key"], "wild-somebody-elses")
    answer = await shown(serving, mine["key"])
    page = Page(answer.body.decode())
    assert answer.status == 200
    assert "anna" in page.text
    assert "$0.4999" in page.text
    assert "9 requests per minute" in page.text
    assert "wild-somebody-elses" not in page.text
    assert "boris" not in page.text
    assert mine["key"] not in answer.body.decode()
    usage = await told(serving, mine["key"])
    assert (usage["calls"], [line["name"] for line in usage["by_model"]]) == (1, ["chat"])
    assert len(usage["latest"]) == 1
    assert len(usage["by_day"]) == 14
    assert usage["budgets"][0]["spent_usd"] == usage["cost_usd"] != "0"


async def test_it_runs_and_fetches_nothing_and_is_kept_nowhere(serving: Serving):
    key = (await made(serving, "/admin/keys", name="<script>alert(1)</script>"))["key"]
    await call(serving, key, "<b>odd</b>")
    answer = await shown(serving, key)
    page = Page(answer.body.decode())
    assert not page.active
    assert "<script>alert(1)</script>" in page.text
    assert page.text.count("<b>odd</b>") == 3
    assert "http" not in answer.body.decode()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_browser_may_send_its_form(serving: Serving):
    """Fetch, section 3.2: under the policy `no-referrer` a form is sent with `Origin: null`, as a foreign page's could be."""
    asking = await serving.request("GET", "/usage")
    assert asking.headers["referrer-policy"] == "same-origin"
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "null"}
    assert (await serving.request("POST", "/usage", headers=form, raw=b"key=x")).status == 403


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (None, ["chat", "<b>odd</b>", "wild-*"]),
        (["chat", "wild-cat", "wild-dog*", "nothing"], ["chat", "wild-cat", "wild-dog*"]),
        (["wild*"], ["wild-*"]),
    ],
)
async def test_it_says_which_models_may_be_used(serving: Serving, allowed: list[str] | None, names: list[str]):
    key = (await made(serving, "/admin/keys", name="anna", models=allowed))["key"]
    page = Page((await shown(serving, key)).body.decode())
    assert page.words[page.words.index("Models you may use") + 1 :] == names
    assert "No call in the last 14 days." in page.text


@pytest.mark.parametrize("key", ["hg-wrong", "", "\u20ac", "x" * 5000])
async def test_a_wrong_key_shows_nothing(serving: Serving, key: str):
    answer = await shown(serving, key)
    assert answer.status == 401
    assert 'role="alert"' in answer.body.decode()
    headers = {"authorization": "Bearer hg-wrong", "accept": "application/json"}
    assert (await serving.request("GET", "/usage", headers=headers)).status == 401
    assert (await serving.request("GET", "/usage", headers={"accept": "application/json"})).status == 401


async def test_a_foreign_page_cannot_ask_and_a_form_is_bounded(serving: Serving):
    form = {"content-type": "application/x-www-form-urlencoded"}
    foreign = {**form, "origin": "https://evil.example"}
    assert (await serving.request("POST", "/usage", headers=foreign, raw=b"key=x")).status == 403
    assert (await serving.request("POST", "/usage", headers=form, raw=b"key=" + b"x" * 10_000)).status == 413
    assert (await serving.request("DELETE", "/usage", headers=form)).status == 405


async def test_nobody_elses_is_seen_by_any_other_name(serving: Serving):
    """Not by naming a key, a user or a team; a key of the same team or person is another's or another key."""
    team = await made(serving, "/admin/teams", name="Research")
    keys = [await made(serving, "/admin/keys", name=name, team=team["id"]) for name in ("anna", "boris")]
    await made(serving, "/admin/budgets", subject=f"team:{team['id']}", amount_usd="7", period="month")
    await call(serving, keys[1]["key"])
    mine = {"authorization": f"Bearer {keys[0]['key']}", "accept": "application/json"}
    for query in ("", f"?key={keys[1]['id']}", f"?user=boris&team={team['id']}&organisation=default"):
        answer = await serving.request("GET", f"/usage{query}", headers=mine)
        assert (answer.json["calls"], answer.json["latest"], answer.json["budgets"]) == (0, [], [])
    assert (await told(serving, ADMIN))["calls"] == 0


async def test_a_rotated_key_shows_what_came_before_it_and_each_its_own_budget(serving: Serving):
    await made(serving, "/admin/budgets", subject="key:*", amount_usd="3", period="month")
    old = await made(serving, "/admin/keys", name="anna", models=["chat"])
    await call(serving, old["key"])
    path = f"/admin/keys/{old['id']}/rotate"
    new = (await serving.post(path, {"overlap_s": 60}, {"authorization": f"Bearer {ADMIN}"})).json
    await call(serving, new["key"])
    usage = await told(serving, new["key"])
    assert usage["calls"] == 2
    assert usage["models"] == ["chat"]
    [budget] = usage["budgets"]
    assert (budget["amount_usd"], budget["spent_usd"]) == ("3", usage["cost_usd"])


async def test_who_is_signed_in_sees_all_of_his_keys_and_nobody_elses():
    now = int(time.time())
    async with IdentityProvider() as provider:
        provider.claims |= {"iat": now, "exp": now + 300}
        config = (
            CONFIG
            + f"""
access:
  sign_in:
    {{issuer: "{provider.issuer}", client_id: headgate, client_secret: {CLIENT_SECRET}, roles: [caller],
     redirect_uri: "http://127.0.0.1/auth/callback", algorithms: [ES256]}}
"""
        )
        async with Serving(config, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving:
            assert "/auth/login?then=/usage" in (await serving.request("GET", "/usage")).body.decode()
            begun = await serving.request("GET", "/auth/login?then=/usage")
            query = await provider.sign_in(begun.headers["location"])
            back = await serving.request("GET", f"/auth/callback?{query}", headers={"cookie": _cookies(begun)})
            session = {"cookie": _cookies(back)}
            found = await serving.request("GET", "/admin/users", headers={"authorization": f"Bearer {ADMIN}"})
            [user] = found.json["data"]
            for name in ("laptop", "desktop"):
                await call(serving, (await made(serving, "/admin/keys", name=name, user=user["id"]))["key"])
            await call(serving, (await made(serving, "/admin/keys", name="another's"))["key"])
            answer = await serving.request("GET", "/usage", headers={**session, "accept": "application/json"})
            assert answer.json["calls"] == 2
            assert (await serving.request("GET", "/usage", headers=session)).status == 200


def _cookies(response: Response) -> str:
    return "; ".join(line.partition(";")[0] for line in response.headers["set-cookie"].split("\n") if "=;" not in line)


async def test_where_nothing_is_kept_there_is_nothing_to_show():
    plain = "providers: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/a]}}\n"
    async with Serving(plain) as serving:
        assert (await serving.request("GET", "/usage")).status == 404


async def test_without_keys_everybody_on_loopback_is_the_same_caller():
    async with Serving(CONFIG) as serving:
        await call(serving, "none")
        assert (await serving.request("GET", "/usage", headers={"accept": "application/json"})).json["calls"] == 1
