"""What OpenTelemetry's GenAI semantic conventions call things: one table a version, and what is Headgate's own.

Everything of `gen_ai.*` is in development there, and renames are under way. So a name is written here and nowhere else.
`1.41.1` is the last tagged version (model/gen-ai/*.yaml of open-telemetry/semantic-conventions at v1.41.1); `next` is
what has changed since in open-telemetry/semantic-conventions-genai, which has no tag yet.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec.structs import replace

from headgate.types import Operation

Version = Literal["1.41.1", "next"]

# ── the same in all versions ──

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_STOP = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_CHOICES = "gen_ai.request.choice.count"
REQUEST_ENCODINGS = "gen_ai.request.encoding_formats"
DIMENSIONS = "gen_ai.embeddings.dimension.count"
OUTPUT_TYPE = "gen_ai.output.type"
CONVERSATION = "gen_ai.conversation.id"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105  # tokens of a model
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"
ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
STATUS_CODE = "http.response.status_code"
OPENAI_API = "openai.api.type"
OPENAI_TIER = "openai.response.service_tier"

# ── of Headgate's own: what the conventions have no name for ──

REQUEST_ID = "headgate.request.id"
DIALECT = "headgate.dialect"
ORGANISATION = "headgate.organisation"
TEAM = "headgate.team"
PROJECT = "headgate.project"
USER = "headgate.user"
KEY = "headgate.key"
END_USER = "headgate.end_user"
TAG = "headgate.tag."
TARGET = "headgate.target"
ATTEMPTS = "headgate.attempts"
ATTEMPT_NUMBER = "headgate.attempt.number"
ATTEMPT_CAUSE = "headgate.attempt.cause"
VENDOR_REQUEST_ID = "headgate.vendor.request_id"
COST_USD = "headgate.cost.usd"
COST_PICODOLLARS = "headgate.cost.picodollars"
TOTAL_INPUT_TOKENS = "headgate.usage.input_tokens"
TOTAL_OUTPUT_TOKENS = "headgate.usage.output_tokens"
USAGE_ESTIMATED = "headgate.usage.estimated"
OVERHEAD_S = "headgate.overhead_s"
QUEUED_S = "headgate.queued_s"
SAMPLED_FOR = "headgate.sampled_for"
CONTENT_CUT = "headgate.content.cut"
EVENT = "headgate."


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The names of metrics, and what else differs from version to version."""

    version: Version
    schema_url: str
    cache_write_tokens: str
    client_duration: str
    client_first_chunk: str
    client_chunk: str
    client_tokens: str | None
    """One histogram of tokens, by `gen_ai.token.type`; None where each type has its own."""
    client_input_tokens: str | None
    client_output_tokens: str | None
    usage: str | None
    """What the names of counters of tokens begin with; None where there are none."""
    top_k_is_whole: bool = False
    """Whether `gen_ai.request.top_k` is a whole number, instead of any."""
    server_duration: str = "gen_ai.server.request.duration"
    server_first_token: str = "gen_ai.server.time_to_first_token"  # noqa: S105
    server_token: str = "gen_ai.server.time_per_output_token"  # noqa: S105
    cost: str = "headgate.cost"
    overhead: str = "headgate.overhead.duration"


V1_41_1 = Names(
    version="1.41.1",
    schema_url="https://opentelemetry.io/schemas/1.41.1",
    cache_write_tokens="gen_ai.usage.cache_creation.input_tokens",
    client_duration="gen_ai.client.operation.duration",
    client_first_chunk="gen_ai.client.operation.time_to_first_chunk",
    client_chunk="gen_ai.client.operation.time_per_output_chunk",
    client_tokens="gen_ai.client.token.usage",
    client_input_tokens=None,
    client_output_tokens=None,
    usage=None,
)

NEXT = replace(
    V1_41_1,
    version="next",
    schema_url="https://opentelemetry.io/schemas/gen-ai/1.42.0",
    cache_write_tokens="gen_ai.usage.cache_write.input_tokens",
    client_duration="gen_ai.client.inference.duration",
    client_first_chunk="gen_ai.client.inference.time_to_first_chunk",
    client_chunk="gen_ai.client.inference.time_per_output_chunk",
    client_tokens=None,
    client_input_tokens="gen_ai.client.inference.operation.input_tokens",
    client_output_tokens="gen_ai.client.inference.operation.output_tokens",
    usage="gen_ai.client.inference.usage.",
    top_k_is_whole=True,
)

VERSIONS: dict[Version, Names] = {"1.41.1": V1_41_1, "next": NEXT}

OPERATIONS: dict[Operation, str] = {"complete": "text_completion", "embed": "embeddings"}
"""`gen_ai.operation.name` where it is another word than ours. Those without a well-known value keep ours."""

PROVIDERS = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "vertex": "gcp.vertex_ai",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "mistral": "mistral_ai",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x_ai",
}
"""`gen_ai.provider.name` by kind of provider. Kinds without a well-known value keep their name."""

OURSELVES = "headgate"
"""The provider of what no vendor was asked for."""

APIS = {"openai_chat": "chat_completions", "openai_responses": "responses"}
"""`openai.api.type` by dialect."""

STOPS = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context": "length",
    "tool_calls": "tool_call",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}
"""Finish reasons by ours; `pause` keeps its name."""

# ── buckets, as the conventions give them ──

DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
PER_TOKEN_BUCKETS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
FIRST_TOKEN_BUCKETS_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
)  # fmt: skip
OVERHEAD_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Ours: what Headgate itself adds is below what the conventions' buckets tell apart."""
