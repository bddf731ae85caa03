"""Content of message items, as parts and back (API reference, "The response object", output; "Create", input)."""

from __future__ import annotations

from headgate.dialects.hub import (
    CacheMark,
    Citation,
    Extra,
    Media,
    Native,
    Part,
    Refusal,
    Text,
    TokenLogprob,
    extra_of,
)
from headgate.dialects.openai_responses.names import NAME, PART, memory
from headgate.dialects.reading import Reader, left
from headgate.types import JSON

_TEXT = frozenset({"text", "annotations", "logprobs"})
_REFUSAL = frozenset({"refusal"})
_IMAGE = frozenset({"image_url", "file_id", "detail"})
_FILE = frozenset({"file_data", "file_url", "file_id", "filename"})
_AUDIO = frozenset({"input_audio"})
_CITATION = frozenset({"url", "title", "file_id", "start_index", "end_index"})
_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def part_of(tree: JSON, where: str, reader: Reader) -> Part:
    """The part that one piece of content stands for; a kind nobody has heard of stays as it is.

    Raises:
        HeadgateError: the reader's, if a member of a known kind is missing or has the wrong type.
    """
    match reader.required(tree, "type", str, where):
        case "input_text" | "output_text" | "text":
            return text_of(tree, where, reader)
        case "refusal":
            return Refusal(text=reader.required(tree, "refusal", str, where), extra=_extra(tree, _REFUSAL))
        case "input_image":
            return _image(tree, where, reader)
        case "input_file":
            return _file(tree, where, reader)
        case "input_audio":
            return _audio(tree, where, reader)
        case _:
            return Native(dialect=NAME, data=tree, extra={NAME: {PART: {}}})


def text_of(tree: JSON, where: str, reader: Reader) -> Text:
    logprobs = reader.objects(tree, "logprobs", where)
    return Text(
        text=reader.required(tree, "text", str, where),
        citations=tuple(citation(each, at, reader) for each, at in reader.objects(tree, "annotations", where)),
        logprobs=logprobs_of(logprobs, reader) if logprobs else None,
        cache=_mark(tree),
        extra=_extra(tree, _TEXT),
    )


def citation(tree: JSON, where: str, reader: Reader) -> Citation:
    return Citation(
        url=reader.optional(tree, "url", str, where),
        title=reader.optional(tree, "title", str, where),
        file_id=reader.optional(tree, "file_id", str, where),
        start=reader.optional(tree, "start_index", int, where),
        end=reader.optional(tree, "end_index", int, where),
        extra=extra_of(NAME, left(tree, _CITATION)),
    )


def logprobs_of(found: list[tuple[JSON, str]], reader: Reader) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            token=reader.required(each, "token", str, where),
            logprob=reader.number(each, "logprob", where) or 0.0,
            bytes=reader.optional(each, "bytes", list, where),
            top=logprobs_of(reader.objects(each, "top_logprobs", where), reader),
        )
        for each, where in found
    )


def written(part: Part) -> JSON:
    """A part of a message that came in this dialect, or an answer's text or refusal from any other."""
    told = memory(part)
    members = told.get(PART) if told else None
    match part:
        case Text():
            return _written_text(part, members)
        case Refusal():
            return {**(members or {"type": "refusal"}), "refusal": part.text}
        case Native():
            return part.data
        case Media():
            return {**(members or {}), **media(part)}
        case _:
            raise AssertionError(f"{type(part).__name__} is no content of a message")


def _written_text(part: Text, members: JSON | None) -> JSON:
    if members is None:
        members = {"type": "output_text", "annotations": [], "logprobs": []}
    tree = {**members, "text": part.text}
    length = len(part.text)
    annotations = [each for cited in part.citations if (each := written_annotation(cited, length)) is not None]
    if annotations:
        tree["annotations"] = annotations
    if part.logprobs:
        tree["logprobs"] = [written_logprob(each, is_own=memory(part) is not None) for each in part.logprobs]
    return tree


def written_annotation(cited: Citation, length: int) -> JSON | None:
    """A citation as an annotation; one from elsewhere that names neither a URL nor a file has no form here.

    A citation that does not say which stretch of the text it is for stands for all of it.
    """
    rest = cited.extra.get(NAME)
    if rest is None:
        start = cited.start or 0
        end = length if cited.end is None else cited.end
        if cited.url is not None:
            title = cited.title or cited.url
            return {"type": "url_citation", "url": cited.url, "title": title, "start_index": start, "end_index": end}
        if cited.file_id is not None:
            return {"type": "file_citation", "file_id": cited.file_id, "filename": cited.title or "", "index": end}
        return None
    known = {
        "url": cited.url,
        "title": cited.title,
        "file_id": cited.file_id,
        "start_index": cited.start,
        "end_index": cited.end,
    }
    return {**rest, **{name: value for name, value in known.items() if value is not None}}


