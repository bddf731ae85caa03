"""Folders, packages and texts as libraries: names, what belongs to a prompt, versions, mistakes of every file at once."""

from __future__ import annotations

import sys
from pathlib import Path

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
        ("T.schema.yaml", 1, 1),
        ("_self.prompt", 1, 5),
        ("_two.prompt", 1, 14),
        ("a.prompt", 2, 1), ("a.prompt", 3, 1), ("a.prompt", 5, 3), ("a.prompt", 6, 3), ("a.prompt", 7, 1),
        ("a.prompt", 8, 1), ("a.prompt", 10, 3),
        ("b.prompt", 3, 1),
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


def test_inputs_are_a_mapping():
    with pytest.raises(InputInvalid, match="not a mapping"):
        load_sources({"t.prompt": "x"}).get("t").render(["a"])  # type: ignore[arg-type]


def test_settings_and_other_keys_with_dots_stand_apart():
    source = "---\nheadgate.owner: ann\nheadgate.review_by: 2027-01-31\nteam.sub.note: n\n---\nx"
    prompt = load_sources({"t.prompt": source}).get("t")
    assert prompt.settings == {"owner": "ann", "review_by": "2027-01-31"}
    assert prompt.ext == {"headgate": prompt.settings, "team.sub": {"note": "n"}}
