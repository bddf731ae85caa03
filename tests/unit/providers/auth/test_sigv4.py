"""Our signatures are AWS's: its published examples, and botocore's own signer on everything else."""

from __future__ import annotations

import calendar
import time
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.auth.sigv4 import AwsKeys, Signer
from headgate.providers.transport import HttpRequest

EXAMPLE = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
THEN = calendar.timegm((2015, 8, 30, 12, 36, 0)) * 1_000_000


def authorization(signer: Signer, request: HttpRequest, keys: AwsKeys, now_us: int) -> str:
    return dict(signer.sign(request, keys, now_us))["authorization"]


@pytest.mark.parametrize(
    ("method", "url", "service", "headers", "signature"),
    [
        (
            "GET",
            "https://example.amazonaws.com/",
            "service",
            (),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            "https://example.amazonaws.com/",
            "service",
            (),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            "https://example.amazonaws.com/?Param2=value2&Param1=value1",
            "service",
            (),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET",
            "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
            "iam",
            (("content-type", "application/x-www-form-urlencoded; charset=utf-8"),),
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ],
    ids=["get-vanilla", "post-vanilla", "get-vanilla-query-order", "iam-list-users"],
)
def test_awss_published_examples(
    method: str, url: str, service: str, headers: tuple[tuple[str, str], ...], signature: str
) -> None:
    request = HttpRequest(method=method, url=url, headers=headers)
    assert authorization(Signer("us-east-1", service), request, EXAMPLE, THEN).endswith(f"Signature={signature}")


@given(
    model=st.text(min_size=1, max_size=60).filter(lambda name: name not in (".", "..")),  # refused before it is signed
    body=st.binary(max_size=100),
    token=st.none() | st.text("abcXYZ/+=", min_size=1, max_size=50),
    secret=st.text("abcXYZ019/+", min_size=1, max_size=40),
    query=st.dictionaries(st.text("abc-_~.", min_size=1, max_size=5), st.text("xyz09", max_size=5), max_size=3),
)
def test_signatures_are_those_of_botocore(
    model: str, body: bytes, token: str | None, secret: str, query: dict[str, str]
) -> None:
    path = quote(model.encode("utf-8", "replace"), safe="")
    url = f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{path}/converse"
    if query:
        url += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    theirs = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials("AKID", secret, token), "bedrock", "us-east-1").add_auth(theirs)
    stamp = theirs.headers["X-Amz-Date"]
    now_us = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) * 1_000_000

    headers = (("accept", "application/json"), ("content-type", "application/json"))
    request = HttpRequest(method="POST", url=url, headers=headers, body=body)
    ours = dict(Signer("us-east-1", "bedrock").sign(request, AwsKeys("AKID", secret, token), now_us))
    assert ours["authorization"] == theirs.headers["Authorization"]
    assert ours["x-amz-date"] == stamp
    assert ours.get("x-amz-security-token") == theirs.headers.get("X-Amz-Security-Token")


def test_the_days_key_is_made_anew_for_another_day_and_another_secret() -> None:
    signer = Signer("us-east-1", "service")
    request = HttpRequest(method="GET", url="https://example.amazonaws.com/", headers=())
    first = authorization(signer, request, EXAMPLE, THEN)
    later = authorization(signer, request, EXAMPLE, THEN + 86_400_000_000)
    other = authorization(signer, request, AwsKeys("AKIDEXAMPLE", "other"), THEN)
    assert len({first, later, other}) == 3
    assert authorization(signer, request, EXAMPLE, THEN) == first


def test_the_secret_is_not_in_a_repr() -> None:
    assert "wJalr" not in repr(EXAMPLE)
    assert "token" not in repr(AwsKeys("id", "secret", "token"))
