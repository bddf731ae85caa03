"""What somebody could try through the admin API, each test named after it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from administered import ADMIN_KEY, SECRET, Administered
from headgate.administration.sealing import Sealer, owner_of
from headgate.types import Identity

CREDENTIAL = "sk-ant-a-credential-nobody-may-see-0123"


@pytest.fixture
async def administered() -> AsyncIterator[Administered]:
    async with Administered() as administered:
        yield administered


# ── organisations stay apart ──


async def two_organisations(administered: Administered) -> tuple[str, dict[str, Any]]:
    """Who administers one organisation, and things of the other."""
    for name in ("acme", "globex"):
        await administered.made("/admin/organisations", {"name": name.title(), "id": name})
    by = (await administered.key("boss", organisation="acme", roles=["operator", "auditor"]))["key"]
    theirs = {"organisation": "globex"}
    team = await administered.made("/admin/teams", {"name": "Secret"}, **theirs)
    project = await administered.made("/admin/projects", {"name": "Manhattan"}, **theirs)
    user = await administered.made("/admin/users", {"name": "Eve"}, **theirs)
    key = await administered.made(
        "/admin/keys", {"name": "k", "budget_usd": 1, "limits": [{"concurrent": 1}]}, **theirs
    )
    return by, {"teams": team, "projects": project, "users": user, "keys": key, "limits": key["limits"][0],
                "budgets": key["budgets"][0]}  # fmt: skip


async def test_another_organisations_things_are_not_there(administered: Administered):
    by, theirs = await two_organisations(administered)
    before = await administered.snapshot()
    for kind, thing in theirs.items():
        path = f"/admin/{kind}/{thing['id']}"
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            told = await administered.ask(method, path, body, key=by)
            assert told.status in ((404, 405) if kind == "keys" else (404,)), (method, path, told.body)
        assert thing["id"] not in str([each["id"] for each in await administered.walk(f"/admin/{kind}", 50, key=by)])
    for path in ("revoke", "rotate"):
        told = await administered.ask("POST", f"/admin/keys/{theirs['keys']['id']}/{path}", key=by)
        assert told.status == 404
    for path in (f"keys/{theirs['keys']['id']}/usage", f"teams/{theirs['teams']['id']}/provider-keys"):
        assert (await administered.ask("GET", f"/admin/{path}", key=by)).status == 404
    told = await administered.ask("GET", f"/admin/statements/{theirs['teams']['id']}/2026-11", key=by)
    assert told.status in (404, 422)
    assert await administered.snapshot() == before


@pytest.mark.parametrize("field", ["team", "project", "user"])
async def test_a_key_is_not_made_for_another_organisations_people(administered: Administered, field: str):
    by, theirs = await two_organisations(administered)
    thing = theirs[f"{field}s"]
    for reference in (thing["id"], thing["name"]):
        told = await administered.ask("POST", "/admin/keys", {"name": "k", field: reference}, key=by)
        assert (told.status, told.params) == (422, [field])


async def test_limits_are_not_put_on_another_organisations_things(administered: Administered):
    by, theirs = await two_organisations(administered)
    for subject in (
        f"team:{theirs['teams']['id']}", f"key:{theirs['keys']['id']}", f"user:{theirs['users']['id']}",
        "team:Secret", "organisation:globex",
    ):  # fmt: skip
        body = {"subject": subject, "per": "hour", "requests": 0}
        assert (await administered.ask("POST", "/admin/limits", body, key=by)).status == 422
        assert (await administered.ask("GET", "/admin/limits", key=by, subject=subject)).status == 422


async def test_acting_in_another_organisation_takes_the_scope_for_it(administered: Administered):
    by, _ = await two_organisations(administered)
    for organisation in ("globex", "nobody", "default", "acme'--", ""):
        told = await administered.ask("GET", "/admin/keys", key=by, organisation=organisation)
        assert told.status == 403
        assert "organisations.write" in told.error["message"]
        body = {"name": "k", "organisation": organisation or "x"}
        assert (await administered.ask("POST", "/admin/keys", body, key=by)).status == 403
    assert (await administered.ask("GET", "/admin/keys", organisation="nobody")).status == 404
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "organisation": "acme"}, organisation="globex")
    assert (told.status, told.params) == (422, ["organisation"])


async def test_an_organisations_admin_key_made_by_its_operator_is_refused(administered: Administered):
    by, _ = await two_organisations(administered)
    told = await administered.ask("POST", "/admin/keys", {"name": "k", "roles": ["admin"]}, key=by)
    assert told.status == 403
    assert "lacks: the scope" in told.error["message"]


async def test_another_organisations_audit_log_is_not_read(administered: Administered):
    by, theirs = await two_organisations(administered)
    for record in await administered.walk("/admin/audit", 50, key=by):
        assert record["organisation"] == "acme"
    body = (await administered.ask("GET", "/admin/audit/export", key=by)).body
    assert b"globex" not in body
    assert theirs["keys"]["id"].encode() not in body


async def test_a_key_of_a_team_reads_no_audit_log_and_leaves_its_organisation_never(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    by = (await administered.key("boss", team="A", roles=["admin"]))["key"]
    await administered.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    for path in ("audit", "audit/export", "statements/*/2026-11"):
        assert (await administered.ask("GET", f"/admin/{path}", key=by)).status == 403
    assert (await administered.ask("GET", "/admin/keys", key=by, organisation="acme")).status == 403
    for method, path, body in (
        ("POST", "organisations", {"name": "x"}),
        ("PATCH", "organisations/default", {"name": "x"}),
        ("DELETE", "organisations/acme", None),
    ):
        assert (await administered.ask(method, f"/admin/{path}", body, key=by)).status == 403


async def test_the_gateways_configuration_is_not_a_tenants_to_read(administered: Administered):
    by, _ = await two_organisations(administered)
    assert (await administered.ask("GET", "/admin/config", key=by)).status == 403
    await administered.made("/admin/teams", {"name": "A"})
    of_team = (await administered.key("boss", team="A", roles=["operator"]))["key"]
    assert (await administered.ask("GET", "/admin/config", key=of_team)).status == 403
    assert (await administered.ask("GET", "/admin/config")).status == 200


async def test_nobody_locks_themselves_out(administered: Administered):
    await administered.made("/admin/organisations", {"name": "Acme", "id": "acme"})
    boss = await administered.key("boss", organisation="acme", roles=["admin"])
    told = await administered.ask("DELETE", "/admin/organisations/acme", key=boss["key"])
    assert told.status == 409


# ── bodies ──


async def test_a_body_of_another_type_is_refused(administered: Administered):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        told = await administered.ask("POST", "/admin/teams", raw=b'{"name": "A"}', headers={"content-type": kind})
        assert told.status == 415, kind
    told = await administered.ask(
        "POST", "/admin/teams", raw=b'{"name": "A"}', headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert told.status == 201


async def test_a_compressed_body_is_refused(administered: Administered):
    headers = {"content-encoding": "gzip"}
    assert (await administered.ask("POST", "/admin/teams", {"name": "A"}, headers=headers)).status == 415


async def test_a_body_that_is_too_large_is_refused(administered: Administered):
    raw = b'{"name": "' + b"a" * (1024 * 1024) + b'"}'
    for headers in ({}, {"content-length": "10"}):
        told = await administered.ask("POST", "/admin/teams", raw=raw, headers=headers)
        assert told.status == 413
        assert told.headers["connection"] == "close"
    told = await administered.ask("POST", "/admin/teams", raw=b"{}", headers={"content-length": "9" * 30})
    assert told.status == 413


@pytest.mark.parametrize(
    "raw",
    [
        b"[]", b"null", b"{", b'{"name": "a", "name": "b"}', b'{"name": "\\ud800"}', b'{"name": "\xff"}',
        b'{"name":' + b"[" * 100_000, b'{"limits": [[[[[[[[[[[[[[1]]]]]]]]]]]]]]}', b'{"a": ' + b"9" * 100_000 + b"}",
    ],
)  # fmt: skip
async def test_a_body_two_could_read_in_two_ways_is_refused(administered: Administered, raw: bytes):
    told = await administered.ask("POST", "/admin/keys", raw=raw)
    assert told.status == 400
    assert told.error["type"] == "invalid_request"


async def test_a_body_where_none_belongs_is_refused(administered: Administered):
    key = await administered.key()
    told = await administered.ask("POST", f"/admin/keys/{key['id']}/revoke", {"id": "other"})
    assert told.status == 400
    assert (await administered.ask("POST", f"/admin/keys/{key['id']}/revoke", {})).status == 200


@pytest.mark.parametrize(
    "query", ["organisation=a&organisation=b", "name=%ff", "a=1" + "&a=1" * 200, "x=" + "y" * 9000, "name=%00"]
)
async def test_a_query_two_could_read_in_two_ways_is_refused(administered: Administered, query: str):
    told = await administered.ask("GET", f"/admin/keys?{query}")
    assert told.status in (400, 422)


# ── injection ──


@pytest.mark.parametrize(
    "id",
    [
        "../keys",
        "..",
        "%2e%2e",
        "' OR 1=1 --",
        "1; DROP TABLE keys",
        "key_\u202e",
        "a" * 257,
        "\x00",
        "*",
        "%",
        "key:x",
    ],
)
async def test_an_id_is_looked_up_and_nothing_else(administered: Administered, id: str):
    await administered.key()
    for kind in ("keys", "teams", "projects", "users", "limits", "budgets", "organisations"):
        told = await administered.ask("GET", f"/admin/{kind}/{id}")
        assert told.status == 404, (kind, told.body)
        assert told.body.decode().isprintable()
    assert len(await administered.walk("/admin/keys", 10)) == 1


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE teams; --", '" OR ""="', "%", "_", "\\", "$1", "?1", "<script>", "=cmd|x"]
)
async def test_a_name_is_a_text_and_nothing_else(administered: Administered, text: str):
    team = await administered.made("/admin/teams", {"name": text})
    await administered.made("/admin/teams", {"name": "other"})
    assert [each["id"] for each in await administered.walk("/admin/teams", 10, name=text)] == [team["id"]]
    assert (await administered.key(team=text))["team"] == team["id"]


@pytest.mark.parametrize("beginning", ["=", "+", "-", "@"])
async def test_a_statement_and_an_export_hold_no_formulas(administered: Administered, beginning: str):
    from headgate.ledger.table import encode
    from ledger_rows import row

    name = f"{beginning}HYPERLINK(1)"
    team = await administered.made("/admin/teams", {"name": name})
    key = await administered.key(name, team=team["id"])
    made = row(
        id="a-0", key_id=key["id"], team_id=team["id"], model=name, tags=(("t", name),),
        started_us=administered.clock.now_us(),
    )  # fmt: skip
    async with administered.database.transaction() as transaction:
        await administered.ports.ledger.store(transaction, [encode(made)])
    for path in (
        "ledger/export?format=csv",
        f"statements/{team['id']}/2027-01?format=csv",
        "ledger/export?format=focus",
    ):
        body = (await administered.ask("GET", f"/admin/{path}")).body.decode()
        assert "HYPERLINK" in body or "focus" in path
        for line in body.splitlines():
            assert not any(cell.strip('"').startswith(beginning + "HYPER") for cell in line.split(","))


# ── secrets ──


async def test_no_secret_is_in_an_answer_a_log_or_the_audit_log(
    administered: Administered, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    team = await administered.made("/admin/teams", {"name": "A"})
    key = await administered.key(team="A")
    new = (await administered.ask("POST", f"/admin/keys/{key['id']}/rotate", {"overlap_s": 5})).json
    path = f"/admin/teams/{team['id']}/provider-keys"
    put = await administered.ask("PUT", f"{path}/paid", {"credential": CREDENTIAL})
    assert put.status == 200
    bodies = [put.body]
    for where in (
        "keys", f"keys/{key['id']}", f"keys/{new['id']}", f"keys/{key['id']}/usage", "audit", "audit/export", "config",
        "whoami", "teams", f"teams/{team['id']}/provider-keys", "roles", "ledger",
    ):  # fmt: skip
        told = await administered.ask("GET", f"/admin/{where}")
        assert told.status == 200
        bodies.append(told.body)
    for name in ("PUT", "PATCH"):
        bodies.append((await administered.ask(name, f"{path}/paid", {"credential": CREDENTIAL, "x": 1})).body)
    text = b"".join(bodies).decode() + caplog.text + str(await administered.records())
    rows = await administered.database.fetch("SELECT digest FROM keys")
    [(sealed,)] = await administered.database.fetch("SELECT sealed FROM provider_keys")
    secrets = [
        key["key"],
        new["key"],
        CREDENTIAL,
        ADMIN_KEY,
        SECRET,
        "sk-very-secret",
        sealed,
        *(each for (each,) in rows),
    ]
    for secret in secrets:
        assert secret not in text
    assert CREDENTIAL not in sealed


async def test_a_provider_credential_is_sealed_and_can_be_opened_by_who_has_the_secret(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "A"})
    path = f"/admin/teams/{team['id']}/provider-keys/paid"
    told = await administered.ask("PUT", path, {"credential": CREDENTIAL})
    assert (told.status, told.json["hint"], told.json["version"]) == (200, "0123", 1)
    held = administered.directory.provider_key(team["id"], "paid")
    assert held is not None
    assert Sealer(SECRET).open(held.sealed, owner_of("default", team["id"], "paid")) == CREDENTIAL
    told = await administered.ask("PUT", path, {"credential": "short"})
    assert (told.json["hint"], told.json["version"]) == ("", 2), "a short one would be half told"
    told = await administered.ask("DELETE", path)
    assert told.status == 200
    assert administered.directory.provider_key(team["id"], "paid") is None
    assert await administered.database.fetch("SELECT sealed FROM provider_keys WHERE sealed <> ''") == []
    assert (await administered.ask("DELETE", path)).status == 404


async def test_without_a_secret_no_provider_credential_is_kept():
    async with Administered(secret=None) as administered:
        team = await administered.made("/admin/teams", {"name": "A"})
        told = await administered.ask(
            "PUT", f"/admin/teams/{team['id']}/provider-keys/paid", {"credential": CREDENTIAL}
        )
        assert told.status == 409
        assert "HEADGATE_SECRET" in told.error["message"]
        assert await administered.database.fetch("SELECT * FROM provider_keys") == []


async def test_a_provider_there_is_not_gets_no_credential(administered: Administered):
    team = await administered.made("/admin/teams", {"name": "A"})
    told = await administered.ask("PUT", f"/admin/teams/{team['id']}/provider-keys/payd", {"credential": CREDENTIAL})
    assert (told.status, told.params) == (422, ["provider"])
    assert "did you mean 'paid'?" in told.error["message"]


async def test_another_teams_credentials_are_not_there(administered: Administered):
    await administered.made("/admin/teams", {"name": "A"})
    other = await administered.made("/admin/teams", {"name": "B"})
    by = (await administered.key("boss", team="A", roles=["operator"]))["key"]
    path = f"/admin/teams/{other['id']}/provider-keys"
    assert (await administered.ask("GET", path, key=by)).status == 404
    assert (await administered.ask("PUT", f"{path}/paid", {"credential": CREDENTIAL}, key=by)).status == 404
    assert (await administered.ask("DELETE", f"{path}/paid", key=by)).status == 404


async def test_a_defect_tells_a_client_nothing_and_the_log_everything(
    administered: Administered, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("the password is swordfish")

    monkeypatch.setattr(administered.administration.teams, "list", broken)
    told = await administered.ask("GET", "/admin/teams")
    assert told.status == 500
    assert told.error["code"] == "internal_error"
    assert b"swordfish" not in told.body
    assert "swordfish" in caplog.text


async def test_a_database_that_is_away_is_told_without_its_address(
    administered: Administered, monkeypatch: pytest.MonkeyPatch
):
    from headgate.errors import StoreUnavailable

    async def away(*_: Any) -> None:
        raise StoreUnavailable("postgresql://user:pass@10.0.0.1 refused")

    monkeypatch.setattr(administered.administration.teams, "list", away)
    told = await administered.ask("GET", "/admin/teams")
    assert (told.status, told.error["type"]) == (503, "unavailable")
    assert b"10.0.0.1" not in told.body


async def test_answers_are_not_kept_by_anybody_between(administered: Administered):
    told = await administered.ask("GET", "/admin/keys")
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["x-content-type-options"] == "nosniff"


async def test_nobody_without_a_key_administers(administered: Administered):
    from headgate.types import ANONYMOUS

    for path in ("keys", "teams", "config", "audit", "ledger"):
        assert (await administered.ask("GET", f"/admin/{path}", identity=ANONYMOUS)).status == 403


async def test_custom_roles_are_scopes_and_nothing_more():
    async with Administered(custom={"helpdesk": ["keys.read", "keys.write", "call"]}) as administered:
        by = (await administered.key("desk", roles=["helpdesk"]))["key"]
        assert (await administered.ask("GET", "/admin/keys", key=by)).status == 200
        assert (await administered.ask("GET", "/admin/teams", key=by)).status == 403
        assert (await administered.key(by=by))["roles"] == ["caller"]
        for role in ("helpdesk", "operator"):
            told = await administered.ask("POST", "/admin/keys", {"name": "k", "roles": [role]}, key=by)
            assert told.status == (201 if role == "helpdesk" else 403)


async def test_a_name_in_json_can_hurt_no_reader(administered: Administered):
    await administered.made("/admin/teams", {"name": '</script><img src=x onerror="1">'})
    told = await administered.ask("GET", "/admin/teams")
    assert told.headers["content-type"] == "application/json"
    assert json.loads(told.body)["data"][0]["name"].startswith("</script>")


def test_whoever_acts_without_a_key_row_is_named_as_such():
    assert Identity(key_id="admin").actor == "key:admin"
