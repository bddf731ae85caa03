"""The dashboard in a real browser: every page with real data, and what people do there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

import lived
from chromium import chromium, violations
from serving import Serving
from simulated import simulated
from watching_alerts import look_at_rules

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = "hg-admin-key-of-these-tests-0123456789"
CHAT = "/v1/chat/completions"
PAGES = {
    "overview": "/?range=24h&by=key",
    "calls": "/dashboard/calls?range=7d",
    "models": "/dashboard/models",
    "golden": "/dashboard/models/golden",
    "golden one": "/dashboard/models/golden/one?model=chat",
    "cost": "/dashboard/cost",
    "quality": "/dashboard/quality",
    "alerts": "/dashboard/alerts?range=7d",
    "rule": "/dashboard/alerts/rules/broken?series=model:summaries",
    "prompts": "/dashboard/prompts",
    "prompt": "/dashboard/prompts/one?name=support/triage",
    "diff": "/dashboard/prompts/diff?name=support/triage",
    "keys": "/dashboard/keys",
    "config": "/dashboard/config",
    "playground": "/dashboard/playground",
}
RULES = """
prompts: {protected: [production]}
alerts:
  builtin: false
  rules:
    broken: {threshold: {measure: failed, above: 2, window_s: 120}, by: model, severity: page}
    broken-tags: {threshold: {measure: failed, above: 2, window_s: 120}, by: tag}
