"""People sign in at an identity provider: a real one on a socket, and a browser that keeps cookies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from msgspec.structs import replace
from place import Place

from headgate.access import sign_in
from headgate.access.config import SignInConfig
from headgate.access.people import People
from headgate.access.sessions import Sessions
from headgate.access.sign_in import Page, SignIn
from headgate.errors import Forbidden, HeadgateError, MethodNotAllowed, NotFound, Overloaded, Unauthenticated
from headgate.storage.database import Transaction
from headgate.storage.records import AuditRecord, User
from headgate.storage.state import MemoryState
from headgate.types import Identity
from identity_provider import (
    CLIENT_SECRET,
    EC,
    NOW,
    IdentityProvider,
    SigningKey,
    confused,
    signed,
    unsigned,
)

OTHER = SigningKey("ec-2", "ES256")
SECRET = b"of the gateway"


class Browser:
    """Keeps cookies by name."""

    def __init__(self) -> None:
        self.jar: dict[str, str] = {}
        self.rules: dict[str, str] = {}

    @property
    def headers(self) -> dict[bytes, bytes]:
        return {b"cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items()).encode()}

    def take(self, page: Page) -> Page:
        for name, header in page.headers:
            if name == b"set-cookie":
                pair, _, rules = header.decode().partition("; ")
                cookie, _, value = pair.partition("=")
                self.rules[cookie] = rules
                if "Max-Age=0;" in rules:
                    self.jar.pop(cookie, None)
                else:
                    self.jar[cookie] = value
        return page


class Gate:
    """A gateway's pages for signing in."""

    def __init__(self, place: Place, provider: IdentityProvider, **settings: Any) -> None:
        self.place = place
        self.provider = provider
        self.shared = MemoryState(place.clock)
        self.records: list[AuditRecord] = []
        self.failures: list[tuple[str, str, str]] = []
        usual: dict[str, Any] = {
            "issuer": provider.issuer,
            "client_id": "headgate",
            "client_secret": CLIENT_SECRET,
            "redirect_uri": "http://127.0.0.1:8080/auth/callback",
            "grants": {"ops": ["operator"], "all": ["developer"]},
            "roles": ["developer"],
        }
        self.config = SignInConfig(**{**usual, **settings})
        people = People(place.database, place.directory, place.clock, self._append)
        self.sessions = Sessions(self.shared, place.directory, place.clock, self.config)
        self.pages = SignIn(
            self.config,
            people,
            self.sessions,
            self.shared,
            place.clock,
            SECRET,
            failed=lambda *failure: self.failures.append(failure),
        )

    async def _append(self, transaction: Transaction, records: Sequence[AuditRecord]) -> None:
        self.records += records

    async def begin(self, browser: Browser, query: str = "") -> str:
        """Where the browser is sent."""
        page = browser.take(await self.pages.serve("GET", "/auth/login", query, browser.headers, "192.0.2.7"))
        assert page.status == 302
        return dict(page.headers)[b"location"].decode()

    async def back(self, browser: Browser, query: str) -> Page:
        return browser.take(await self.pages.serve("GET", "/auth/callback", query, browser.headers, "192.0.2.7"))

    async def sign_in(self, browser: Browser) -> Page:
        return await self.back(browser, await self.provider.sign_in(await self.begin(browser)))

    async def who(self, browser: Browser) -> Identity | None:
        return await self.sessions.identity(browser.headers)

    async def refused(self, browser: Browser, query: str) -> str:
        """Why a browser that comes back is not let in, as the audit log is told."""
        before = len(self.failures)
        with pytest.raises(HeadgateError) as caught:
            await self.back(browser, query)
        assert caught.value.status in (401, 403)
        assert await self.who(browser) is None
        [(reason, address, hint)] = self.failures[before:]
        assert (address, hint) == ("192.0.2.7", "")
        return reason


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with IdentityProvider() as provider:
        yield provider


