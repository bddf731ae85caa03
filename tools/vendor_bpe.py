"""Put OpenAI's two token vocabularies into src/headgate/catalog/bpe, from the installed bpe-openai wheel.

    python tools/vendor_bpe.py

tiktoken would download them, which fails where there is no network. They are taken only if they are, byte for byte,
the files OpenAI publishes (the hashes are in tiktoken's own openai_public.py).
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from importlib.resources import files
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "headgate" / "catalog" / "bpe"

SHA256 = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}


def main() -> int:
    for name, expected in SHA256.items():
        raw = gzip.decompress((files("bpe_openai") / "data" / f"{name}.tiktoken.gz").read_bytes())
        found = hashlib.sha256(raw).hexdigest()
        if found != expected:
            print(f"{name}: sha256 is {found}, OpenAI's is {expected}; nothing was written", file=sys.stderr)
            return 1
        file = TARGET / f"{name}.tiktoken.gz"
        file.write_bytes(gzip.compress(raw, 9, mtime=0))
        print(f"{file.name}: {file.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
