"""Gemini's embeddings: `batchEmbedContents` of the Gemini API, `embedContent` of both it and Vertex AI.

Sources: Gemini API reference, "Embeddings"; Vertex AI, "Text embeddings API". The two operations answer differently
(`embeddings` or `embedding`), and both answers are read. Vertex AI's `embedContent` takes one content only, which the
provider asks for by naming `requests` in its quirks' `unsupported`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from headgate.dialects.base import Dialect, Fit, Peek
from headgate.dialects.gemini_generate import errors, names
from headgate.dialects.hub import Embed, Embeddings, extra_of
from headgate.dialects.view import TextNode
from headgate.errors import HeadgateError, MalformedOutput, Unsupported
from headgate.types import JSON, Path, Payload, Usage

_TASKS = {
    "search_query": "RETRIEVAL_QUERY",
    "search_document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "SEMANTIC_SIMILARITY",
}
_OWN = frozenset({"outputDimensionality", "taskType", "title"})
"""Members of the body a client of any dialect may give under these names."""
_NOT_TEXT = frozenset({"model", "taskType", "task_type", "role", "mimeType", "mime_type", "data"})

_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Detail(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: _Count = 0


class _Metadata(msgspec.Struct, rename="camel"):
    prompt_token_count: _Count | None = None
    prompt_tokens_details: list[_Detail] = []
    prompt_token_details: list[_Detail] = []
    """What the Gemini API calls what Vertex AI calls `promptTokensDetails`."""


class _Embedding(msgspec.Struct):
    values: list[float]


class _Told(msgspec.Struct, rename="camel"):
    embedding: _Embedding | None = None
    embeddings: list[_Embedding] | None = None
    usage_metadata: _Metadata | None = None


class _Billed(msgspec.Struct, rename="camel"):
    usage_metadata: _Metadata | None = None


_billed = msgspec.json.Decoder(_Billed).decode


class GeminiEmbed(Dialect[Embed, Embeddings]):
    name = "gemini_embed"
    operation = "embed"

    def path(self, model: str, stream: bool) -> str:
        return f"/v1beta/{names.resource(model)}:batchEmbedContents"

    def encode_request(self, request: Embed, fit: Fit) -> JSON:
        """The body of `batchEmbedContents`; that of `embedContent` where the provider takes no `requests`.

        Raises:
            Unsupported: an input is token ids, several where one is taken, or a field Gemini does not have.
        """
        if request.user is not None:
            fit.note("user")
        common = _common(request, fit)
        contents = [_content(each, number) for number, each in enumerate(request.inputs)]
        if "requests" in fit.quirks.unsupported:
            if len(contents) != 1:
                raise Unsupported(f"'{fit.model}' takes one input at a time.", param="input")
            return {**contents[0], **common}
        model = names.resource(fit.model)
        return {"requests": [{"model": model, **content, **common} for content in contents]}

    def decode_answer(self, tree: JSON) -> Embeddings:
        """The vectors. The answer does not name the model.

        Raises:
            MalformedOutput: there are no vectors in it.
        """
        try:
            told = msgspec.convert(tree, _Told)
        except msgspec.ValidationError as error:
            raise MalformedOutput(f"the embeddings cannot be read: {error}") from None
        found = told.embeddings if told.embeddings is not None else [told.embedding] if told.embedding else None
        if found is None:
            raise MalformedOutput("the answer has no embeddings")
        rest = {name: value for name, value in tree.items() if name not in ("embedding", "embeddings")}
        return Embeddings(
            model="",
            vectors=tuple(tuple(each.values) for each in found),
            usage=_usage(told.usage_metadata),
            extra=extra_of(self.name, rest),
        )

    def decode_error(self, status: int, headers: Mapping[str, str], raw: bytes) -> HeadgateError:
        return errors.decode(status, headers, raw)

    def address(self, payload: Payload, model: str) -> Payload:
        """The model stands in the path, and in each request of a batch, which only `encode_request` writes."""
        return payload

    def peek(self, raw: bytes) -> Peek:
        try:
            return Peek(usage=_usage(_billed(raw).usage_metadata))
        except (msgspec.DecodeError, RecursionError) as error:
            raise MalformedOutput(f"the embeddings cannot be read: {error}") from None

    def request_texts(self, tree: JSON) -> Iterator[TextNode]:
        yield from _texts(tree, ())

    def answer_texts(self, tree: JSON) -> Iterator[TextNode]:
        """Numbers only."""
        yield from ()

    def is_not_text(self, path: Path, tree: JSON) -> bool:
        named = next((step for step in reversed(path) if isinstance(step, str)), "")
        return named in _NOT_TEXT


def _common(request: Embed, fit: Fit) -> JSON:
    """What is the same for each input. `encoding` is the client's side's: Gemini gives numbers."""
    common: JSON = {}
    if request.purpose is not None:
        task = _TASKS.get(request.purpose)
        if task is None:
            fit.refuse("input_type", f"Gemini has no task '{request.purpose}'")
        else:
            common["taskType"] = task
    if request.dimensions is not None:
        common["outputDimensionality"] = request.dimensions
    for dialect, members in request.extra.items():
        for name, value in members.items():
            if name in _OWN or dialect == GeminiEmbed.name:
                common[name] = value
    fit.refuse_foreign(request.extra, GeminiEmbed.name, _OWN)
    return common


def _content(text: str | tuple[int, ...], number: int) -> JSON:
    if not isinstance(text, str):
        raise Unsupported("Gemini takes texts, not token ids.", param=f"input[{number}]")
    return {"content": {"parts": [{"text": text}]}}


def _usage(told: _Metadata | None) -> Usage | None:
    """None where the vendor does not say (models before `gemini-embedding-2`)."""
    if told is None or told.prompt_token_count is None:
        return None
    details = told.prompt_tokens_details or told.prompt_token_details
    audio = min(sum(each.token_count for each in details if each.modality == "AUDIO"), told.prompt_token_count)
    image = sum(each.token_count for each in details if each.modality == "IMAGE")
    image = min(image, told.prompt_token_count - audio)
    return Usage(
        input_tokens=told.prompt_token_count - audio - image, audio_input_tokens=audio, image_input_tokens=image
    )


def _texts(value: Any, path: Path) -> Iterator[TextNode]:
    if isinstance(value, str):
        provenance = "user" if path[-1:] == ("text",) else "parameter"
        yield TextNode(path, "user" if provenance == "user" else "", provenance, value)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, number))
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in _NOT_TEXT or not isinstance(item, str):
                yield from _texts(item, (*path, name))


DIALECT = GeminiEmbed()