@pytest.fixture
async def gate(place: Place, provider: IdentityProvider) -> AsyncIterator[Gate]:
    place.clock.step(NOW - place.clock.now_us() / 1e6)
    gate = Gate(place, provider)
    yield gate
    await gate.pages.close()


async def test_somebody_signs_in(gate: Gate):
    browser = Browser()
    page = await gate.sign_in(browser)
    assert page.status == 200
    identity = await gate.who(browser)
    assert identity is not None
    [user] = list(gate.place.directory._snapshot.rows[User].values())
    assert (user.name, user.email, user.issuer, user.subject) == ("Jo", "jo@acme.test", gate.provider.issuer, "jo")
    assert (identity.key_id, identity.user_id, identity.roles) == (f"user:{user.id}", user.id, {"developer"})
    assert gate.failures == []
    assert [(record.action, record.actor, record.subject) for record in gate.records] == [
        ("users.create", f"user:{user.id}", f"user:{user.id}"),
        ("login", f"user:{user.id}", f"user:{user.id}"),
    ]
    assert "jo@acme" not in repr(gate.records)


async def test_the_same_person_is_the_same_user_and_brought_up_to_date(gate: Gate):
    first, second, third = Browser(), Browser(), Browser()
    await gate.sign_in(first)
    await gate.sign_in(second)
    gate.provider.claims |= {"name": "Jo Doe", "groups": ["ops", "unknown"]}
    await gate.sign_in(third)
    identities = [await gate.who(browser) for browser in (first, second, third)]
    assert len({identity.user_id for identity in identities if identity}) == 1
    assert all(identity and identity.roles == {"developer", "operator"} for identity in identities), (
        "at once, everywhere"
    )
    assert [record.action for record in gate.records] == ["users.create", "login", "login", "users.change", "login"]


async def test_another_subject_with_the_same_address_is_another_user(gate: Gate):
    """An address can be given to somebody else; what an issuer calls somebody cannot."""
    first, second = Browser(), Browser()
    await gate.sign_in(first)
    gate.provider.claims |= {"sub": "jo-2"}
    await gate.sign_in(second)
    one, two = await gate.who(first), await gate.who(second)
    assert one is not None
    assert two is not None
    assert one.user_id != two.user_id


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (None, {"developer"}),
        (["ops"], {"developer", "operator"}),
        ("ops", {"developer", "operator"}),
        (["admin", "operator"], {"developer"}),
        ({"ops": 1}, {"developer"}),
        ([["ops"], 7], {"developer"}),
    ],
)
async def test_roles_by_group(gate: Gate, groups: Any, roles: set[str]):
    browser = Browser()
    gate.provider.claims |= {"groups": groups}
    await gate.sign_in(browser)
    identity = await gate.who(browser)
    assert identity is not None
    assert identity.roles == roles


async def test_who_has_no_role_is_turned_away(place: Place, provider: IdentityProvider):
    place.clock.step(NOW - place.clock.now_us() / 1e6)
    gate = Gate(place, provider, roles=[])
    browser = Browser()
    query = await provider.sign_in(await gate.begin(browser))
    with pytest.raises(Forbidden):
        await gate.back(browser, query)
    assert gate.failures == [("login_roles", "192.0.2.7", "")]
    assert gate.records == [], "and leaves no row"
    await gate.pages.close()


