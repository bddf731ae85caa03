"""All pages: where each is, what it takes to see it, and how it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from headgate.dashboard.alert_rows import firing
from headgate.dashboard.asking import OWN, RANGES, REFRESH, Asked
from headgate.dashboard.followed import Followed
from headgate.dashboard.looking import Csv, House, Look, Shown, Template, Viewer
from headgate.dashboard.pages import (
    alerts,
    calls,
    config,
    cost,
    golden,
    keys,
    models,
    overview,
    playground,
    prompt,
    prompt_diff,
    prompts,
    quality,
    rule,
)
from headgate.dashboard.writing import load, templates, written
from headgate.errors import Forbidden, HeadgateError, MethodNotAllowed, NotFound

Make = Callable[[Look], Awaitable[Template | Csv | Shown]]

HOME = "/"


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """A page."""

    path: str
    name: str
    """In the navigation; empty for what is not there."""
    scopes: tuple[str, ...]
    """One of these it takes."""
    make: Make
    method: str = "GET"
    kept: bool = True
    """Whether there is nothing to show where no database is."""
    whole: bool = False
    """Whether who may act in one team only sees nothing of it."""


SCREENS = (
    Screen(path=HOME, name="Overview", scopes=("ledger.read", "metrics"), make=overview.page, kept=False),
    Screen(path=calls.PATH, name="Calls", scopes=("ledger.read",), make=calls.page),
    Screen(path=f"{calls.PATH}/{{id}}", name="", scopes=("ledger.read",), make=calls.detail),
    Screen(path=models.PATH, name="Models", scopes=("metrics", "ledger.read"), make=models.page, kept=False),
    Screen(path=golden.PATH, name="", scopes=("prompts.read",), make=golden.page),
    Screen(path=golden.ONE, name="", scopes=("prompts.read",), make=golden.detail),
    Screen(path=cost.PATH, name="Cost", scopes=("ledger.read",), make=cost.page),
    Screen(path=quality.PATH, name="Quality", scopes=("ledger.read",), make=quality.page),
    Screen(path=prompts.PATH, name="Prompts", scopes=("prompts.read",), make=prompts.page),
    Screen(path=prompt.PATH, name="", scopes=("prompts.read",), make=prompt.page),
    Screen(path=prompt_diff.PATH, name="", scopes=("prompts.read",), make=prompt_diff.page),
    Screen(path=prompt.MOVES, name="", scopes=("prompts.label",), make=prompt.move, method="POST"),
    Screen(path=prompt.ROLLBACK, name="", scopes=("prompts.label",), make=prompt.rollback, method="POST"),
    Screen(
        path=f"{prompt.MOVES}/{{id}}/approve",
        name="",
        scopes=("prompts.approve",),
        make=prompt.approve,
        method="POST",
    ),
    Screen(
        path=f"{prompt.MOVES}/{{id}}/refuse", name="", scopes=("prompts.approve",), make=prompt.refuse, method="POST"
    ),
    Screen(path=alerts.PATH, name="Alerts", scopes=("alerts.read",), make=alerts.page, whole=True),
    Screen(path=f"{rule.PATH}/{{id}}", name="", scopes=("alerts.read",), make=rule.page),
    Screen(path=alerts.SILENCES, name="", scopes=("alerts.write",), make=alerts.silence, method="POST"),
    Screen(
        path=f"{alerts.SILENCES}/{{id}}/end", name="", scopes=("alerts.write",), make=alerts.end_silence, method="POST"
    ),
    Screen(path=alerts.TEST, name="", scopes=("alerts.write",), make=alerts.test, method="POST"),
    Screen(path=keys.PATH, name="Keys", scopes=("keys.read",), make=keys.page),
    Screen(path=keys.PATH, name="", scopes=("keys.write",), make=keys.create, method="POST"),
    Screen(path=f"{keys.PATH}/{{id}}/revoke", name="", scopes=("keys.write",), make=keys.revoke, method="POST"),
    Screen(path=f"{keys.PATH}/{{id}}/rotate", name="", scopes=("keys.write",), make=keys.rotate, method="POST"),
    Screen(path="/dashboard/teams", name="", scopes=("teams.write",), make=keys.create_team, method="POST"),
    Screen(path=config.PATH, name="Configuration", scopes=("config.read",), make=config.page, kept=False),
    Screen(path=playground.PATH, name="Playground", scopes=("call",), make=playground.page, kept=False),
)

MEASURED = (
    "/?range=1y", "/?range=1y&by=key", "/?range=24h&by=model", "/?range=1y&of=key:key_000000000000000000000007",
    "/dashboard/calls", "/dashboard/calls?range=7d&failed=true", "/dashboard/models?range=1y",
    "/dashboard/cost?range=1y", "/dashboard/cost?range=30d", "/dashboard/prompts",
    "/dashboard/prompts/one?name=support/prompt-0&range=1y", "/dashboard/prompts/one?name=support/prompt-0",
    "/dashboard/prompts/diff?name=support/prompt-0&range=1y", "/dashboard/models/golden",
    "/dashboard/models/golden/one?model=model-1",
    "/dashboard/quality?range=1y", "/dashboard/quality",
    "/dashboard/alerts?range=1y", "/dashboard/alerts/rules/errors?series=model:model-1", "/dashboard/keys",
    "/dashboard/config", "/dashboard/playground",
    "/dashboard/calls/req_000000000000000000000050",
)  # fmt: skip
"""What `make dashboard-bench` asks for."""


class Board:
    """The pages of one server."""

    templates = staticmethod(templates)
    load = staticmethod(load)

    def __init__(self, house: House) -> None:
        self._house = house

    async def page(
        self, method: str, path: str, query: bytes, viewer: Viewer, form: Mapping[str, list[str]] | None = None
    ) -> Shown:
        """What somebody is answered, who has been found to be who they are, and their form to be theirs.

        Raises:
            HeadgateError: there is nothing to show, and why.
        """
        screen, params = self._screen(method, path)
        if not viewer.may(*screen.scopes):
            if path == HOME and (home := self.first(viewer)) is not None:
                return Shown(body=b"", status=303, headers=((b"location", home.encode()),))
            raise Forbidden(f"This needs the scope '{screen.scopes[0]}', and you do not have it.")
        asked = Asked.of(path, query, self._house.now_us())
        look = Look(house=self._house, viewer=viewer, asked=asked, params=params, form=form or {})
        made = await screen.make(look)
        if isinstance(made, Shown):
            return made
        if isinstance(made, Csv):
            named = (b"content-disposition", f'attachment; filename="{made.name}"'.encode())
            return Shown(body=made.body, content_type="text/csv; charset=utf-8; header=present", headers=(named,))
        common = self.common(viewer, made.title, asked, firing=await firing(look))
        values = {**common, **made.values}
        return Shown(body=await asyncio.to_thread(written, made.name, values), status=made.status)

    def following(self, path: str, query: bytes, viewer: Viewer) -> Followed:
        """What a page is told while somebody looks at it. Whether they may be told is said when it begins.

        Raises:
            BadRequest, Invalid: the query is malformed, or makes no sense.
        """
        look = Look(house=self._house, viewer=viewer, asked=Asked.of(path, query, self._house.now_us()))
        return (
            Followed("alerts.read", alerts.follow(look))
            if path == alerts.LIVE
            else Followed("ledger.read", calls.follow(look))
        )

    def signing_in(self, then: str, problem: str = "") -> Shown:
        """The page that asks who is there."""
        values = {
            **self.common(None, "Sign in"), "then": then, "problem": problem, "signs_in": self._house.signs_in,
        }  # fmt: skip
        return Shown(body=written("sign_in.html", values), status=401 if problem else 200)

    def problem(self, error: HeadgateError, viewer: Viewer | None) -> Shown:
        """The page that says what went wrong."""
        told = error.message if error.safe else "Something went wrong here. It is in the log."
        values = {**self.common(viewer, "Problem"), "status": error.status, "told": told}
        return Shown(body=written("problem.html", values), status=error.status)

    def first(self, viewer: Viewer) -> str | None:
        """Where somebody begins: the first page they may see."""
        return next((each.path for each in self.listed(viewer)), None)

    def listed(self, viewer: Viewer) -> list[Screen]:
        """The pages in somebody's navigation."""
        kept = self._house.administration is not None
        operates = viewer.identity.organisation == "default" and viewer.identity.team_id is None
        return [
            each
            for each in SCREENS
            if each.name
            and viewer.may(*each.scopes)
            and (kept or not each.kept)
            and (operates or each.path != config.PATH)
            and not (each.whole and viewer.identity.team_id is not None)
        ]

    def common(
        self, viewer: Viewer | None, title: str, asked: Asked | None = None, *, firing: int = 0
    ) -> dict[str, Any]:
        """What every page has; `firing` is how many alerts do."""
        return {
            "viewer": viewer,
            "title": title,
            "asked": asked,
            "screens": [] if viewer is None else self.listed(viewer),
            "ranges": RANGES,
            "own": OWN,
            "refreshes": REFRESH,
            "firing": firing,
        }

    @staticmethod
    def _screen(method: str, path: str) -> tuple[Screen, Mapping[str, str]]:
        """
        Raises:
            NotFound, MethodNotAllowed: there is no such page.
        """
        methods: list[str] = []
        for screen in SCREENS:
            params = _match(screen.path, path)
            if params is not None and screen.method == method:
                return screen, params
            if params is not None:
                methods.append(screen.method)
        if methods:
            raise MethodNotAllowed(f"{path[:200]} takes {' or '.join(methods)}, not {method}.")
        raise NotFound("There is no such page.")


def _match(template: str, path: str) -> Mapping[str, str] | None:
    parts, given = template.split("/"), path.split("/")
    if len(parts) != len(given):
        return None
    params: dict[str, str] = {}
    for part, each in zip(parts, given, strict=True):
        if part.startswith("{"):
            if not each or len(each) > 256 or not each.isprintable():
                return None
            params[part[1:-1]] = each
        elif part != each:
            return None
    return params
