"""What each role may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.access.roles import ROLES, SCOPES, Roles, UnknownRole


def test_every_scope_of_a_role_is_one():
    for name, scopes in ROLES.items():
        assert scopes <= set(SCOPES), name


def test_only_an_administrator_may_do_everything():
    assert [name for name, scopes in ROLES.items() if scopes == set(SCOPES)] == ["admin"]


@pytest.mark.parametrize("scope", ["organisations.write", "content.read"])
def test_what_only_an_administrator_may_do(scope: str):
    assert [name for name, scopes in ROLES.items() if scope in scopes] == ["admin"]


def test_an_auditor_changes_nothing():
    assert not [scope for scope in ROLES["auditor"] if scope.endswith(".write") or scope == "call"]


def test_several_roles_may_do_what_each_may():
    assert Roles().scopes(["caller", "auditor"]) == ROLES["caller"] | ROLES["auditor"]
    assert Roles().scopes([]) == frozenset()


def test_roles_of_the_configuration_stand_beside_the_built_in_ones():
    roles = Roles({"reporter": ["ledger.read"]})
    assert roles.scopes(["reporter", "caller"]) == {"ledger.read", "call"}
    roles.check(["reporter", "admin"])
    with pytest.raises(UnknownRole, match="did you mean 'reporter'"):
        roles.check(["reprter"])


def test_the_documentation_has_the_same_table():
    text = (Path(__file__).parents[3] / "docs" / "access.md").read_text()
    [head, _, *rows] = text[text.index("| | admin |") :].partition("\n\n")[0].splitlines()
    names = [cell.strip() for cell in head.strip("|").split("|")][1:]
    told: dict[str, set[str]] = {name: set() for name in names}
    for row in rows:
        scopes, *marks = [cell.strip() for cell in row.strip("|").split("|")]
        for name, mark in zip(names, marks, strict=True):
            if mark:
                told[name] |= {scope.strip("` ") for scope in scopes.split(",")}
    assert told == {name: set(scopes) for name, scopes in ROLES.items()}
