"""Every documented error of every vendor is of its class, and says how long to wait where the vendor does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate import dialects
from headgate.dialects.hub import Failed
from headgate.errors import (
    BadRequest,
    Conflict,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    HeadgateError,
    MalformedOutput,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    ServerError,
    Timeout,
    TlsFailed,
    UpstreamAuth,
    UpstreamError,
)
from headgate.types import Frame
from recordings import Recording, params, recordings

DATE = "Thu, 06 Mar 2025 23:59:00 GMT"
CHAT, RESPONSES, ANTHROPIC = "openai_chat", "openai_responses", "anthropic_messages"
GEMINI, BEDROCK, COHERE = "gemini_generate", "bedrock_converse", "cohere_chat"
SIX = [CHAT, RESPONSES, ANTHROPIC, GEMINI, BEDROCK, COHERE]

RETRYABLE = {RateLimited, Overloaded, ConnectionFailed, TlsFailed, ServerError, Timeout, MalformedOutput}
SAFE = {
    BadRequest, Conflict, ContentFiltered, ContextTooLong, NotFound, Overloaded, PayloadTooLarge, QuotaExhausted,
    RateLimited,
}  # fmt: skip


def told(message: str, code: Any = None, kind: Any = None, **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **members}}


def claude(kind: str, message: str, **members: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **members}, "request_id": "req_1"}


def google(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def relayed(code: int, message: str, **metadata: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "metadata": metadata}, "user_id": "user_1"}


def aws(name: str) -> dict[str, str]:
    return {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}


def raw_of(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def check(error: HeadgateError, kind: type[HeadgateError], wait_s: float | None) -> None:
    assert type(error) is kind
    assert (error.retryable, error.safe) == (kind in RETRYABLE, kind in SAFE)
    assert error.retry_after_s == (None if wait_s is None else pytest.approx(wait_s))


PAGE = b"<!DOCTYPE html><html><head><title>api.example.com | 5xx</title></head><body>cloudflare</body></html>"


@pytest.mark.parametrize("dialect", SIX)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, UpstreamAuth),
        (402, QuotaExhausted),
        (403, UpstreamAuth),
        (404, NotFound),
        (408, Timeout),
        (409, Conflict),
        (410, NotFound),
        (412, UpstreamError),
        (413, PayloadTooLarge),
        (418, UpstreamError),
        (422, BadRequest),
        (424, UpstreamError),
        (429, RateLimited),
        (499, ConnectionFailed),
        (500, ServerError),
        (501, UpstreamError),
        (502, ServerError),
        (503, Overloaded),
        (504, Timeout),
        (520, ServerError),
        (521, ConnectionFailed),
        (522, Timeout),
        (523, ConnectionFailed),
        (524, Timeout),
        (525, TlsFailed),
        (526, TlsFailed),
        (529, Overloaded),
        (530, ServerError),
    ],
)
def test_a_page_that_is_no_document_is_judged_by_its_status(
    dialect: str, status: int, kind: type[HeadgateError]
) -> None:
    check(dialects.get(dialect).decode_error(status, {"retry-after": "30"}, PAGE), kind, 30)
    check(dialects.get(dialect).decode_error(status, {}, PAGE), kind, None)


OPENAI: list[tuple[int, Any, type[HeadgateError], float | None]] = [
    # OpenAI
    (401, told("Incorrect API key provided: sk-1.", "invalid_api_key", "invalid_request_error"), UpstreamAuth, None),
    (401, told("Your IP is not authorized.", "ip_not_authorized", "invalid_request_error"), UpstreamAuth, None),
    (403, told("Country, region, or territory not supported", "unsupported_country_region_territory"), UpstreamAuth, None),
    (403, told("Project `proj_1` does not have access to model `gpt-5`", "model_not_found"), NotFound, None),
    (404, told("The model `x` does not exist or you do not have access to it.", "model_not_found"), NotFound, None),
    (
        429,
        told(
            "Rate limit reached for gpt-4 in organization org-1 on tokens per min (TPM): Limit 10000, Used 9000,"
            " Requested 2000. Please try again in 1.242s. Visit https://platform.openai.com/account/rate-limits to learn"
            " more. You can increase your rate limit by adding a payment method to your account at"
            " https://platform.openai.com/account/billing.",
            "rate_limit_exceeded",
            "tokens",
        ),
        RateLimited,
        1.242,
    ),
    (429, told("Rate limit reached on requests per min. Please try again in 20ms.", "rate_limit_exceeded"), RateLimited, 0.02),
    (429, told("Rate limit reached for x. Limit: 3 / min. Please try again in 6m0s.", "rate_limit_exceeded"), RateLimited, 360),
    (
        429,
        told(
            "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389. The input or output"
            " tokens must be reduced in order to run successfully.",
            "rate_limit_exceeded",
            "tokens",
        ),
        ContextTooLong,
        None,
    ),
    (
        429,
        told("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"),
        QuotaExhausted,
        None,
    ),
    (429, told("No credits.", "credit_balance_exhausted", "insufficient_quota"), QuotaExhausted, None),
    (429, told("Spent.", "organization_spend_limit_exceeded", "insufficient_quota"), QuotaExhausted, None),
    (429, told("Spent.", "project_spend_limit_exceeded"), QuotaExhausted, None),
    (429, told("Used.", "organization_usage_limit_exceeded"), QuotaExhausted, None),
    (429, told("Your request rate rose too quickly.", "slow_down", "rate_limit_error"), RateLimited, None),
    (503, told("Slow down.", "slow_down", "service_unavailable_error"), Overloaded, None),
    (503, told("Busy.", "server_is_overloaded", "service_unavailable_error"), Overloaded, None),
    (500, told("The server had an error processing your request.", None, "server_error"), ServerError, None),
    (429, told("The engine is currently overloaded, please try again later"), Overloaded, None),
    (
        400,
        told(
            "This model's maximum context length is 4097 tokens. However, your messages resulted in 4294 tokens.",
            "context_length_exceeded",
            "invalid_request_error",
        ),
        ContextTooLong,
        None,
    ),
    (400, told("Your input exceeds the context window of this model.", "context_length_exceeded"), ContextTooLong, None),
    (
        400,
        told("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt"),
        ContentFiltered,
        None,
    ),
    (400, told("Your request was rejected as a result of our safety system.", "moderation_blocked"), ContentFiltered, None),
    (400, told("String too long.", "string_above_max_length", "invalid_request_error"), BadRequest, None),
    # Azure
    (
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
            }
        },
        ContentFiltered,
        None,
    ),
    (400, told("Filtered.", None, None, inner_error={"code": "ResponsibleAIPolicyViolation"}), ContentFiltered, None),
    (
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
        NotFound,
        None,
    ),
    (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}, UpstreamAuth, None),
    (
        429,
        {
            "error": {
                "code": "429",
                "message": "Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current"
                " OpenAI S0 pricing tier. Please retry after 32 seconds. Please go here:"
                " https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit.",
            }
        },
        RateLimited,
        32,
    ),
    (429, {"error": {"code": "429", "message": "exceeded. Please retry after 86400 seconds."}}, RateLimited, 86_400),
    (429, {"error": {"code": "429", "message": "System is experiencing high demand."}}, Overloaded, None),
    (429, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 26 seconds."}, RateLimited, 26),
    (
        400,
        told("Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens."),
        ContextTooLong,
        None,
    ),
    # GitHub Models
    (413, told("Request body too large for gpt-4o model. Max size: 8000 tokens.", "tokens_limit_reached"), ContextTooLong, None),
    (
        429,
        told("Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 30 seconds before retrying.", "RateLimitReached"),
        RateLimited,
        30,
    ),
    # Groq
    (
        429,
        told(
            "Rate limit reached for model `x` on tokens per day (TPD): Limit 500000, Used 499000. Please try again in"
            " 7m32.4s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
            "rate_limit_exceeded",
            "tokens",
        ),
        RateLimited,
        452.4,
    ),
    (
        413,
        told(
            "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 14368, please reduce your"
            " message size and try again.",
            "rate_limit_exceeded",
            "tokens",
        ),
        ContextTooLong,
        None,
    ),
    (413, told("Request Entity Too Large", "request_too_large", "invalid_request_error"), PayloadTooLarge, None),
    (498, told("Flex tier capacity exceeded.", "capacity_exceeded"), Overloaded, None),
    (498, b"", Overloaded, None),
    (400, told("Failed to call a function.", "tool_use_failed", "invalid_request_error", failed_generation="{"), BadRequest, None),
    # DeepSeek
    (402, told("Insufficient Balance", "invalid_request_error", "unknown_error"), QuotaExhausted, None),
    (422, told("Invalid Parameters", "invalid_request_error"), BadRequest, None),
    (400, told("Content Exists Risk", "invalid_request_error", "invalid_request_error"), ContentFiltered, None),
    # Mistral
    (
        400,
        {
            "object": "error",
            "message": "Prompt contains 66385 tokens, too large for model with 32768 maximum context length",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
        ContextTooLong,
        None,
    ),
    (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"}, RateLimited, None),
    (
        429,
        {"object": "error", "message": "Service tier capacity exceeded for this model.", "type": "invalid_request_error"},
        Overloaded,
        None,
    ),
    (422, {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required"}]}, BadRequest, None),
    (422, {"object": "error", "message": {"detail": [{"msg": "Extra inputs are not permitted"}]}}, BadRequest, None),
    # Together, Fireworks, Cerebras
    (
        403,
        told("Input token count + max_tokens parameter must be less than the context length of the model being queried."),
        ContextTooLong,
        None,
    ),
    (422, told("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097."), ContextTooLong, None),
    (400, told("The prompt is too long: 140000, model maximum context length: 131071"), ContextTooLong, None),
    (
        412,
        told("Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."),
        QuotaExhausted,
        None,
    ),
    (400, told("Please reduce the length of the messages or completion. Current length is 42328", "context_length_exceeded"), ContextTooLong, None),
    (429, told("We're experiencing high traffic right now!", "queue_exceeded", "too_many_requests_error"), Overloaded, None),
    # xAI
    (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."}, UpstreamAuth, None),
    (400, told("This model's maximum prompt length is 131072 but the request contains 150000 tokens."), ContextTooLong, None),
    (
        403,
        {"code": "permission-denied", "error": "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"},
        ContentFiltered,
        None,
    ),
    (403, {"code": "permission-denied", "error": "Access to the chat endpoint is denied."}, UpstreamAuth, None),
    (403, {"error": "Your newly created team doesn't have any credits or licenses yet."}, QuotaExhausted, None),
    (
        429,
        {"error": "Your team has either used all available credits or reached its monthly spending limit."},
        QuotaExhausted,
        None,
    ),
    # OpenRouter
    (402, relayed(402, "Insufficient credits."), QuotaExhausted, None),
    (402, relayed(402, "Budget.", limit_source="openrouter_in_flight_budget"), RateLimited, None),
    (403, relayed(403, "Budget limit exceeded", limit_source="openrouter_key_limit"), QuotaExhausted, None),
    (
        403,
        relayed(403, "Your input was flagged.", reasons=["violence"], flagged_input="…", provider_name="OpenAI"),
        ContentFiltered,
        None,
    ),
    (403, relayed(403, "No.", error_type="content_policy_violation"), ContentFiltered, None),
    (400, relayed(400, "Too much.", error_type="context_length_exceeded"), ContextTooLong, None),
    (
        400,
        relayed(400, "Provider returned error", raw='{"error":{"message":"This model\'s maximum context length is 8."}}'),
        ContextTooLong,
        None,
    ),
    (400, relayed(400, "Provider returned error", raw={"error": {"message": "prompt is too long"}}), ContextTooLong, None),
    (
        429,
        relayed(
            429,
            "Rate limit exceeded: free-models-per-min.",
            headers={"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1741305600000"},
        ),
        RateLimited,
        60,
    ),
    (429, relayed(429, "Rate limit exceeded.", limit_source="openrouter_free_tier_daily"), QuotaExhausted, None),
    (502, relayed(502, "Provider returned error"), ServerError, None),
    (503, relayed(503, "No provider meets your routing requirements."), Overloaded, None),
    (502, relayed(429, "An error in an answer whose status claims success."), RateLimited, None),
    # Moonshot, Alibaba
    (429, told("The engine is overloaded.", None, "engine_overloaded_error"), Overloaded, None),
    (429, told("Your account is suspended.", None, "exceeded_current_quota_error"), QuotaExhausted, None),
    (400, told("Range of input length should be [1, 30720]", "InvalidParameter"), ContextTooLong, None),
    (400, told("Input data may contain inappropriate content.", "data_inspection_failed"), ContentFiltered, None),
    # Gemini's endpoint for clients of OpenAI
    (
        429,
        [google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in 38.5s.")],
        RateLimited,
        38.5,
    ),
    (400, [google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")], UpstreamAuth, None),
    # Hugging Face, TGI
    (503, {"error": "Model gpt2 is currently loading", "estimated_time": 20.0}, Overloaded, 20),
    (503, {"error": "Model gpt2 is currently loading", "estimated_time": -1}, Overloaded, None),
    (429, {"error": "Model is overloaded", "error_type": "overloaded"}, Overloaded, None),
    (422, {"error": "Input validation error: `inputs` must have less than 2048 tokens. Given: 2222"}, ContextTooLong, None),
    # vLLM, SGLang, llama.cpp
    (
        400,
        {
            "object": "error",
            "message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            "type": "BadRequestError",
            "code": 400,
        },
        ContextTooLong,
        None,
    ),
    (400, {"object": "error", "message": "max_tokens must be at least 1, got -186.", "code": 400}, ContextTooLong, None),
    (400, told("The input (9 tokens) is longer than the model's context length (8 tokens)."), ContextTooLong, None),
    (
        500,
        {"error": {"code": 500, "message": "the request exceeds the available context size.", "type": "exceed_context_size_error"}},
        ContextTooLong,
        None,
    ),
    (500, {"error": {"code": 400, "message": "the request exceeds the available context size."}}, ContextTooLong, None),
    (404, {"error": {"message": "model 'x' not found", "type": "not_found_error", "param": None, "code": None}}, NotFound, None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "wait_s"), OPENAI)
@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, "openai_completions", "openai_embeddings"])
def test_an_error_of_openai_and_of_those_who_copied_it(
    dialect: str, status: int, body: Any, kind: type[HeadgateError], wait_s: float | None
) -> None:
    check(dialects.get(dialect).decode_error(status, {"date": DATE}, raw_of(body)), kind, wait_s)


@pytest.mark.parametrize(
    "body",
    [
        told("The requested model 'gpt-5.2-proo' does not exist.", "model_not_found", "invalid_request_error"),
        told("The model `x` has been decommissioned and is no longer supported.", "model_decommissioned"),
        told("Model Not Exist", "invalid_request_error", "invalid_request_error"),
        told("Unable to access model x.", "model_not_available"),
        told("x/y is not a valid model ID", 400),
        {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "param": None, "code": "1500"},
        {"error": {"code": "unknown_model", "message": "Unknown model: x"}},
    ],
)
def test_a_400_for_a_model_there_is_none_of(body: Any) -> None:
    check(dialects.get(CHAT).decode_error(400, {}, raw_of(body)), NotFound, None)
    check(dialects.get(RESPONSES).decode_error(400, {}, raw_of(body)), BadRequest, None)


@pytest.mark.parametrize(
    ("status", "body", "kind", "wait_s"),
    [
        (400, claude("invalid_request_error", "messages: field required"), BadRequest, None),
        (400, claude("invalid_request_error", "prompt is too long: 201130 tokens > 200000 maximum"), ContextTooLong, None),
        (
            400,
            claude("invalid_request_error", "input length and `max_tokens` exceed context limit: 189136 + 20000 > 204648"),
            ContextTooLong,
            None,
        ),
        (400, claude("invalid_request_error", "Output blocked by content filtering policy"), ContentFiltered, None),
        (
            400,
            claude("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            QuotaExhausted,
            None,
        ),
        (
            400,
            claude(
                "invalid_request_error",
                "You have reached your specified workspace API usage limits. You will regain access on 2025-06-01 at"
                " 00:00 UTC.",
            ),
            QuotaExhausted,
            None,
        ),
        (400, claude("invalid_request_error", "This organization has been disabled."), UpstreamAuth, None),
        (401, claude("authentication_error", "invalid x-api-key"), UpstreamAuth, None),
        (402, claude("billing_error", "Payment failed."), QuotaExhausted, None),
        (403, claude("permission_error", "Your API key may not use this."), UpstreamAuth, None),
        (404, claude("not_found_error", "model: claude-x"), NotFound, None),
        (409, claude("conflict_error", "Modified concurrently."), Conflict, None),
        (413, claude("request_too_large", "Request exceeds the maximum size"), PayloadTooLarge, None),
        (429, claude("rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit"), RateLimited, None),
        (
            429,
            claude("rate_limit_error", "Paused.", details={"error_code": "enforced_spend_limit_reached"}),
            QuotaExhausted,
            None,
        ),
        (500, claude("api_error", "Internal server error"), ServerError, None),
        (504, claude("timeout_error", "Timed out."), Timeout, None),
        (529, claude("overloaded_error", "Overloaded", details=None), Overloaded, None),
        # on Vertex AI
        (
            429,
            [google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests")],
            RateLimited,
            None,
        ),
        (400, [google(400, "FAILED_PRECONDITION", "Project `p` is not allowed to use Publisher Model")], UpstreamError, None),
    ],
)  # fmt: skip
def test_an_error_of_anthropic(status: int, body: Any, kind: type[HeadgateError], wait_s: float | None) -> None:
    check(dialects.get(ANTHROPIC).decode_error(status, {}, raw_of(body)), kind, wait_s)


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"}
PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}


@pytest.mark.parametrize(
    ("status", "body", "kind", "wait_s"),
    [
        (400, google(400, "INVALID_ARGUMENT", "Invalid value."), BadRequest, None),
        (400, google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), UpstreamAuth, None),
        (400, google(400, "INVALID_ARGUMENT", "No.", {"reason": "API_KEY_INVALID"}), UpstreamAuth, None),
        (400, google(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed 1048576."), ContextTooLong, None),
        (400, google(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), PayloadTooLarge, None),
        (400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), UpstreamError, None),
        (402, google(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), QuotaExhausted, None),
        (402, google(402, "RESOURCE_EXHAUSTED", "Pay."), QuotaExhausted, None),
        (403, google(403, "PERMISSION_DENIED", "Your API key doesn't have the required permissions."), UpstreamAuth, None),
        (403, google(403, "PERMISSION_DENIED", "Requires billing.", {"reason": "BILLING_DISABLED"}), QuotaExhausted, None),
        (404, google(404, "NOT_FOUND", "models/x is not found for API version v1beta"), NotFound, None),
        (429, google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), RateLimited, None),
        (429, google(429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."), RateLimited, None),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded. Please retry in 58.437201s."), RateLimited, 58.437201),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded. Please retry in 38.9s.", RETRY_INFO), RateLimited, 38),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", RETRY_INFO, PER_DAY), QuotaExhausted, 38),
        (429, google(429, "RESOURCE_EXHAUSTED", "Quota exceeded for metric: x, limit: 0"), QuotaExhausted, None),
        (499, google(499, "CANCELLED", "The operation was cancelled."), ConnectionFailed, None),
        (500, google(500, "INTERNAL", "An internal error has occurred."), ServerError, None),
        (501, google(501, "UNIMPLEMENTED", "Not here."), UpstreamError, None),
        (503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), Overloaded, None),
        (504, google(504, "DEADLINE_EXCEEDED", "The request timed out."), Timeout, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_listed", [False, True])
def test_an_error_of_google(
    status: int, body: Any, kind: type[HeadgateError], wait_s: float | None, is_listed: bool
) -> None:
    check(dialects.get(GEMINI).decode_error(status, {}, raw_of([body] if is_listed else body)), kind, wait_s)


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException", "Malformed input request", BadRequest),
        (400, "ValidationError", "Malformed input request", BadRequest),
        (400, "ValidationException", "Input is too long for requested model.", ContextTooLong),
        (400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", QuotaExhausted),
        (400, "IncompleteSignature", "The request signature does not conform to AWS standards.", UpstreamAuth),
        (400, "NotAuthorized", "You do not have permission to perform this action.", UpstreamAuth),
        (400, "RequestExpired", "The request is no longer valid due to expired timestamps.", UpstreamAuth),
        (400, "ThrottlingException", "Rate exceeded", RateLimited),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", UpstreamAuth),
        (403, "InvalidClientTokenId", "No such key.", UpstreamAuth),
        (403, "MPAgreementBeingCreated", "Your subscription is being processed. Try again after 15 minutes.", UpstreamAuth),
        (404, "ResourceNotFoundException", "The resource was not found.", NotFound),
        (404, "FTUFormNotFilled", "Fill in the form.", UpstreamAuth),
        (404, "ResourceNotFoundException", "Model use case details have not been submitted for this account.", UpstreamAuth),
        (408, "ModelTimeoutException", "Took too long.", Timeout),
        (408, "RequestTimeoutException", "Took too long.", Timeout),
        (409, "ConflictException", "Conflict.", Conflict),
        (413, "RequestEntityTooLargeException", "Too large.", PayloadTooLarge),
        (424, "ModelErrorException", "The model failed.", ServerError),
        (424, "ModelStreamErrorException", "The model failed.", ServerError),
        (429, "ModelNotReadyException", "Not ready.", Overloaded),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", RateLimited),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", QuotaExhausted),
        (500, "InternalServerException", "Oops.", ServerError),
        (503, "ServiceUnavailable", "Too many connections, please wait before trying again.", Overloaded),
        (503, "ServiceUnavailableException", "Busy.", Overloaded),
    ],
)  # fmt: skip
def test_an_error_of_bedrock(status: int, name: str, message: str, kind: type[HeadgateError]) -> None:
    check(dialects.get(BEDROCK).decode_error(status, aws(name), raw_of({"message": message})), kind, None)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "invalid request: message must be at least 1 token long or tool results must be specified.", BadRequest),
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292.",
            ContextTooLong,
        ),
        (400, "too many tokens: size limit exceeded by 11326 tokens.", ContextTooLong),
        (400, "too many tokens: max tokens must be less than or equal to 4096, the maximum output", BadRequest),
        (401, "invalid api token", UpstreamAuth),
        (402, "Please add or update your payment method", QuotaExhausted),
        (404, "model 'x' not found, make sure the correct model ID was used", NotFound),
        (429, "You are past the per minute request limit, please wait and try again later.", RateLimited),
        (429, "trial token rate limit exceeded, limit is 100000 tokens per minute", RateLimited),
        (429, "You are using a Trial key, which is limited to 40 API calls / minute.", RateLimited),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", QuotaExhausted),
        (498, "The request was blocked.", ContentFiltered),
        (499, "request cancelled", ConnectionFailed),
        (500, "internal server error", ServerError),
    ],
)
def test_an_error_of_cohere(status: int, message: str, kind: type[HeadgateError]) -> None:
    check(dialects.get(COHERE).decode_error(status, {}, raw_of({"id": "i", "message": message})), kind, None)


# ── how long to wait ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", SIX)
@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after-ms": "1250", "retry-after": "9"}, 1.25),
        ({"x-ms-retry-after-ms": "800", "retry-after": "9"}, 0.8),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "31536000"}, 86_400),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 07 Mar 2025 00:00:30 GMT"}, None),
        ({"retry-after": "Fri, 07 Mar 2025 00:00:30 GMT", "date": DATE}, 90),
        ({"retry-after": "Friday, 07-Mar-25 00:00:30 GMT", "date": DATE}, 90),
        ({"retry-after": "Fri Mar  7 00:00:30 2025", "date": DATE}, 90),
        ({"retry-after": "Thu, 06 Mar 2025 00:00:00 GMT", "date": DATE}, 0),
        ({"retry-after": "Fri, 06 Mar 2026 00:00:00 GMT", "date": DATE}, 86_400),
        ({"retry-after-ms": "junk", "retry-after": "9"}, 9),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1s"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12ms"}, 0.012),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "17"}, 17),
        ({"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"}, None),
        ({"x-ratelimit-remaining-requests-day": "0", "x-ratelimit-reset-requests-day": "33011.38"}, 33011.38),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "5s",
            },
            5,
        ),
        ({"x-ratelimit-reset": "1741305600", "date": DATE}, 60),
        ({"x-ratelimit-reset": "1741305600000", "date": DATE}, 60),
        ({"x-ratelimit-reset": "1741305600"}, None),
        ({"x-ratelimit-reset": "45"}, 45),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "45"}, None),
        *(
            (
                {
                    f"anthropic-ratelimit-{limit}-remaining": "0",
                    f"anthropic-ratelimit-{limit}-reset": "2025-03-07T00:00:05Z",
                    "date": DATE,
                },
                65,
            )
            for limit in ("requests", "tokens", "input-tokens", "output-tokens")
        ),
    ],
)
def test_headers_tell_how_long_to_wait(dialect: str, headers: dict[str, str], wait_s: float | None) -> None:
    check(dialects.get(dialect).decode_error(429, headers, b""), RateLimited, wait_s)


def test_resets_of_limits_count_for_a_429_only() -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}
    assert dialects.get(CHAT).decode_error(500, headers, b"").retry_after_s is None


def test_headers_count_before_words() -> None:
    body = raw_of(told("Please try again in 6m0s.", "rate_limit_exceeded"))
    assert dialects.get(CHAT).decode_error(429, {"retry-after": "2"}, body).retry_after_s == 2


def test_words_of_an_error_that_no_waiting_mends_tell_no_wait() -> None:
    body = raw_of(told("'content' must not be 'Please try again in 20s'."))
    assert dialects.get(CHAT).decode_error(400, {}, body).retry_after_s is None


# ── inside streams ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("dialect", "tree", "event", "kind", "wait_s"),
    [
        (CHAT, told("Please try again in 1.5s.", "rate_limit_exceeded", "tokens"), None, RateLimited, 1.5),
        (CHAT, told("Overloaded", None, "overloaded_error"), None, Overloaded, None),
        (CHAT, relayed(429, "Slow.", headers={"X-RateLimit-Reset": "9"}), None, RateLimited, None),
        (CHAT, {"error": {"code": "429", "message": "Please retry after 3 seconds"}}, None, RateLimited, 3),
        (CHAT, told("maximum context length is 8"), None, ContextTooLong, None),
        (CHAT, {"error": {"code": 500, "message": "no"}}, None, ServerError, None),
        (CHAT, told("no"), None, ServerError, None),
        (
            RESPONSES,
            {"type": "error", "code": "rate_limit_exceeded", "message": "Please try again in 20ms.", "param": None},
            "error",
            RateLimited,
            0.02,
        ),
        (
            RESPONSES,
            {
                "type": "response.failed",
                "response": {
                    "status": "failed",
                    "error": {"code": "invalid_prompt", "message": "It was flagged by us."},
                },
            },
            "response.failed",
            ContentFiltered,
            None,
        ),
        (
            RESPONSES,
            {"type": "response.failed", "response": {"error": {"code": "vector_store_timeout", "message": "x"}}},
            "response.failed",
            Timeout,
            None,
        ),
        (
            RESPONSES,
            {"type": "response.failed", "response": {"error": {"code": "image_too_large", "message": "x"}}},
            "response.failed",
            BadRequest,
            None,
        ),
        (ANTHROPIC, claude("overloaded_error", "Overloaded"), "error", Overloaded, None),
        (ANTHROPIC, claude("rate_limit_error", "Try again in 2 seconds."), "error", RateLimited, 2),
        (ANTHROPIC, claude("novelty", "x"), "error", UpstreamError, None),
        (GEMINI, google(429, "RESOURCE_EXHAUSTED", "Please retry in 9s.", RETRY_INFO), None, RateLimited, 38),
        (GEMINI, google(503, "UNAVAILABLE", "Please retry in 9s."), None, Overloaded, 9),
        (BEDROCK, {"message": "Too many requests"}, ":exception:throttlingException", RateLimited, None),
        (BEDROCK, {"message": "x"}, ":exception:modelStreamErrorException", ServerError, None),
        (
            COHERE,
            {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "Retry in 4s"}},
            "message-end",
            ServerError,
            None,
        ),
        (
            COHERE,
            {"type": "message-end", "delta": {"finish_reason": "TIMEOUT", "error": "too slow"}},
            "message-end",
            Timeout,
            None,
        ),
    ],
)
def test_an_error_inside_a_stream(
    dialect: str, tree: Any, event: str | None, kind: type[HeadgateError], wait_s: float | None
) -> None:
    meter = dialects.get(dialect).meter()
    meter.observe(Frame.of(tree, event))
    assert meter.error is not None
    check(meter.error, kind, wait_s)
    events = dialects.get(dialect).decode_stream().feed(Frame.of(tree, event))
    assert events[-1] == Failed(code=kind.code, message=meter.error.message)


# ── what was recorded ───────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = [row for row in recordings() if row.status >= 400]
KINDS = {45: NotFound, 47: NotFound, 838: RateLimited}
OTHERS = {
    "countTokens": "gemini_count_tokens",
    "count-tokens": "bedrock_count_tokens",
    "embeddings": "openai_embeddings",
}


@pytest.mark.parametrize("row", params(REFUSED))
def test_a_recorded_refusal_is_of_its_class(row: Recording) -> None:
    dialect = row.dialect or next(name for part, name in OTHERS.items() if row.path.endswith(part))
    error = dialects.get(dialect).decode_error(row.status, {}, row.body)
    check(error, KINDS.get(row.number, BadRequest), None)
    assert error.upstream_body is not None
