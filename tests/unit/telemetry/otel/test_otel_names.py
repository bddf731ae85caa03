"""The names are those of the conventions: what is emitted is in the table below, and nothing that is deprecated."""

from __future__ import annotations

import pytest

from headgate.telemetry.otel import names
from headgate.telemetry.otel.meters import Meters
from headgate.telemetry.otel.names import NEXT, V1_41_1, VERSIONS, Names
from headgate.types import Operation

ATTRIBUTES = {
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.request.stream",
    "gen_ai.request.temperature", "gen_ai.request.top_p", "gen_ai.request.top_k", "gen_ai.request.max_tokens",
    "gen_ai.request.stop_sequences", "gen_ai.request.frequency_penalty", "gen_ai.request.presence_penalty",
    "gen_ai.request.seed", "gen_ai.request.choice.count", "gen_ai.request.encoding_formats",
    "gen_ai.embeddings.dimension.count", "gen_ai.output.type", "gen_ai.conversation.id", "gen_ai.response.id",
    "gen_ai.response.model", "gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.reasoning.output_tokens", "gen_ai.token.type", "gen_ai.system_instructions",
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.tool.definitions", "error.type", "server.address",
    "server.port", "http.response.status_code", "openai.api.type", "openai.response.service_tier",
    "gen_ai.prompt.name", "gen_ai.prompt.version",
}  # fmt: skip
"""Spans and metrics at v1.41.1 (sections 2.1 and 2.2 of the notes on the conventions); the same in both versions."""

METRICS = {
    "1.41.1": {
        "gen_ai.client.token.usage": "{token}",
        "gen_ai.client.operation.duration": "s",
        "gen_ai.client.operation.time_to_first_chunk": "s",
        "gen_ai.client.operation.time_per_output_chunk": "s",
        "gen_ai.server.request.duration": "s",
        "gen_ai.server.time_per_output_token": "s",
        "gen_ai.server.time_to_first_token": "s",
    },
    "next": {
        "gen_ai.client.inference.duration": "s",
        "gen_ai.client.inference.time_to_first_chunk": "s",
        "gen_ai.client.inference.time_per_output_chunk": "s",
        "gen_ai.client.inference.operation.input_tokens": "{token}",
        "gen_ai.client.inference.operation.output_tokens": "{token}",
        "gen_ai.client.inference.usage.input_tokens": "{token}",
        "gen_ai.client.inference.usage.output_tokens": "{token}",
        "gen_ai.client.inference.usage.cache_read.input_tokens": "{token}",
        "gen_ai.client.inference.usage.cache_write.input_tokens": "{token}",
        "gen_ai.client.inference.usage.reasoning.output_tokens": "{token}",
        "gen_ai.server.request.duration": "s",
        "gen_ai.server.time_per_output_token": "s",
        "gen_ai.server.time_to_first_token": "s",
    },
}
CACHE_WRITES = {
    "1.41.1": "gen_ai.usage.cache_creation.input_tokens",
    "next": "gen_ai.usage.cache_write.input_tokens",
}
BUCKETS = {
    "DURATION_BUCKETS_S": [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    "TOKEN_BUCKETS": [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
    "PER_TOKEN_BUCKETS_S": [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5],
    "FIRST_TOKEN_BUCKETS_S": [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    ],
}  # fmt: skip
DEPRECATED = ("gen_ai.system", "gen_ai.prompt", "gen_ai.completion", "gen_ai.usage.prompt_tokens",
              "gen_ai.usage.completion_tokens", "llm.", "traceloop.", "gen_ai.openai.")  # fmt: skip


def test_every_attribute_is_one_of_the_conventions_or_our_own():
    written = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
    foreign = {name for name in written if not name.startswith("headgate")}
    assert foreign == ATTRIBUTES
    assert not {name for name in foreign if name in DEPRECATED or name.startswith(DEPRECATED[5:])}


@pytest.mark.parametrize("called", [V1_41_1, NEXT], ids=lambda called: called.version)
def test_every_metric_is_one_of_the_conventions_or_our_own(called: Names):
    made = {each.name: each._unit for each in Meters(called).instruments}
    ours = {name: unit for name, unit in made.items() if name.startswith("headgate.")}
    assert ours == {"headgate.cost": "{USD}", "headgate.overhead.duration": "s"}
    assert {name: unit for name, unit in made.items() if name not in ours} == METRICS[called.version]
    assert called.cache_write_tokens == CACHE_WRITES[called.version]


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets(name: str):
    assert list(getattr(names, name)) == BUCKETS[name]


def test_well_known_values():
    assert set(names.PROVIDERS.values()) <= {
        "openai", "anthropic", "aws.bedrock", "azure.ai.inference", "azure.ai.openai", "cohere", "deepseek",
        "gcp.gemini", "gcp.gen_ai", "gcp.vertex_ai", "groq", "ibm.watsonx.ai", "mistral_ai", "perplexity", "x_ai",
    }  # fmt: skip
    operations: tuple[Operation, ...] = ("chat", "complete", "embed")
    assert [names.OPERATIONS.get(each, each) for each in operations] == ["chat", "text_completion", "embeddings"]
    assert set(names.STOPS.values()) <= {"stop", "length", "content_filter", "tool_call", "error"}


def test_the_schema_is_named():
    assert VERSIONS["1.41.1"].schema_url == "https://opentelemetry.io/schemas/1.41.1"
    assert VERSIONS["next"].schema_url == "https://opentelemetry.io/schemas/gen-ai/1.42.0"
