"""The pictures of docs/dashboard.md: `python tests/screenshots.py FOLDER`, or `make screenshots`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page

import lived
from chromium import chromium
from lived_prompts import TRIAGE, Prompts
from serving import Serving
from watching_alerts import look_at_rules

ADMIN = "hg-admin-key-of-the-screenshots-0123456789"

PICTURES: tuple[tuple[str, str, Any, int, int], ...] = (
    ("overview-light", "/?range=7d", "light", 1280, 960),
    ("overview-dark", "/?range=30d&by=team", "dark", 1280, 960),
    ("cost-light", "/dashboard/cost?range=30d", "light", 1280, 960),
    ("call-dark", "/dashboard/calls?range=7d", "dark", 1280, 760),
    ("alerts-light", "/dashboard/alerts?range=7d", "light", 1280, 1100),
    ("rule-dark", "/dashboard/alerts/rules/many-fail", "dark", 1280, 760),
    ("quality-light", "/dashboard/quality?range=30d", "light", 1280, 1100),
    ("prompts-light", "/dashboard/prompts", "light", 1280, 1000),
    ("prompt-light", f"/dashboard/prompts/one?name={TRIAGE}&range=30d", "light", 1280, 1320),
    ("prompt-diff-dark", f"/dashboard/prompts/diff?name={TRIAGE}&range=7d", "dark", 1280, 960),
    ("golden-light", "/dashboard/models/golden/one?model=reasoning", "light", 1280, 900),
    ("phone", "/?range=7d", "light", 390, 844),
    ("phone-prompt", f"/dashboard/prompts/diff?name={TRIAGE}", "light", 390, 844),
)
"""Names, pages, colours, and how wide and high the window is."""


CONFIG = (
    lived.CONFIG.replace(
        "  reasoning:", f"  triage: {{prompt: {TRIAGE}, targets: [openai/gpt-4o-mini]}}\n  reasoning:"
    ).replace(
        "targets: [{target: openai/gpt-4o-mini,",
        "objectives: {availability: 0.98, latency: [{target: 0.95, within_s: 4}], cost: {period_usd: 25}}, "
        "targets: [{target: openai/gpt-4o-mini,",
    )
    + """
prompts: {protected: [production]}
alerts:
  channels:
    pager: {kind: webhook, url: "http://127.0.0.1:9/", secret: "012345678901234567890123", internal: true}
  rules:
    many-fail: {threshold: {measure: failed_share, above: 0.05, window_s: 3600}, severity: page}
    slow: {threshold: {measure: duration.p95, above: 2000, window_s: 3600}, by: model, for_s: 600}
"""
)


async def main(folder: Path) -> None:
    environ = {"HEADGATE_ADMIN_KEY": ADMIN}
    async with Serving(CONFIG, environ, "auth: keys") as serving, chromium() as browser:
        prompts = Prompts(serving, ADMIN)
        await prompts.live()
        await lived.live(serving.gateway, days=60, calls=12_000, change=prompts.called)
        await alerted(serving)
        for name, path, theme, width, height in PICTURES:
            context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
            page = await context.new_page()
            await page.goto(f"{serving.url}/dashboard/sign-in")
            await page.fill("#key", prompts.keys["bert"] if "/prompts" in path else ADMIN)
            await page.press("#key", "Enter")
            await page.wait_for_url(f"{serving.url}/")
            await page.goto(serving.url + path)
            if name.startswith("call"):
                await retried(page)
            await page.wait_for_timeout(300)
            await page.screenshot(path=folder / f"dashboard-{name}.png")
            await context.close()


async def alerted(serving: Serving) -> None:
    """Have rules looked at, a silence and a maintenance window."""
    await look_at_rules(serving.gateway)
    now = datetime.now(UTC)
    silences: tuple[dict[str, Any], ...] = (
        {"rule": "slow", "series": "model:reasoning", "reason": "known: the vendor is looking into it", "ends_at": now + timedelta(hours=2)},
        {"rule": "traffic", "reason": "nightly maintenance", "repeats": "day", "timezone": "Europe/Berlin",
         "starts_at": now + timedelta(hours=9), "ends_at": now + timedelta(hours=10)},
    )  # fmt: skip
    for each in silences:
        told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in each.items()}
        answer = await serving.post("/admin/alerts/silences", told, {"authorization": f"Bearer {ADMIN}"})
        assert answer.status == 201, answer.body


async def retried(page: Page) -> None:
    """Go to a call that took more than one attempt."""
    row = page.locator("#rows tr").filter(has=page.locator("td:nth-child(6)", has_text="2")).first
    await row.locator("a").click()
    await page.locator(".waterfall li").first.wait_for()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(folder))
