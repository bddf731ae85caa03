"""What templates come to: Handlebars' language, and Dotprompt's parts. The expected texts are those of Handlebars 4.7."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.prompts.dotprompt import Media, PromptsInvalid, Rendered, Section, Text, load_sources

INPUTS: dict[str, Any] = {
    "a": "A", "empty": "", "zero": 0, "three": 3.0, "half": 1.5, "huge": 1e21, "tiny": 1e-7, "yes": True, "no": False,
    "null": None, "list": ["x", "y", "z"], "none": [], "order": {"id": "o1", "by": {"name": "N"}}, "nothing": {},
    "items": [{"name": "n1", "tags": ["p", "q"]}, {"name": "n2", "tags": []}], "nested": [[1, [2, None]], 3],
    "key": "id", "text5": "5", "five": 5, "two words": "TW", "größe": "ß", "emoji": "😀x", "which": "item",
    "numbers": [1e-5, 1e-7, float("inf"), -0.0, 1e20],
}  # fmt: skip

PARTIALS = {
    "_item.prompt": "* {{name}}{{extra}}\n",
    "_lines.prompt": "one\ntwo {{a}}\n\nfour\n",
    "_layout.prompt": "[{{> @partial-block}}]{{> nav}}",
    "_nav.prompt": "-",
    "_twice.prompt": "{{#each list as |item|}}{{> @partial-block}}{{/each}}",
    "_above.prompt": "{{name}}{{../a}}{{@root.a}}",
    "_speaks.prompt": '{{role "model"}}M\n',
    "deep/_inner.prompt": "in {{a}}",
    "_outer.prompt": "({{> item name='i'}})",
}


def rendered(template: str, **given: Any) -> Rendered:
    prompt = load_sources({"t.prompt": template, **PARTIALS}).get("t")
    return prompt.render(INPUTS, **given)


def text(template: str) -> str:
    """What a template that has one message comes to."""
    messages = rendered(template).messages
    assert len(messages) <= 1
    return "".join(part.text for message in messages for part in message.content if isinstance(part, Text))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        # values
        ("{{a}} {{{a}}} {{&a}} {{this.a}} {{./a}} {{[a]}} {{'a'}}", "A A A A A A A"),
        ("{{zero}} {{three}} {{half}} {{huge}} {{tiny}} {{yes}} {{no}}", "0 3 1.5 1e+21 1e-7 true false"),
        ("[{{null}}{{missing}}{{order.missing.more}}{{empty}}]", "[]"),
        ("{{list}} {{nested}} {{order}}", "x,y,z 1,2,,3 [object Object]"),
        ("{{order.id}} {{order/by/name}} {{list.[1]}} {{list.length}} {{emoji.length}}", "o1 N y 3 3"),
        ('{{[two words]}} {{"two words"}} {{größe}} {{emoji}}', "TW TW ß 😀x"),
        ("{{lookup order key}}{{lookup list 1}}{{lookup missing 'x'}}", "o1y"),
        ("{{lookup zero 'x'}}{{lookup no 'x'}}{{lookup none 'x'}}{{lookup empty 'x'}}", "0false"),
        ("{{log a}}{{log a level='info'}}.", "."),
        ("{{json order}} {{json three}} {{json none}}", '{"id":"o1","by":{"name":"N"}} 3 []'),
        ("{{json tiny}} {{json huge}} {{json half}} {{json numbers}}", "1e-7 1e+21 1.5 [0.00001,1e-7,null,0,100000000000000000000]"),
        ("{{json order indent='--'}}{{json none indent=2}}", '{\n--"id": "o1",\n--"by": {\n----"name": "N"\n--}\n}[]'),
        ("{{json nothing indent=2}} {{json list indent=1}}", '{} [\n "x",\n "y",\n "z"\n]'),
        # branches
        ("{{#if a}}y{{else}}n{{/if}}{{#if zero}}y{{else}}n{{/if}}{{#if zero includeZero=true}}y{{/if}}", "yny"),
        ("{{#if none}}y{{else}}n{{/if}}{{#if nothing}}y{{else}}n{{/if}}{{#if empty}}y{{^}}n{{/if}}", "nyn"),
        ("{{#if no}}1{{else if zero}}2{{else if a}}3{{else}}4{{/if}}", "3"),
        ("{{#unless none}}y{{/unless}}{{#unless a}}y{{else}}n{{/unless}}{{^if a}}y{{else}}n{{/if}}", "ynn"),
        ("{{#ifEquals five 5}}y{{/ifEquals}}{{#ifEquals text5 5}}y{{else}}n{{/ifEquals}}", "yn"),
        ("{{#ifEquals null null}}y{{/ifEquals}}{{#ifEquals missing null}}y{{else}}n{{/ifEquals}}", "yn"),
        ("{{#ifEquals yes 1}}y{{else}}n{{/ifEquals}}{{#ifEquals three 3}}y{{/ifEquals}}", "ny"),
        ("{{#unlessEquals text5 5}}y{{else}}n{{/unlessEquals}}{{#unlessEquals a 'A'}}y{{else}}n{{/unlessEquals}}", "yn"),
        ("{{#ifEquals a 'B'}}1{{else ifEquals a 'A'}}2{{else}}3{{/ifEquals}}", "2"),
        # loops and scopes
        ("{{#each list}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "0x,1y,2z"),
        ("{{#each order}}{{@key}}{{#if @first}}!{{/if}} {{/each}}", "id! by "),
        ("{{#each none}}x{{else}}none{{/each}}{{#each missing}}x{{else}}none{{/each}}", "nonenone"),
        ("{{#each items}}{{#each tags}}{{this}}{{../name}}{{@../index}}{{../../a}} {{/each}}{{/each}}", "pn10A qn10A "),
        ("{{#each items as |it at|}}{{it.name}}{{at}}{{#each it.tags as |t|}}{{t}}{{it.name}}{{/each}}{{/each}}", "n10pn1qn1n21"),
        ("{{#with order}}{{id}}{{../a}}{{#with by}}{{name}}{{../id}}{{@root.a}}{{/with}}{{/with}}", "o1ANo1A"),
        ("{{#with none}}x{{else}}none{{/with}}{{#with order as |o|}}{{o.id}}{{/with}}", "noneo1"),
        ("{{#if a}}{{a}}{{../a}}{{/if}}", "A"),
        ("{{#with order as |a|}}{{a.id}}{{[a].id}}{{#with a.id as |a|}}{{'a'}}{{/with}}{{/with}}", "o1o1o1"),
        ("{{#order}}{{id}}{{/order}}{{#list}}{{.}}{{/list}}{{#yes}}{{a}}{{/yes}}{{#no}}x{{else}}n{{/no}}", "o1xyzAn"),
        ("{{^none}}n{{/none}}{{^a}}x{{else}}has{{/a}}{{#zero}}[{{this}}]{{/zero}}", "nhas[0]"),
        # white space, comments, escapes
        ("a {{~a~}} b", "aAb"),
        ("{ {{~a ~}}} {{#if a~}} } {{/if~}}}", "{A} } }"),
        ("a\n{{#if a}}\nb\n{{/if}}\nc", "a\nb\nc"),
        ("a\n  {{#each list}}\n  {{this}}\n  {{/each}}\nb", "a\n  x\n  y\n  z\nb"),
        ("a {{#if a}}\nb\n{{/if}} c", "a \nb\n c"),
        ("{{#if no}}\n1\n{{else if a}}\n2\n{{else}}\n3\n{{/if}}\nend", "2\nend"),
        ("a \n\n{{~#if a~}}\n b \n{{~/if~}}\n c", "abc"),
        ("a\r\n{{#if a}}\r\nb\r\n{{/if}}\r\nc", "a\r\nb\r\nc"),
        ("a\n{{! said }}\nb {{!-- with }} --}}c", "a\nb c"),
        (r"\{{a}} {{a}} \\{{a}}", "{{a}} A \\A"),
        ("{{{{raw}}}} {{a}} {{> x}} {{{{/raw}}}}", " {{a}} {{> x}} "),
        ("{{{{raw}}}}{{{{/b c}}}} {{{{x}}}}{{{{/x}}}}{{{{/raw}}}}", "{{{{/b c}}}} {{{{x}}}}{{{{/x}}}}"),
        ("{{#if a}}{{else}}{{/if}}", ""),
        # partials
        ("{{> item name='N' extra=key}}", "* Nid\n"),
        ("{{#each items}}\n  {{> item}}\n{{/each}}\n", "  * n1\n  * n2\n"),
        ("a\n  {{> lines}}\nb", "a\n  one\n  two A\n  \n  four\nb"),
        ("x {{> lines}}\n", "x one\ntwo A\n\nfour\n\n"),
        ("{{#each items}}{{> above}} {{/each}}", "n1A n2A "),
        ("{{> deep/inner}} {{> outer}}", "in A (* i\n)"),
        ("{{> item items.[0]}}{{> (lookup this 'which') name='D'}}", "* n1\n* D\n"),
        ("{{#> layout}}body {{a}}{{/layout}} {{#> gone}}default {{a}}{{/gone}}", "[body A]- default A"),
        ("{{#> layout}}{{#*inline 'nav'}}NAV{{a}}{{/inline}}b{{/layout}}", "[b]NAVA"),
        ("{{#*inline 'me'}}I{{a}}{{x}}{{/inline}}{{> me}}{{> me x=1}}", "IAIA1"),
        ("{{#each none}}{{else}}{{#> twice}}{{@key}}-{{@../key}} {{/twice}}{{/each}}", "0-0 1-1 2-2 "),
        # front matter
        ("---\nmodel: m\n---\n\n  hi \n\n", "hi"),
        ("---\r\nmodel: m\r\n---\r\nhi\r\n", "hi"),
        ("# a licence\n\n---\nmodel: m\n---\nhi", "hi"),
        ("\ufeff---\nmodel: m\n---\n\u3000hi\u3000", "hi"),
        ("\u3000\n---\u00a0\nmodel: m\n---\u2003\nhi", "hi"),
        ("---\n---\nhi\n", "hi"),
        ("--- a\nhi\n", "--- a\nhi\n"),
        ("hi\n", "hi\n"),
    ],
)  # fmt: skip
def test_a_template_comes_to(template: str, expected: str):
    assert text(template) == expected


def shape(result: Rendered) -> list[tuple[str, ...]]:
    return [(message.role, *(_shown(part) for part in message.content)) for message in result.messages]


def _shown(part: object) -> str:
    match part:
        case Text(text=written):
            return written
        case Media(url=url, content_type=kind):
            return f"<{url} {kind}>"
        case Section(purpose=purpose):
            return f"<section {purpose}>"
        case _:
            return repr(part)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{{role "system"}}S\n{{role "user"}}U', [("system", "S\n"), ("user", "U")]),
        ('x{{role "system"}}  \n{{role "model"}}M', [("user", "x"), ("model", "M")]),
        ("a{{media url=a}}b{{media url='u' contentType='image/png'}}", [("user", "a", "<A None>", "b", "<u image/png>")]),
        ("{{media url=missing}}{{section 'code'}}  ", [("user", "<section code>")]),
        ("{{#each list}}{{role 'user'}}u{{this}}{{role 'model'}}m{{/each}}", [("user", "ux"), ("model", "m"), ("user", "uy"), ("model", "m"), ("user", "uz"), ("model", "m")]),
        ("{{> speaks}}and\n  {{> speaks}}", [("model", "M\nand\n  "), ("model", "M\n")]),
        ("   \n", []),
        ("", []),
    ],
)  # fmt: skip
def test_parts_of_messages(template: str, expected: list[tuple[str, ...]]):
    assert shape(rendered(template)) == expected


SAID = [
    {"role": "user", "content": [{"text": "q"}]},
    {"role": "model", "content": [{"toolRequest": {"name": "t"}}], "metadata": {"k": 1}},
]


@pytest.mark.parametrize(
    ("template", "roles"),
    [
        ('{{role "system"}}S{{history}}{{role "user"}}U', ["system", "user*", "model*", "user"]),
        ('{{role "system"}}S{{history}}and', ["system", "user*", "model*", "model"]),
        ('{{role "system"}}S', ["system", "user", "model"]),
        ('{{role "system"}}S{{role "user"}}U', ["system", "user", "model", "user"]),
        ("{{empty}}", ["user", "model"]),
    ],
)
def test_history_stands_where_it_is_asked_for_or_before_the_last_question(template: str, roles: list[str]):
    said = rendered(template, messages=SAID).messages
    marked = ["*" if (each.metadata or {}).get("purpose") == "history" else "" for each in said]
    assert [each.role + mark for each, mark in zip(said, marked, strict=True)] == roles
    assert SAID[1]["content"] == next(each.plain()["content"] for each in said if "toolRequest" in str(each))


def test_a_role_has_metadata():
    (message,) = rendered('{{role "user" purpose="preamble" by=a}}x').messages
    assert message.plain()["metadata"] == {"purpose": "preamble", "by": "A"}


def test_the_context_and_the_documents_are_there():
    given = {"context": {"state": {"count": 2}, "root": {"a": "forged"}}, "docs": [{"text": "D"}], "messages": []}
    result = rendered("{{@state.count}}{{@auth.email}}{{@root.a}}{{#each @metadata.docs}}{{text}}{{/each}}", **given)
    assert shape(result) == [("user", "2AD")]


@pytest.mark.parametrize(
    ("template", "line", "column", "told"),
    [
        ("x\n {{a", 2, 4, "the tag is not closed"),
        ("{{#if a}}\nx", 1, 1, "not closed; end it with {{/if}}"),
        ("{{/if}}", 1, 1, "was not begun"),
        ("{{#if a}}\n{{#each b}}{{/if}}{{/each}}", 2, 12, "does not end the block of line 2, 'each'"),
        ("{{else}}", 1, 1, "outside of a block"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", 1, 18, "has an 'else' already"),
        ("{{a}}}", 1, 4, "'}}}' does not close this tag"),
        ("{{}}", 1, 3, "nothing in the braces"),
        ("{{a 'b}}", 1, 5, "the string is not closed"),
        ("{{a.b.this}}", 1, 3, "'this' can only begin one"),
        ("{{json (lookup a 'b'}}", 1, 21, "write ')' before it"),
        ("{{json a indent=1 b}}", 1, 19, "behind name=value"),
        ("{{!-- a", 1, 1, "the comment is not closed"),
        ("{{{{raw}}}} a", 1, 1, "the raw block is not closed"),
        ("{{{{raw}}}} a {{{{/row}}}}", 1, 15, "{{{{/row}}}} does not end the raw block 'raw'"),
        ("{{a [b}}", 1, 5, "the name in brackets is not closed"),
        ("{{jso a}}", 1, 3, "there is no helper 'jso'; did you mean 'json'?"),
        ("{{#list a}}{{/list}}", 1, 4, "there is no helper 'list'"),
        ("{{> itm}}", 1, 5, "there is no partial 'itm'; did you mean 'item'?"),
        ("{{> item a b}}", 1, 5, "a partial takes one value"),
        ("{{role speaker}}", 1, 3, "so that no input can choose it"),
        ('{{role "assistant"}}', 1, 3, "there is no role 'assistant'; write 'model'"),
        ('{{role "user" purpose=a}}', 1, 3, "a purpose is written out"),
        ("{{#role 'user'}}x{{/role}}", 1, 4, "'role' is no block"),
        ("{{if a}}", 1, 3, "'if' is a block"),
        ("{{media a}}", 1, 3, "write {{media url=…"),
        ("{{json (role 'user')}}", 1, 8, "makes a part of a message, and is no value"),
        ("{{#each a b}}{{/each}}", 1, 4, "'each' takes one value"),
        ("{{#ifEquals a}}{{/ifEquals}}", 1, 4, "'ifEquals' takes two values"),
        ("{{json a indnt=2}}", 1, 3, "no option 'indnt'; did you mean 'indent'?"),
        ("{{#*inline name}}{{/inline}}", 1, 1, 'write {{#*inline "name"}}'),
        ("{{* decorate}}", 1, 1, "no decorators"),
        ("---\nmodel: m\n---\n\n{{a", 5, 3, "the tag is not closed"),
    ],
)
def test_a_mistake_is_told_with_its_place(template: str, line: int, column: int, told: str):
    with pytest.raises(PromptsInvalid) as raised:
        load_sources({"t.prompt": template, **PARTIALS})
    first = raised.value.found[0]
    assert (first.file, first.line, first.column) == ("t.prompt", line, column)
    assert told in first.message


def test_every_mistake_of_a_template_is_told_at_once():
    with pytest.raises(PromptsInvalid) as raised:
        load_sources({"t.prompt": "{{foo a}}\n{{#if}}x{{/if}}\n{{> gone}}\n{{a 'b}}\n{{role x}}"})
    assert [each.line for each in raised.value.found] == [1, 2, 3, 4, 5]
