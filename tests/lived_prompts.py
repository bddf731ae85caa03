"""Prompts that have been in use for a while: versions, who released them, tests of them and of models, calls of each."""

from __future__ import annotations

import bisect
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from headgate.prompts.reference import SHORT
from headgate.storage.records import CallRow
from headgate.store import Store
from serving import Serving

TRIAGE = "support/triage"

TEXTS = {
    TRIAGE: ("Sort what customers write into one of the teams.", "Sort what customers write. Answer with one team.",
             "Sort what customers write. Answer with one team, and say how sure you are."),
    "support/reply": ("Answer the customer politely.", "Answer the customer politely, in their own language."),
    "support/refund": ("Say whether this order can be refunded.", "Say whether this order can be refunded, and why."),
    "support/escalate": ("Say who is to be told of this.",),
    "support/summary": ("Sum up the conversation in three sentences.", "Sum up the conversation in two sentences."),
    "search/rewrite": ("Rewrite the question for a search engine.", "Rewrite the question as key words."),
    "search/answer": ("Answer from the documents, and name them.",),
    "search/answer.brief": ("Answer from the documents in one sentence.",),
    "research/extract": ("List every figure in the text with its unit.", "List every figure with its unit and source."),
    "mobile/onboarding": ("Welcome the user by name.",),
    "mobile/push": ("Write a notice of at most 80 characters.", "Write a notice of at most 60 characters."),
    "mobile/very-long-name-that-somebody-gave-to-a-prompt-of-the-mobile-team": ("Say hello.",),
}  # fmt: skip
"""What each version of a prompt says."""

OWNERS = {"support": "support-tools", "search": "search-quality", "research": "data-science"}
REVIEWS = {"support/reply": "2026-01-31", "search/rewrite": "2099-06-30", TRIAGE: "2099-09-30"}

PUBLISHED_DAYS = (52, 31, 9)
"""How long ago versions were published."""

DATED = (
    "UPDATE prompt_versions SET created_us = created_us - $1 WHERE digest = $2",
    (
        "UPDATE prompt_moves SET created_us = created_us - $1, decided_us = decided_us - $1 WHERE to_digest = $2 AND "
        "status = 'done'"
    ),
)
"""What has versions and their moves be older by some microseconds."""


def sources(name: str, text: str) -> dict[str, str]:
    """The files of a prompt."""
    settings = {"owner": OWNERS.get(name.partition("/")[0]), "review_by": REVIEWS.get(name)}
    front = "".join(f"headgate.{key}: {value}\n" for key, value in settings.items() if value)
    head = "config: {temperature: 0.2, maxOutputTokens: 300}\ninput: {schema: {customer: string, order?: integer}}\n"
    body = f'{{{{role "system"}}}}\n{text}\n{{{{> house}}}}\n{{{{role "user"}}}}\nOrder {{{{order}}}} of {{{{customer}}}}.\n'
    folder = name.rpartition("/")[0]
    house = "You work for a shop. Be brief, and promise nothing.\n"
    return {f"{name}.prompt": f"---\n{head}{front}---\n{body}", f"{folder}/_house.prompt": house}