async def test_an_archived_user_is_turned_away_and_signed_out(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    [user] = list(gate.place.directory._snapshot.rows[User].values())
    assert isinstance(user, User)
    await gate.place.put(replace(user, archived_us=1))
    assert await gate.who(browser) is None
    again = Browser()
    assert await gate.refused(again, await gate.provider.sign_in(await gate.begin(again))) == "login_archived"


async def test_a_sign_in_that_cannot_be_written_down_does_not_happen(gate: Gate):
    async def full(transaction: Transaction, records: Sequence[AuditRecord]) -> None:
        raise OSError("the disk is full")

    gate.pages._people._append = full
    browser = Browser()
    with pytest.raises(OSError):
        await gate.sign_in(browser)
    assert await gate.who(browser) is None
    assert gate.place.directory._snapshot.rows[User] == {}


@pytest.mark.parametrize("method", [["client_secret_post"], ["client_secret_basic", "client_secret_post"], None])
async def test_the_client_shows_its_secret_as_the_provider_wants(gate: Gate, method: list[str] | None):
    if method:
        gate.provider.discovery["token_endpoint_auth_methods_supported"] = method
    await gate.sign_in(Browser())
    request = gate.provider._server.requests[-2 if gate.provider.asked[-1] == "/jwks" else -1]
    assert (b"client_secret=" in request.body) == (method == ["client_secret_post"])
    assert (request.header("authorization") is None) == (method == ["client_secret_post"])


async def test_a_client_without_a_secret_has_none_to_show(place: Place, provider: IdentityProvider):
    place.clock.step(NOW - place.clock.now_us() / 1e6)
    provider.secret = None
    gate = Gate(place, provider, client_secret=None)
    browser = Browser()
    await gate.sign_in(browser)
    assert await gate.who(browser) is not None
    await gate.pages.close()


# ── where to ──


@pytest.mark.parametrize("place_asked", ["/", "/dashboard/keys?x=1&y=%22", "/a//b"])
async def test_the_browser_goes_where_it_wanted_to(gate: Gate, place_asked: str):
    browser = Browser()
    url = await gate.begin(browser, urlencode({"then": place_asked}))
    page = await gate.back(browser, await gate.provider.sign_in(url))
    assert f'content="0;url={place_asked.replace("&", "&amp;")}"'.encode() in page.body


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/x\r\nset-cookie: a=b",
        "evil",
        "",
        "/" + "a" * 600,
        "/é",
    ],
)
async def test_and_to_no_other_site(gate: Gate, elsewhere: str):
    browser = Browser()
    url = await gate.begin(browser, urlencode({"then": elsewhere}))
    page = await gate.back(browser, await gate.provider.sign_in(url))
    assert b'content="0;url=/"' in page.body
    assert b"evil" not in page.body


async def test_nothing_in_the_page_can_be_a_script(gate: Gate):
    browser = Browser()
    url = await gate.begin(browser, urlencode({"then": '/"><script>alert(1)</script>'}))
    page = await gate.back(browser, await gate.provider.sign_in(url))
    assert b"<script" not in page.body
    headers = dict(page.headers)
    assert headers[b"content-security-policy"].startswith(b"default-src 'none'")
    assert (headers[b"cache-control"], headers[b"referrer-policy"]) == (b"no-store", b"no-referrer")


async def test_the_provider_is_told_exactly_where_to_send_people_back(gate: Gate):
    asked = parse_qs(urlsplit(await gate.begin(Browser(), "redirect_uri=https://evil.test&client_id=x")).query)
    assert asked["redirect_uri"] == ["http://127.0.0.1:8080/auth/callback"]
    assert asked["client_id"] == ["headgate"]
    assert asked["scope"] == ["openid profile email"]


async def test_every_sign_in_has_a_state_nonce_and_challenge_of_its_own(gate: Gate):
    seen: set[str] = set()
    for _ in range(5):
        asked = parse_qs(urlsplit(await gate.begin(Browser())).query)
        values = {asked[name][0] for name in ("state", "nonce", "code_challenge")}
        assert all(len(value) == 43 for value in values), "256 bits each"
        seen |= values
    assert len(seen) == 15


# ── attacks ──