"""
HOSTILE = (
    '<img src=x onerror="window.ran=1">', "javascript:window.ran=1", "\u202eexe.harmless", "x" * 199,
    "مفتاح الفريق", "</script><script>window.ran=1</script>", "'\"><svg/onload=window.ran=1>",
)  # fmt: skip
ANSI = "\x1b[31mred\x1b[0m"
SAID = f"{HOSTILE[0]} {HOSTILE[5]} [link](javascript:window.ran=1) {ANSI} {HOSTILE[2]} {HOSTILE[4]}"


class House:
    """A server with a past, whose `local` provider says what a script has it say, and a browser."""

    def __init__(self, serving: Serving, browser: Browser) -> None:
        self.serving = serving
        self.browser = browser
        self.url = serving.url

    @asynccontextmanager
    async def page(self, key: str | None = ADMIN, *, width: int = 1280, theme: Any = "light") -> AsyncIterator[Page]:
        """A page of somebody signed in, that has to do without errors."""
        context = await self.browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        if key is not None:
            await page.goto(f"{self.url}/dashboard/sign-in")
            await page.fill("#key", key)
            await page.press("#key", "Enter")
            await page.wait_for_url(lambda url: "sign-in" not in url)
        yield page
        assert said == []
        assert await page.evaluate("window.ran") is None
        await context.close()

    async def made(self, path: str, **fields: Any) -> Any:
        answer = await self.serving.post(path, fields, {"authorization": f"Bearer {ADMIN}"})
        assert answer.status == 201, answer.body
        return answer.json

    async def tested(self, run: int = 0, *, good: int = 40, **of: Any) -> None:
        """Keep what came of forty cases, of which some passed."""
        cases = [
            {"case": f"{HOSTILE[3]} {number}", "subject": f"{number}", "tries": [number < good] * 3, "of": 3,
             "reason": HOSTILE[0]}
            for number in range(40)
        ]  # fmt: skip
        at = f"2026-11-{run + 1:02}T02:00:00Z"
        await self.made("/admin/prompts/tests", run=f"r{run}", at=at, cell="chat", cases=cases, **of)

    async def call(self, key: str, model: str = "chat", text: str = "Hello", **headers: str) -> str:
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 9}
        answer = await self.serving.post(CHAT, body, {"authorization": f"Bearer {key}", **headers})
        assert answer.status == (400 if text == "fail it" else 200), answer.body
        return answer.headers["x-headgate-request-id"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    with simulated() as vendor:
        refused = {"match": {"text": "fail it"}, "fault": "bad_request"}
        vendor.script([{"match": {"text": "say it"}, "reply": {"text": SAID}}, refused])
        local = f'local: {{kind: openai, api_key: k, base_url: "{vendor.url}/v1"}}'
        config = lived.CONFIG.replace("local: {kind: simulator}", local)
        async with (
            Serving(config + RULES, {"HEADGATE_ADMIN_KEY": ADMIN}, "auth: keys") as serving,
            chromium() as browser,
        ):
            await lived.live(serving.gateway, days=4, calls=400)
            house = House(serving, browser)
            for text in ("One.", f"Two. {HOSTILE[0]}"):
                told = await house.made("/admin/prompts", sources={"support/triage.prompt": text})
                await house.tested(prompt="support/triage", version=told["data"][0]["version"], suite=HOSTILE[0])
            for run in range(2):
                await house.tested(run, suite="golden", good=40 - 30 * run)
            yield house


async def test_every_page_reads_well_in_both_colours_and_on_a_phone(house: House):
    async with house.page() as page:
        for name, path in PAGES.items():
            await page.set_viewport_size({"width": 1280, "height": 900})
            await page.emulate_media(color_scheme="light")
            await page.goto(house.url + path)
            if name in ("overview", "models", "cost", "rule"):
                await expect(page.locator(".plot canvas").first).to_be_visible()
            assert await violations(page) == [], name
            await page.emulate_media(color_scheme="dark")
            assert await violations(page, only="color-contrast") == [], name
            await page.set_viewport_size({"width": 390, "height": 844})
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, name
        await page.goto(f"{house.url}/dashboard/calls?range=7d")
        await page.locator("#rows a").first.click()
        await expect(page.locator(".waterfall li").first).to_be_visible()
        assert await violations(page) == []
    async with house.page(None) as page:
        await page.goto(f"{house.url}/dashboard/sign-in")
        assert await violations(page) == []


async def test_what_is_chosen_stands_in_the_url_and_the_chart_is_its_table(house: House):
    async with house.page() as page:
        await page.goto(house.url)
        await page.select_option("#f-range", "7d")
        await page.wait_for_url("**/?range=7d**")
        await page.select_option("#f-by", "team")
        await page.wait_for_url("**by=team**")
        await expect(page.locator("#h-by-team")).to_be_visible()
        await page.fill("#f-of", "model:chat")
        await page.press("#f-of", "Enter")
        await page.wait_for_url("**of=model*")
        await expect(page.locator(".chip")).to_contain_text("model:chat")
        url = page.url
        await page.reload()
        assert await page.input_value("#f-range") == "7d"
        assert await page.input_value("#f-by") == "team"
        await expect(page.locator("#c-team-calls .plot canvas")).to_be_visible()
        await page.go_back()
        await expect(page.locator(".chip")).to_have_count(0)
        await page.goto(url)
        await page.locator("#d-traffic summary").click()
        cells = await page.locator("#c-traffic tbody td").evaluate_all("all => all.map(each => +each.dataset.v)")
        tile = await page.locator(".tile dd strong").first.inner_text()
        assert sum(cells) == int(tile.replace(",", ""))
        async with page.expect_download() as download:
            await page.locator("#c-traffic .file").click()
        assert (await (await download.value).path()).read_text().startswith("from,answered,failed")


async def test_the_keyboard_is_enough(house: House):
    async with house.page() as page:
        await page.goto(house.url)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.locator("#f-range")).to_be_focused()
        await page.locator("#d-traffic summary").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#c-traffic table")).to_be_visible()
        await page.locator("#theme").focus()
        for colours in ("light", "dark"):
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.documentElement.dataset.theme") == colours
        await page.reload()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_each_role_sees_its_pages(house: House):
    seen = {
        "operator": [
            "Overview",
            "Calls",
            "Models",
            "Cost",
            "Quality",
            "Prompts",
            "Alerts",
            "Keys",
            "Configuration",
            "Playground",
        ],
        "auditor": ["Overview", "Calls", "Models", "Cost", "Quality", "Prompts", "Alerts", "Keys", "Configuration"],
        "caller": ["Playground"],
    }
    for role, names in seen.items():
        key = await house.made("/admin/keys", name=f"the {role}", roles=[role])
        async with house.page(key["key"]) as page:
            assert [each.split()[0] for each in await page.locator("nav a").all_inner_texts()] == names
            await expect(page.locator(".who .name")).to_have_text(f"the {role}")
            await page.click("text=Sign out")
            await page.wait_for_url("**/dashboard/sign-in")
            await page.goto(house.url)
            await page.wait_for_url("**/dashboard/sign-in")


async def test_an_answer_comes_piece_by_piece_and_is_in_the_list_of_calls(house: House):
    async with house.page() as page:
        await page.goto(f"{house.url}/dashboard/playground")
        await page.evaluate(
            "() => { window.seen = new Set(); new MutationObserver(() => window.seen.add(document.querySelector"
            "('.turn.assistant .said')?.textContent)).observe(document.getElementById('turns'), {childList: true, "
            "subtree: true, characterData: true}); }"
        )
        await page.fill("#p-user", "Tell me of canals")
        await page.press("#p-user", "Control+Enter")
        await page.locator("#p-told a").wait_for()
        assert len(await page.evaluate("[...window.seen]")) > 3
        assert len(await page.locator(".turn.assistant .said").inner_text()) > 20
        await expect(page.locator("#p-told")).to_contain_text("first token")
        await page.click("#p-told a")
        await expect(page.locator(".waterfall li")).to_have_count(2)
        await expect(page.locator(".facts")).to_contain_text("playground")


async def test_a_call_is_seen_as_it_ends(house: House):
    async with house.page() as page:
        await page.goto(f"{house.url}/dashboard/calls?range=1h&model=reasoning")
        async with page.expect_response(lambda answer: "/live" in answer.url):
            await page.click("#live")
        await expect(page.locator("#live")).to_have_attribute("aria-pressed", "true")
        call_id = await house.call(ADMIN, "reasoning")
        await house.call(ADMIN, "chat")
        row = page.locator(f'#rows a[href*="{call_id}"]')
        await row.wait_for()
        await expect(page.locator("#rows tr.new")).to_have_count(1)
        await page.click("#live")
        await expect(page.locator("#live")).to_have_text("Follow live")


async def test_a_key_is_made_used_rotated_and_revoked(house: House):
    async with house.page() as page:
        await page.goto(f"{house.url}/dashboard/keys")
        await page.fill("#n-name", "of the browser")
        await page.fill("#n-budget", "5")
        await page.click("text=Make the key")
        key = await page.locator("#secret").inner_text()
        await house.call(key)
        await page.goto(f"{house.url}/dashboard/keys?name={quote('of the browser')}")
        await expect(page.locator("tbody", has_text="of the browser")).to_contain_text("$5.00 a month")
        assert key not in await page.content()
        await page.click("summary:has-text('Revoke')")
        await page.click("text=Revoke this key")
        await expect(page.locator(".done")).to_contain_text("opens nothing any more")
        body = {"model": "chat", "messages": []}
        assert (await house.serving.post(CHAT, body, {"authorization": f"Bearer {key}"})).status == 401


async def test_names_and_answers_from_anywhere_are_inert(house: House):
    tags = "app=<img/src=x/onerror=window.ran=1>,go=javascript:window.ran=1"
    for name in HOSTILE:
        key = await house.made("/admin/keys", name=name) if name.isprintable() else None
        if key is not None:
            call_id = await house.call(key["key"], **{"x-headgate-tags": tags})
    async with house.page() as page:
        for path in (
            "/?by=key&range=1h",
            "/?by=tag&range=1h",
            "/dashboard/calls",
            f"/dashboard/calls/{call_id}",
            "/dashboard/keys",
            "/dashboard/cost?by=tag",
        ):
            await page.goto(house.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert await page.locator("main img, main svg[onload], main script, a[href^='javascript']").count() == 0, (
                path
            )
        await page.goto(f"{house.url}/?by=key&range=1h")
        for name in HOSTILE:
            if name.isprintable():
                await expect(page.locator("#figures table", has_text=name).first).to_be_attached()
        await page.hover("#c-key-calls .u-over")
        await page.goto(f"{house.url}/dashboard/playground?model=summaries")
        await page.fill("#p-user", "say it")
        await page.press("#p-user", "Control+Enter")
        await page.locator("#p-told a").wait_for()
        said = await page.locator(".turn.assistant .said").inner_text()
        assert HOSTILE[0] in said
        assert "\\u001b[31m" in said
        assert "\\u202e" in said
        assert "\x1b" not in said
        assert await page.locator(".said *").count() == 0


async def test_an_alert_that_begins_to_fire_is_seen_at_once_and_silenced(house: House):
    rule = {"threshold": {"measure": "failed", "above": 2, "window_s": 120}, "by": "key"}
    await house.made("/admin/alerts/rules", name=HOSTILE[0], rule=rule)
    key = await house.made("/admin/keys", name=HOSTILE[6])
    async with house.page() as page:
        async with page.expect_response(lambda answer: "/alerts/live" in answer.url):
            await page.goto(f"{house.url}/dashboard/alerts")
        await expect(page.locator("#live")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#standing")).to_contain_text("All is well")
        await expect(page.locator("#firing")).to_have_text("")
        await page.evaluate("window.kept = true")
        for _ in range(3):
            tags = "app=<img/src=x/onerror=window.ran=1>"
            await house.call(key["key"], "summaries", "fail it", **{"x-headgate-tags": tags})
        await look_at_rules(house.serving.gateway)

        row = page.locator("#standing tbody tr", has_text="model:summaries")
        await expect(row.locator(".badge.bad")).to_have_text("fires")
        await expect(page.locator("#firing")).to_have_text("3 fire")
        await expect(page.locator("#status")).to_contain_text("fires.")
        for hostile in (HOSTILE[0], HOSTILE[6], "app=<img/src=x/onerror=window.ran=1>"):
            await expect(page.locator("#standing tbody")).to_contain_text(hostile)
        assert await page.locator("main img, main svg[onload], main script").count() == 0
        assert await page.evaluate("window.kept"), "the page was loaded anew"
        assert await violations(page) == []
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390

        await row.locator("a").click()
        await expect(page.locator("#c-value .plot canvas")).to_be_visible()
        assert await violations(page) == []
        await page.fill("#s-reason", "it is known")
        await page.click("button:text-is('Silence')")
        await expect(page.locator(".done")).to_contain_text("“broken” will not be told until")
        await expect(row).to_contain_text("silenced")
        await expect(page.locator("#firing")).to_have_text("2 fire")
        await page.click("button:has-text('End')")
        await expect(page.locator(".done")).to_contain_text("The silence has ended")
        await expect(page.locator("#firing")).to_have_text("3 fire")


async def test_a_second_person_compares_two_versions_and_approves_by_the_keyboard(house: House):
    keys: dict[str, str] = {}
    for name in ("anna", "bert"):
        user = await house.made("/admin/users", name=name, email=f"{name}@example.com")
        keys[name] = (await house.made("/admin/keys", name=name, user=user["id"], roles=["operator"]))["key"]
    async with house.page(keys["anna"]) as page:
        await page.goto(f"{house.url}/dashboard/prompts?find=triage")
        await page.click("tbody th a")
        await page.fill("#m-reason", "it is better")
        await page.click("button:text-is('Move the label')")
        await expect(page.locator(".done")).to_contain_text("once a second person approves")
        await expect(page.locator(".waits")).to_contain_text("You asked for it")
        await page.click("#d-deciding summary")
        await expect(page.locator("#d-deciding code").first).to_contain_text("headgate prompts approve move_")
    async with house.page(keys["bert"], theme="dark") as page:
        await page.goto(f"{house.url}/dashboard/prompts?show=waiting")
        await page.click("tbody td a:has-text('Text')")
        await expect(page.locator("#h-files")).to_be_in_viewport()
        await page.goto(f"{house.url}/dashboard/prompts/diff?name=support/triage")
        await expect(page.locator("ins").first).to_be_visible()
        await page.locator(".decide summary").first.focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.type("read it")
        assert await violations(page) == []
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.keyboard.press("Enter")
        await expect(page.locator(".done")).to_contain_text("stands for")
        assert await violations(page) == []
        await expect(page.locator("h2", has_text="Files of")).to_contain_text("production")
