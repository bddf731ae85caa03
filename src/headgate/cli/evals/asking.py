"""Where models are asked: in this process, by a configuration, or at a Headgate that serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headgate.cli import output
from headgate.cli.client import Reach, base_of, key_of
from headgate.cli.configs import ConfigFile, load_or_starter
from headgate.cli.evals.trying import tried
from headgate.cli.exits import CannotRun, Misused
from headgate.cli.files import writing
from headgate.config.places import placed
from headgate.evals.cache import Cache
from headgate.evals.models import AskedModels, GatewayModels, Spent
from headgate.evals.server import Server, ServerModels
from headgate.evals.session import FOLDER, for_tests
from headgate.gateway import Gateway

Flag = Annotated[bool, Parameter(negative=())]

Work = Callable[[AskedModels], Awaitable[None]]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asking:
    """Where models are asked, and what for."""

    server: str | None = None
    """Ask the models of the Headgate that serves there, https://host:port, in place of this process."""
    budget: str | None = None
    """The most answers and judges may cost, in US dollars: 0.50."""
    cache: Path | None = None
    """The file of answers of before; else .headgate/evals/answers.db, and with --server none."""
    no_cache: Flag = False
    """Ask everything anew, and keep nothing."""
    config: ConfigFile = None
    """The file; else HEADGATE_CONFIG, else ./headgate.yaml, else what is served without one."""
    key: str | None = None
    """A key for --server, and for what is released; better in HEADGATE_ADMIN_KEY, where others on this machine do not
    see it."""

    def reach(self, url: str | None, organisation: str | None) -> Reach:
        """Where versions are that are released: at the address that is named, else where models are asked."""
        return Reach(config=self.config, url=url or self.server, key=self.key, organisation=organisation)

    @property
    def kept(self) -> Path | None:
        """The file of answers; None where none are kept."""
        if self.no_cache or (self.server is not None and self.cache is None):
            return None
        return self.cache or FOLDER / "answers.db"

    @property
    def budget_usd(self) -> Decimal | None:
        """Raises Misused for what is no amount."""
        text = self.budget
        if text is None:
            return None
        try:
            amount = Decimal(text.removeprefix("$"))
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount <= 0 or amount > 10**9:
            raise Misused(f"a budget is an amount of US dollars, as 0.50, not {output.printable(text)}")
        return amount


NOTHING_SAID = Asking()


def ask(asking: Asking, work: Work, *, concurrency: int = 16, book: bool = False) -> None:
    """Have something done with models.

    Raises:
        CannotRun: it cannot be.
    """
    if asking.kept == FOLDER / "answers.db":
        hide()
    try:
        if asking.server is not None:
            tried(lambda: asyncio.run(_there(asking, work)))
        else:
            _here(asking, work, concurrency, book)
    except Spent as error:
        raise CannotRun(f"the budget has no room for a call: {error}", "Give more by --budget.") from None


def _here(asking: Asking, work: Work, concurrency: int, book: bool) -> None:
    config, path = load_or_starter(asking.config)
    config = placed(
        for_tests(config, concurrency, bounded=asking.budget is not None, book=book),
        (path or Path()).parent,
        kept=False,
    )

    async def main() -> None:
        with _opened(asking.kept) as kept:
            async with Gateway(config) as gateway:
                await work(GatewayModels(gateway.handle, config, kept, asking.budget_usd))

    tried(lambda: asyncio.run(main()))


async def _there(asking: Asking, work: Work) -> None:
    key = key_of(asking.reach(None, None))
    server = Server(base_of(asking.server or "", key), key, asking.budget_usd)
    try:
        with _opened(asking.kept) as kept:
            await work(ServerModels(server, kept))
    finally:
        await server.close()


@contextmanager
def _opened(file: Path | None) -> Generator[Cache | None, None, None]:
    """Answers of before, while they are needed."""
    cache = None if file is None else Cache(file)
    try:
        yield cache
    finally:
        if cache is not None:
            cache.close()


def hide() -> None:
    """Keep what runs leave out of version control."""
    ignored = FOLDER.parent / ".gitignore"
    with writing(ignored):
        FOLDER.mkdir(parents=True, exist_ok=True)
        if not ignored.exists():
            ignored.write_text("*\n")
