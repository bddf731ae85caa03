"""People sign in at their identity provider and administer from a browser, over real sockets."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from identity_provider import CLIENT_SECRET, IdentityProvider
from serving import Response, Serving


def config(provider: IdentityProvider) -> str:
    return f"""
storage: {{database: "sqlite:///:memory:"}}
providers: {{sim: {{kind: simulator}}}}
models: {{chat: {{targets: [sim/gpt-4o-mini]}}}}
access:
  sign_in:
    issuer: {provider.issuer}
    client_id: headgate
    client_secret: {CLIENT_SECRET}
    redirect_uri: http://127.0.0.1/auth/callback
    algorithms: [ES256]
    grants: {{ops: [operator]}}
"""


def cookies(response: Response) -> str:
    """What a browser sends back of the cookies it was given."""
    return "; ".join(line.partition(";")[0] for line in response.headers["set-cookie"].split("\n") if "=;" not in line)


async def test_somebody_signs_in_acts_and_signs_out():
    now = int(time.time())
    async with IdentityProvider() as provider:
        provider.claims |= {"iat": now, "exp": now + 300, "groups": ["ops"]}
        async with Serving(config(provider), {"HEADGATE_ADMIN_KEY": "admin"}, "auth: keys") as serving:
            assert (await serving.request("GET", "/admin/whoami")).status == 401
            begun = await serving.request("GET", "/auth/login")
            assert (begun.status, urlsplit(begun.headers["location"]).path) == (302, "/authorize")
            query = await provider.sign_in(begun.headers["location"])
            back = await serving.request("GET", f"/auth/callback?{query}", headers={"cookie": cookies(begun)})
            assert back.status == 200
            session = {"cookie": cookies(back)}
            who = await serving.request("GET", "/admin/whoami", headers=session)
            assert (who.status, who.json["roles"]) == (200, ["operator"])
            made = await serving.post("/admin/keys", {"name": "by a person"}, session)
            assert made.status == 201
            called = {"authorization": f"Bearer {made.json['key']}"}
            body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
            assert (await serving.post("/v1/chat/completions", body, called)).status == 200
            foreign = await serving.post("/admin/keys", {"name": "x"}, {**session, "origin": "https://evil.example"})
            assert foreign.status == 403
            assert (await serving.post("/v1/chat/completions", body, session)).status == 401, (
                "a browser calls no models"
            )
            assert (await serving.request("POST", "/auth/logout", headers=session)).status == 303
            assert (await serving.request("GET", "/admin/whoami", headers=session)).status == 401


async def test_without_a_provider_there_is_no_page_to_sign_in():
    plain = 'storage: {database: "sqlite:///:memory:"}\nproviders: {sim: {kind: simulator}}\nmodels: {chat: {targets: [sim/a]}}\n'
    async with Serving(plain, {"HEADGATE_ADMIN_KEY": "admin"}, "auth: keys") as serving:
        assert (await serving.request("GET", "/auth/login")).status == 404
