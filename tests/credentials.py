"""Credentials of every kind there is, made up, and the places they turn up in."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

LETTERS = string.ascii_letters + string.digits


def of(alphabet: str, least: int, most: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most or least)


def _keys(
    prefix: str, least: int, most: int | None = None, alphabet: str = LETTERS
) -> st.SearchStrategy[tuple[str, str]]:
    return of(alphabet, least, most).map(lambda body: (prefix + body, body))


URLSAFE = LETTERS + "-_"

SELF_EVIDENT: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "headgate": _keys("hg-", 49),
    "headgate, own": _keys("hg-", 16, 40, URLSAFE),
    "openai": _keys("sk-", 20, 48),
    "openai project": _keys("sk-proj-", 40, 100, URLSAFE),
    "anthropic": _keys("sk-ant-api03-", 40, 95, URLSAFE),
    "openrouter": _keys("sk-or-v1-", 64, 64, "0123456789abcdef"),
    "groq": _keys("gsk_", 52),
    "xai": _keys("xai-", 80),
    "huggingface": _keys("hf_", 34),
    "fireworks": _keys("fw_", 22),
    "cerebras": _keys("csk-", 48, 48, string.ascii_lowercase + string.digits),
    "perplexity": _keys("pplx-", 48),
    "nvidia": _keys("nvapi-", 64, 64, URLSAFE),
    "github": _keys("ghp_", 36),
    "slack": _keys("xoxb-", 40, 60, LETTERS + "-"),
    "databricks": _keys("dapi", 32, 32, "0123456789abcdef"),
    "aws id": _keys("AKIA", 16, 16, string.ascii_uppercase + "234567"),
    "aws temporary id": _keys("ASIA", 16, 16, string.ascii_uppercase + "234567"),
    "aws bedrock": _keys("ABSK", 60, 120),
    "aws session token": _keys("IQoJb3JpZ2luX2Vj", 100, 300),
    "google": _keys("AIza", 35, 35, URLSAFE),
    "google oauth": _keys("ya29.", 60, 120, URLSAFE),
    "google client secret": _keys("GOCSPX-", 28, 28, URLSAFE),
    "azure foundry": of(LETTERS, 52).map(lambda body: (body + "JQQJ99" + body[:26], body)),
    "jwt": st.tuples(of(URLSAFE, 20, 60), of(URLSAFE, 20, 200), of(URLSAFE, 40, 90)).map(
        lambda parts: (f"eyJ{parts[0]}.{parts[1]}.{parts[2]}", parts[2])
    ),
}
"""By kind: the credential, and the part of it that is secret."""

PLACES: dict[str, Callable[[str], str]] = {
    "alone": lambda key: key,
    "prose": lambda key: f"the vendor says: Incorrect API key provided: {key}. You can find yours",
    "bearer": lambda key: f"Authorization: Bearer {key}",
    "header": lambda key: f"x-api-key: {key}\r\nhost: a",
    "headers in Python": lambda key: repr([(b"authorization", f"Bearer {key}".encode()), (b"host", b"a")]),
    "members in Python": lambda key: repr({"api_key": key, "model": "gpt-4o"}),
    "json": lambda key: json.dumps({"message": f"bad key {key}", "n": 1}),
    "json in json": lambda key: json.dumps(json.dumps({"api_key": key})),
    "query": lambda key: f"GET https://host/v1/models?key={key}&alt=sse HTTP/1.1",
    "encoded query": lambda key: f"next={quote(f'https://h/?api_key={key}', safe='')}",
    "lines": lambda key: f"first\n{key}\nlast",
    "escaped lines": lambda key: repr(f"first\n{key}\nlast"),
    "assignment": lambda key: f"OPENAI_API_KEY={key}",
    "brackets": lambda key: f"Provider('x', ({key}))",
}

NAMED: dict[str, Callable[[str], str]] = {
    "bearer": lambda secret: f"authorization: Bearer {secret}",
    "bearer, lower": lambda secret: f"sent 'authorization': 'bearer {secret}'",
    "basic": lambda secret: f"Authorization: Basic {base64.b64encode(f'user:{secret}'.encode()).decode()}",
    "api-key": lambda secret: f"api-key: {secret}",
    "x-api-key": lambda secret: f"(b'x-api-key', b'{secret}')",
    "x-goog-api-key": lambda secret: f'"x-goog-api-key": "{secret}"',
    "x-headgate-key": lambda secret: f"x-headgate-key: {secret}",
    "subscription": lambda secret: f"Ocp-Apim-Subscription-Key: {secret}",
    "password": lambda secret: f"connect(host='db', password='{secret}')",
    "password, assigned": lambda secret: f"PGPASSWORD={secret} psql",
    "client secret": lambda secret: f"client_id=a&client_secret={secret}&grant_type=x",
    "aws secret": lambda secret: f"aws_secret_access_key = {secret}",
    "aws secret, camel": lambda secret: json.dumps({"SecretAccessKey": secret}),
    "aws signature": lambda secret: f"https://s3/x?X-Amz-Date=2026&X-Amz-Signature={secret}&y=1",
    "azure sas": lambda secret: f"https://a.blob.core.windows.net/c?sv=2024-01-01&sr=c&sig={secret}&se=2026",
    "azure account": lambda secret: (
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={secret};EndpointSuffix=x"
    ),
    "azure shared": lambda secret: f"Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={secret}",
    "google key": lambda secret: f"POST https://generativelanguage.googleapis.com/v1/models?key={secret}",
    "cookie": lambda secret: f"cookie: headgate_session={secret}; theme=dark",
    "set-cookie": lambda secret: f"(b'set-cookie', b'headgate_session={secret}; HttpOnly')",
    "oauth code": lambda secret: f"GET /auth/callback?state=abcdefgh&code={secret}",
    "database": lambda secret: f"cannot reach postgresql://gate:{secret}@db:5432/headgate",
    "redis": lambda secret: f"redis://:{secret}@redis:6379/0 refused",
    "proxy": lambda secret: f"proxy http://user:{secret}@proxy:3128",
    "private key": lambda secret: f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----",
    "private key, escaped": lambda secret: json.dumps(f"-----BEGIN RSA PRIVATE KEY-----\n{secret}\n"),
}
"""Where a text without any form of its own says what it is."""

OPAQUE = of(LETTERS + "_", 16, 60)


def part_left(said: str, secret: str) -> str | None:
    """Eight characters of a secret that can be read in what was said."""
    return next((secret[at : at + 8] for at in range(len(secret) - 7) if secret[at : at + 8] in said), None)
