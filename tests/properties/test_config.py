"""Whatever a configuration file holds, loading it gives a `Config` or a `ConfigError`, and shows no secret."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.config import Config, loads
from headgate.config.document import parse
from headgate.errors import ConfigError

SECRET = "s3cr3t-value-of-a-key"
ENVIRON = {"SECRET": SECRET, "PORT": "8080", "TRUE": "true", "ODD": "\udc80"}

SETTINGS = """
    server storage providers models stages prices price_file host port auth workers hosts trusted_proxies kind base_url
    api_key headers body targets target weight priority timeout total_s use before after with input output tiers
    over_tokens base_model price_like proxy chat sim << a/b x*
"""
VALUES = """
    simulator openai sim/x chat/x sim/* none keys a:B cache 0.0.0.0 http://[ sqlite:///x ${SECRET} ${PORT} ${TRUE}
    ${ODD} ${ ${} ${MISSING} ${MISSING:-5} $${X} ${file:/}
"""
NAMES = st.one_of(st.sampled_from(SETTINGS.split()), st.text(max_size=4))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(VALUES.split()),
    st.text(max_size=10),
    st.just("${SECRET}"),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=25,
)


def loaded(text: str) -> Config | None:
    """The configuration, or nothing where it is refused as it should be."""
    try:
        return loads(text, "h.yaml", ENVIRON)
    except ConfigError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert re.match(r"h\.yaml:\d+: ", problem), problem
        assert SECRET not in problem
    return None


@settings(max_examples=300)
@given(TREES)
def test_any_tree_is_a_configuration_or_a_list_of_mistakes(tree: Any) -> None:
    config = loaded(yaml.safe_dump(tree, allow_unicode=True))
    assert config is None or SECRET not in repr(config.storage)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["server", "providers", "models", "stages", "prices", "storage"]), TREES))
def test_trees_that_look_like_configurations_are_too(tree: Any) -> None:
    loaded(yaml.safe_dump(tree))


@settings(max_examples=300)
@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("{}[]:-?&*!|>'\"%@`#,\n\t $")), max_size=60))
def test_any_text_is_too(text: str) -> None:
    loaded(text)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.text(max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
        max_leaves=20,
    ).filter(lambda tree: isinstance(tree, (dict, list)) and bool(tree))
)
def test_json_is_read_as_json_is(tree: Any) -> None:
    text = msgspec.json.encode(tree).decode()
    if "<<" in text or any(not char.isprintable() for char in text):
        return  # a merge key, and characters YAML wants escaped that JSON does not
    root, problems = parse(text)
    assert problems == []
    assert root is not None
    assert root.plain() == tree