class Prompts:
    """What was released when, and which of it calls were made with."""

    def __init__(self, serving: Serving, admin: str) -> None:
        self._serving = serving
        self._headers = {"authorization": f"Bearer {admin}"}
        self._now = datetime.now(UTC)
        self.versions: dict[str, list[str]] = {}
        """Of each prompt, the oldest first."""
        self.keys: dict[str, str] = {}
        """Of people who may approve, by name."""

    async def live(self) -> None:
        """Publish all of it, move labels, and tell what came of tests."""
        for name, texts in TEXTS.items():
            for text in texts:
                note = "first" if text is texts[0] else "shorter, and asks for less"
                told = await self.made(
                    "/admin/prompts", sources=sources(name, text), note=note, git_commit="4f1c2d3e" * 5
                )
                self.versions.setdefault(name, []).append(told["data"][0]["version"])
        for name in ("anna", "bert"):
            user = await self.made("/admin/users", name=name, email=f"{name}@example.com")
            self.keys[name] = (await self.made("/admin/keys", name=name, user=user["id"], roles=["operator"]))["key"]
        for name, versions in self.versions.items():
            for version in versions[:2]:
                if name != "mobile/push":
                    await self.released(name, version)
            await self.made("/admin/prompts/moves", name=name, label="staging", to=versions[-1], reason="to be tried")
        await self.asked(TRIAGE, self.versions[TRIAGE][-1], "says how sure it is; tests are as before")
        await self.asked("mobile/push", self.versions["mobile/push"][-1], "")
        await self.tested()
        await self._dated()

    async def made(self, path: str, *, key: str = "", **fields: Any) -> Any:
        headers = {"authorization": f"Bearer {key}"} if key else self._headers
        answer = await self._serving.post(path, fields, headers)
        assert answer.status in (200, 201), answer.body
        return answer.json

    async def asked(self, name: str, version: str, reason: str) -> str:
        """Ask for what waits for a second person; the id of the move."""
        told = {"name": name, "label": "production", "to": version, "reason": reason}
        return (await self.made("/admin/prompts/moves", key=self.keys["anna"], **told))["id"]

    async def released(self, name: str, version: str) -> None:
        """Have one person ask, and another approve."""
        id_ = await self.asked(name, version, "has passed its tests")
        await self.made(f"/admin/prompts/moves/{id_}/approve", key=self.keys["bert"], reason="read the diff")

    async def tested(self) -> None:
        """Tests of a prompt night by night, and of two models."""
        rng = random.Random(7)
        first, second, third = self.versions[TRIAGE]
        nights = [(day, {1: second, 0: third}[day <= 9]) for day in range(18, 0, -1)]
        for suite, cases in (("triage", 60), ("refusals", 25)):
            for day, version in nights:
                drop = 0.3 if suite == "triage" and day <= 2 else 0.0
                await self.test(rng, suite, f"{TRIAGE} @ chat", day, cases, 0.95 - drop, prompt=TRIAGE, version=version)
        await self.test(rng, "triage", f"{TRIAGE} @ reasoning", 20, 60, 0.97, prompt=TRIAGE, version=second)
        await self.test(rng, "triage", f"{TRIAGE} @ chat", 40, 60, 0.9, prompt=TRIAGE, version=first)
        for model, pass_, drop in (("chat", 0.94, 0.0), ("reasoning", 0.97, 0.25)):
            for day in range(14, 0, -1):
                await self.test(rng, "golden", model, day, 40, pass_ - (drop if day <= 3 else 0.0))

    async def test(
        self, rng: random.Random, suite: str, cell: str, day: int, cases: int, rate: float, **of: str
    ) -> None:
        told = [
            {"case": f"case {number:02}", "subject": str(number), "of": 3, "needed": 3, "tries": tries,
             "reason": "" if all(tries) else "says 'billing' and not 'shipping'"}
            for number in range(cases) for tries in [[rng.random() < rate for _ in range(3)]]
        ]  # fmt: skip
        model = cell.rpartition(" @ ")[2]
        answered = {"chat": "gpt-4o-mini-2024-07-18", "reasoning": "claude-sonnet-4-5-20250929"}.get(model, model)
        at = (self._now - timedelta(days=day)).strftime("%Y-%m-%dT02:00:00Z")
        run = f"night-{day}-{of.get('version', '')[:SHORT]}"
        cost, p95_ms = f"{cases * 3 * 0.00021:.6f}", 900 + rng.random() * 300
        await self.made(
            "/admin/prompts/tests", run=run, at=at, suite=suite, cell=cell, cases=told, cost_usd=cost, p95_ms=p95_ms,
            answered_by=[answered], **of,
        )  # fmt: skip

    async def _dated(self) -> None:
        """As if all of that had been done over weeks."""
        store = self._serving.gateway.store
        assert isinstance(store, Store)
        async with store.database.transaction() as transaction:
            for versions in self.versions.values():
                for number, version in enumerate(versions):
                    days = PUBLISHED_DAYS[number if len(versions) > 1 else 0]
                    for statement in DATED:
                        await transaction.execute(statement, (days - number) * 86_400_000_000, version)

    def called(self, call: CallRow) -> CallRow:
        """A call as it would be with the prompt that was released then."""
        by_model: Mapping[str, Sequence[str]] = {
            "chat": (TRIAGE, "support/reply", "support/refund"), "summaries": ("support/summary",),
            "reasoning": ("research/extract",),
        }  # fmt: skip
        names = by_model.get(call.model)
        if names is None:
            return call
        rng = random.Random(call.id)
        name = names[rng.randrange(len(names))]
        ago = (self._now.timestamp() - call.started_us / 1e6) / 86_400
        versions = self.versions[name]
        number = min(bisect.bisect([-day for day in PUBLISHED_DAYS], -ago) - 1, len(versions) - 1)
        if number < 0:
            return call
        if name == TRIAGE and number == 2 and rng.random() < 0.6:
            number = 1  # the newest is tried by some only
        cost, longer = (1.0, 0.86, 1.2)[number], (1.0, 0.9, 1.25)[number]
        return replace(
            call,
            prompt_version=f"{name}@{versions[number][:SHORT]}",
            duration_us=int(call.duration_us * longer),
            cost_picodollars=None if call.cost_picodollars is None else int(call.cost_picodollars * cost),
        )
