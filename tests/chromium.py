"""A headless Chromium, one for all tests of a module: Debian's, driven through Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
"""Of axe-core: WCAG 2.2, levels A and AA."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path is not None, "there is no Chromium; Debian: apt-get install chromium, or: make test"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


async def violations(page: Page, *, only: str | None = None) -> list[str]:
    """What axe-core finds wrong with a page, in words."""
    if not await page.evaluate("window.axe !== undefined"):
        await page.evaluate(
            (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
        )  # no script of the page's
    run: dict[str, Any] = {"type": "rule", "values": [only]} if only else {"type": "tag", "values": RULES}
    found = await page.evaluate(
        "run => axe.run(document, {runOnly: run, resultTypes: ['violations'], preload: false})", run
    )
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
