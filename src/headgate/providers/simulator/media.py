"""Moderation, images and audio: the least that a client can read, and labelled as simulated."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import msgspec

from headgate.dialects import multipart
from headgate.errors import BadRequest, Unsupported
from headgate.providers.simulator import words
from headgate.providers.simulator.dice import Dice
from headgate.providers.simulator.made import Arrival, Asked, Made
from headgate.providers.simulator.script import ScriptedReply
from headgate.providers.simulator.tokens import count
from headgate.types import JSON, Usage, parse_object

MAX_IMAGES = 10
_PIXELS = 64
_SAMPLE_RATE = 24_000
_MP3_FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
"""One frame of silence: MPEG-1 layer III, 128 kbit/s, 44.1 kHz, 26 ms."""
_HARMS = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
]


def ask_moderation(arrival: Arrival) -> Asked:
    """Nothing is ever flagged, unless a script says so."""
    tree = parse_object(arrival.body)
    inputs = tree.get("input")
    number = len(inputs) if isinstance(inputs, list) and all(isinstance(each, str) for each in inputs) else 1

    def make(dice: Dice, _reply: ScriptedReply) -> Made:
        results = [_harmless(dice) for _ in range(number)]
        return _document(
            {"id": f"modr-{dice.seed.hex()}", "model": tree.get("model", "sim-moderation"), "results": results}
        )

    return Asked(make=make, model=_name(tree), text=_said(inputs))


def ask_image(arrival: Arrival, created: int) -> Asked:
    """Small images of one colour."""
    tree = _fields(arrival)
    wanted = tree.get("n", 1)
    try:
        number = int(wanted)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= MAX_IMAGES:
        raise BadRequest(f"'n' must be between 1 and {MAX_IMAGES}.", param="n")
    prompt = _said(tree.get("prompt"))

    def make(dice: Dice, _reply: ScriptedReply) -> Made:
        images = [
            {"b64_json": base64.b64encode(_png(dice)).decode(), "revised_prompt": f"Simulated image: {prompt}"}
            for _ in range(number)
        ]
        usage = Usage(input_tokens=count(prompt), image_output_tokens=number * 272)
        told = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.image_output_tokens,
            "total_tokens": usage.input_tokens + usage.image_output_tokens,
            "input_tokens_details": {"text_tokens": usage.input_tokens, "image_tokens": 0},
        }
        return _document({"created": created, "data": images, "usage": told}, usage)

    return Asked(make=make, model=_name(tree), text=prompt)


def ask_speech(arrival: Arrival) -> Asked:
    """Silence, one second for about fifteen characters.

    Raises:
        Unsupported: a format other than mp3, wav and pcm.
    """
    tree = parse_object(arrival.body)
    text = _said(tree.get("input"))
    form = tree.get("response_format") or "mp3"
    if form not in ("mp3", "wav", "pcm"):
        raise Unsupported("The simulator speaks mp3, wav and pcm only.", param="response_format")
    seconds = min(60.0, len(text) / 15)

    def make(_dice: Dice, _reply: ScriptedReply) -> Made:
        usage = Usage(input_tokens=count(text), audio_output_tokens=int(seconds * 20) + 1)
        if form == "mp3":
            return Made(content_type="audio/mpeg", usage=usage, body=_MP3_FRAME * (int(seconds / 0.026) + 1))
        samples = bytes(2 * (int(seconds * _SAMPLE_RATE) + 1))
        if form == "pcm":
            return Made(content_type="audio/pcm", usage=usage, body=samples)
        return Made(content_type="audio/wav", usage=usage, body=_wav(samples))

    return Asked(make=make, model=_name(tree), text=text)


def ask_transcription(arrival: Arrival) -> Asked:
    """A text that has nothing to do with the sound."""
    tree = _fields(arrival)
    plain = tree.get("response_format") == "text"
    seconds = len(arrival.body) // 32_000 + 1

    def make(dice: Dice, reply: ScriptedReply) -> Made:
        text = reply.text if reply.text is not None else words.prose(dice, "This is a simulated transcription.", 20)
        usage = Usage(audio_input_tokens=seconds * 10, output_tokens=count(text))
        if plain:
            return Made(content_type="text/plain; charset=utf-8", usage=usage, body=text.encode())
        told = {
            "type": "tokens",
            "input_tokens": usage.audio_input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": usage.audio_input_tokens + usage.output_tokens,
            "input_token_details": {"text_tokens": 0, "audio_tokens": usage.audio_input_tokens},
        }
        return _document({"text": text, "usage": told}, usage)

    return Asked(make=make, model=_name(tree), text=_said(tree.get("prompt")))


def _fields(arrival: Arrival) -> JSON:
    content_type = arrival.headers.get("content-type", "")
    if content_type.startswith("multipart/"):
        return multipart.fields(arrival.body, content_type)
    return parse_object(arrival.body)


def _document(tree: JSON, usage: Usage | None = None) -> Made:
    return Made(
        body=msgspec.json.encode(tree), usage=usage or Usage(), tokens=usage.total_output_tokens if usage else 0
    )


def _name(tree: JSON) -> str:
    model = tree.get("model")
    return model if isinstance(model, str) else ""


def _said(value: Any) -> str:
    """The text of an input that is a string, a list of them, or a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " ".join(map(_said, value))
    return _said(value.get("text")) if isinstance(value, dict) else ""


def _harmless(dice: Dice) -> JSON:
    scores = {harm: round(dice.unit() * 0.01, 6) for harm in _HARMS}
    return {"flagged": False, "categories": dict.fromkeys(_HARMS, False), "category_scores": scores}


def _png(dice: Dice) -> bytes:
    """A square of one colour (PNG specification, third edition)."""
    colour = bytes(dice.between(64, 255) for _ in range(3))
    rows = (b"\0" + colour * _PIXELS) * _PIXELS
    header = struct.pack(">IIBBBBB", _PIXELS, _PIXELS, 8, 2, 0, 0, 0)
    text = b"Comment\0Simulated by Headgate"
    chunks = [(b"IHDR", header), (b"tEXt", text), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _wav(samples: bytes) -> bytes:
    """Mono, 16 bit."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _SAMPLE_RATE, 2 * _SAMPLE_RATE, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(form) + len(data)) + b"WAVE" + form + data