async def test_a_code_is_good_once(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    pending = dict(browser.jar)
    await gate.back(browser, query)
    thief = Browser()
    thief.jar = pending
    assert await gate.refused(thief, query) == "login_state"
    code = parse_qs(query)["code"][0]
    assert gate.provider.asked.count("/token") == 1, "the provider is not even asked"
    assert code not in gate.provider.grants


async def test_two_tabs_with_one_code_are_one_session(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    pages = await asyncio.gather(gate.back(browser, query), gate.back(browser, query), return_exceptions=True)
    assert sorted(type(page).__name__ for page in pages) == ["Page", "Unauthenticated"]


async def test_a_state_of_another_browser_is_not_taken(gate: Gate):
    """Somebody is sent a link by which they would be signed in as somebody else."""
    attacker, victim = Browser(), Browser()
    query = await gate.provider.sign_in(await gate.begin(attacker))
    assert await gate.refused(victim, query) == "login_state"
    await gate.begin(victim)
    assert await gate.refused(victim, query) == "login_state"
    assert "/token" not in gate.provider.asked


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: {**fields, "state": "x" * 43},
        lambda fields: {**fields, "state": ""},
        lambda fields: {**fields, "state": "é"},
        lambda fields: {name: value for name, value in fields.items() if name != "state"},
        lambda fields: {name: value for name, value in fields.items() if name != "code"},
        lambda fields: {**fields, "padding": "x" * 9000},
        lambda fields: {**fields, **{str(number): "" for number in range(30)}},
    ],
)
async def test_what_was_changed_on_the_way_back_is_refused(gate: Gate, change: Callable[[Any], Any]):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    assert await gate.refused(browser, urlencode(change(fields))) == "login_state"
    assert "/token" not in gate.provider.asked


async def test_a_field_given_twice_is_refused(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    assert await gate.refused(browser, f"{query}&code=other") == "login_state"
    assert await gate.refused(browser, f"state=x&{query}") == "login_state"
    assert await gate.refused(browser, f"{query}%ff%fe=%ff") == "login_state"


async def test_another_providers_answer_is_refused(gate: Gate):
    """RFC 9207: a mix-up of two providers."""
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    other = query.replace(urlencode({"iss": gate.provider.issuer}), "iss=https%3A%2F%2Fevil.test")
    assert other != query
    assert await gate.refused(browser, other) == "login_provider"


async def test_a_provider_that_does_not_let_somebody_in_is_not_quoted(gate: Gate):
    browser = Browser()
    state = parse_qs(urlsplit(await gate.begin(browser)).query)["state"][0]
    query = urlencode({"error": "access_denied", "error_description": "<script>", "state": state})
    with pytest.raises(Unauthenticated) as caught:
        await gate.back(browser, query)
    assert "script" not in caught.value.message
    assert gate.failures[-1][0] == "login_denied"


async def test_a_changed_cookie_is_refused(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    good = browser.jar["headgate_login"]
    other = "A" if good[20] != "A" else "B"
    for bad in ("", "x", "é", good[:-8], good[:-4] + "AAAA", "A" * len(good), good[:20] + other + good[21:]):
        browser.jar["headgate_login"] = bad
        assert await gate.refused(browser, query) == "login_state"
    browser.jar["headgate_login"] = good
    await gate.back(browser, query)


async def test_another_gateways_cookie_is_refused(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    stranger = SignIn(gate.config, gate.pages._people, gate.sessions, gate.shared, gate.place.clock, b"other")
    with pytest.raises(Unauthenticated):
        await stranger.callback(query, browser.headers, "")
    await stranger.close()


async def test_the_cookie_hides_the_verifier(gate: Gate):
    """Whoever can read a browser's cookies of another visit has no use for an intercepted code."""
    browser = Browser()
    url = await gate.begin(browser)
    pending = gate.pages._sealer.open(browser.jar["headgate_login"])
    assert pending.verifier not in browser.jar["headgate_login"]
    assert pending.verifier not in url


async def test_who_takes_too_long_begins_again(gate: Gate):
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    gate.place.clock.advance(600)
    assert await gate.refused(browser, query) == "login_state"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "x" * 43}, "login_nonce"),
        ({"nonce": None}, "login_nonce"),
        ({"nonce": ["x"]}, "login_nonce"),
        ({"iss": "https://evil.test"}, "login_token_issuer"),
        ({"aud": "somebody-else"}, "login_token_audience"),
        ({"aud": None}, "login_token_audience"),
        ({"aud": ["headgate", "somebody-else"]}, "login_token_audience"),
        ({"aud": ["headgate", "somebody-else"], "azp": "somebody-else"}, "login_token_audience"),
        ({"azp": "somebody-else"}, "login_token_audience"),
        ({"exp": NOW - 31}, "login_token_expired"),
        ({"iat": NOW - 631, "exp": NOW + 600}, "login_token_expired"),
        ({"iat": NOW + 31}, "login_token_early"),
        ({"nbf": NOW + 31}, "login_token_early"),
        ({"sub": None}, "login_token_claims"),
        ({"sub": "a" * 256}, "login_token_claims"),
        ({"sub": "a\0b"}, "login_token_claims"),
    ],
)
async def test_id_tokens_of_somebody_else_or_of_another_time(gate: Gate, claims: dict[str, Any], reason: str):
    gate.provider.claims |= claims
    browser = Browser()
    assert await gate.refused(browser, await gate.provider.sign_in(await gate.begin(browser))) == reason
    assert gate.place.directory._snapshot.rows[User] == {}


