"""The pictures of docs/dashboard.md: `python tests/screenshots.py FOLDER`, or `make screenshots`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page

import lived
from chromium import chromium
from serving import Serving

ADMIN = "hg-admin-key-of-the-screenshots-0123456789"

PICTURES: tuple[tuple[str, str, Any, int, int], ...] = (
    ("overview-light", "/?range=7d", "light", 1280, 960),
    ("overview-dark", "/?range=30d&by=team", "dark", 1280, 960),
    ("cost-light", "/dashboard/cost?range=30d", "light", 1280, 960),
    ("call-dark", "/dashboard/calls?range=7d", "dark", 1280, 760),
    ("phone", "/?range=7d", "light", 390, 844),
)


async def main(folder: Path) -> None:
    environ = {"HEADGATE_ADMIN_KEY": ADMIN}
    async with Serving(lived.CONFIG, environ, "auth: keys") as serving, chromium() as browser:
        await lived.live(serving.gateway, days=60, calls=12_000)
        for name, path, theme, width, height in PICTURES:
            context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = await context.new_page()
            await page.goto(f"{serving.url}/dashboard/sign-in")
            await page.fill("#key", ADMIN)
            await page.press("#key", "Enter")
            await page.wait_for_url(f"{serving.url}/")
            await page.goto(serving.url + path)
            if name.startswith("call"):
                await retried(page)
            await page.wait_for_timeout(300)
            await page.screenshot(path=folder / f"dashboard-{name}.png")
            await context.close()


async def retried(page: Page) -> None:
    """Go to a call that took more than one attempt."""
    row = page.locator("#rows tr").filter(has=page.locator("td:nth-child(6)", has_text="2")).first
    await row.locator("a").click()
    await page.locator(".waterfall li").first.wait_for()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(folder))