def written_logprob(token: TokenLogprob, *, is_own: bool) -> JSON:
    """A token's log probability. This dialect always tells bytes; for a token from elsewhere they are its text's."""
    tree = _bare_logprob(token, is_own)
    tree["top_logprobs"] = [_bare_logprob(each, is_own) for each in token.top]
    return tree


def _bare_logprob(token: TokenLogprob, is_own: bool) -> JSON:
    tree: JSON = {"token": token.token, "logprob": token.logprob}
    if token.bytes is not None:
        tree["bytes"] = token.bytes
    elif not is_own:
        tree["bytes"] = list(token.token.encode())
    return tree


def media(part: Media) -> JSON:
    """An image, a file or audio as content that a client or a tool gives; `type` and members of that kind.

    The caller has seen to it that the part is one of these and says where its content is.
    """
    if part.kind == "image":
        tree: JSON = {"type": "input_image"}
        if part.detail is not None:
            tree["detail"] = part.detail
        _put(tree, part, "image_url", "image_url")
        return tree
    if part.kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": _format_of(part.media_type)}}
    tree = {"type": "input_file"}
    if part.filename is not None:
        tree["filename"] = part.filename
    _put(tree, part, "file_data", "file_url")
    return tree


def _put(tree: JSON, part: Media, data: str, url: str) -> None:
    if part.file_id is not None:
        tree["file_id"] = part.file_id
    elif part.data is None:
        tree[url] = part.url
    elif part.media_type is None:
        tree[data] = part.data
    else:
        tree[data] = f"data:{part.media_type};base64,{part.data}"


def _format_of(media_type: str | None) -> str | None:
    return next((name for name, each in _FORMATS.items() if each == media_type), media_type)


def _image(tree: JSON, where: str, reader: Reader) -> Media:
    given = reader.optional(tree, "image_url", str, where)
    file_id = reader.optional(tree, "file_id", str, where)
    _one_of(reader, where, image_url=given, file_id=file_id)
    media_type, data = split_data_url(given)
    return Media(
        kind="image",
        data=data,
        url=given if data is None else None,
        file_id=file_id,
        media_type=media_type,
        detail=reader.optional(tree, "detail", str, where),
        cache=_mark(tree),
        extra=_extra(tree, _IMAGE),
    )


def _file(tree: JSON, where: str, reader: Reader) -> Media:
    """A file; `file_data` is a data URL, or base64 that does not say of what."""
    given = reader.optional(tree, "file_data", str, where)
    url = reader.optional(tree, "file_url", str, where)
    file_id = reader.optional(tree, "file_id", str, where)
    _one_of(reader, where, file_data=given, file_url=url, file_id=file_id)
    media_type, data = split_data_url(given)
    return Media(
        kind="file",
        data=given if data is None else data,
        url=url,
        file_id=file_id,
        media_type=media_type,
        filename=reader.optional(tree, "filename", str, where),
        cache=_mark(tree),
        extra=_extra(tree, _FILE),
    )


def _audio(tree: JSON, where: str, reader: Reader) -> Media:
    told = reader.required(tree, "input_audio", dict, where)
    inside = f"{where}.input_audio"
    form = reader.required(told, "format", str, inside)
    return Media(
        kind="audio",
        data=reader.required(told, "data", str, inside),
        media_type=_FORMATS.get(form, form),
        extra=_extra(tree, _AUDIO),
    )


def split_data_url(url: str | None) -> tuple[str | None, str | None]:
    """Media type and base64 of a data URL; twice None for any other. The data is not decoded."""
    if url is None or not url.startswith("data:"):
        return None, None
    head, comma, data = url[5:].partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or encoding != "base64" or not media_type:
        return None, None
    return media_type, data


def _one_of(reader: Reader, where: str, **given: str | None) -> None:
    count = sum(value is not None for value in given.values())
    if count != 1:
        names = ", ".join(given)
        raise reader.fail(where, f"needs exactly one of {names}; it has {count}")


def _mark(tree: JSON) -> CacheMark | None:
    return CacheMark() if tree.get("prompt_cache_breakpoint") is not None else None


def _extra(tree: JSON, known: frozenset[str]) -> Extra:
    return {NAME: {PART: left(tree, known)}}