async def test_an_id_token_for_several_names_whom_it_was_given_to(gate: Gate):
    gate.provider.claims |= {"aud": ["headgate", "somebody-else"], "azp": "headgate"}
    browser = Browser()
    await gate.sign_in(browser)
    assert await gate.who(browser) is not None


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        pytest.param(unsigned, "login_token_algorithm", id="alg none"),
        pytest.param(lambda claims: confused(EC, claims), "login_token_algorithm", id="HMAC with the public key"),
        pytest.param(lambda claims: signed(OTHER, claims), "login_token_key", id="unknown key"),
        pytest.param(lambda claims: signed(OTHER, claims, kid=EC.kid), "login_token_signature", id="another key"),
        pytest.param(lambda claims: "x.y.z", "login_token_malformed", id="no token"),
        pytest.param(lambda claims: "", "login_token_malformed", id="nothing"),
        pytest.param(lambda claims: None, "login_token_missing", id="none"),
        pytest.param(lambda claims: "é.é.é", "login_token_malformed", id="no ASCII"),
    ],
)
async def test_forged_id_tokens(gate: Gate, sign: Any, reason: str):
    gate.provider.sign = sign
    browser = Browser()
    assert await gate.refused(browser, await gate.provider.sign_in(await gate.begin(browser))) == reason


async def test_names_are_cut_and_cleaned_before_they_are_kept(gate: Gate):
    gate.provider.claims |= {"name": "Jo\x1b[2J", "preferred_username": "j" * 500, "email": 7}
    await gate.sign_in(Browser())
    [user] = list(gate.place.directory._snapshot.rows[User].values())
    assert isinstance(user, User)
    assert (user.name, user.email) == ("j" * 200, None)


# ── the provider's own changes and failures ──


async def test_keys_that_changed_are_fetched(gate: Gate):
    await gate.sign_in(Browser())
    gate.provider.keys = [OTHER]
    gate.place.clock.advance(5)
    browser = Browser()
    gate.provider.claims |= {"iat": NOW + 5}
    await gate.sign_in(browser)
    assert await gate.who(browser) is not None
    assert gate.provider.asked.count("/jwks") == 2


async def test_made_up_kids_do_not_make_us_ask_and_ask(gate: Gate):
    gate.provider.sign = lambda claims: signed(OTHER, claims)
    for _ in range(5):
        browser = Browser()
        await gate.refused(browser, await gate.provider.sign_in(await gate.begin(browser)))
    assert gate.provider.asked.count("/jwks") == 1
    assert gate.provider.asked.count("/.well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.test"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://evil.test/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": "http://169.254.169.254/latest"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ["https://evil.test"]},
    ],
)
async def test_a_provider_that_misleads_is_not_used(gate: Gate, discovery: dict[str, Any]):
    gate.provider.discovery |= discovery
    with pytest.raises(Overloaded):
        await gate.begin(Browser())


