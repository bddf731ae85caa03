"""Signed price lists for tests."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate.audit.notes import Signer

NAME = "prices.example.com"
SIGNER = Signer(NAME, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(NAME, Ed25519PrivateKey.from_private_bytes(bytes(32)))
KEY = str(SIGNER.verifier)


def built_in() -> dict[str, Any]:
    return json.loads((files("headgate.catalog") / "prices.json").read_text("utf-8"))


def price_note(date: str = "2099-01-01", input: str = "1", signer: Signer = SIGNER, **members: Any) -> bytes:
    """A list with one model, gpt-4o-mini, at `input` dollars per million tokens in and 2 out."""
    models = [[["=", "gpt-4o-mini"], {"input": input, "output": "2"}, [], 1000]]
    tree = {"source": "test", "date": date, "vendors": {"openai": {"fallback": [], "models": models}}, **members}
    return signer.sign(json.dumps(tree) + "\n").encode()
