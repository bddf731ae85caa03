"""A person at the dashboard, as far as HTTP goes: a session, its forms, and what is on a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from serving import Response, Serving

FORM = {"content-type": "application/x-www-form-urlencoded"}
BROWSER = {"accept": "text/html"}


class Document(HTMLParser):
    """A page: its words, its links, and what in it could run or fetch something."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.active: list[str] = []
        self.fields: dict[str, str] = {}
        self._in_script = False
        self.feed(body.decode())
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_script = tag == "script"
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given.get("value", "")
        if tag in ("iframe", "object", "embed", "base", "style"):
            self.active.append(tag)
        self.active += [
            f"{name}={value}" for name, value in attrs if name.startswith(("on", "hx-on")) or name == "style"
        ]
        for name in ("src", "href", "action"):
            if re.match(r"\s*[a-z][a-z0-9+.-]*:", given.get(name, ""), re.IGNORECASE):
                self.active.append(f"{name}={given[name]}")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.active.append(data)
        self.words.append(data)


class Person:
    """Somebody with a browser."""

    def __init__(self, serving: Serving, headers: dict[str, str] | None = None) -> None:
        self.serving = serving
        self.headers = headers or {}

    @classmethod
    async def signed_in(cls, serving: Serving, key: str) -> Person:
        answer = await cls(serving).send("/dashboard/sign-in", key=key)
        assert answer.status == 303, answer.body
        return cls(serving, {"cookie": answer.headers["set-cookie"].partition(";")[0]})

    async def get(self, path: str, **headers: str) -> Response:
        return await self.serving.request("GET", path, headers={**BROWSER, **self.headers, **headers})

    async def page(self, path: str) -> Document:
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.body[-600:])
        return Document(answer.body)

    async def send(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> Response:
        """A form."""
        lines = {**BROWSER, **FORM, "origin": self.serving.url, **self.headers, **(headers or {})}
        return await self.serving.request("POST", path, headers=lines, raw=urlencode(fields, doseq=True).encode())

    async def act(self, path: str, **fields: Any) -> Response:
        """A form of a page of this session."""
        csrf = Document((await self.get("/dashboard/nothing")).body).fields.get("csrf", "")  # it has "sign out"
        return await self.send(path, csrf=csrf, **fields)