async def test_what_a_provider_elsewhere_says_does_not_have_us_ask_this_machine(gate: Gate):
    from headgate.access.oidc import SignInError, discovered

    config = replace(gate.config, issuer="https://idp.test")
    document = {
        "issuer": "https://idp.test",
        "authorization_endpoint": "https://idp.test/a",
        "token_endpoint": "https://idp.test/t",
        "jwks_uri": "https://idp.test/k",
    }
    assert discovered(document, config, loopback=False).keys == "https://idp.test/k"
    with pytest.raises(SignInError):
        discovered({**document, "token_endpoint": "http://127.0.0.1:6379/"}, config, loopback=False)


async def test_a_provider_that_is_away_is_asked_again_later_and_not_by_everybody(gate: Gate):
    place = "/.well-known/openid-configuration"
    gate.provider.answers[place] = (503, b"")
    for _ in range(5):
        with pytest.raises(Overloaded) as caught:
            await gate.begin(Browser())
        assert caught.value.retry_after_s == 5
    assert gate.provider.asked.count(place) == 1
    del gate.provider.answers[place]
    gate.place.clock.advance(5)
    await gate.begin(Browser())


async def test_many_who_begin_at_once_wait_for_one_answer(gate: Gate):
    await asyncio.gather(*(gate.begin(Browser()) for _ in range(20)))
    assert gate.provider.asked.count("/.well-known/openid-configuration") == 1


async def test_a_provider_that_goes_away_later_is_gone_on_with(gate: Gate):
    await gate.sign_in(Browser())
    gate.provider.answers["/.well-known/openid-configuration"] = (503, b"")
    gate.place.clock.advance(301)
    gate.provider.claims |= {"iat": NOW + 301, "exp": NOW + 600}
    browser = Browser()
    await gate.sign_in(browser)
    assert await gate.who(browser) is not None


@pytest.mark.parametrize("answer", [(500, b""), (200, b"[]"), (302, b""), (400, b'{"error": "invalid_grant"}')])
async def test_a_code_that_cannot_be_exchanged_lets_nobody_in(gate: Gate, answer: tuple[int, bytes]):
    gate.provider.answers["/token"] = answer
    browser = Browser()
    assert await gate.refused(browser, await gate.provider.sign_in(await gate.begin(browser))) == "login_code"


async def test_not_everybody_can_have_us_ask_the_provider_at_once(gate: Gate, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sign_in, "AT_ONCE", 2)
    browsers = [Browser() for _ in range(3)]
    queries = [await gate.provider.sign_in(await gate.begin(browser)) for browser in browsers]
    gate.provider.held.clear()
    waiting = [asyncio.create_task(gate.back(*pair)) for pair in zip(browsers[:2], queries[:2], strict=True)]
    while gate.pages._under_way < 2:
        await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await gate.back(browsers[2], queries[2])
    gate.provider.held.set()
    await asyncio.gather(*waiting)
    await gate.back(browsers[2], queries[2])


# ── sessions ──


