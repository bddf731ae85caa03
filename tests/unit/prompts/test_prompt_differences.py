"""What is different in a prompt, and what its callers would notice."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.prompts.difference import Change, difference
from headgate.prompts.dotprompt import Prompt, load_sources
from headgate.prompts.outline import outline

BEFORE = """---
model: chat
config: {temperature: 0}
input: {schema: {question: string, tone?: string}, default: {tone: kind}}
output: {schema: {label(enum): [A, B], why: string}}
tools: [find]
---
{{role "system"}}{{> rules}}{{#if tone}}{{media url=tone}}{{/if}}{{history}}{{role "user"}}{{question}}"""
TOOL = "description: Finds.\ninputSchema: {id: string}\n"


def prompt(text: str = BEFORE, *, rules: str = "Be kind.", tool: str = TOOL) -> Prompt:
    return load_sources({"t.prompt": text, "_rules.prompt": rules, "find.tool.yaml": tool}).get("t")


def broken(old: str, new: str, text: str = BEFORE) -> list[str]:
    assert old in text
    return [str(each) for each in difference(prompt(text), prompt(text.replace(old, new))).breaks]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("question: string,", "question: string, name: string,", ["input name is required now"]),
        ("default: {tone: kind}", "default: {question: why}", []),
        ("tone?: string}, default: {tone: kind}", "tone: string}, default: {tone: kind}",
         ["input tone no longer takes null"]),
        ("question: string, tone?: string}, default: {tone: kind}", "question: string}",
         ["input tone is not taken any more"]),
        ("question: string", "question: integer", ["input question no longer takes string"]),
        ("question: string", "question(enum): [x]", ['input question takes nothing but "x" now']),
        ("{schema: {question: string, tone?: string}, default: {tone: kind}}", "{schema: {question: any, tone?: any}}", []),
        ("[A, B]", "[A]", []),
        ("[A, B]", "[A, B, C]", ['output label may be "C" now']),
        ("why: string", "why?: string", ["output why may be missing now", "output why may be null now"]),
        (", why: string", "", ["output why is not in the answer any more"]),
        ("why: string", "why: string, more: string", []),
        ("output: {schema: {label(enum): [A, B], why: string}}\n", "", ["output is text now, and was json"]),
        ("output: {schema: {label(enum): [A, B], why: string}}\n", "output: {format: json}\n",
         ["output has no schema any more"]),
        ("[find]", "[find, theirs]", ["tools theirs has to be brought by the caller now"]),
        ("temperature: 0", "temperature: 1", []),
    ],
)  # fmt: skip
def test_what_callers_would_notice(old: str, new: str, told: list[str]):
    assert broken(old, new) == told


def test_a_default_lets_callers_leave_an_input_out():
    text = BEFORE.replace("tone?: string", "tone: string")
    assert broken(", default: {tone: kind}", "", text) == ["input tone is required now"]


def test_what_is_different_is_told_by_its_name():
    after = BEFORE.replace("chat", "clever").replace("[A, B]", "[A]").replace("{{history}}", "").replace("0}", "1}")
    found = difference(prompt(), prompt(after, tool=TOOL.replace("Finds.", "Looks up.")))

    def tool(what: str) -> dict[str, Any]:
        return {"name": "find", "description": what, "inputSchema": prompt().tool_defs[0]["inputSchema"]}

    assert found.changes == [
        Change("model", "chat", "clever"),
        Change("config.temperature", 0, 1),
        Change("output.label: enum", ["A", "B"], ["A"]),
        Change("tool find", tool("Finds."), tool("Looks up.")),
        Change(
            "outline",
            ["role system", "> rules", "media", "history", "role user"],
            ["role system", "> rules", "media", "role user"],
        ),
    ]
    assert [each.file for each in found.texts] == ["t.prompt", "find.tool.yaml"]
    assert "-description: Finds." in found.texts[1].lines


def test_a_partial_that_changes_is_told_as_text():
    found = difference(prompt(), prompt(rules="Be brief."))
    assert (found.changes, found.breaks) == ([], [])
    assert [each.lines for each in found.texts] == [["@@ -1 +1 @@", "-Be kind.", "+Be brief."]]


def test_partials_are_gone_into():
    text = (
        '{{#> rules}}{{section "code"}}{{/rules}}{{#*inline "mine"}}{{role "model"}}{{/inline}}{{> (lookup this "x")}}'
    )
    found = outline(prompt(f"---\nmodel: chat\n---\n{text}", rules='{{role "user"}}'))
    assert found == ["> rules", "section code", "role user", "role model", "> (any)"]


@pytest.mark.parametrize(("old", "new"), [("a\n", "a"), ("a\nb", "a\r\nb"), ("a\u2028b", "a\nb")])
def test_ends_of_lines_are_different_too(old: str, new: str):
    before, after = (load_sources({"t.prompt": each}).get("t") for each in (old, new))
    assert before.version != after.version
    (text,) = difference(before, after).texts
    assert text.lines
