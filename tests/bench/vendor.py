"""The mock vendor: nginx, which answers every request with one fixed document, and is a reverse proxy beside it."""

from __future__ import annotations

import json
from pathlib import Path

from processes import Process, find

ANSWER = {
    "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-mini",
    "choices": [{
        "index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello there! This is a fixed answer of a mock vendor."},
    }],
    "usage": {"prompt_tokens": 60, "completion_tokens": 14, "total_tokens": 74},
}  # fmt: skip

CHUNKS = 32


def chunk(text: str, **changes: object) -> bytes:
    """One frame of a stream in OpenAI's chat dialect."""
    document = {
        "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **changes,
    }  # fmt: skip
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def stream_end() -> bytes:
    """What follows the last content: the stop, the usage, the terminator."""
    stop = chunk("", choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    return stop + chunk("", choices=[], usage=ANSWER["usage"]) + b"data: [DONE]\n\n"


class Nginx:
    """One nginx process with a configuration of its own."""

    def __init__(self, folder: Path, name: str, servers: str, core: int) -> None:
        config = folder / f"{name}.conf"
        config.write_text(
            f"worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log /dev/null;\n"
            "events { worker_connections 8192; }\n"
            "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n"
            "  client_max_body_size 64m; client_body_buffer_size 1m; output_buffers 4 256k;\n"
            f"  {servers}\n}}\n"
        )
        self.process = Process([find("nginx"), "-c", str(config)], core, folder / f"{name}.log")


def mock(folder: Path, port: int, core: int) -> Process:
    """Answers `/v1/*` with a whole answer and `/stream/v1/*` with a stream of `CHUNKS` frames at once."""
    stream = (b"".join(chunk(f"word {n} ") for n in range(CHUNKS)) + stream_end()).decode()
    server = f"""server {{ listen 127.0.0.1:{port} backlog=8192;
      location /v1/ {{ default_type application/json; {_returning(json.dumps(ANSWER))} }}
      location /stream/ {{ default_type text/event-stream; {_returning(stream)} }} }}"""
    return Nginx(folder, "mock", server, core).process


def _returning(text: str) -> str:
    """Directives that answer with a text, in pieces no longer than nginx takes."""
    pieces = [text[at : at + 3000] for at in range(0, len(text), 3000)]
    sets = "".join(f"set $piece{number} '{piece}'; " for number, piece in enumerate(pieces))
    return f'{sets}return 200 "{"".join(f"$piece{number}" for number in range(len(pieces)))}";'


def proxy(folder: Path, port: int, upstream_port: int, core: int) -> Process:
    """A plain reverse proxy in front of the mock."""
    server = f"""upstream mock {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 1000000000; }}
      server {{ listen 127.0.0.1:{port} backlog=8192;
      location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}"""
    return Nginx(folder, "proxy", server, core).process