async def test_a_session_ends_when_it_is_not_used(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    for _ in range(5):
        gate.place.clock.advance(3500)
        assert await gate.who(browser) is not None, "it is used"
    gate.place.clock.advance(3601)
    assert await gate.who(browser) is None


async def test_a_session_ends_however_much_it_is_used(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    for _ in range(23):
        gate.place.clock.advance(1800)
        assert await gate.who(browser) is not None
    gate.place.clock.advance(1800)
    assert await gate.who(browser) is None


async def test_a_session_that_was_ended_stays_ended(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    kept = Browser()
    kept.jar = dict(browser.jar)
    page = browser.take(await gate.pages.serve("POST", "/auth/logout", "", browser.headers, ""))
    assert (page.status, dict(page.headers)[b"location"]) == (303, b"/")
    assert browser.jar == {}
    assert await gate.who(kept) is None, "not in the browser alone"


async def test_a_session_that_ends_while_it_is_used_is_not_brought_back(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    gate.place.clock.advance(120)
    read = gate.shared.get

    async def ended_meanwhile(key: str) -> bytes | None:
        raw = await read(key)
        await gate.shared.delete(key)
        return raw

    gate.shared.get = ended_meanwhile
    await gate.who(browser)
    gate.shared.get = read
    assert await gate.who(browser) is None


async def test_a_session_is_a_new_one_whatever_the_browser_had(gate: Gate):
    """Session fixation: an attacker's own cookie, planted beforehand."""
    browser = Browser()
    browser.jar["headgate_session"] = "planted"
    await gate.sign_in(browser)
    assert browser.jar["headgate_session"] != "planted"
    attacker = Browser()
    attacker.jar["headgate_session"] = "planted"
    assert await gate.who(attacker) is None


async def test_two_session_cookies_are_none(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    value = browser.jar["headgate_session"]
    twice = {b"cookie": f"headgate_session={value}; headgate_session={value}".encode()}
    assert await gate.sessions.identity(twice) is None
    assert await gate.sessions.identity({b"cookie": f"x={value}; HEADGATE_SESSION={value}".encode()}) is None
    assert await gate.sessions.identity({b"cookie": b"headgate_session="}) is None
    assert await gate.sessions.identity({b"cookie": b"\xff\xfe; ;=;headgate_session"}) is None
    assert await gate.sessions.identity({}) is None


async def test_what_the_server_keeps_is_no_cookie(gate: Gate):
    browser = Browser()
    await gate.sign_in(browser)
    value = browser.jar["headgate_session"]
    assert len(value) == 43, "256 bits"
    kept = [key for key in gate.shared._values if key.startswith("session:")]
    assert kept
    assert value not in repr(gate.shared._values)
    for key in kept:
        browser.jar["headgate_session"] = key.removeprefix("session:")
        assert await gate.who(browser) is None


async def test_over_https_cookies_are_bound_to_this_host(place: Place, provider: IdentityProvider):
    place.clock.step(NOW - place.clock.now_us() / 1e6)
    gate = Gate(place, provider, redirect_uri="https://gate.test/auth/callback")
    browser = Browser()
    await gate.sign_in(browser)
    assert browser.rules == {
        "__Host-headgate_login": "Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure",
        "__Host-headgate_session": "Max-Age=43200; Path=/; HttpOnly; SameSite=Strict; Secure",
    }
    assert await gate.who(browser) is not None
    await gate.pages.close()


async def test_nothing_is_kept_for_who_only_begins(gate: Gate):
    for _ in range(50):
        await gate.begin(Browser())
    browser = Browser()
    await gate.refused(browser, await gate.provider.sign_in(await gate.begin(Browser())))
    assert gate.shared._values == {}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/auth/login"), ("GET", "/auth/logout"), ("HEAD", "/auth/callback")]
)
async def test_pages_are_asked_for_in_one_way(gate: Gate, method: str, path: str):
    """A link or an image must not sign anybody out."""
    with pytest.raises(MethodNotAllowed):
        await gate.pages.serve(method, path, "", {}, "")


async def test_there_are_no_other_pages(gate: Gate):
    with pytest.raises(NotFound):
        await gate.pages.serve("GET", "/auth/", "", {}, "")


async def test_secrets_are_nowhere_to_be_seen(gate: Gate, caplog: pytest.LogCaptureFixture):
    gate.provider.answers["/token"] = (400, json.dumps({"error": "invalid_grant"}).encode())
    browser = Browser()
    query = await gate.provider.sign_in(await gate.begin(browser))
    await gate.refused(browser, query)
    told = caplog.text + repr(gate.failures) + repr(gate.config)
    assert "invalid_grant" in told
    assert CLIENT_SECRET not in told
    assert parse_qs(query)["code"][0] not in told
    assert gate.pages._sealer.open(browser.jar["headgate_login"]).verifier not in told
