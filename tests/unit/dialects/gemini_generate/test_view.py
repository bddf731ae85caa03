"""Which strings of Gemini's bodies are text, whose, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.dialects import get
from headgate.dialects.view import replace_texts
from headgate.types import Payload

DIALECT = get("gemini_generate")

BODY: Any = {
    "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]},
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "1", "name": "f", "args": {"name": "Ann", "id": ["x"]}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "f", "response": {"output": "sunny", "mimeType": "hidden"}}},
                {"fileData": {"fileUri": "https://example.com/a", "mimeType": "image/png"}},
            ],
        },
    ],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "f",
                    "description": "Finds.",
                    "parametersJsonSchema": {
                        "type": "object",
                        "properties": {"type": {"type": "string", "description": "Which.", "enum": ["a"]}},
                        "required": ["type"],
                    },
                }
            ]
        },
        {"fileSearch": {"fileSearchStoreNames": ["stores/1"]}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "generationConfig": {"stopSequences": ["END"], "responseMimeType": "application/json"},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/1",
    "labels": {"team": "red"},
}


def test_every_text_has_its_role_and_provenance() -> None:
    assert [(node.role, node.provenance, node.text) for node in DIALECT.request_texts(BODY)] == [
        ("system", "system", "Be brief."),
        ("user", "user", "Hi"),
        ("model", "reasoning", "hm"),
        ("model", "tool_call", "Ann"),
        ("model", "tool_call", "x"),
        ("user", "tool_result", "sunny"),
        ("user", "tool_result", "hidden"),
        ("user", "parameter", "https://example.com/a"),
        ("", "tool_definition", "Finds."),
        ("", "tool_definition", "Which."),
        ("", "tool_definition", "a"),
        ("", "tool_definition", "stores/1"),
        ("", "parameter", "END"),
        ("", "parameter", "red"),
    ]


def test_texts_can_be_replaced_where_they_stand() -> None:
    payload = Payload("gemini_generate", tree=BODY)
    changed = replace_texts(payload, {node.path: node.text.upper() for node in DIALECT.request_texts(BODY)})
    assert changed.tree["contents"][1]["parts"][1]["functionCall"]["args"] == {"name": "ANN", "id": ["X"]}
    assert changed.tree["cachedContent"] == "cachedContents/1"
    assert BODY["contents"][0]["parts"][0]["text"] == "Hi"


def test_snake_case_and_tools_as_one_object_are_read_alike() -> None:
    body: Any = {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"function_response": {"name": "f", "response": {"a": "b"}}},
                    {"inline_data": {"mime_type": "image/png", "data": "QUJD"}, "thought_signature": "c2ln"},
                ],
            }
        ],
        "tools": {"function_declarations": [{"name": "f", "parameters": {"type": "OBJECT", "title": "T"}}]},
        "system_instruction": {"parts": {"text": "Be brief."}},
    }
    assert [node.text for node in DIALECT.request_texts(body)] == ["b", "T", "Be brief."]
    assert DIALECT.is_not_text(("contents", 0, "parts", 1, "inline_data", "mime_type"), body)
    assert DIALECT.is_not_text(("tools", "function_declarations", 0, "parameters", "type"), body)


@pytest.mark.parametrize(
    "body",
    [
        {"contents": "just words"},
        {"contents": [{"role": {"role": "hidden"}, "parts": "words"}]},
        {"contents": {"parts": {"text": {"text": "deep"}}}},
        {"contents": [["words"], {"parts": [["words"], {"functionCall": "f"}]}]},
        {"cachedContent": {"a": "hidden"}, "novelty": ["new"], "tools": "x", "systemInstruction": "Be."},
        {"tools": [{"functionDeclarations": "x"}]},
    ],
)
def test_text_cannot_hide_behind_a_wrong_type(body: Any) -> None:
    def count(value: Any) -> int:
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return 1 if isinstance(value, str) else sum(map(count, items))

    assert len(list(DIALECT.request_texts(body))) == count(body)


def test_an_answers_texts_are_the_models_words_and_what_they_rest_on() -> None:
    tree: Any = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "Hi", "thoughtSignature": "c2ln"},
                        {"functionCall": {"name": "f", "args": {"q": "x"}}},
                    ],
                },
                "finishReason": "STOP",
                "groundingMetadata": {"webSearchQueries": ["weather"]},
            }
        ],
        "modelVersion": "m",
    }
    found = [(node.provenance, node.text) for node in DIALECT.answer_texts(tree)]
    assert found == [("reasoning", "hm"), ("assistant", "Hi"), ("tool_call", "x"), ("document", "weather")]
    assert list(DIALECT.frame_texts(tree)) == list(DIALECT.answer_texts(tree))


def test_bodies_do_not_name_the_model_so_they_go_to_any() -> None:
    payload = Payload("gemini_generate", raw=b'{"contents": []}')
    assert DIALECT.address(payload, "gemini-2.5-pro") is payload
