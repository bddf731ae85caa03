"""Folders, packages and texts as libraries: names, what belongs to a prompt, versions, mistakes of every file at once."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from headgate.prompts.dotprompt import (
    InputInvalid,
    PromptNotFound,
    PromptsInvalid,
    load_folder,
    load_package,
    load_sources,
)

FRONT = "---\nmodel: chat\ninput:\n  schema:\n    name: string\n    order?: Order\n---\n"

SOURCES = {
    "support/triage.prompt": FRONT + "{{> footer}} {{> rules}} {{name}}",
    "support/triage.brief.prompt": FRONT + "{{name}}",
    "support/_footer.prompt": "near {{> rules}}",
    "_footer.prompt": "far",
    "_rules.prompt": "# rules",
    "_unused.prompt": "unused",
    "Order.schema.yaml": "id: string, its number",
    "support/find.tool.yaml": "description: Finds orders.\ninputSchema: {order: Order}\n",
    "tooled.prompt": "---\ntools: [find, elsewhere]\n---\nx",
    "support/tooled.prompt": "---\ntools: [find]\n---\nx",
}


def written(folder: Path, sources: dict[str, str]) -> Path:
    for place, text in sources.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(text.encode())
    return folder


def test_prompts_are_named_by_their_places_and_find_what_is_beside_and_above_them(tmp_path: Path):
    library = load_folder(written(tmp_path, SOURCES))
    assert list(library.prompts) == ["support/tooled", "support/triage", "support/triage.brief", "tooled"]
    triage = library.get("support/triage")
    (message,) = triage.render({"name": "Ada"}).messages
    assert message.plain()["content"] == [{"text": "near # rules # rules Ada"}]
    assert (triage.name, triage.variant, triage.model) == ("support/triage", None, "chat")
    assert library.get("support/triage", "brief") is library.get("support/triage.brief")
    assert [each.variant for each in library.variants("support/triage")] == [None, "brief"]
    order = {"type": ["object", "null"], "properties": {"id": {"type": "string", "description": "its number"}}}
    assert triage.input_schema is not None
    assert order.items() <= triage.input_schema["properties"]["order"].items()


def test_tools_are_those_of_the_folder_and_above_and_others_are_the_callers(tmp_path: Path):
    library = load_folder(written(tmp_path, SOURCES))
    (tool,) = library.get("support/tooled").tool_defs
    assert (tool["name"], tool["description"]) == ("find", "Finds orders.")
    assert tool["inputSchema"]["properties"]["order"]["properties"]["id"]["type"] == "string"
    assert library.get("tooled").tools == ("find", "elsewhere")
    assert [(each.fatal, each.line) for each in library.problems] == [(False, 2), (False, 2)]


def test_a_version_is_of_everything_the_prompt_needs_and_of_nothing_else(tmp_path: Path):
    before = load_folder(written(tmp_path, SOURCES))
    for changed, same in (
        ("_unused.prompt", True),
        ("_footer.prompt", True),
        ("support/_footer.prompt", False),
        ("_rules.prompt", False),
        ("Order.schema.yaml", False),
        ("support/triage.prompt", False),
    ):
        ending = " # changed" if changed.endswith(".yaml") else " changed"
        after = load_sources({**SOURCES, changed: SOURCES[changed] + ending})
        same_version = after.get("support/triage").version == before.get("support/triage").version
        assert same_version is same, changed


def test_the_files_a_prompt_needs_are_a_library_that_has_it():
    prompt = load_sources(SOURCES).get("support/triage")
    again = load_sources(prompt.sources).get("support/triage")
    assert set(prompt.sources) == {
        "support/triage.prompt", "support/_footer.prompt", "_rules.prompt", "Order.schema.yaml"
    }  # fmt: skip
    assert again.version == prompt.version
    assert again.render({"name": "x"}) == prompt.render({"name": "x"})


def test_a_version_is_the_same_everywhere():
    version = load_sources({"a/größe.prompt": "{{a}} ü\n"}).get("a/größe").version
    assert version == "d9e7dd2e13387a47cf31bfcdf5a80e7224a5ca00669636bd07a6176809afc29a"


def test_a_partial_chosen_by_a_value_brings_all_partials_along():
    prompt = load_sources({"t.prompt": "{{> (lookup this 'which')}}", "_a.prompt": "A", "_b.prompt": "B"}).get("t")
    assert set(prompt.sources) == {"t.prompt", "_a.prompt", "_b.prompt"}
    assert prompt.render({"which": "b"}).messages[0].plain()["content"] == [{"text": "B"}]


def test_a_library_comes_as_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written(
        tmp_path / "house_prompts", {**SOURCES, "__init__.py": "", "notes.md": "no prompt", ".hidden/x.prompt": "{{"}
    )
    monkeypatch.syspath_prepend(tmp_path)
    library = load_package("house_prompts")
    assert library.get("support/triage").version == load_sources(SOURCES).get("support/triage").version
    assert list(load_package("house_prompts", "support", strict=False).broken) == ["tooled", "triage", "triage.brief"]
    sys.modules.pop("house_prompts", None)
    with pytest.raises(PromptsInvalid, match="is not installed"):
        load_package("no_such_package_of_prompts")


def test_every_mistake_of_every_file_is_told_at_once(tmp_path: Path):
    bad = {
        "a.prompt": "---\nmodl: x\nmodel: [1]\ninput:\n  schema: Ordr\n  defalt: {}\nconfig: 3\nheadgate.ownr: me\n---\n{{foo a}}",
        "b.prompt": "---\nmodel: {a\n---\nx",
        "c.prompt": "---\nmodel: m\n\nx",
        "d..prompt": "x",
        "g.prompt": "{{> one}}",
        "_one.prompt": "\n{{> two}}",
        "_two.prompt": "{{#if a}}{{> one}}{{/if}}",
        "_self.prompt": "{{> self}}",
        "S.schema.json": '{"a(list)": "string", "b": 3}',
        "T.schema.yaml": "type: object\nproperties: {a: {type: strin}}\n",
        "t.tool.yaml": "- no mapping",
        "h.prompt": "---\nmodel: m\nmodel: n\nheadgate.expires: tomorrow\noutput: {schema: {x: any, x: any}}\n---\n",
    }
    with pytest.raises(PromptsInvalid) as raised:
        load_folder(written(tmp_path, bad))
    found = [(Path(each.file).name, each.line, each.column) for each in raised.value.found]
    assert found == [
        ("S.schema.json", 1, 2), ("S.schema.json", 1, 23),
        ("T.schema.yaml", 2, 18),
        ("_self.prompt", 1, 5),
        ("_two.prompt", 1, 14),
        ("a.prompt", 2, 1), ("a.prompt", 3, 1), ("a.prompt", 5, 3), ("a.prompt", 6, 3), ("a.prompt", 7, 1),
        ("a.prompt", 8, 1), ("a.prompt", 10, 3),
        ("b.prompt", 2, 8),
        ("c.prompt", 1, 1),
        ("d..prompt", 1, 1),
        ("h.prompt", 3, 1), ("h.prompt", 4, 1), ("h.prompt", 5, 27),
        ("t.tool.yaml", 1, 1),
    ]  # fmt: skip
    told = {(Path(each.file).name, each.line): each.message for each in raised.value.found}
    assert "there is no key 'modl'; did you mean 'model'?" in told["a.prompt", 2]
    assert "there is no type or schema 'Ordr'" in told["a.prompt", 5]
    assert "there is no setting 'headgate.ownr'; did you mean 'headgate.owner'?" in told["a.prompt", 8]
    assert "renders itself: one -> two -> one" in told["_two.prompt", 1]
    assert "the front matter is not closed" in told["c.prompt", 1]
    assert str(raised.value).count("\n") == len(found) - 1


def told(front: str, **files: str) -> list[tuple[str, int, int, str, bool]]:
    """What is said of a prompt with a front matter, and of the files beside it."""
    sources = {"t.prompt": f"---\n{front}\n---\n", **{name.replace("__", "."): text for name, text in files.items()}}
    found = load_sources(sources, strict=False).problems
    return [(each.file, each.line, each.column, each.message, each.fatal) for each in found]


@pytest.mark.parametrize(
    ("front", "line", "column", "message", "fatal"),
    [
        ("headgate: {owner: me}", 2, 1, "settings are written one by one, as in 'headgate.owner: name'", True),
        ("input: {defaults: {}}", 2, 9, "there is no key 'input.defaults'; did you mean 'default'?", True),
        ("output: {title: x}", 2, 10, "there is no key 'output.title'; known: format, schema", False),
        ("model: 4", 2, 1, "'model' is a text; write it in quotes", True),
        ("name: other", 2, 1, "'name' has no effect: by its file the prompt is 't'", False),
        ("variant: v", 2, 1, "'variant' has no effect: by its file the prompt is without one", False),
        ("output: {format: xml}", 2, 10, "the format 'xml' has no effect; known: json, text", False),
        ("input: {schema: string}", 2, 9, "inputs are not held against the schema: they are given by name", False),
        ("input:\n  schema:\n    a (array): string", 4, 5, "write 'a(array)'", True),
        ("input:\n  schema:\n    a(array: string", 4, 5, "'a(array' is not closed; write ')' behind it", True),
        ("input:\n  schema:\n    ?: string", 4, 5, "'?' names nothing", True),
        ("input:\n  schema:\n    a: [string]", 4, 5, "a list is written 'name(array): type'", True),
        ("input: {schema: {a: strng}}", 2, 18, "there is no type or schema 'strng'; did you mean 'string'?", True),
        (
            "output: {schema: {type: string, id: string}}",
            2,
            33,
            "makes this JSON Schema, where 'id' says nothing",
            True,
        ),
        (
            "output: {schema: {type: object, properties: {a: {type: strin}}}}",
            2,
            50,
            "it is no type; types: array",
            True,
        ),
        (
            "input: {schema: {o(object): {id: string}}, default: {o: {id: 3}}}",
            2,
            58,
            "the default of 'o.id' does not fit",
            True,
        ),
        ("toolDefs: [find]", 2, 12, "a tool is a mapping", True),
        ("toolDefs: [{description: d}]", 2, 12, "the tool has no name", True),
        ("toolDefs: [{name: a, inputSchma: {}}]", 2, 22, "did you mean 'inputSchema'?", True),
        ("toolDefs: [{name: a, inputSchema: {q: strng}}]", 2, 36, "there is no type or schema 'strng'", True),
        ("toolDefs: [{name: a}, {name: a}]", 2, 23, "the tool 'a' is there a second time", True),
        ("config: {stop: '\x7f'}", 2, 17, "a character that YAML does not allow, U+007F", True),
        ("config: {a: 1", 2, 9, "did not find expected ',' or '}'", True),
        ("model: {{model}}", 2, 9, "quotes around a text in braces", True),
    ],
)
def test_a_mistake_of_front_matter_is_told_with_its_place(
    front: str, line: int, column: int, message: str, fatal: bool
):
    (first,) = told(front)
    assert (first[:3], first[4]) == (("t.prompt", line, column), fatal)
    assert message in first[3]


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({"f__tool__yaml": "a: ["}, ("f.tool.yaml", 1, 5), "is not YAML"),
        ({"f__tool__yaml": "name: 3"}, ("f.tool.yaml", 1, 1), "'name' is a text; write it in quotes"),
        ({"A__schema__yaml": ""}, ("A.schema.yaml", 1, 1), "the file has no schema in it"),
        ({"A__schema__json": '{"x":"string"}', "A__schema__yaml": "x: string"}, ("A.schema.json", 1, 1), "A.schema.yaml has its name"),
        ({"A__schema__yaml": "b: B", "B__schema__yaml": "a?: A"}, ("B.schema.yaml", 1, 1), "made of itself: A -> B -> A"),
    ],
)  # fmt: skip
def test_a_mistake_of_a_file_beside_a_prompt_is_told_once(
    files: dict[str, str], place: tuple[str, int, int], message: str
):
    sources = {name.replace("__", "."): text for name, text in files.items()}
    sources |= {f"{name}.prompt": "---\ninput: {schema: A}\ntools: [f]\n---\n" for name in "ab"}
    named = [name for name in ("A.schema.yaml", "f.tool.yaml") if name not in sources]
    sources |= {name: "description: string" if "schema" in name else "description: d" for name in named}
    with pytest.raises(PromptsInvalid) if "has its name" not in message else nullcontext():
        load_sources(sources)
    (first,) = load_sources(sources, strict=False).problems
    assert (first.file, first.line, first.column) == place
    assert message in first.message


def test_tools_of_front_matter_take_picoschema_too():
    tool = "{name: find, inputSchema: {id: string}, outputSchema: Order}"
    prompt = load_sources({**SOURCES, "t.prompt": f"---\ntoolDefs: [{tool}]\ntools: [find]\n---\n"}).get("t")
    (made,) = prompt.tool_defs
    assert made["inputSchema"]["required"] == ["id"]
    assert made["outputSchema"]["properties"]["id"]["description"] == "its number"
    assert prompt.tools == ()


def test_numbers_and_characters_are_those_of_yaml_1_2_and_json():
    front = (
        "a.b: [0x1F, 0o17, 18446744073709551615, 18446744073709551616, yes, 010, 1_0, .5, 2024-01-01]\nc.d: \u2028x\x85"
    )
    prompt = load_sources({"t.prompt": f"---\n{front}\n---\nx"}).get("t")
    assert prompt.ext["a"]["b"] == [31, 15, 2**64 - 1, str(2**64), "yes", 10, "1_0", 0.5, "2024-01-01"]
    assert prompt.ext["c"]["d"] == "\u2028x\x85"
    schema = '{"a": "string, \\ud83d\\ude00 \\\\ud83d\\\\ude00 \\/"}'
    named = load_sources({"t.prompt": "---\ninput: {schema: A}\n---\n", "A.schema.json": schema}).get("t")
    assert named.input_schema is not None
    assert named.input_schema["properties"]["a"]["description"] == "😀 \\ud83d\\ude00 /"


def test_a_description_may_have_many_lines():
    front = "output:\n  schema:\n    a: |\n      string, one\n      and two\n    b?(array, more): >\n      number, x\n"
    prompt = load_sources({"t.prompt": f"---\n{front}---\n"}).get("t")
    assert prompt.output_schema is not None
    assert prompt.output_schema["properties"] == {
        "a": {"type": "string", "description": "one\nand two"},
        "b": {"type": ["array", "null"], "items": {"type": "number", "description": "x"}, "description": "more"},
    }


def test_what_is_right_can_be_used_where_something_else_is_wrong(tmp_path: Path):
    folder = written(tmp_path, {"good.prompt": "x", "bad.prompt": "{{> p}}", "_p.prompt": "{{a", "no.prompt": ""})
    (folder / "bytes.prompt").write_bytes(b"ok\n\xff")
    library = load_folder(folder, strict=False)
    assert list(library.prompts) == ["good", "no"]
    assert sorted(Path(each.file).name for each in library.problems) == ["_p.prompt", "bytes.prompt"]
    with pytest.raises(PromptsInvalid, match=r"_p\.prompt:1:3"):
        library.get("bad")
    with pytest.raises(PromptNotFound, match="did you mean 'good'"):
        library.get("goood")


def test_a_folder_that_is_none_is_told(tmp_path: Path):
    with pytest.raises(PromptsInvalid, match="is no folder"):
        load_folder(tmp_path / "gone")


@pytest.mark.parametrize(
    ("inputs", "param", "told"),
    [
        ({}, "inputs.name", "the input 'name' is missing"),
        ({"name": 3}, "inputs.name", "the input 'name' is not of type"),
        ({"name": "x", "other": 1}, "inputs.other", "the input 'other' is not in the schema"),
        ({"name": "x", "order": {"id": 1}}, "inputs.order.id", "the input 'order.id' is not of type"),
        ({"name": "\ud83d"}, "inputs", "no JSON"),
        ({"name": object()}, "inputs", "no JSON"),
    ],
)
def test_an_input_that_does_not_fit_is_named(inputs: dict[str, object], param: str, told: str):
    with pytest.raises(InputInvalid) as raised:
        load_sources(SOURCES).get("support/triage").render(inputs)
    assert raised.value.param == param
    assert told in raised.value.message
    assert raised.value.status == 400


def test_defaults_fill_what_is_left_out():
    source = "---\ninput:\n  schema: {name: string, tone: string}\n  default: {tone: kind}\n---\n{{name}} {{tone}}"
    prompt = load_sources({"t.prompt": source}).get("t")
    said = [
        prompt.render(given).messages[0].plain()["content"] for given in ({"name": "A"}, {"name": "A", "tone": "x"})
    ]
    assert said == [[{"text": "A kind"}], [{"text": "A x"}]]
    over = prompt.with_options({"model": "m", "config": {"temperature": 1}, "input": {"default": {"name": "D"}}})
    assert over.render({}).messages[0].plain()["content"] == [{"text": "D kind"}]
    assert (over.render({}).model, over.render({}).config) == ("m", {"temperature": 1})


@pytest.mark.parametrize(
    ("options", "param"),
    [({"model": 3}, "model"), ({"config": ["x"]}, "config"), ({"input": {"default": 3}}, "input.default")],
)
def test_options_are_of_their_types(options: dict[str, Any], param: str):
    prompt = load_sources({"t.prompt": "x"}).get("t")
    with pytest.raises(InputInvalid) as raised:
        prompt.with_options(options)
    assert raised.value.param == f"options.{param}"


def test_a_partial_has_no_front_matter():
    library = load_sources({"_p.prompt": "---\nmodel: m\n---\nx", "_line.prompt": "---\nx", "t.prompt": "{{> p}}"})
    assert [(each.file, each.line, each.fatal) for each in library.problems] == [("_p.prompt", 1, False)]
    assert library.get("t").render({}).messages[0].plain()["content"] == [{"text": "---\nmodel: m\n---\nx"}]


def test_a_default_that_does_not_fit_is_a_mistake():
    source = "---\ninput:\n  schema: {name: string, n: integer}\n  default:\n    nam: x\n    n: y\n    name: z\n---\nx"
    with pytest.raises(PromptsInvalid) as raised:
        load_sources({"t.prompt": source})
    assert [(each.line, each.column) for each in raised.value.found] == [(5, 5), (6, 5)]
    assert "did you mean 'name'" in raised.value.found[0].message


def test_a_variants_name_may_have_a_dot_though_others_do_not_take_it():
    library = load_sources({"a.b.c.prompt": "x"})
    assert library.get("a", "b.c").render({}).messages
    assert [(each.fatal, "has a dot" in each.message) for each in library.problems] == [(False, True)]


@pytest.mark.parametrize(
    ("inputs", "given", "told"),
    [
        (["a"], {}, "not a mapping"),
        ({}, {"messages": ["x"]}, "a message is a mapping with a role"),
        ({}, {"context": ["x"]}, "'context' is not a mapping"),
        ({}, {"messages": [{"role": "user", "content": "x", "metadata": 3}]}, "metadata is a mapping"),
        ({}, {"messages": [{"role": "user", "content": [3]}]}, "a list of parts"),
    ],
)
def test_what_is_not_of_its_type_is_told(inputs: Any, given: dict[str, Any], told: str):
    with pytest.raises(InputInvalid, match=told):
        load_sources({"t.prompt": "x"}).get("t").render(inputs, **given)


def test_settings_and_other_keys_with_dots_stand_apart():
    source = "---\nheadgate.owner: ann\nheadgate.review_by: 2027-01-31\nteam.sub.note: n\n---\nx"
    prompt = load_sources({"t.prompt": source}).get("t")
    assert prompt.settings == {"owner": "ann", "review_by": "2027-01-31"}
    assert prompt.ext == {"headgate": prompt.settings, "team.sub": {"note": "n"}}
