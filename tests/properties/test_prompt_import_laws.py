"""A template of Jinja2 and the prompt it is imported as come to the same text, whatever is in them."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headgate.prompts.dotprompt import load_sources
from headgate.prompts.importing import import_prompt

NAMES = ("a", "b", "role", "this")
"""Inputs that are text; two of them are called as what means something in a prompt."""
LISTS = ("xs", "each")
FLAGS = ("on", "off")

words = st.text(alphabet="ab \n\t{}\\-<%é", max_size=8).filter(lambda it: not any(x in it for x in ("{{", "{%", "{#")))
awkward = st.sampled_from(
    ["{{", "{{{", "{{{{", "}}", "}}}", "\\", "\\\\", "{{x}}", "\\{{x}}", "\n\n", "  ", "{{role 'system'}}"]
)
said = st.one_of(
    words.map(lambda it: it.removesuffix("{")),
    awkward.map(lambda it: "{% raw %}" + it + "{% endraw %}"),
)
signs = st.sampled_from(["", "-"])


@st.composite
def tags(draw: st.DrawFn, inside: str) -> str:
    return "{%" + draw(signs) + f" {inside} " + draw(signs) + "%}"


@st.composite
def values(draw: st.DrawFn, items: tuple[str, ...]) -> str:
    name = draw(st.sampled_from((*NAMES, *items)))
    written = draw(
        st.sampled_from(
            [
                name, f"{name} ~ '-' ~ {name}", f"{name} if {draw(conditions())} else 'q'", f"{name} | default('d')",
                f"{name} or \"it's\"", "'{{'", "3", "gone | default('d')", f"{draw(st.sampled_from(LISTS))} | join('; ')",
                f"{draw(st.sampled_from(LISTS))} | length",
            ]
        )
    )  # fmt: skip
    return "{{" + draw(signs) + f" {written} " + draw(signs) + "}}"


@st.composite
def conditions(draw: st.DrawFn, depth: int = 0) -> str:
    plain = [
        *FLAGS,
        *LISTS,
        "a == 'a'",
        "b != ''",
        "a is defined",
        "gone is defined",
        "a is none",
        "xs | length > 0",
        "role in ['a', 'b']",
    ]
    one = draw(st.sampled_from(plain))
    if depth == 2 or draw(st.booleans()):
        return one
    other = draw(conditions(depth + 1))
    return draw(st.sampled_from([f"not ({one})", f"({one}) and ({other})", f"({one}) or ({other})"]))


@st.composite
def templates(draw: st.DrawFn, items: tuple[str, ...] = (), depth: int = 0) -> str:
    def inner(*more: str) -> str:
        return draw(templates((*items, *more), depth + 1))

    parts: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(
            st.sampled_from(["said", "said", "value"] if depth == 3 else ["said", "said", "value", "if", "for"])
        )
        if kind == "said":
            parts.append(draw(said))
        elif kind == "value":
            parts.append(draw(values(items)))
        elif kind == "if":
            parts += [draw(tags(f"if {draw(conditions())}")), inner()]
            for _ in range(draw(st.integers(0, 2))):
                parts += [draw(tags(f"elif {draw(conditions())}")), inner()]
            if draw(st.booleans()):
                parts += [draw(tags("else")), inner()]
            parts.append(draw(tags("endif")))
        else:
            item = draw(st.sampled_from(["i", "history", "this"]))
            end = draw(st.sampled_from(["", "{% if not loop.last %}, {% endif %}", "{{ loop.index0 }}"]))
            parts += [draw(tags(f"for {item} in {draw(st.sampled_from(LISTS))}")), inner(item), end]
            if draw(st.booleans()):
                parts += [draw(tags("else")), inner()]
            parts.append(draw(tags("endfor")))
    return "".join(parts)


texts = st.text(alphabet='ab{}\\<>"\n', max_size=4)
inputs = st.fixed_dictionaries(
    {
        **dict.fromkeys(NAMES, texts),
        **dict.fromkeys(LISTS, st.lists(texts, max_size=3)),
        **dict.fromkeys(FLAGS, st.booleans()),
    }
)


@settings(deadline=None)
@given(source=templates(), given_=inputs, trim=st.booleans())
def test_an_imported_template_comes_to_the_same_text(source: str, given_: dict[str, Any], trim: bool):
    (made,) = import_prompt("jinja", "t", source, trim=trim)
    left_out = [each.message for each in made.notes if "left out" in each.message]
    assert all("too long to write twice" in each for each in left_out)
    assume(not left_out)
    prompt = load_sources({"t.prompt": made.text}).get("t")
    known = (prompt.input_schema or {}).get("properties", {})
    messages = prompt.render({name: value for name, value in given_.items() if name in known}).messages
    expected = jinja2.Environment(trim_blocks=trim, lstrip_blocks=trim).from_string(source).render(given_)
    assert {each.role for each in messages} <= {"user"}
    assert "".join(part.plain()["text"] for each in messages for part in each.content).strip() == expected.strip()


pieces = st.one_of(
    st.text(alphabet="ab \n{}\\@é", max_size=6),
    st.sampled_from(
        ["{{a}}", "{{ role }}", "{{history}}", "{{{this}}}", "{{a.b}}", "{{#if a}}", "\\{{a}}", "{{}}", "{{> a}}"]
    ),
)


@settings(deadline=None)
@given(
    text=st.lists(pieces, max_size=6).map("".join),
    values=st.fixed_dictionaries(dict.fromkeys(("a", "role", "history", "this"), texts)),
)
def test_a_text_of_langfuse_is_filled_in_as_there(text: str, values: dict[str, str]):
    """Langfuse fills in names in double braces, and leaves everything else as it is."""
    (made,) = import_prompt("langfuse", "t", json.dumps({"name": "t", "prompt": text}))
    prompt = load_sources({"t.prompt": made.text}).get("t")
    known = (prompt.input_schema or {}).get("properties", {})
    messages = prompt.render({name: value for name, value in values.items() if name in known}).messages
    expected = re.sub(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}", lambda it: values.get(it[1], it[0]), text, flags=re.ASCII)
    assert {each.role for each in messages} <= {"user"}
    assert "".join(part.plain()["text"] for each in messages for part in each.content).strip() == expected.strip()
